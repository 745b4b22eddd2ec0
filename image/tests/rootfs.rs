//! Root filesystems: read from tars and directories, written from images.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod made;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use strata_image::{
    Digest, Image, Layer, Store, Timestamp,
    compression::Compression,
    layer::{Entry, EntryKind, LayerReader},
    rootfs,
};

use made::{Tar, at};

/// A readable line for each entry of a tar.
fn lines(tar: impl Read) -> Vec<String> {
    let mut tar = LayerReader::new(tar);
    let mut lines = Vec::new();
    while let Some(entry) = tar.next_entry().unwrap() {
        let mut content = String::new();
        tar.read_to_string(&mut content).unwrap();
        let kind = match &entry.kind {
            EntryKind::File => format!("file {content:?}"),
            EntryKind::HardLink(target) => format!("link {target}"),
            EntryKind::Symlink(target) => format!("symlink {target}"),
            other => format!("{other:?}"),
        };
        lines.push(format!("/{} {:o} {}:{} {kind}", entry.path, entry.mode, entry.uid, entry.gid));
    }
    lines
}

fn exported(image: &dyn Image) -> Vec<String> {
    let mut out = Vec::new();
    rootfs::export(image, &mut out).unwrap();
    lines(out.as_slice())
}

fn layer(image: &dyn Image) -> &dyn Layer {
    assert_eq!(image.layers().len(), 1);
    &*image.layers()[0]
}

/// An image of such layers, in a store that goes with it.
fn image_of(layers: Vec<Tar>) -> (tempfile::TempDir, strata_image::store::StoredImage) {
    use strata_image::{
        DiffId, ImageConfig,
        config::RootFs,
        manifest::{Descriptor, OCI_LAYER},
    };
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let mut config = ImageConfig { rootfs: RootFs::default(), ..ImageConfig::default() };
    let mut blobs = Vec::new();
    for layer in layers {
        let bytes = layer.bytes();
        config.rootfs.diff_ids.push(DiffId::of(&bytes));
        blobs.push(Descriptor::new(OCI_LAYER, store.put(&bytes).unwrap(), bytes.len() as u64));
    }
    store.put_image(&config, &blobs, &[made::name("x")]).unwrap();
    let image = store.find("x").unwrap().unwrap();
    (root, image)
}

#[test]
fn an_export_is_what_a_container_would_see() {
    let (_root, image) = image_of(vec![
        Tar::new()
            .folder("etc")
            .file("etc/motd", b"old")
            .file("etc/gone", b"gone")
            .file("etc/kept", b"kept")
            .folder("opaque")
            .file("opaque/x", b""),
        Tar::new()
            .file("etc/.wh.gone", b"")
            .file("opaque/.wh..wh..opq", b"")
            .file("opaque/y", b"y")
            .file("etc/motd", b"new"),
        Tar::new().symlink("link", "etc/motd").file("etc-x", b"-"),
    ]);
    assert_eq!(
        exported(&image),
        [
            "/etc 755 0:0 Directory",
            r#"/etc-x 644 0:0 file "-""#,
            r#"/etc/kept 644 0:0 file "kept""#,
            r#"/etc/motd 644 0:0 file "new""#,
            "/link 777 0:0 symlink etc/motd",
            "/opaque 755 0:0 Directory",
            r#"/opaque/y 644 0:0 file "y""#,
        ]
    );
}

