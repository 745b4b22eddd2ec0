//! Images that are written as they are asked for: compressed, annotated, for several platforms.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod made;

use std::{fs, io::Read};

use serde_json::Value;
use strata_image::{
    Digest, Error, Image, Store,
    archive::{Annotation, AnnotationPlace, Package, docker, oci},
    compression::{Compression, Effort},
    manifest::{OCI_INDEX, OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD},
    recompress::{self, Request},
    store::StoredImage,
};

use made::{Layout, for_platform, name, names, platform, read_layers, store_with};

/// An image of a base's layer that is stored as gzip, and of a plain one.
fn mixed() -> (tempfile::TempDir, Box<dyn Image>) {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path());
    let layers = [
        layout.blob(OCI_LAYER_GZIP, &made::compress(Compression::Gzip, &made::layer("a"))),
        layout.blob(OCI_LAYER, &made::layer("b")),
    ];
    let config = layout.blob(strata_image::manifest::OCI_CONFIG, &made::config(&["a", "b"]));
    let manifest = strata_image::Manifest::new(config, layers.to_vec());
    layout.only(&layout.json(strata_image::manifest::OCI_MANIFEST, &serde_json::to_value(manifest).unwrap()));
    let image = oci::open_layout(folder.path(), None, &platform()).unwrap().remove(0);
    (folder, image)
}

fn request(compression: Compression, force: bool) -> Request {
    Request { compression, effort: Effort::default(), force }
}

fn media_types(image: &dyn Image) -> Vec<String> {
    image.layers().iter().map(|layer| layer.media_type().to_owned()).collect()
}

#[test]
fn layers_of_the_base_keep_their_form_unless_it_is_forced() {
    use Compression::{Gzip, None, Zstd};
    let (_folder, image) = mixed();
    for (compression, force, expected) in [
        (Gzip, false, [OCI_LAYER_GZIP, OCI_LAYER_GZIP]),
        (Zstd, false, [OCI_LAYER_GZIP, OCI_LAYER_ZSTD]),
        (None, false, [OCI_LAYER_GZIP, OCI_LAYER]),
        (Gzip, true, [OCI_LAYER_GZIP, OCI_LAYER_GZIP]),
        (Zstd, true, [OCI_LAYER_ZSTD, OCI_LAYER_ZSTD]),
        (None, true, [OCI_LAYER, OCI_LAYER]),
    ] {
        let new = recompress::image(&*image, &request(compression, force)).unwrap();
        assert_eq!(media_types(&new), expected, "{compression:?}, force: {force}");
        assert_eq!(new.id(), image.id());
        assert_eq!(read_layers(&new).unwrap(), [2048, 2048]);
        for layer in new.layers() {
            let mut stored = Vec::new();
            layer.open_stored().unwrap().read_to_end(&mut stored).unwrap();
            assert_eq!(layer.stored(), (Digest::of(&stored), stored.len() as u64));
        }
        let changed = compression != None || force;
        assert_eq!(new.raw_manifest(), image.raw_manifest().filter(|_| !changed), "{compression:?}, force: {force}");
    }
    // what is in the form that is asked for is not compressed again
    let forced = recompress::image(&*image, &request(Gzip, true)).unwrap();
    assert_eq!(forced.layers()[0].stored(), image.layers()[0].stored());
}

#[test]
fn a_damaged_layer_is_not_compressed() {
    let (_root, store) = store_with(&[("app:1", &["a"])]);
    let path = store.blob_path(&Digest::of(&made::layer("a")));
    let mut bytes = fs::read(&path).unwrap();
    bytes[600] ^= 1;
    fs::write(&path, bytes).unwrap();
    let image = store.find("app:1").unwrap().unwrap();
    let error = recompress::image(&image, &request(Compression::Gzip, false)).err().expect("an error");
    assert!(made::chain(&error).contains("should have digest"), "{error}");
}

fn stored(layers: &[&str]) -> (tempfile::TempDir, Store, StoredImage) {
    let (root, store) = store_with(&[("app:1", layers)]);
    let image = store.find("app:1").unwrap().unwrap();
    (root, store, image)
}

fn annotation(place: AnnotationPlace, platform: Option<&str>, key: &str) -> Annotation {
    Annotation { place, platform: platform.map(str::to_owned), key: key.to_owned(), value: "x".to_owned() }
}

