//! OCI layouts: images found in them, and refused where they lie.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod made;

use std::{fs, os::unix::fs::symlink};

use serde_json::json;
use strata_image::{
    DiffId, Digest, Error,
    archive::oci,
    compression::Compression,
    manifest::{self, Descriptor, OCI_INDEX, OCI_LAYER, OCI_LAYER_GZIP, OCI_MANIFEST},
};

use made::{names, platform, read_layers};

#[test]
fn an_index_leads_to_the_image_of_the_platform() {
    let folder = tempfile::tempdir().unwrap();
    let layout = made::Layout::new(folder.path());
    let amd = layout.image("amd64", &["a"]);
    let arm = layout.image("arm64", &["b"]);
    let statement = layout.blob(OCI_MANIFEST, b"{}");
    let unknown = made::for_platform(&statement, "unknown", "unknown");
    let with = |arch: &str, entry: &Descriptor| made::for_platform(entry, "linux", arch);
    let inner = layout.nested(&[with("amd64", &amd), unknown.clone(), with("arm64", &arm), unknown.clone()]);
    let outer = layout.nested(std::slice::from_ref(&inner));
    let wanted = |arch: &str| manifest::Platform { architecture: arch.to_owned(), ..platform() };
    let id = |arch: &str| {
        oci::open_layout(folder.path(), None, &wanted(arch))
            .map(|found| found[0].config().unwrap().architecture.clone())
    };

    for entries in [
        vec![made::named(&outer, "app:1")],
        vec![made::named(&inner, "app:1"), unknown.clone()],
        vec![with("amd64", &amd), with("arm64", &arm)],
        vec![made::named(&with("amd64", &amd), "app:1"), made::named(&with("arm64", &arm), "app:1")],
        vec![made::named(&layout.nested(&[amd.clone(), arm.clone()]), "app:1")],
    ] {
        layout.index(&entries);
        assert_eq!(id("amd64").unwrap(), "amd64");
        assert_eq!(id("arm64").unwrap(), "arm64");
        let error = id("s390x").unwrap_err();
        let Error::NoPlatform { available, .. } = error else { panic!("{error}") };
        assert_eq!(available, ["linux/amd64", "linux/arm64"]);
    }
    // an only image is the one that is meant
    layout.index(&[layout.nested(&[with("arm64", &arm), unknown])]);
    assert_eq!(id("amd64").unwrap(), "arm64");
}

#[test]
fn layers_come_in_the_order_of_the_manifest_and_stray_blobs_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let layout = made::Layout::new(folder.path());
    let stacks = [["a", "b", "c"], ["c", "b", "a"], ["b", "a", "b"]];
    let entries: Vec<_> = stacks.iter().map(|stack| layout.image("amd64", stack)).collect();
    layout.blob(OCI_LAYER, &made::layer("stray"));
    layout.index(&entries);
    let found = oci::open_layout(folder.path(), None, &platform()).unwrap();
    for (image, stack) in found.iter().zip(stacks) {
        let diff_ids: Vec<_> = image.layers().iter().map(|layer| layer.diff_id()).collect();
        assert_eq!(diff_ids, stack.map(|name| DiffId::of(&made::layer(name))));
    }
}