#[test]
fn hard_links_are_kept_even_when_the_first_name_is_gone() {
    let (_root, image) = image_of(vec![
        Tar::new().file("a", b"content").hard_link("b", "a").hard_link("c", "a").file("z", b"alone"),
        Tar::new().file(".wh.a", b"").file(".wh.z", b"").file("d", b"d"),
    ]);
    assert_eq!(exported(&image), [r#"/b 644 0:0 file "content""#, "/c 644 0:0 link b", r#"/d 644 0:0 file "d""#]);
}

#[test]
fn an_export_does_not_tell_how_files_lay_in_layers() {
    let whole = image_of(vec![Tar::new().folder("d").file("d/a", b"a").file("d/b", b"b").file("e", b"")]);
    let spread = image_of(vec![
        Tar::new().file("e", b"").folder("d").file("d/b", b"b").file("d/c", b"c"),
        Tar::new().file("d/a", b"a").file("d/.wh.c", b""),
    ]);
    let bytes = |image: &dyn Image| {
        let mut out = Vec::new();
        rootfs::export(image, &mut out).unwrap();
        out
    };
    assert_eq!(bytes(&whole.1), bytes(&spread.1));
}

#[test]
fn an_export_of_a_damaged_layer_is_an_error() {
    let (root, image) = image_of(vec![Tar::new().file("a", b"content")]);
    let store = Store::open(root.path()).unwrap();
    let path = store.blob_path(&image.layers()[0].stored().0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[512] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(rootfs::export(&image, io::sink()).is_err());
}

#[test]
fn an_export_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_root, image) = image_of(vec![Tar::new().folder("d").file("d/a", b"a").hard_link("d/b", "d/a")]);
    let path = folder.path().join("root.tar");
    rootfs::export(&image, fs::File::create(&path).unwrap()).unwrap();
    let again = rootfs::open(&path).unwrap();
    assert!(again.config().is_none() && again.id().is_none() && again.names().is_empty());
    assert_eq!(exported(&*again), exported(&image));
}

#[test]
fn a_tar_may_be_compressed_in_any_way() {
    let folder = tempfile::tempdir().unwrap();
    let tar = Tar::new().file("a", b"content").bytes();
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd, Compression::Xz] {
        let bytes = if compression == Compression::None { tar.clone() } else { made::compress(compression, &tar) };
        let path = folder.path().join("root");
        fs::write(&path, &bytes).unwrap();
        for image in [rootfs::open(&path).unwrap(), rootfs::read(bytes.as_slice()).unwrap()] {
            assert_eq!(layer(&*image).stored(), (Digest::of(&tar), tar.len() as u64), "{compression:?}");
            for _ in 0..2 {
                let mut read = Vec::new();
                layer(&*image).open().unwrap().read_to_end(&mut read).unwrap();
                assert_eq!(read, tar, "{compression:?}");
            }
        }
    }
}

#[test]
fn what_is_no_tar_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for content in [&b""[..], b"#!/bin/sh\n", &[0xff; 1024]] {
        fs::write(&path, content).unwrap();
        assert!(rootfs::open(&path).is_err(), "{content:?}");
    }
    assert!(rootfs::open(&folder.path().join("nowhere")).is_err());
}

#[test]
fn a_tar_that_changes_between_readings_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = Tar::new().file("a", b"content").write(folder.path(), "x.tar");
    let image = rootfs::open(&path).unwrap();
    Tar::new().file("a", b"CONTENT").write(folder.path(), "x.tar");
    let error = io::copy(&mut layer(&*image).open().unwrap(), &mut io::sink()).unwrap_err();
    assert!(error.to_string().contains("should have digest"), "{error}");
}

/// A directory with a bit of everything that an ordinary user can make.
fn tree(root: &Path) {
    fs::create_dir_all(root.join("d/empty")).unwrap();
    fs::write(root.join("d/file"), "content").unwrap();
    fs::hard_link(root.join("d/file"), root.join("d/another")).unwrap();
    fs::hard_link(root.join("d/file"), root.join("z")).unwrap();
    fs::write(root.join("d-x"), "").unwrap();
    fs::set_permissions(root.join("d-x"), fs::Permissions::from_mode(0o4711)).unwrap();
    symlink("/etc/passwd", root.join("link")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
}

#[test]
fn a_directory_is_read_without_following_links() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let image = rootfs::open(folder.path()).unwrap();
    let owner = {
        use std::os::unix::fs::MetadataExt;
        let metadata = folder.path().metadata().unwrap();
        format!("{}:{}", metadata.uid(), metadata.gid())
    };
    let found: Vec<_> = lines(layer(&*image).open().unwrap()).iter().map(|line| line.replace(&owner, "me")).collect();
    let umask = fs::metadata(folder.path().join("d/empty")).unwrap().permissions().mode() & 0o7777;
    let file = fs::metadata(folder.path().join("d/file")).unwrap().permissions().mode() & 0o7777;
    let pipe = fs::metadata(folder.path().join("pipe")).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        found,
        [
            "/ 755 me Directory".to_owned(),
            format!("/d {umask:o} me Directory"),
            format!("/d/another {file:o} me file \"content\""),
            format!("/d/empty {umask:o} me Directory"),
            format!("/d/file {file:o} me link d/another"),
            "/d-x 4711 me file \"\"".to_owned(),
            "/dangling 777 me symlink nowhere".to_owned(),
            "/link 777 me symlink /etc/passwd".to_owned(),
            format!("/pipe {pipe:o} me Fifo"),
            format!("/z {file:o} me link d/another"),
        ]
    );
}

