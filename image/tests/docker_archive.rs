//! Archives that `docker save` wrote: read, and refused where they lie.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod made;

use std::fs;

use serde_json::json;
use strata_image::{
    DiffId, Digest, Error,
    archive::docker,
    compression::Compression,
    manifest::{OCI_LAYER, OCI_LAYER_GZIP},
};

use made::{Tar, names, read_layers};

/// The parts of a legacy archive of one image with the layers `a` and `b`.
fn legacy() -> (Tar, Vec<u8>) {
    let config = made::config(&["a", "b"]);
    let hex = Digest::of(&config).hex();
    let list = json!([{"Config": format!("{hex}.json"), "RepoTags": ["app:1", "app:2"], "Layers": ["1/layer.tar", "2/layer.tar"]}]);
    let tar = Tar::new()
        .file("1/VERSION", b"1.0")
        .file("1/layer.tar", &made::layer("a"))
        .file("2/layer.tar", &made::layer("b"))
        .file(&format!("{hex}.json"), &config)
        .json("manifest.json", &list);
    (tar, config)
}

#[test]
fn a_legacy_archive_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (tar, config) = legacy();
    let images = docker::open(&tar.write(folder.path(), "legacy.tar")).unwrap();
    assert_eq!(images.len(), 1);
    assert_eq!(names(&*images[0]), ["app:1", "app:2"]);
    assert_eq!(images[0].raw_config(), Some(config.as_slice()));
    assert!(images[0].raw_manifest().is_none());
    assert_eq!(images[0].layers()[1].diff_id(), DiffId::of(&made::layer("b")));
    assert_eq!(images[0].layers()[1].media_type(), OCI_LAYER);
    assert_eq!(read_layers(&*images[0]).unwrap(), [2048, 2048]);
}

#[test]
fn an_archive_may_be_compressed_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let plain = legacy().0.bytes();
    for compression in [Compression::Gzip, Compression::Zstd, Compression::Xz] {
        let path = folder.path().join("archive");
        fs::write(&path, made::compress(compression, &plain)).unwrap();
        let images = docker::open(&path).unwrap();
        assert_eq!(read_layers(&*images[0]).unwrap(), [2048, 2048], "{compression:?}");
    }
}

#[test]
fn layers_may_be_compressed_whatever_they_are_called() {
    let folder = tempfile::tempdir().unwrap();
    let config = made::config(&["a", "b", "c"]);
    let gzip = made::compress(Compression::Gzip, &made::layer("a"));
    let list = json!([{"Config": "c.json", "RepoTags": null, "Layers": ["a.tar", "b.tar", "c.tar.gz"]}]);
    let path = Tar::new()
        .json("manifest.json", &list)
        .file("a.tar", &gzip)
        .file("b.tar", &made::compress(Compression::Zstd, &made::layer("b")))
        .file("c.tar.gz", &made::layer("c"))
        .file("c.json", &config)
        .write(folder.path(), "x.tar");
    let images = docker::open(&path).unwrap();
    assert_eq!(images[0].layers()[0].stored(), (Digest::of(&gzip), gzip.len() as u64));
    assert_eq!(images[0].layers()[0].media_type(), OCI_LAYER_GZIP);
    assert_eq!(read_layers(&*images[0]).unwrap(), [2048, 2048, 2048]);
}

#[test]
fn a_layer_may_be_a_link_to_anothers() {
    let folder = tempfile::tempdir().unwrap();
    let config = made::config(&["a", "a", "a"]);
    let list = json!([{"Config": "c.json", "RepoTags": [], "Layers": ["1/layer.tar", "2/layer.tar", "3/layer.tar"]}]);
    let path = Tar::new()
        .symlink("1/layer.tar", "../2/layer.tar")
        .file("2/layer.tar", &made::layer("a"))
        .hard_link("3/layer.tar", "1/layer.tar")
        .file("c.json", &config)
        .json("manifest.json", &list)
        .write(folder.path(), "x.tar");
    assert_eq!(read_layers(&*docker::open(&path).unwrap()[0]).unwrap(), [2048; 3]);
}

#[test]
fn links_that_lead_out_or_in_a_circle_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    fs::write(&outside, made::layer("a")).unwrap();
    let list = json!([{"Config": "c.json", "RepoTags": [], "Layers": ["l"]}]);
    for target in ["l", "/../../../outside", "../outside", "./", outside.to_str().unwrap()] {
        let path = Tar::new()
            .symlink("l", target)
            .file("c.json", &made::config(&["a"]))
            .json("manifest.json", &list)
            .write(folder.path(), "x.tar");
        let error = docker::open(&path).err().expect(target);
        assert!(matches!(error, Error::Irregular { .. } | Error::MissingEntry { .. }), "{target}: {error}");
    }
}

#[test]
fn several_images_keep_their_order_and_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let list = json!([
        {"Config": "b.json", "RepoTags": ["b:1"], "Layers": ["x/layer.tar"]},
        {"Config": "a.json", "RepoTags": ["a:1", "<none>:<none>"], "Layers": ["x/layer.tar", "y/layer.tar"]},
    ]);
    let path = Tar::new()
        .file("a.json", &made::config(&["x", "y"]))
        .file("b.json", &made::config(&["x"]))
        .file("x/layer.tar", &made::layer("x"))
        .file("y/layer.tar", &made::layer("y"))
        .json("manifest.json", &list)
        .write(folder.path(), "x.tar");
    let images = docker::open(&path).unwrap();
    assert_eq!(images.iter().map(|image| names(&**image)).collect::<Vec<_>>(), [["b:1"], ["a:1"]]);
    assert_eq!(images[1].layers().len(), 2);
}