#[test]
fn an_image_is_chosen_by_any_of_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let layout = made::Layout::new(folder.path());
    let full = |entry: &Descriptor, name: &str, tag: &str| {
        let mut entry = made::named(entry, tag);
        entry.annotations.insert(manifest::CONTAINERD_NAME.to_owned(), name.to_owned());
        entry
    };
    let a = layout.image("amd64", &["a"]);
    let b = layout.image("amd64", &["b"]);
    let c = layout.image("amd64", &["c"]);
    layout.index(&[full(&a, "docker.io/library/app:1", "1"), made::named(&b, "b"), c.clone()]);
    let chosen = |text: &str| {
        let found = oci::open_layout(folder.path(), Some(text), &platform()).unwrap();
        assert_eq!(found.len(), 1);
        found[0].layers()[0].diff_id()
    };
    let is = |name: &str| DiffId::of(&made::layer(name));
    for (text, layer) in [
        ("app:1", "a"),
        ("docker.io/library/app:1", "a"),
        ("1", "a"),
        ("b", "b"),
        ("b:latest", "b"),
        (&c.digest.to_string(), "c"),
    ] {
        assert_eq!(chosen(text), is(layer), "{text}");
    }
    let Some(Error::NoSuchReference { available, .. }) = oci::open_layout(folder.path(), Some("x"), &platform()).err()
    else {
        panic!()
    };
    assert_eq!(available, ["app:1", "b", &c.digest.to_string()]);
    let all = oci::open_layout(folder.path(), None, &platform()).unwrap();
    assert_eq!(all.iter().map(|image| names(&**image)).collect::<Vec<_>>(), [vec!["app:1".to_owned()], vec![], vec![]]);
}

#[test]
fn indexes_within_indexes_have_a_bound() {
    let folder = tempfile::tempdir().unwrap();
    let layout = made::Layout::new(folder.path());
    let mut entry = layout.image("amd64", &["a"]);
    for depth in 1..=1000 {
        entry = layout.nested(&[entry]);
        if ![8, 9, 1000].contains(&depth) {
            continue;
        }
        layout.only(&entry);
        let opened = oci::open_layout(folder.path(), None, &platform());
        match opened {
            Ok(_) => assert_eq!(depth, 8),
            Err(error) => assert!(depth > 8 && matches!(error, Error::TooMany { .. }), "{depth}: {error}"),
        }
    }
    // wide ones too: each level leads a hundred times to the one below
    let mut entry = layout.nested(&[]);
    for _ in 0..6 {
        entry = layout.nested(&vec![entry; 100]);
    }
    layout.index(&[entry]);
    assert!(matches!(oci::open_layout(folder.path(), None, &platform()).err(), Some(Error::TooMany { .. })));
}

#[test]
fn what_is_no_image_is_passed_over_and_an_error_when_it_is_all_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let layout = made::Layout::new(folder.path());
    let config = layout.blob("application/vnd.oci.empty.v1+json", b"{}");
    let artifact = layout.json(OCI_MANIFEST, &json!({"schemaVersion": 2, "config": config, "layers": []}));
    layout.index(&[artifact.clone(), layout.image("amd64", &["a"])]);
    assert_eq!(oci::open_layout(folder.path(), None, &platform()).unwrap().len(), 1);
    layout.index(&[artifact]);
    assert!(matches!(oci::open_layout(folder.path(), None, &platform()).err(), Some(Error::NotAnImage { .. })));
    layout.index(&[]);
    assert!(matches!(oci::open_layout(folder.path(), None, &platform()).err(), Some(Error::NoImage { .. })));
}

