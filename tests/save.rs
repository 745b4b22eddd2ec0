//! `strata save` and `load`, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::Strata;

const DOCKERFILE: &str = "FROM busybox\nRUN mkdir /d && echo 1 >/d/one && ln /d/one /d/two && ln -s one /d/three && chmod 4750 /d/one\nENV A=b\nCMD [\"cat\", \"/d/one\"]\n";

#[test]
fn a_saved_image_loads_with_its_name_and_its_id() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let id = strata.build("app:1", DOCKERFILE);
    strata.ok(["save", "-o", "app.tar", "app:1"]);
    strata.ok(["rmi", "app:1"]);
    assert_eq!(strata.ok(["load", "-i", "app.tar"]), "Loaded image: app:1\n");
    assert_eq!(strata.json(["inspect", "app:1"])[0]["Id"], id.as_str());
    assert_eq!(strata.ok(["run", "--rm", "app:1"]), "1\n");
}

#[test]
fn several_images_share_an_archive_and_are_chosen_by_name() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app:1", DOCKERFILE);
    let second = strata.build("app:2", "FROM busybox\nRUN echo two >/f\n");
    strata.ok(["save", "-o", "both.tar", "app:1", "app:2"]);
    assert_eq!(strata.json(["inspect", "docker-archive:both.tar:app:2"])[0]["Id"], second.as_str());
    let text = strata.ends(2, ["inspect", "docker-archive:both.tar"]);
    assert!(text.contains("app:1") && text.contains("app:2"), "{text}");
}

#[test]
fn saving_twice_gives_the_same_bytes() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app:1", DOCKERFILE);
    strata.ok(["save", "-o", "a.tar", "app:1"]);
    strata.ok(["save", "-o", "b.tar", "app:1"]);
    assert!(std::fs::read(strata.work().join("a.tar")).unwrap() == std::fs::read(strata.work().join("b.tar")).unwrap());
}

#[test]
fn a_damaged_archive_is_refused_whole() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app:1", DOCKERFILE);
    strata.ok(["save", "-o", "app.tar", "app:1"]);
    let path = strata.work().join("app.tar");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(6).rposition(|window| window == b"d/one\0").expect("the layer's entry");
    bytes[at + 1] = b'!';
    std::fs::write(&path, bytes).unwrap();
    strata.ok(["rmi", "app:1"]);
    strata.ok(["system", "prune", "-a", "-f"]);
    strata.ends(2, ["load", "-i", "app.tar"]);
    assert!(!strata.ok(["images"]).contains("app"));
    assert_eq!(strata.ok(["system", "check"]), "sound\n");
}

#[test]
fn an_archive_that_cannot_be_written_leaves_nothing() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.ends(2, ["save", "-o", "missing/app.tar", "busybox"]);
    strata.ends(2, ["save", "-o", "app.tar", "nowhere"]);
    assert!(!strata.work().join("app.tar").exists());
}
