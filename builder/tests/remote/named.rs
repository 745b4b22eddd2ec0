//! `--build-context`: what it may name, and under which name it is found.

use std::fs;

use strata_builder::{
    contexts::{self, ContextError},
    options::NamedContext,
    remote::Fetcher,
};
use strata_image::{
    Image, ImageName, Store,
    archive::{docker, oci},
    config::{ImageConfig, RootFs},
    digest::DiffId,
    manifest::{Descriptor, OCI_LAYER, Platform},
};

use crate::{
    repository::{Repository, has_git},
    server::{Reply, Server},
};

struct Ground {
    dir: tempfile::TempDir,
    fetcher: Fetcher,
    store: Store,
}

/// A store with the image `app:1`, and the same image in an archive and a layout.
fn ground() -> Ground {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("root")).unwrap();
    let layer = [0; 1024];
    let platform = Platform::host();
    let config = ImageConfig {
        architecture: platform.architecture,
        os: platform.os,
        rootfs: RootFs { diff_ids: vec![DiffId::of(&layer)], ..RootFs::default() },
        ..ImageConfig::default()
    };
    let layer = Descriptor::new(OCI_LAYER, store.put(&layer).unwrap(), 1024);
    store.put_image(&config, &[layer], &[ImageName::parse("app:1").unwrap()]).unwrap();
    let fetcher = Fetcher::new(&dir.path().join("cache"));
    Ground { dir, fetcher, store }
}

impl Ground {
    fn named(&self, text: &str) -> Result<(String, NamedContext), ContextError> {
        contexts::named(text, &self.fetcher, Some(&self.store), &Platform::host(), &mut |_| {})
    }

    fn image(&self, value: &str) -> std::sync::Arc<dyn Image> {
        match self.named(&format!("x={value}")).unwrap().1 {
            NamedContext::Image(image) => image,
            NamedContext::Directory(_) => panic!("{value} is a directory"),
        }
    }

    fn file(&self, value: &str, name: &str) -> String {
        match self.named(&format!("x={value}")).unwrap().1 {
            NamedContext::Directory(directory) => fs::read_to_string(directory.path.join(name)).unwrap(),
            NamedContext::Image(_) => panic!("{value} is an image"),
        }
    }
}

#[test]
fn names_are_found_by_what_they_mean() {
    let ground = ground();
    let dir = ground.dir.path().display();
    for (name, key) in [
        ("base", "base"),
        ("Base", "base"),
        ("docker.io/library/base:latest", "base"),
        ("base:1", "base:1"),
        ("h.example:5000/a/b", "h.example:5000/a/b"),
    ] {
        assert_eq!(ground.named(&format!("{name}={dir}")).unwrap().0, key, "{name}");
    }
}

#[test]
fn images_of_the_store_and_of_elsewhere_are_images() {
    let ground = ground();
    let id = ground.image("docker-image://app:1").id();
    let archive = ground.dir.path().join("app.tar");
    let layout = ground.dir.path().join("layout");
    let stored = ground.store.find("app:1").unwrap().unwrap();
    let names = vec![ImageName::parse("app:1").unwrap()];
    let images = [strata_image::archive::Named { image: &stored, names }];
    docker::write(&images, fs::File::create(&archive).unwrap()).unwrap();
    oci::write_layout(&images, &layout).unwrap();
    let (archive, layout) = (archive.display(), layout.display());
    for value in [
        format!("docker-archive:{archive}"),
        format!("docker-archive:{archive}:app:1"),
        format!("oci:{layout}"),
        format!("oci-layout://{layout}"),
        format!("oci-layout://{layout}:app:1"),
    ] {
        assert_eq!(ground.image(&value).id(), id, "{value}");
    }
    let index: serde_json::Value = serde_json::from_slice(&fs::read(format!("{layout}/index.json")).unwrap()).unwrap();
    let digest = index["manifests"][0]["digest"].as_str().unwrap();
    assert_eq!(ground.image(&format!("oci-layout://{layout}@{digest}")).id(), id);
}

#[test]
fn scratch_is_an_image_of_nothing() {
    let image = ground().image("docker-image://scratch");
    assert!(image.layers().is_empty());
    assert_eq!(image.config().unwrap().os, Platform::host().os);
}

#[test]
fn folders_archives_files_and_repositories_are_files() {
    let ground = ground();
    let folder = ground.dir.path().join("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a"), "of a folder").unwrap();
    assert_eq!(ground.file(folder.to_str().unwrap(), "a"), "of a folder");

    let server = Server::start(|_| Reply::ok("of a server"));
    assert_eq!(ground.file(&server.url("/a.bin?x"), "a.bin"), "of a server");

    if has_git() {
        let repository = Repository::new(&ground.dir.path().join("a.git"));
        repository.commit("a", "of a repository");
        assert_eq!(ground.file(&repository.url(), "a"), "of a repository");
    }
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let ground = ground();
    let dir = ground.dir.path().display().to_string();
    for (text, reason) in [
        ("x", "NAME=VALUE"),
        ("x=", "NAME=VALUE"),
        ("=x", "NAME=VALUE"),
        (&format!("scratch={dir}"), "cannot be replaced"),
        (&format!("Context={dir}"), "cannot be replaced"),
        (&format!("a b={dir}"), "not a name"),
        ("x=-", "standard input"),
        ("x=target:base", "not known"),
        ("x=docker-image://none", "no such image"),
        ("x=docker://busybox", "registr"),
        ("x=/does/not/exist", "cannot use"),
        ("x=https://me:secret@h/a.git?x=y", "unexpected query"),
    ] {
        let error = ground.named(text).err().unwrap();
        assert!(error.to_string().contains(reason), "{text}: {error}");
        assert!(!error.to_string().contains("secret"), "{text}: {error}");
    }
}
