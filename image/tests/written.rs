//! Archives and layouts that are written, and images that are imported: nothing gets lost on the way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod made;

use std::{fs, io};

use serde_json::json;
use strata_image::{
    DiffId, Digest, Error, Image,
    archive::{Named, docker, oci},
    compression::Compression,
    manifest::{self, OCI_LAYER, OCI_LAYER_GZIP, OCI_MANIFEST},
};

use made::{Tar, names, platform, read_layers, store_with};

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_root, store) = store_with(&[("app:1", &["a", "b"]), ("other:2", &["a"])]);
    let app = store.find("app:1").unwrap().unwrap();
    let other = store.find("other:2").unwrap().unwrap();
    let images = [
        Named { image: &app, names: vec![made::name("app:1"), made::name("host:5000/app:x")] },
        Named { image: &other, names: Vec::new() },
    ];
    let docker_path = folder.path().join("docker.tar");
    let oci_path = folder.path().join("oci.tar");
    let layout = folder.path().join("layout");
    docker::write(&images, fs::File::create(&docker_path).unwrap()).unwrap();
    oci::write_archive(&images, fs::File::create(&oci_path).unwrap()).unwrap();
    oci::write_layout(&images, &layout).unwrap();
    for (what, found) in [
        ("docker", docker::open(&docker_path)),
        ("docker as OCI", oci::open_archive(&docker_path, None, &platform())),
        ("OCI archive", oci::open_archive(&oci_path, None, &platform())),
        ("layout", oci::open_layout(&layout, None, &platform())),
    ] {
        let found = found.unwrap_or_else(|e| panic!("{what}: {}", made::chain(&e)));
        assert_eq!(found.len(), 2, "{what}");
        assert_eq!(names(&*found[0]), ["app:1", "host:5000/app:x"], "{what}");
        assert_eq!((found[0].id(), found[1].id()), (app.id(), other.id()), "{what}");
        assert_eq!(found[0].raw_manifest(), app.raw_manifest(), "{what}");
        assert_eq!(read_layers(&*found[0]).unwrap(), [2048, 2048], "{what}");
    }
    assert!(matches!(oci::write_layout(&images, &layout).unwrap_err(), Error::Exists { .. }));
}

#[test]
fn equal_images_are_written_as_equal_bytes() {
    let written = || {
        let (_root, store) = store_with(&[("app:1", &["a", "b"])]);
        let image = store.find("app:1").unwrap().unwrap();
        let named = [Named { image: &image, names: vec![made::name("app:1")] }];
        let (mut docker, mut oci) = (Vec::new(), Vec::new());
        docker::write(&named, &mut docker).unwrap();
        oci::write_archive(&named, &mut oci).unwrap();
        (docker, oci)
    };
    assert_eq!(written(), written());
}

#[test]
fn docker_gets_no_zstd() {
    let folder = tempfile::tempdir().unwrap();
    let list = json!([{"Config": "c.json", "RepoTags": [], "Layers": ["a.tar", "b.tar"]}]);
    let path = Tar::new()
        .json("manifest.json", &list)
        .file("c.json", &made::config(&["a", "b"]))
        .file("a.tar", &made::compress(Compression::Zstd, &made::layer("a")))
        .file("b.tar", &made::compress(Compression::Gzip, &made::layer("b")))
        .write(folder.path(), "x.tar");
    let images = docker::open(&path).unwrap();
    let out = folder.path().join("out.tar");
    let named = [Named { image: &*images[0], names: Vec::new() }];
    docker::write(&named, fs::File::create(&out).unwrap()).unwrap();
    let again = docker::open(&out).unwrap();
    let types: Vec<_> = again[0].layers().iter().map(|layer| layer.media_type().to_owned()).collect();
    assert_eq!(types, [OCI_LAYER, OCI_LAYER_GZIP]);
    assert_eq!(again[0].id(), images[0].id());
    read_layers(&*again[0]).unwrap();
}

#[test]
fn a_damaged_layer_is_not_written() {
    let (_root, store) = store_with(&[("app:1", &["a"])]);
    let digest = Digest::of(&made::layer("a"));
    let mut bytes = fs::read(store.blob_path(&digest)).unwrap();
    bytes[600] ^= 1;
    fs::write(store.blob_path(&digest), bytes).unwrap();
    let image = store.find("app:1").unwrap().unwrap();
    let named = [Named { image: &image, names: Vec::new() }];
    let error = made::chain(&docker::write(&named, io::sink()).unwrap_err());
    assert!(error.contains("should have digest"), "{error}");
}

#[test]
fn an_import_keeps_config_manifest_and_layers_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (root, store) = store_with(&[]);
    let layout = made::Layout::new(folder.path());
    let gzip = made::compress(Compression::Gzip, &made::layer("a"));
    let layer = layout.blob(OCI_LAYER_GZIP, &gzip);
    // not canonical: the order and the white space must survive
    let config = format!(
        r#"{{ "rootfs": {{"type":"layers","diff_ids":["{}"]}}, "os":"linux" }}"#,
        DiffId::of(&made::layer("a"))
    );
    let config = layout.blob(manifest::OCI_CONFIG, config.as_bytes());
    let raw = format!(r#"{{ "schemaVersion":2, "x":1, "config": {}, "layers":[{}]}}"#, json!(config), json!(layer));
    let entry = layout.blob(OCI_MANIFEST, raw.as_bytes());
    layout.index(&[entry]);
    let images = oci::open_layout(folder.path(), None, &platform()).unwrap();
    let id = store.import(&*images[0], &[made::name("app:1")]).unwrap();
    assert_eq!(Digest::from(id), config.digest);
    let stored = store.find("app:1").unwrap().unwrap();
    assert_eq!(stored.raw_manifest(), Some(raw.as_bytes()));
    assert_eq!(stored.layers()[0].stored(), (Digest::of(&gzip), gzip.len() as u64));
    assert_eq!(read_layers(&stored).unwrap(), [2048]);
    assert_eq!(store.check().unwrap(), [""; 0]);
    drop(root);
}
