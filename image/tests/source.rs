//! What a text names.
#![allow(clippy::unwrap_used)]

mod made;

use std::fs;

use strata_image::{
    Error, Image, Result,
    archive::{Named, docker, oci},
    compression::Compression,
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
        (format!("docker-archive://{}:app:1", at("one.tar")), Some(app_id)),
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

    let with = |transport: &str, name: &str| format!("{transport}:{}", at(name));
    for (text, source) in [
        (with("docker-archive", "both:1.tar"), with("docker-archive", "both:1.tar")),
        (at("both:1.tar"), with("docker-archive", "both:1.tar")),
        (at("layout"), with("oci", "layout")),
        (at("oci-both.tar"), with("oci-archive", "oci-both.tar")),
    ] {
        let Some(Error::SeveralImages { named, available, .. }) = open(&text).err() else { panic!("{text}") };
        assert_eq!((&named, &available), (&source, &vec!["app:1".to_owned(), "other:latest".to_owned()]), "{text}");
        for (name, id) in available.iter().zip([app_id, other_id]) {
            assert_eq!(open(&format!("{named}:{name}")).unwrap().id(), Some(id), "{named} {name}");
        }
    }
    for text in [format!("docker-archive:{}:x", at("both:1.tar")), format!("oci:{}:x", at("layout"))] {
        assert!(matches!(open(&text).err(), Some(Error::NoSuchReference { .. })), "{text}");
    }
    assert!(matches!(open("docker://busybox").err(), Some(Error::Registry { .. })));
}

#[test]
fn references_of_a_layout_that_are_tags_alone_are_what_names_its_images() {
    let folder = tempfile::tempdir().unwrap();
    let (_root, store) = store_with(&[("app:1", &["a"]), ("other", &["b"])]);
    let images = store.images().unwrap();
    let named: Vec<_> = images.iter().map(|image| Named { image, names: image.names().to_vec() }).collect();
    let layout = folder.path().join("layout");
    oci::write_layout(&named, &layout).unwrap();
    // as skopeo and umoci write them
    let path = layout.join("index.json");
    let mut index: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    index["manifests"][0]["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": "1.0" });
    index["manifests"][1].as_object_mut().unwrap().remove("annotations");
    fs::write(&path, serde_json::to_vec(&index).unwrap()).unwrap();
    let digest = index["manifests"][1]["digest"].as_str().unwrap();
    let text = layout.display().to_string();
    let Some(Error::SeveralImages { available, .. }) = source::open(&text, None, &platform()).err() else { panic!() };
    assert_eq!(available, ["1.0", digest]);
    for name in available {
        source::open(&format!("oci:{text}:{name}"), None, &platform()).unwrap();
    }
}

#[test]
fn an_image_can_be_read_from_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    let (_root, store) = store_with(&[("app:1", &["a"]), ("other", &["b"])]);
    let (app, other) = (store.find("app:1").unwrap().unwrap(), store.find("other").unwrap().unwrap());
    let one = [Named { image: &app, names: vec![made::name("app:1")] }];
    let both = [one[0].clone(), Named { image: &other, names: vec![made::name("other")] }];
    let written = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        write(&mut bytes);
        bytes
    };
    let docker_one = written(&|out| docker::write(&one, out).unwrap());
    let docker_both = written(&|out| docker::write(&both, out).unwrap());
    let oci_both = written(&|out| oci::write_archive(&both, out).unwrap());
    let packed = made::compress(Compression::Gzip, &docker_one);
    let root = fs::read(Tar::new().folder("etc").write(folder.path(), "root.tar")).unwrap();
    let read = |text: &str, bytes: &[u8]| source::read(text, bytes, &platform());
    for (text, bytes, id) in [
        ("-", &docker_one, app.id()),
        ("docker-archive:-", &docker_one, app.id()),
        ("docker-archive://-", &docker_one, app.id()),
        ("docker-archive:-:other:latest", &docker_both, other.id()),
        ("oci-archive:-:app:1", &oci_both, app.id()),
        ("-", &packed, app.id()),
        ("docker-archive:-", &packed, app.id()),
        ("-", &root, None),
        ("rootfs:-", &docker_one, None),
    ] {
        assert!(source::is_stream(text), "{text}");
        assert_eq!(read(text, bytes).unwrap().id(), id, "{text}");
        assert_eq!(source::unreachable(text, None).unwrap(), [], "{text}");
    }
    for (bytes, transport) in [(&docker_both, "docker-archive:-"), (&oci_both, "oci-archive:-")] {
        let Some(Error::SeveralImages { named, .. }) = read("-", bytes).err() else { panic!("{transport}") };
        assert_eq!(named, transport);
        let each = source::read_each(transport, &bytes[..], &platform()).unwrap();
        let texts: Vec<_> = each.into_iter().map(|each| each.text).collect();
        assert_eq!(texts, [format!("{transport}:app:1"), format!("{transport}:other:latest")]);
    }
    assert_eq!(read("-", b"").err().unwrap().to_string(), "standard input holds no image");
    assert!(matches!(read("-", b"Error response from daemon").err(), Some(Error::Unrecognised { .. })));
    for length in [513, 1000, docker_one.len() / 2] {
        let cut = &docker_one[..length];
        assert!(matches!(read("-", cut).err(), Some(Error::Archive { .. })), "{length}");
        assert!(matches!(store.load_stream(cut, &platform()).err(), Some(Error::Archive { .. })), "{length}");
    }
    let (_root, empty) = store_with(&[]);
    assert_eq!(empty.load_stream(&packed[..], &platform()).unwrap(), [(app.id().unwrap(), vec![made::name("app:1")])]);
    for text in ["./-", "-x", "oci:-", "docker-archive:-x", "app:-", "rootfs:-:x", ""] {
        assert!(!source::is_stream(text), "{text}");
    }
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
    assert_eq!(not_found(source::open("x", None, &platform())).0.len(), 2);
    // a reference behind a path is one only where the transport is named
    let text = format!("{}:app:1", store.root().join("images").display());
    assert_eq!(not_found(source::open(&text, None, &platform())).1, [format!("oci:{text}")]);
}

#[test]
fn a_path_that_is_nothing_known_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Dockerfile");
    fs::write(&path, "FROM busybox\n".repeat(100)).unwrap();
    let error = source::open(path.to_str().unwrap(), None, &platform()).err().unwrap();
    let said = format!("{} is no image: neither an archive, a layout nor a root filesystem", path.display());
    assert_eq!(error.to_string(), said);
    assert!(matches!(source::open_all(&path, &platform()).err(), Some(Error::NotAnArchive { .. })));
    let missing = format!("oci:{}/nowhere", folder.path().display());
    assert!(matches!(source::open(&missing, None, &platform()).err(), Some(Error::Io { .. })));
}
