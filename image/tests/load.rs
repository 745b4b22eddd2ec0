//! Images on their way into the store: a layer that is not what its image says stops all of them, and leaves nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod made;

use std::{error::Error as _, fs, path::Path};

use serde_json::{Value, json};
use strata_image::{
    Digest, Error, Store,
    compression::Compression,
    manifest::{OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST},
};
use tempfile::TempDir;

use made::{Tar, platform, read_layers};

fn store() -> (TempDir, Store) {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    (root, store)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    made::compress(Compression::Gzip, bytes)
}

fn listed(name: &str, config: &str, layers: &[&str]) -> Value {
    json!({"Config": config, "RepoTags": [name], "Layers": layers})
}

/// A docker archive of one image of the layers `a` and `b`, of which the second is stored in this way.
fn archive(folder: &Path, second: &[u8]) -> std::path::PathBuf {
    Tar::new()
        .json("manifest.json", &json!([listed("app:1", "c.json", &["1/layer.tar", "2/layer.tar"])]))
        .file("c.json", &made::config(&["a", "b"]))
        .file("1/layer.tar", &gzip(&made::layer("a")))
        .file("2/layer.tar", second)
        .write(folder, "app.tar")
}

/// Refuses what is not to be stored, and says the error with its causes.
fn refused(store: &Store, path: &Path) -> String {
    let error = store.load(path, &platform()).expect_err("a broken layer");
    assert!(matches!(error, Error::Layer { .. }), "{error}");
    format!("{error}: {}", error.source().unwrap())
}

fn holds_nothing(store: &Store) {
    assert!(store.images().unwrap().is_empty());
    assert_eq!(store.size().unwrap(), 0);
    assert_eq!(fs::read_dir(store.root().join("images/.ingest")).unwrap().count(), 0);
}

#[test]
fn layers_are_stored_as_they_are_once_they_are_known_to_have_their_diff_ids() {
    let (root, store) = store();
    let second = gzip(&made::layer("b"));
    let path = archive(root.path(), &second);
    for _ in 0..2 {
        let loaded = store.load(&path, &platform()).unwrap();
        assert_eq!(loaded[0].1, [made::name("app:1")]);
    }
    let image = store.find("app:1").unwrap().unwrap();
    assert_eq!(read_layers(&image).unwrap(), [2048, 2048]);
    assert_eq!(fs::read(store.blob_path(&Digest::of(&second))).unwrap(), second);
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    assert_eq!(fs::read_dir(root.path().join("images/.ingest")).unwrap().count(), 0);
}

#[test]
fn a_layer_that_was_cut_is_refused_by_name() {
    let (root, store) = store();
    let whole = gzip(&made::layer("b"));
    for length in [whole.len() / 2, whole.len() - 1] {
        let error = refused(&store, &archive(root.path(), &whole[..length]));
        assert!(error.starts_with("cannot store layer 2/layer.tar: "), "{error}");
        holds_nothing(&store);
    }
}

#[test]
fn a_layer_of_other_content_is_refused_by_name_and_with_both_digests() {
    let (root, store) = store();
    let error = refused(&store, &archive(root.path(), &gzip(&made::layer("x"))));
    assert!(error.starts_with("cannot store layer 2/layer.tar: "), "{error}");
    for layer in ["b", "x"] {
        assert!(error.contains(&Digest::of(&made::layer(layer)).to_string()), "{error}");
    }
    // a plain one is known by its diff ID
    let error = refused(&store, &archive(root.path(), &made::layer("x")));
    assert!(error.contains(&format!("layer {}", Digest::of(&made::layer("b")))), "{error}");
    holds_nothing(&store);
}

#[test]
fn an_image_before_the_broken_one_is_not_stored_either() {
    let (root, store) = store();
    let list = json!([listed("good:1", "g.json", &["a.tar"]), listed("bad:1", "b.json", &["b.tar"])]);
    let path = Tar::new()
        .json("manifest.json", &list)
        .file("g.json", &made::config(&["a"]))
        .file("b.json", &made::config(&["b"]))
        .file("a.tar", &made::layer("a"))
        .file("b.tar", &made::layer("x"))
        .write(root.path(), "both.tar");
    refused(&store, &path);
    holds_nothing(&store);
}

/// An OCI archive of one image with this compressed layer, said to be `says`.
fn oci(folder: &Path, layer: &[u8], says: &str) -> std::path::PathBuf {
    let described = |media_type: &str, bytes: &[u8]| json!({"mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len()});
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
    let config = made::config(&[says]);
    let layers = [described(OCI_LAYER_GZIP, layer)];
    let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described(OCI_CONFIG, &config), "layers": layers});
    let manifest = serde_json::to_vec(&manifest).unwrap();
    Tar::new()
        .json("oci-layout", &json!({"imageLayoutVersion": "1.0.0"}))
        .json("index.json", &json!({"schemaVersion": 2, "manifests": [described(OCI_MANIFEST, &manifest)]}))
        .file(&blob(&config), &config)
        .file(&blob(&manifest), &manifest)
        .file(&blob(layer), layer)
        .write(folder, "oci.tar")
}

#[test]
fn a_layer_with_its_digest_and_not_its_diff_id_is_refused_even_where_another_image_has_it() {
    let (root, store) = store();
    let layer = gzip(&made::layer("a"));
    refused(&store, &oci(root.path(), &layer, "b"));
    holds_nothing(&store);
    store.load(&oci(root.path(), &layer, "a"), &platform()).unwrap();
    let before = store.size().unwrap();
    let error = refused(&store, &oci(root.path(), &layer, "b"));
    assert!(error.contains(&Digest::of(&layer).to_string()), "{error}");
    assert_eq!(store.size().unwrap(), before);
}

#[test]
fn a_folder_that_a_killed_intake_left_is_swept_by_the_next_writer() {
    let (root, store) = store();
    let left = root.path().join("images/.ingest/new-killed");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("0"), b"half a layer").unwrap();
    store.put(b"x").unwrap();
    assert!(!left.exists());
}