#[test]
fn keys_may_be_in_lower_case() {
    let folder = tempfile::tempdir().unwrap();
    let mut config: serde_json::Value = serde_json::from_slice(&made::config(&["a"])).unwrap();
    config["config"] = json!({"env": ["A=1"]});
    for (tags, layers) in [("repotags", "layers"), ("repoTags", "LAYERS")] {
        let list = json!([{"config": "c.json", tags: ["app:1"], layers: ["a.tar"]}]);
        let path = Tar::new()
            .json("manifest.json", &list)
            .json("c.json", &config)
            .file("a.tar", &made::layer("a"))
            .write(folder.path(), "x.tar");
        let images = docker::open(&path).unwrap();
        assert_eq!(names(&*images[0]), ["app:1"]);
        let config = images[0].config().unwrap().config.as_ref().unwrap();
        assert_eq!(config.env.as_deref(), Some(&["A=1".to_owned()][..]));
    }
}

#[test]
fn documents_that_do_not_fit_together_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let hex = Digest::of(b"other").hex();
    let named = format!("{hex}.json");
    let config = made::config(&["a"]);
    for (list, wanted) in [
        (json!([{"Config": "c.json", "RepoTags": [], "Layers": []}]), "has 0 layers"),
        (json!([{"Config": "c.json", "RepoTags": [], "Layers": null}]), "has 0 layers"),
        (json!([{"Config": "c.json", "RepoTags": [], "Layers": ["nowhere.tar"]}]), "has no nowhere.tar"),
        (json!([{"Config": "nowhere.json", "RepoTags": [], "Layers": ["a.tar"]}]), "has no nowhere.json"),
        (json!([{"Config": "../../../etc/passwd", "RepoTags": [], "Layers": ["a.tar"]}]), "etc/passwd"),
        (json!([{"Config": named, "RepoTags": [], "Layers": ["a.tar"]}]), "should have digest"),
        (json!([{"Config": "c.json", "RepoTags": ["../x"], "Layers": ["a.tar"]}]), "not an image name"),
        (json!([{"Config": "c.json", "RepoTags": ["a\nb"], "Layers": ["a.tar"]}]), "not an image name"),
        (json!([{"Config": "folder", "RepoTags": [], "Layers": ["a.tar"]}]), "not a regular file"),
        (json!([{"RepoTags": [], "Layers": ["a.tar"]}]), "Config"),
        (json!({"Config": "c.json"}), "manifest.json"),
        (json!([]), "holds no image"),
    ] {
        let path = Tar::new()
            .json("manifest.json", &list)
            .file("c.json", &config)
            .file(&named, &config)
            .file("a.tar", &made::layer("a"))
            .folder("folder")
            .write(folder.path(), "x.tar");
        let error = made::chain(&docker::open(&path).err().unwrap());
        assert!(error.contains(wanted), "{list}: {error}");
    }
    let error = docker::open(&Tar::new().file("x", b"").write(folder.path(), "x.tar")).err().unwrap();
    assert!(matches!(error, Error::MissingEntry { name, .. } if name == "manifest.json"));
}

#[test]
fn content_that_is_not_what_the_config_promises_is_an_error_at_the_end_of_the_read() {
    let folder = tempfile::tempdir().unwrap();
    let list = json!([{"Config": "c.json", "RepoTags": [], "Layers": ["a.tar"]}]);
    let path = |layer: &[u8]| {
        let tar = Tar::new().json("manifest.json", &list).file("c.json", &made::config(&["a"])).file("a.tar", layer);
        tar.write(folder.path(), "x.tar")
    };
    for layer in [made::layer("b"), made::compress(Compression::Gzip, &made::layer("b")), Vec::new()] {
        let error = read_layers(&*docker::open(&path(&layer)).unwrap()[0]).unwrap_err();
        assert!(error.contains("should have digest") && error.contains("layer sha256:"), "{error}");
    }
    let mut cut = made::compress(Compression::Gzip, &made::layer("a"));
    cut.truncate(cut.len() / 2);
    assert!(read_layers(&*docker::open(&path(&cut)).unwrap()[0]).is_err());
}

#[test]
fn an_archive_that_is_cut_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (tar, _) = legacy();
    let bytes = tar.bytes();
    for length in [0, 100, 600, 3000] {
        let path = folder.path().join("cut.tar");
        fs::write(&path, &bytes[..length]).unwrap();
        assert!(docker::open(&path).is_err(), "{length}");
    }
    let path = folder.path().join("garbage");
    fs::write(&path, [0x55; 4096]).unwrap();
    assert!(matches!(docker::open(&path).err(), Some(Error::Unrecognised { .. })));
}

#[test]
fn readers_share_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let (tar, _) = legacy();
    let images = docker::open(&tar.write(folder.path(), "x.tar")).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(read_layers(&*images[0]).unwrap(), [2048, 2048]));
        }
    });
}

#[test]
fn documents_beyond_all_measure_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let listed = json!({"Config": "c.json", "RepoTags": [], "Layers": []});
    let large = Tar::new()
        .json("manifest.json", &json!([listed]))
        .file("c.json", &vec![b' '; 17 << 20])
        .write(folder.path(), "large.tar");
    assert!(matches!(docker::open(&large).err(), Some(Error::TooLarge { .. })));
    let many = Tar::new()
        .json("manifest.json", &json!(vec![listed; 1001]))
        .file("c.json", &made::config(&[]))
        .write(folder.path(), "many.tar");
    assert!(matches!(docker::open(&many).err(), Some(Error::TooMany { limit: 1000, .. })));
}