#[test]
fn docker_archives_keep_zstd_when_it_is_asked_for() {
    let (folder, _store, image) = stored(&["a", "b"]);
    let zstd = recompress::image(&image, &request(Compression::Zstd, false)).unwrap();
    let package = Package { images: vec![&zstd], names: vec![name("app:2")], annotations: Vec::new() };
    let path = folder.path().join("docker.tar");
    let written = docker::write_package(&package, fs::File::create(&path).unwrap()).unwrap();
    assert_eq!(written.config, image.id().map(Digest::from));
    let again = docker::open(&path).unwrap();
    assert_eq!(
        (names(&*again[0]), media_types(&*again[0])),
        (vec!["app:2".to_owned()], vec![OCI_LAYER_ZSTD.to_owned(); 2])
    );
    assert_eq!(again[0].raw_manifest().map(Digest::of), Some(written.descriptor.digest));
    read_layers(&*again[0]).unwrap();
}

#[test]
fn annotations_stand_where_they_were_asked_for() {
    let (folder, _store, image) = stored(&["a"]);
    let package = Package {
        images: vec![&image],
        names: vec![name("app:1")],
        annotations: vec![
            annotation(AnnotationPlace::Manifest, None, "all"),
            annotation(AnnotationPlace::Manifest, Some("linux/amd64"), "mine"),
            annotation(AnnotationPlace::Manifest, Some("linux/arm64"), "other"),
            annotation(AnnotationPlace::ManifestDescriptor, None, "way"),
        ],
    };
    let layout = folder.path().join("layout");
    let written = oci::write_package_layout(&package, &layout).unwrap();
    let manifest = fs::read(layout.join("blobs/sha256").join(written.descriptor.digest.hex())).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["annotations"], serde_json::json!({"all": "x", "mine": "x"}));
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"][0]["annotations"]["way"], "x");
    assert_eq!(index["manifests"][0]["platform"]["architecture"], "amd64");
}

#[test]
fn an_index_annotation_without_an_index_is_an_error() {
    let (_folder, _store, image) = stored(&["a"]);
    for place in [AnnotationPlace::Index, AnnotationPlace::IndexDescriptor] {
        let package =
            Package { images: vec![&image], names: Vec::new(), annotations: vec![annotation(place, None, "k")] };
        let error = oci::write_package_archive(&package, std::io::sink()).unwrap_err();
        assert!(matches!(error, Error::IndexAnnotation { .. }), "{error}");
    }
}

#[test]
fn several_platforms_are_one_index() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path());
    layout.index(&[
        for_platform(&layout.image("amd64", &["a"]), "linux", "amd64"),
        for_platform(&layout.image("arm64", &["b"]), "linux", "arm64"),
    ]);
    let open = |path: &std::path::Path, architecture: &str| {
        let wanted = strata_image::manifest::Platform { architecture: architecture.to_owned(), ..platform() };
        oci::open_layout(path, None, &wanted).unwrap().remove(0)
    };
    let (amd, arm) = (open(folder.path(), "amd64"), open(folder.path(), "arm64"));
    let package = Package {
        images: vec![&*amd, &*arm],
        names: vec![name("app:1")],
        annotations: vec![
            annotation(AnnotationPlace::Index, None, "i"),
            annotation(AnnotationPlace::IndexDescriptor, None, "way"),
        ],
    };
    let out = folder.path().join("out");
    let written = oci::write_package_layout(&package, &out).unwrap();
    assert_eq!((written.descriptor.media_type.as_str(), written.config), (OCI_INDEX, None));
    let index = fs::read(out.join("blobs/sha256").join(written.descriptor.digest.hex())).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(index["annotations"]["i"], "x");
    assert_eq!(index["manifests"][1]["platform"]["architecture"], "arm64");
    assert_eq!((open(&out, "amd64").id(), open(&out, "arm64").id()), (amd.id(), arm.id()));
    let error = docker::write_package(&package, std::io::sink()).unwrap_err();
    assert!(matches!(error, Error::SeveralPlatforms { platforms: 2, .. }), "{error}");
}

#[test]
fn a_layout_that_is_there_keeps_its_other_images() {
    let (folder, store) = store_with(&[("app:1", &["a"]), ("other:1", &["b"]), ("new:1", &["c"])]);
    let layout = folder.path().join("layout");
    for (image, written) in [("app:1", "app:1"), ("other:1", "other:1"), ("new:1", "app:1"), ("new:1", "app:1")] {
        let image = store.find(image).unwrap().unwrap();
        let package = Package { images: vec![&image], names: vec![name(written)], annotations: Vec::new() };
        oci::write_package_layout(&package, &layout).unwrap();
    }
    let find = |text: &str| oci::open_layout(&layout, Some(text), &platform()).unwrap().remove(0).id();
    assert_eq!(find("app:1"), store.find("new:1").unwrap().unwrap().id());
    assert_eq!(find("other:1"), store.find("other:1").unwrap().unwrap().id());
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
}