#[test]
fn a_directory_gives_the_same_bytes_until_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path());
    let image = rootfs::open(folder.path()).unwrap();
    assert_eq!(layer(&*image).diff_id(), layer(&*rootfs::open(folder.path()).unwrap()).diff_id());
    let read = || io::copy(&mut layer(&*image).open().unwrap(), &mut io::sink());
    read().unwrap();
    fs::write(folder.path().join("new"), "").unwrap();
    assert!(read().is_err());
    // the walking thread ends with its reader
    drop(layer(&*image).open().unwrap());
}

#[test]
fn attributes_of_files_come_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    let long = vec![b'x'; 1000];
    let set = rustix::fs::setxattr(&path, "user.name", b"a\nb\0", flags);
    if let Err(error) = set.and_then(|()| rustix::fs::setxattr(&path, "user.long", &long, flags)) {
        println!("skipped: no extended attributes here: {error}");
        return;
    }
    let image = rootfs::open(folder.path()).unwrap();
    let mut tar = LayerReader::new(layer(&*image).open().unwrap());
    tar.next_entry().unwrap();
    let entry = tar.next_entry().unwrap().unwrap();
    let wanted = BTreeMap::from([("user.name".into(), b"a\nb\0".to_vec()), ("user.long".into(), long)]);
    assert_eq!(entry.xattrs, wanted);
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, "x").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o0)).unwrap();
    if fs::read(&file).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    let error = made::chain(&rootfs::open(folder.path()).err().unwrap());
    assert!(error.contains("secret"), "{error}");
}

#[test]
fn a_root_filesystem_becomes_an_image_in_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let (_root, store) = made::store_with(&[]);
    fs::write(folder.path().join("file"), "content").unwrap();
    let image = rootfs::open(folder.path()).unwrap();
    let id = store.import(&*image, &[made::name("imported")]).unwrap();
    let stored = store.find("imported").unwrap().unwrap();
    assert_eq!(stored.id(), Some(id));
    assert_eq!(stored.config().unwrap().layer_history().unwrap().len(), 1);
    assert_eq!(exported(&stored), exported(&*image));
    assert_eq!(store.check().unwrap(), [""; 0]);
}

#[test]
fn times_owners_and_devices_survive_an_export() {
    let mut device = Entry::new(at("null"), EntryKind::CharDevice { major: 1, minor: 3 });
    (device.uid, device.gid, device.mode, device.mtime) = (70_000, 3, 0o666, Timestamp::from_seconds(-5));
    let mut file = Entry::new(at("f"), EntryKind::File);
    (file.size, file.mode) = (1, 0o4755);
    file.xattrs.insert("security.capability".into(), vec![1, 0, 0, 2]);
    let (_root, image) = image_of(vec![Tar::new().entry(&file, b"x").entry(&device, b"")]);
    let mut out = Vec::new();
    rootfs::export(&image, &mut out).unwrap();
    let mut tar = LayerReader::new(out.as_slice());
    for wanted in [file, device] {
        let found = tar.next_entry().unwrap().unwrap();
        assert_eq!(Entry { header_offset: 0, data_offset: 0, ..found }, wanted);
    }
}
