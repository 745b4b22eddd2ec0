//! The store, through its public API.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    thread,
};

use strata_image::{
    Digest, Error, Image, ImageConfig, ImageId, ImageName, Store,
    config::RootFs,
    digest::DiffId,
    manifest::{Descriptor, OCI_LAYER},
    store::Removed,
};
use tempfile::TempDir;

fn store() -> (TempDir, Store) {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    (root, store)
}

fn name(text: &str) -> ImageName {
    ImageName::parse(text).unwrap()
}

/// Puts an image of one layer with that content.
fn put(store: &Store, content: &str, names: &[&str]) -> ImageId {
    let (config, layer) = one_layer(store, content);
    let names: Vec<_> = names.iter().map(|text| name(text)).collect();
    store.put_image(&config, &[layer], &names).unwrap()
}

fn one_layer(store: &Store, content: &str) -> (ImageConfig, Descriptor) {
    let bytes = content.as_bytes();
    let layer = Descriptor::new(OCI_LAYER, store.put(bytes).unwrap(), bytes.len() as u64);
    let config = ImageConfig {
        os: "linux".into(),
        rootfs: RootFs { diff_ids: vec![DiffId::of(bytes)], ..RootFs::default() },
        ..ImageConfig::default()
    };
    (config, layer)
}

fn names(store: &Store, id: ImageId) -> Vec<String> {
    let image = store.find(&id.to_string()).unwrap().unwrap();
    image.names().iter().map(ToString::to_string).collect()
}

/// Every file below a directory with its content.
fn tree(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(directory) {
        let entry = entry.unwrap();
        let content = if entry.file_type().is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
        found.insert(entry.path().display().to_string(), content);
    }
    found
}