#[test]
fn a_layout_that_lies_is_refused_before_use() {
    let folder = tempfile::tempdir().unwrap();
    let layout = made::Layout::new(folder.path());
    let image = layout.image("amd64", &["a"]);
    let refused = |entry: &Descriptor| {
        made::chain(&oci::open_layout(folder.path(), None, &platform()).err().unwrap_or_else(|| panic!("{entry:?}")))
    };

    for size in [0, image.size - 1, image.size + 1, 1 << 63] {
        let entry = Descriptor { size, ..image.clone() };
        layout.only(&entry);
        let error = refused(&entry);
        assert!(error.contains("bytes"), "{size}: {error}");
    }
    let other = Descriptor { digest: Digest::of(b"other"), ..image.clone() };
    layout.only(&other);
    assert!(refused(&other).contains("has no blob"));

    fs::write(layout.blob_path(&other.digest), vec![b' '; usize::try_from(image.size).unwrap()]).unwrap();
    assert!(refused(&other).contains("should have digest"));

    let index = Descriptor { media_type: OCI_INDEX.to_owned(), ..image.clone() };
    layout.only(&index);
    assert!(refused(&index).contains("is not what its media type"));

    let huge = layout.blob(OCI_MANIFEST, &vec![b' '; 5 << 20]);
    layout.only(&huge);
    assert!(refused(&huge).contains("more than the"));

    // labels of 100 MB: refused by its descriptor, unread
    let config = Descriptor::new(manifest::OCI_CONFIG, Digest::of(b"unread"), 100 << 20);
    let config = json!({"schemaVersion": 2, "config": config, "layers": []});
    let config = layout.json(OCI_MANIFEST, &config);
    layout.only(&config);
    assert!(refused(&config).contains("more than the"));

    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(layout.blob_path(&image.digest)).unwrap()).unwrap();
    let mut both = manifest.clone();
    both["manifests"] = json!([]);
    let both = layout.json(OCI_MANIFEST, &both);
    layout.only(&both);
    assert!(refused(&both).contains("manifest or an index"));

    let mut fewer = manifest;
    fewer["layers"] = json!([]);
    let fewer = layout.json(OCI_MANIFEST, &fewer);
    layout.only(&fewer);
    assert!(refused(&fewer).contains("has 0 layers"));

    for text in ["", "{}", "[]", r#"{"schemaVersion":2,"manifests":[{"digest":"sha256:../../x","size":1}]}"#] {
        fs::write(folder.path().join("index.json"), text).unwrap();
        assert!(oci::open_layout(folder.path(), None, &platform()).is_err(), "{text}");
    }
    fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    assert!(matches!(oci::open_layout(folder.path(), None, &platform()).err(), Some(Error::LayoutVersion { .. })));
}

#[test]
fn a_layer_with_the_right_digest_and_another_content_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let layout = made::Layout::new(folder.path());
    let gzip = layout.blob(OCI_LAYER_GZIP, &made::compress(Compression::Gzip, &made::layer("other")));
    let config = layout.blob(manifest::OCI_CONFIG, &made::config(&["a"]));
    let entry = layout.json(OCI_MANIFEST, &json!({"schemaVersion": 2, "config": config, "layers": [gzip]}));
    layout.index(&[entry]);
    let error = read_layers(&*oci::open_layout(folder.path(), None, &platform()).unwrap()[0]).unwrap_err();
    assert!(error.contains("uncompressed: the content should have digest"), "{error}");
}

#[test]
fn blobs_of_a_layout_are_not_followed_out_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("layout");
    let layout = made::Layout::new(&directory);
    let image = layout.image("amd64", &["a"]);
    layout.index(&[image]);
    let blob = layout.blob_path(&Digest::of(&made::layer("a")));
    let outside = folder.path().join("outside");
    fs::rename(&blob, &outside).unwrap();
    symlink(&outside, &blob).unwrap();
    let images = oci::open_layout(&directory, None, &platform()).unwrap();
    assert!(images[0].layers()[0].open().is_err());

    fs::rename(directory.join("blobs"), folder.path().join("blobs")).unwrap();
    symlink(folder.path().join("blobs"), directory.join("blobs")).unwrap();
    assert!(oci::open_layout(&directory, None, &platform()).is_err());
}

#[test]
fn layers_elsewhere_are_not_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let layout = made::Layout::new(folder.path());
    let config = layout.blob(manifest::OCI_CONFIG, &made::config(&["a"]));
    let mut layer = Descriptor::new("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Digest::of(b"x"), 1);
    layer.other.insert("urls".to_owned(), json!(["http://169.254.169.254/", "file:///etc/passwd"]));
    let entry = layout.json(OCI_MANIFEST, &json!({"schemaVersion": 2, "config": config, "layers": [layer]}));
    layout.index(&[entry]);
    let images = oci::open_layout(folder.path(), None, &platform()).unwrap();
    assert!(matches!(images[0].layers()[0].open().err(), Some(Error::MissingBlob { .. })));
}
