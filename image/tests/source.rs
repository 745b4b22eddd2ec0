//! What a text names.
#![allow(clippy::unwrap_used)]

mod made;

use std::fs;

use strata_image::{
    Error, Image, Result,
    archive::{Named, docker, oci},
    source,
};

use made::{Tar, platform, store_with};

#[test]
fn a_text_names_an_image_by_transport_by_name_or_by_path() {
    let folder = tempfile::tempdir().unwrap();
    let (_root, store) = store_with(&[("app:1", &["a"]), ("other", &["b"])]);
    let app = store.find("app:1").unwrap().unwrap();
    let other = store.find("other").unwrap().unwrap();
    let (app_id, other_id) = (app.id().unwrap(), other.id().unwrap());
    let path = |name: &str| folder.path().join(name);
    let one = [Named { image: &app, names: vec![made::name("app:1")] }];
    let both = [one[0].clone(), Named { image: &other, names: vec![made::name("other")] }];
    docker::write(&one, fs::File::create(path("one.tar")).unwrap()).unwrap();
    docker::write(&both, fs::File::create(path("both:1.tar")).unwrap()).unwrap();
    oci::write_archive(&one, fs::File::create(path("oci.tar")).unwrap()).unwrap();
    oci::write_archive(&both, fs::File::create(path("oci-both.tar")).unwrap()).unwrap();
    oci::write_layout(&both, &path("layout")).unwrap();
    oci::write_layout(&one, &path("layout-one")).unwrap();
    fs::create_dir(path("directory")).unwrap();
    Tar::new().folder("etc").write(folder.path(), "root.tar");
    let at = |name: &str| path(name).display().to_string();
    let open = |text: &str| source::open(text, Some(&store), &platform());

    for (text, id) in [
        ("app:1".to_owned(), Some(app_id)),
        (app_id.hex()[..12].to_owned(), Some(app_id)),
        (format!("docker-archive:{}", at("one.tar")), Some(app_id)),
        (format!("docker-archive:{}:app:1", at("one.tar")), Some(app_id)),
        (format!("docker-archive:{}:docker.io/library/other:latest", at("both:1.tar")), Some(other_id)),
        (format!("docker-archive:{}:{}", at("both:1.tar"), &other_id.hex()[..8]), Some(other_id)),
        (format!("oci-archive:{}", at("oci.tar")), Some(app_id)),
        (format!("oci-archive:{}:other", at("oci-both.tar")), Some(other_id)),
        (format!("oci:{}:app:1", at("layout")), Some(app_id)),
        (format!("oci:{}:app:1", store.root().join("images").display()), Some(app_id)),
        (format!("rootfs:{}", at("root.tar")), None),
        (format!("rootfs:{}", at("layout")), None),
        (at("one.tar"), Some(app_id)),
        (at("oci.tar"), Some(app_id)),
        (at("layout-one"), Some(app_id)),
        (at("directory"), None),
        (at("root.tar"), None),
    ] {
        let image = open(&text).unwrap_or_else(|e| panic!("{text}: {}", made::chain(&e)));
        assert_eq!(image.id(), id, "{text}");
    }

    for text in [format!("docker-archive:{}", at("both:1.tar")), at("both:1.tar"), at("layout"), at("oci-both.tar")] {
        let Some(Error::SeveralImages { available, .. }) = open(&text).err() else { panic!("{text}") };
        assert_eq!(available, ["app:1", "other:latest"], "{text}");
    }
    for text in [format!("docker-archive:{}:x", at("both:1.tar")), format!("oci:{}:x", at("layout"))] {
        assert!(matches!(open(&text).err(), Some(Error::NoSuchReference { .. })), "{text}");
    }
    assert!(matches!(open("docker://busybox").err(), Some(Error::Registry { .. })));
}

#[test]
fn all_images_of_an_archive_can_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let (_root, store) = store_with(&[("app:1", &["a"]), ("other", &["b"])]);
    let images = store.images().unwrap();
    let named = images.iter().map(|image| Named { image, names: image.names().to_vec() });
    let path = folder.path().join("all.tar");
    docker::write(&named.collect::<Vec<_>>(), fs::File::create(&path).unwrap()).unwrap();
    for path in [path, store.root().join("images")] {
        assert_eq!(source::open_all(&path, &platform()).unwrap().len(), 2);
    }
    let tar = Tar::new().folder("etc").write(folder.path(), "root.tar");
    for path in [tar.as_path(), folder.path()] {
        let error = source::open_all(path, &platform()).err();
        assert!(matches!(error, Some(Error::NotAnArchive { .. })), "{error:?}");
    }
}

fn not_found(found: Result<Box<dyn Image>>) -> (Vec<String>, Vec<String>) {
    match found.err() {
        Some(Error::NotFound { tried, near, .. }) => (tried, near),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_name_says_what_was_tried_and_what_is_alike() {
    let (_root, store) = store_with(&[("busybox", &["a"]), ("app:1", &["b"]), ("app:2", &["c"]), ("zebra", &["d"])]);
    let (tried, near) = not_found(source::open("busybocks", Some(&store), &platform()));
    assert_eq!((tried.len(), near), (2, vec!["busybox:latest".to_owned()]));
    let (_, near) = not_found(source::open("app:3", Some(&store), &platform()));
    assert_eq!(near, ["app:1", "app:2"]);
    let (tried, near) = not_found(source::open("./busybox", Some(&store), &platform()));
    assert_eq!((tried.len(), near.len()), (1, 0));
    assert_eq!(not_found(source::open("x", None, &platform())).0.len(), 1);
}

#[test]
fn a_path_that_is_nothing_known_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Dockerfile");
    fs::write(&path, "FROM busybox\n".repeat(100)).unwrap();
    let error = source::open(path.to_str().unwrap(), None, &platform()).err().unwrap();
    assert!(matches!(error, Error::Tar(_)), "{error}");
    let missing = format!("oci:{}/nowhere", folder.path().display());
    assert!(matches!(source::open(&missing, None, &platform()).err(), Some(Error::Io { .. })));
}