#[test]
fn the_layout_is_what_other_tools_read() {
    let (root, store) = store();
    let id = put(&store, "layer", &["app:1"]);
    let images = root.path().join("images");
    assert_eq!(fs::read_to_string(images.join("oci-layout")).unwrap(), r#"{"imageLayoutVersion":"1.0.0"}"#);
    let manifest = store.find("app:1").unwrap().unwrap().manifest_digest();
    let size = fs::metadata(store.blob_path(&manifest)).unwrap().len();
    assert_eq!(
        fs::read_to_string(images.join("index.json")).unwrap(),
        format!(
            r#"{{"manifests":[{{"annotations":{{"org.opencontainers.image.ref.name":"app:1"}},"digest":"{manifest}","mediaType":"application/vnd.oci.image.manifest.v1+json","size":{size}}}],"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2}}"#
        )
    );
    assert!(images.join("blobs/sha256").join(id.hex()).is_file());
    assert_eq!(fs::metadata(&images).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn an_image_that_is_not_listed_is_there_for_who_made_it_alone() {
    let (_root, store) = store();
    let (config, layer) = one_layer(&store, "layer");
    let lock = store.shared_lock().unwrap();
    let image = store.put_unlisted(&config, std::slice::from_ref(&layer)).unwrap();
    assert!(store.images().unwrap().is_empty());
    assert!(store.find(&image.image_id().to_string()).unwrap().is_none());
    assert!(matches!(store.gc(&[]).unwrap_err(), Error::Busy { .. }));
    let mut content = String::new();
    io::Read::read_to_string(&mut image.layers()[0].open().unwrap(), &mut content).unwrap();
    assert_eq!(content, "layer");
    drop(lock);
    store.gc(&[]).unwrap();
    assert_eq!(store.size().unwrap(), 0);
    // one that is listed as well stays
    let (config, layer) = one_layer(&store, "layer");
    let id = store.put_image(&config, std::slice::from_ref(&layer), &[]).unwrap();
    store.put_unlisted(&config, &[layer]).unwrap();
    store.gc(&[]).unwrap();
    assert!(store.find(&id.to_string()).unwrap().is_some());
}

#[test]
fn a_blob_appears_when_it_is_committed_and_not_before() {
    let (root, store) = store();
    let mut blob = store.blob().unwrap();
    blob.write_all(b"content").unwrap();
    assert!(!store.contains(&Digest::of(b"content")));
    assert_eq!(blob.commit().unwrap(), (Digest::of(b"content"), 7));
    assert_eq!(store.read(&Digest::of(b"content")).unwrap(), b"content");

    let mut dropped = store.blob().unwrap();
    dropped.write_all(b"other").unwrap();
    drop(dropped);
    assert!(!store.contains(&Digest::of(b"other")));
    assert_eq!(fs::read_dir(root.path().join("images/.ingest")).unwrap().count(), 0);
}

#[test]
fn putting_twice_writes_once() {
    let (_root, store) = store();
    let digest = store.put(b"x").unwrap();
    let before = fs::metadata(store.blob_path(&digest)).unwrap().modified().unwrap();
    assert_eq!(store.put(b"x").unwrap(), digest);
    let mut blob = store.blob().unwrap();
    blob.write_all(b"x").unwrap();
    blob.commit().unwrap();
    assert_eq!(fs::metadata(store.blob_path(&digest)).unwrap().modified().unwrap(), before);
    assert_eq!(store.size().unwrap(), 1);
}

#[test]
fn a_blob_that_a_power_loss_cut_is_written_again() {
    let (_root, store) = store();
    let digest = store.put(b"content").unwrap();
    fs::write(store.blob_path(&digest), b"").unwrap();
    store.put(b"content").unwrap();
    assert_eq!(store.read(&digest).unwrap(), b"content");
}

#[test]
fn a_damaged_blob_is_an_error_at_the_end_of_the_read() {
    let (_root, store) = store();
    let digest = store.put(b"content").unwrap();
    fs::write(store.blob_path(&digest), b"CONTENT").unwrap();
    let error = io::copy(&mut store.get(&digest).unwrap(), &mut io::sink()).unwrap_err();
    assert!(error.to_string().contains(&digest.to_string()), "{error}");
    assert!(store.read(&digest).is_err());
}

#[test]
fn leftovers_of_the_killed_are_swept_by_the_next_writer_and_those_of_the_living_are_not() {
    let (root, first) = store();
    let ingest = root.path().join("images/.ingest");
    fs::write(ingest.join("new-killed"), b"half a blob").unwrap();
    let mut living = first.blob().unwrap();
    living.write_all(b"content").unwrap();
    assert!(!ingest.join("new-killed").exists());

    fs::write(ingest.join("new-killed"), b"half a blob").unwrap();
    let second = Store::open(root.path()).unwrap();
    assert!(ingest.join("new-killed").exists(), "opening only reads");
    second.put(b"x").unwrap();
    assert!(!ingest.join("new-killed").exists());
    living.commit().unwrap();
    assert!(second.contains(&Digest::of(b"content")));
}

#[test]
fn a_session_that_was_killed_is_known_until_the_next_collection() {
    let (root, store) = store();
    drop(store.shared_lock().unwrap());
    let held = store.shared_lock().unwrap();
    assert!(!store.was_interrupted().unwrap());
    drop(held);
    fs::write(root.path().join("locks/images.sessions/killed"), b"").unwrap();
    assert!(store.was_interrupted().unwrap());
    store.gc(&[]).unwrap();
    assert!(!store.was_interrupted().unwrap());
}

#[test]
fn a_name_moves_and_the_image_that_lost_it_stays() {
    let (_root, store) = store();
    let old = put(&store, "old", &["app:1"]);
    let new = put(&store, "new", &["app:1", "docker.io/library/app"]);
    assert_eq!(names(&store, old), [""; 0]);
    assert_eq!(names(&store, new), ["app:1", "app:latest"]);
    assert_eq!(store.find("app").unwrap().unwrap().id(), Some(new));
    assert_eq!(store.images().unwrap().len(), 2);
}

#[test]
fn the_same_image_again_changes_nothing() {
    let (root, store) = store();
    let id = put(&store, "x", &["app:1"]);
    let before = tree(root.path());
    assert_eq!(put(&store, "x", &["app:1"]), id);
    assert_eq!(put(&store, "x", &[]), id);
    assert_eq!(tree(root.path()), before);
}

#[test]
fn an_untagged_image_is_one_until_it_gets_a_name() {
    let (_root, store) = store();
    let id = put(&store, "x", &[]);
    assert_eq!(names(&store, id), [""; 0]);
    store.tag(&id, &name("app:1")).unwrap();
    store.tag(&id, &name("app:2")).unwrap();
    assert_eq!(names(&store, id), ["app:1", "app:2"]);
    assert_eq!(store.images().unwrap().len(), 1);
}

#[test]
fn an_image_is_found_by_name_and_by_the_head_of_its_id() {
    let (_root, store) = store();
    let id = put(&store, "x", &["app:1", "cafe"]);
    let manifest = store.find("app:1").unwrap().unwrap().manifest_digest();
    for text in [
        "app:1".to_owned(),
        "docker.io/library/app:1".to_owned(),
        id.to_string(),
        id.hex(),
        id.hex()[..12].to_owned(),
        id.hex()[..4].to_owned(),
        format!("sha256:{}", &id.hex()[..4]),
        format!("app@{manifest}"),
        "cafe".to_owned(),
    ] {
        assert_eq!(store.find(&text).unwrap().and_then(|image| image.id()), Some(id), "{text}");
    }
    for text in ["app", "app:2", "", &id.hex()[..3], &id.hex().to_uppercase()[..8], "../x", "sha256:zzzz"] {
        assert!(store.find(text).unwrap().is_none(), "{text}");
    }
}

#[test]
fn the_head_of_two_ids_is_ambiguous() {
    let (_root, store) = store();
    // two of a few hundred IDs share four digits
    let mut seen = BTreeMap::new();
    for n in 0.. {
        let config = ImageConfig { author: Some(format!("{n}")), ..ImageConfig::default() };
        let bytes = strata_image::canonical::to_vec(&config).unwrap();
        let id = ImageId::of(&bytes);
        if let Some(twin) = seen.insert(id.hex()[..4].to_owned(), config.clone()) {
            store.put_image(&twin, &[], &[]).unwrap();
            store.put_image(&config, &[], &[]).unwrap();
            let error = store.find(&id.hex()[..4]).err().unwrap();
            assert!(matches!(error, Error::AmbiguousId { candidates, .. } if candidates.len() == 2));
            store.put_image(&twin, &[], &[name(&id.hex()[..4])]).unwrap();
            assert!(store.find(&id.hex()[..4]).unwrap().is_some(), "a name wins");
            break;
        }
    }
}

#[test]
fn removing_tells_what_docker_tells() {
    let (_root, store) = store();
    let id = put(&store, "x", &["app:1", "app:2"]);
    assert_eq!(store.untag(&name("app:1")).unwrap(), [Removed::Untagged(name("app:1"))]);
    assert_eq!(store.untag(&name("app:2")).unwrap(), [Removed::Untagged(name("app:2")), Removed::Deleted(id)]);
    assert!(matches!(store.untag(&name("app:2")).unwrap_err(), Error::NoSuchImage { .. }));
    assert!(matches!(store.remove(&id, true).unwrap_err(), Error::NoSuchImage { .. }));
}

#[test]
fn an_image_of_several_names_goes_by_its_id_only_when_forced() {
    let (_root, store) = store();
    let id = put(&store, "x", &["app:1", "app:2"]);
    put(&store, "y", &["other"]);
    let Error::InUse { names, .. } = store.remove(&id, false).unwrap_err() else { panic!() };
    assert_eq!(names, [name("app:1"), name("app:2")]);
    let removed = store.remove(&id, true).unwrap();
    assert_eq!(removed.last(), Some(&Removed::Deleted(id)));
    assert_eq!(removed.len(), 3);
    let one = put(&store, "z", &["z"]);
    assert_eq!(store.remove(&one, false).unwrap(), [Removed::Untagged(name("z")), Removed::Deleted(one)]);
    assert_eq!(store.images().unwrap().len(), 1);
}

#[test]
fn collection_keeps_what_images_and_roots_need() {
    let (_root, store) = store();
    let kept = put(&store, "kept", &["app:1"]);
    let gone = put(&store, "gone", &["app:2"]);
    let cached = store.put(b"cached").unwrap();
    assert_eq!(store.gc(&[cached]).unwrap(), 0);
    store.remove(&gone, false).unwrap();
    let freed = store.gc(&[cached]).unwrap();
    assert!(freed > 4, "{freed}");
    assert!(store.contains(&cached) && !store.contains(&Digest::of(b"gone")));
    assert_eq!(names(&store, kept), ["app:1"]);
    assert!(store.check().unwrap().is_empty());
    assert_eq!(store.gc(&[]).unwrap(), 6);
}

#[test]
fn collection_waits_for_no_writer() {
    let (root, store) = store();
    let held = Store::open(root.path()).unwrap().shared_lock().unwrap();
    assert!(matches!(store.gc(&[]).unwrap_err(), Error::Busy { .. }));
    drop(held);
    store.gc(&[]).unwrap();
}

#[test]
fn an_image_whose_layer_is_missing_is_not_put() {
    let (_root, store) = store();
    let layer = Descriptor::new(OCI_LAYER, Digest::of(b"nowhere"), 7);
    let rootfs = RootFs { diff_ids: vec![DiffId::of(b"nowhere")], ..RootFs::default() };
    let config = ImageConfig { rootfs, ..ImageConfig::default() };
    let error = store.put_image(&config, &[layer], &[name("app:1")]).unwrap_err();
    assert!(matches!(error, Error::MissingBlob { .. }));
    assert!(matches!(
        store.put_image(&config, &[], &[]).unwrap_err(),
        Error::LayerCount { layers: 0, diff_ids: 1, .. }
    ));
    assert!(store.find("app:1").unwrap().is_none());
}

#[test]
fn a_digest_is_no_name_to_give() {
    let (_root, store) = store();
    let id = put(&store, "x", &[]);
    let digest = name(&format!("app@{}", Digest::of(b"x")));
    assert!(matches!(store.tag(&id, &digest).unwrap_err(), Error::NotATag { .. }));
}

#[test]
fn a_check_finds_what_is_wrong_and_writes_nothing() {
    let (root, store) = store();
    put(&store, "good", &["good"]);
    put(&store, "missing", &["missing"]);
    put(&store, "damaged", &["damaged"]);
    assert_eq!(store.check().unwrap(), [""; 0]);
    fs::write(root.path().join("images/.ingest/new-killed"), b"half").unwrap();
    let before = tree(root.path());
    assert_eq!(Store::open(root.path()).unwrap().check().unwrap(), [""; 0]);
    assert_eq!(tree(root.path()), before);

    fs::remove_file(store.blob_path(&Digest::of(b"missing"))).unwrap();
    fs::write(store.blob_path(&Digest::of(b"damaged")), b"DAMAGED").unwrap();
    fs::write(root.path().join("images/blobs/sha256/stray"), b"").unwrap();
    let problems = store.check().unwrap();
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(problems.iter().any(|line| line.contains(&Digest::of(b"damaged").to_string())));
    assert!(problems.iter().any(|line| line.starts_with("image missing:latest:")));
    assert!(problems.iter().any(|line| line.contains("stray")));

    fs::write(root.path().join("images/index.json"), b"{").unwrap();
    assert!(store.check().unwrap().iter().any(|line| line.contains("index.json")));
    assert!(store.images().is_err());
}

#[test]
fn a_name_of_a_broken_image_can_still_be_taken_away() {
    let (_root, store) = store();
    put(&store, "x", &["broken"]);
    let fine = put(&store, "y", &["fine"]);
    let manifest = store.find("broken").unwrap().unwrap().manifest_digest();
    fs::remove_file(store.blob_path(&manifest)).unwrap();
    assert!(matches!(store.find("broken").err(), Some(Error::MissingBlob { .. })));
    assert_eq!(store.find(&fine.hex()).unwrap().unwrap().id(), Some(fine));
    assert_eq!(store.untag(&name("broken")).unwrap(), [Removed::Untagged(name("broken"))]);
    assert_eq!(store.images().unwrap().len(), 1);
}

#[test]
fn blobs_that_are_links_or_pipes_are_refused() {
    let (root, store) = store();
    let secret = root.path().join("secret");
    fs::write(&secret, b"content").unwrap();
    let digest = Digest::of(b"content");
    symlink(&secret, store.blob_path(&digest)).unwrap();
    assert!(!store.contains(&digest));
    assert!(store.read(&digest).is_err());
    fs::remove_file(store.blob_path(&digest)).unwrap();
    let pipe = store.blob_path(&digest);
    rustix::fs::mknodat(rustix::fs::CWD, pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    assert!(store.read(&digest).is_err());
}

#[test]
fn writers_do_not_lose_each_others_names() {
    let (root, _store) = store();
    thread::scope(|scope| {
        for writer in 0..8 {
            let root = root.path();
            scope.spawn(move || {
                let store = Store::open(root).unwrap();
                for image in 0..5 {
                    put(&store, &format!("{writer} {image}"), &[&format!("app{writer}:{image}")]);
                }
            });
        }
    });
    let store = Store::open(root.path()).unwrap();
    assert_eq!(store.images().unwrap().len(), 40);
    assert_eq!(store.check().unwrap(), [""; 0]);
}

#[test]
fn entries_of_other_tools_are_kept() {
    let (root, store) = store();
    let id = put(&store, "x", &["app:1"]);
    let path = root.path().join("images/index.json");
    let text = fs::read_to_string(&path).unwrap();
    let theirs = text.replace("app:1", "app").replace(r#""schemaVersion":2"#, r#""schemaVersion":2,"x":[1]"#);
    fs::write(&path, theirs).unwrap();
    assert_eq!(store.find("app:latest").unwrap().unwrap().id(), Some(id));
    put(&store, "y", &["new"]);
    let after = fs::read_to_string(&path).unwrap();
    assert!(after.contains(r#""org.opencontainers.image.ref.name":"app"}"#) && after.contains(r#""x":[1]"#), "{after}");
}
