//! `strata images`, `tag`, `rmi`, `history` and `inspect`, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{EXAMPLE, Strata};

#[test]
fn images_prints_dockers_columns() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let id = strata.build("app:1", "FROM busybox\nLABEL a=b\n");
    let text = strata.ok(["images"]);
    let mut lines = text.lines();
    let heads: Vec<&str> = lines.next().unwrap().split("   ").map(str::trim).filter(|head| !head.is_empty()).collect();
    assert_eq!(heads, ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"]);
    let app = lines.find(|line| line.starts_with("app ")).expect("a row for app");
    assert!(app.contains(&id[7..19]) && app.contains(" ago"), "{app}");
    assert_eq!(strata.ok(["images", "-q", "--no-trunc", "app"]).trim(), id);
}

#[test]
fn a_tag_is_one_more_name_and_rmi_takes_it_away() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let id = strata.build("app:1", "FROM busybox\nLABEL a=b\n");
    strata.ok(["tag", "app:1", "app:2"]);
    assert_eq!(strata.ok(["rmi", "app:1"]), "Untagged: app:1\n");
    let short = &id[7..19];
    assert_eq!(strata.json(["inspect", short])[0]["RepoTags"], serde_json::json!(["app:2"]));
    assert_eq!(strata.ok(["rmi", short]), format!("Untagged: app:2\nDeleted: {id}\n"));
    assert!(strata.ends(2, ["inspect", "app:2"]).contains("app:2"));
}

#[test]
fn an_image_with_several_names_is_not_removed_by_its_id_without_force() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let id = strata.build("app:1", "FROM busybox\nLABEL a=b\n");
    strata.ok(["tag", "app:1", "other"]);
    assert!(strata.ends(2, ["rmi", &id]).contains("app:1, other:latest"));
    strata.ok(["rmi", "-f", &id]);
    assert!(!strata.ok(["images"]).contains("app"));
}

#[test]
fn the_store_names_an_image_as_a_person_writes_it() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("docker.io/library/app:1", "FROM busybox\nLABEL a=b\n");
    let index = std::fs::read_to_string(strata.root().join("images/index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_str(&index).unwrap();
    let names: Vec<&str> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|manifest| manifest["annotations"]["org.opencontainers.image.ref.name"].as_str())
        .collect();
    assert!(names.contains(&"app:1"), "{names:?}");
}

#[test]
fn history_is_newest_first_in_dockers_columns() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app:1", EXAMPLE);
    let rows = strata.json(["history", "--format", "json", "app:1"]);
    let made: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["CreatedBy"].as_str().unwrap()).collect();
    assert_eq!(made[0], "RUN /bin/sh -c rm -rf 50M.file # buildkit");
    assert_eq!(made[1], "RUN /bin/sh -c dd if=/dev/zero of=50M.file bs=1M count=50 # buildkit");
    assert_eq!(made[2], "WORKDIR /home");
    assert_eq!(made[3], "MAINTAINER xiongkun");
    assert_eq!(rows[0]["Comment"], "buildkit.dockerfile.v0");
    let heads: Vec<String> = strata.ok(["history", "app:1"]).lines().take(1).map(str::to_owned).collect();
    assert!(heads[0].starts_with("IMAGE ") && heads[0].ends_with("COMMENT"), "{heads:?}");
}
