//! Contexts by every way of naming one, and what archives that others made cannot do.

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
};

use serde_json::{Value, json};
use strata_builder::{
    contexts::{self, ContextError, Dockerfile, Opened},
    remote::Fetcher,
};
use strata_fixtures::tarball::Tarball;
use strata_image::{
    Timestamp,
    layer::{Entry, EntryKind, LayerPath, LayerWriter},
};

use crate::{
    repository::{Repository, TIME, has_git},
    server::{Reply, Server},
};

fn fetcher() -> (tempfile::TempDir, Fetcher) {
    let dir = tempfile::tempdir().unwrap();
    let fetcher = Fetcher::new(&dir.path().join("cache"));
    (dir, fetcher)
}

fn open(fetcher: &Fetcher, text: impl AsRef<OsStr>, mut stdin: &[u8]) -> Result<Opened, ContextError> {
    contexts::open(text.as_ref(), &mut stdin, fetcher, false, &mut |_| {})
}

fn dockerfile(opened: &Opened, named: Option<&Path>) -> Result<Dockerfile, ContextError> {
    opened.dockerfile(named, &mut b"FROM stdin".as_slice())
}

/// A tar of entries as hostile as they are written: type, path and more.
fn tar(compression: &str, entries: &[Value]) -> Vec<u8> {
    let entries: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let mut entry = entry.clone();
            entry.as_object_mut().unwrap().entry("mode").or_insert_with(|| json!("0644"));
            entry
        })
        .collect();
    let archive = json!({"path": "", "compression": compression, "entries": entries});
    serde_json::from_value::<Tarball>(archive).unwrap().bytes().unwrap()
}

fn file(path: &str, text: &str) -> Value {
    json!({"type": "file", "path": path, "text": text})
}

fn link(path: &str, target: &str) -> Value {
    json!({"type": "symlink", "path": path, "link": target})
}

fn hard_link(path: &str, target: &str) -> Value {
    json!({"type": "hardlink", "path": path, "link": target})
}

fn directory(path: &str) -> Value {
    json!({"type": "directory", "path": path, "mode": "0755"})
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none())
}

#[test]
fn a_folder_is_taken_as_it_is() {
    let (dir, fetcher) = fetcher();
    fs::write(dir.path().join("Dockerfile"), "FROM a").unwrap();
    let opened = open(&fetcher, dir.path(), b"").unwrap();
    assert_eq!(opened.directory.path, dir.path());
    assert!(!opened.directory.keeps_owners && opened.directory.guard.is_none() && opened.directory.epoch.is_none());
    let found = dockerfile(&opened, None).unwrap();
    assert_eq!((found.bytes.as_slice(), &found.path), (b"FROM a".as_slice(), &dir.path().join("Dockerfile")));
    assert_eq!(found.name, dir.path().join("Dockerfile").display().to_string());

    fs::write(dir.path().join("other"), "FROM b").unwrap();
    let named = dockerfile(&opened, Some(&dir.path().join("other"))).unwrap();
    assert_eq!(named.bytes, b"FROM b");
    assert_eq!(dockerfile(&opened, Some(Path::new("-"))).unwrap().bytes, b"FROM stdin");
    let error = dockerfile(&opened, Some(Path::new("Dockerfile.of.no.cwd"))).unwrap_err();
    assert!(error.to_string().contains("Dockerfile.of.no.cwd"), "{error}");
}

#[test]
fn docker_names_go_before_those_of_buildah() {
    let (dir, fetcher) = fetcher();
    let context = dir.path().join("context");
    fs::create_dir(&context).unwrap();
    let opened = open(&fetcher, &context, b"").unwrap();
    let error = dockerfile(&opened, None).unwrap_err();
    assert!(error.to_string().ends_with("has no Dockerfile, no dockerfile, no Containerfile"), "{error}");
    for name in ["Containerfile", "dockerfile", "Dockerfile"] {
        fs::write(context.join(name), name).unwrap();
        assert_eq!(dockerfile(&opened, None).unwrap().bytes, name.as_bytes());
    }
}

#[test]
fn a_dockerfile_that_is_a_link_is_followed_inside_the_context_only() {
    let (dir, fetcher) = fetcher();
    let context = dir.path().join("context");
    fs::create_dir_all(context.join("docker")).unwrap();
    fs::write(dir.path().join("outside"), "FROM outside").unwrap();
    fs::write(context.join("docker/real"), "FROM real").unwrap();
    let opened = open(&fetcher, &context, b"").unwrap();
    for (target, found) in [
        ("docker/real", true),
        ("/docker/real", true),
        ("../../docker/real", true),
        ("../outside", false),
        ("Dockerfile", false),
        ("/etc/hostname", false),
    ] {
        symlink(target, context.join("Dockerfile")).unwrap();
        let read = dockerfile(&opened, None);
        assert_eq!(read.is_ok_and(|read| read.bytes == b"FROM real"), found, "{target}");
        fs::remove_file(context.join("Dockerfile")).unwrap();
    }
    fs::create_dir(context.join("Dockerfile")).unwrap();
    assert!(matches!(dockerfile(&opened, None), Err(ContextError::Dockerfile { .. })));
}

#[test]
fn standard_input_is_a_dockerfile_or_an_archive() {
    let (_dir, fetcher) = fetcher();
    let opened = open(&fetcher, "-", b"FROM scratch\n").unwrap();
    assert_eq!(dockerfile(&opened, None).unwrap().bytes, b"FROM scratch\n");
    assert!(dockerfile(&opened, None).unwrap().path.as_os_str().is_empty());
    assert!(is_empty(&opened.directory.path));
    for named in ["x", "-"] {
        let outcome = dockerfile(&opened, Some(Path::new(named)));
        assert!(matches!(outcome, Err(ContextError::TwoDockerfiles { .. })), "{named}");
    }
    drop(opened);

    for compression in ["none", "gzip", "bzip2", "xz", "zstd"] {
        let archive = tar(compression, &[file("Dockerfile", "FROM a"), directory("d"), file("d/other", "FROM b")]);
        let opened = open(&fetcher, "-", &archive).unwrap();
        let found = dockerfile(&opened, None).unwrap();
        assert_eq!((found.bytes.as_slice(), found.name.as_str()), (b"FROM a".as_slice(), "Dockerfile"));
        assert_eq!(found.path, opened.directory.path.join("Dockerfile"));
        let other = dockerfile(&opened, Some(Path::new("./d//other"))).unwrap();
        assert_eq!((other.bytes.as_slice(), other.name.as_str()), (b"FROM b".as_slice(), "d/other"));
        assert_eq!(opened.directory.epoch, Some(1_000_000_000), "{compression}");
        drop(opened);
        assert!(is_empty(&fetcher.partial), "{compression}");
    }
    assert!(is_empty(&open(&fetcher, "-", &[0; 1024]).unwrap().directory.path), "a tar of nothing");
}

#[test]
fn what_is_neither_is_refused() {
    let (dir, fetcher) = fetcher();
    let gzipped = tar("gzip", &[file("a", "text")]);
    let mut damaged = gzipped.clone();
    damaged.truncate(20);
    for stdin in [b"FROM a\0b".as_slice(), &[0x28, 0xb5, 0x2f, 0xfd, 0, 0, 1, 0, 0], &damaged] {
        assert!(open(&fetcher, "-", stdin).is_err(), "{stdin:?}");
    }
    let big = vec![b'#'; usize::try_from(contexts::MAX_DOCKERFILE).unwrap() + 1];
    assert!(matches!(open(&fetcher, "-", &big), Err(ContextError::DockerfileTooLarge { .. })));
    fs::write(dir.path().join("text"), "FROM a").unwrap();
    assert!(matches!(open(&fetcher, dir.path().join("text"), b""), Err(ContextError::NotAnArchive { .. })));
    assert!(matches!(open(&fetcher, dir.path().join("none"), b""), Err(ContextError::Unusable { .. })));
    assert!(is_empty(&fetcher.partial));
}

#[test]
fn an_archive_on_the_disk_is_a_context() {
    let (dir, fetcher) = fetcher();
    let path = dir.path().join("context.tar.gz");
    fs::write(&path, tar("gzip", &[file("Dockerfile", "FROM a")])).unwrap();
    assert_eq!(dockerfile(&open(&fetcher, &path, b"").unwrap(), None).unwrap().bytes, b"FROM a");
}

#[test]
fn a_url_gives_a_dockerfile_or_an_archive() {
    let archive = tar("gzip", &[file("Dockerfile", "FROM archive")]);
    let server = Server::start(move |request| match request.path() {
        "/text" => Reply::ok("FROM text").with("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT"),
        "/archive" => Reply::ok(archive.clone()),
        _ => Reply::new("404 Not Found", ""),
    });
    let (_dir, fetcher) = fetcher();
    for (path, bytes, epoch) in [("/text", "FROM text", 1_445_412_480), ("/archive", "FROM archive", 1_000_000_000)] {
        let opened = open(&fetcher, server.url(path), b"").unwrap();
        assert_eq!(dockerfile(&opened, None).unwrap().bytes, bytes.as_bytes());
        assert_eq!(opened.directory.epoch, Some(epoch));
    }
    let error = open(&fetcher, format!("http://me:secret@{}/none", server.address()), b"").unwrap_err();
    assert!(error.to_string().ends_with("404 Not Found") && !error.to_string().contains("secret"), "{error}");
}

#[test]
fn a_repository_gives_a_commit_and_its_time() {
    if !has_git() {
        return;
    }
    let (dir, fetcher) = fetcher();
    let repository = Repository::new(&dir.path().join("a.git"));
    repository.commit("sub/Containerfile", "FROM sub");
    let opened = open(&fetcher, format!("{}#main:sub", repository.url()), b"").unwrap();
    assert_eq!(dockerfile(&opened, None).unwrap().bytes, b"FROM sub");
    assert_eq!(opened.directory.epoch, Some(TIME));
    assert!(!opened.directory.keeps_owners);
    drop(opened);
    assert!(is_empty(&fetcher.partial));
}

#[test]
fn modes_times_links_and_holes_are_those_of_the_archive() {
    let (_dir, fetcher) = fetcher();
    let mut writer = LayerWriter::new(Vec::new());
    let entry = |path: &str, kind: EntryKind, mode, seconds| Entry {
        mode,
        mtime: Timestamp::from_seconds(seconds),
        uid: rustix::process::getuid().as_raw().into(),
        gid: rustix::process::getgid().as_raw().into(),
        ..Entry::new(LayerPath::new(path.as_bytes()).unwrap(), kind)
    };
    let zeros = [vec![0; 1 << 20], b"end".to_vec(), vec![0; 1 << 20]].concat();
    let sized = |entry: Entry, content: &[u8]| Entry { size: content.len() as u64, ..entry };
    writer.append(&entry("d", EntryKind::Directory, 0o2751, 10), b"".as_slice()).unwrap();
    writer.append(&sized(entry("d/run", EntryKind::File, 0o4755, 20), b"x"), b"x".as_slice()).unwrap();
    writer.append(&sized(entry("d/zeros", EntryKind::File, 0o600, -30), &zeros), zeros.as_slice()).unwrap();
    writer.append(&entry("d/link", EntryKind::Symlink("run".into()), 0o777, 40), b"".as_slice()).unwrap();
    let existing = LayerPath::new(b"d/run").unwrap();
    writer.append(&entry("again", EntryKind::HardLink(existing), 0o755, 20), b"".as_slice()).unwrap();
    writer.append(&entry("pipe", EntryKind::Fifo, 0o622, 50), b"".as_slice()).unwrap();

    let opened = open(&fetcher, "-", &writer.finish().unwrap()).unwrap();
    // of the newest file
    assert_eq!(opened.directory.epoch, Some(20));
    let root = &opened.directory.path;
    for (path, mode, seconds) in [
        ("d", 0o42751, 10),
        ("d/run", 0o104_755, 20),
        ("d/zeros", 0o100_600, -30),
        ("d/link", 0o120_777, 40),
        ("again", 0o104_755, 20),
        ("pipe", 0o10622, 50),
        ("", 0o40755, 50),
    ] {
        let metadata = fs::symlink_metadata(root.join(path)).unwrap();
        assert_eq!((metadata.mode(), metadata.mtime()), (mode, seconds), "{path}");
    }
    assert_eq!(fs::metadata(root.join("again")).unwrap().ino(), fs::metadata(root.join("d/run")).unwrap().ino());
    assert!(fs::read(root.join("d/zeros")).unwrap() == zeros);
    assert!(fs::metadata(root.join("d/zeros")).unwrap().blocks() * 512 < 1 << 20, "zeros cost no disk");
}

#[test]
fn owners_are_kept_where_there_is_somebody_to_give_a_file_to() {
    let (_dir, fetcher) = fetcher();
    let owned = |kind: &str, path: &str| json!({"type": kind, "path": path, "mode": "0755", "uid": 12, "gid": 34});
    let opened = open(&fetcher, "-", &tar("none", &[owned("directory", "d"), owned("file", "d/f")])).unwrap();
    for path in ["d", "d/f"] {
        let metadata = fs::metadata(opened.directory.path.join(path)).unwrap();
        let is_kept = (metadata.uid(), metadata.gid()) == (12, 34);
        assert_eq!(is_kept, opened.directory.keeps_owners, "{path}");
    }
}

/// Attacks 52 to 54 and CVE-2020-10696: names, links and hard links that would lead out stay inside or are refused.
#[test]
fn nothing_in_an_archive_leads_out() {
    let (dir, fetcher) = fetcher();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("victim"), "untouched").unwrap();
    let out = outside.to_str().unwrap();
    let victim = format!("{out}/victim");
    for (entries, builds) in [
        (vec![file("../../../../victim", "x"), file(&victim, "x"), file("a/../../b", "x")], true),
        (vec![link("d", out), file("d/victim", "x")], true),
        (vec![link("d", ".."), link("e", "d/.."), file("e/../victim", "x")], true),
        (vec![link("d", "/proc/self/root"), file("d/victim", "x")], true),
        (vec![link("victim", &victim), file("victim", "x")], true),
        (vec![link("d", out), directory("d"), file("d/victim", "x")], true),
        (vec![link("d", "d"), file("d/victim", "x")], false),
        (vec![hard_link("h", &victim), file("h", "x")], false),
        (vec![hard_link("h", "../../../../../../etc/passwd")], false),
        (vec![link("d", out), hard_link("h", "d/victim"), file("h", "x")], false),
        (vec![hard_link("h", "h")], false),
        (vec![directory("d"), hard_link("h", "d")], false),
        (vec![link("l", &victim), hard_link("h", "l"), file("h", "x")], true),
    ] {
        let outcome = open(&fetcher, "-", &tar("none", &entries));
        assert_eq!(outcome.is_ok(), builds, "{entries:?}: {outcome:?}");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched", "{entries:?}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1, "{entries:?}");
        drop(outcome);
        assert!(is_empty(&fetcher.partial), "{entries:?}");
    }
}

/// Attack 58: whatever an entry replaces, the last one of a name wins.
#[test]
fn the_last_entry_of_a_name_wins() {
    let (_dir, fetcher) = fetcher();
    let root = |entries: &[Value]| open(&fetcher, "-", &tar("none", entries)).unwrap();
    let text = |opened: &Opened, path: &str| fs::read_to_string(opened.directory.path.join(path)).unwrap();

    let opened = root(&[file("a", "1"), file("a", "2")]);
    assert_eq!(text(&opened, "a"), "2");
    let opened = root(&[directory("a"), file("a/b/c", "1"), file("a", "2")]);
    assert_eq!(text(&opened, "a"), "2");
    let opened = root(&[file("a", "1"), directory("a"), file("a/b", "2")]);
    assert_eq!(text(&opened, "a/b"), "2");
    let opened = root(&[directory("b"), link("a", "b"), file("a/c", "1"), directory("a"), file("a/c", "2")]);
    assert_eq!((text(&opened, "b/c"), text(&opened, "a/c")), ("1".to_owned(), "2".to_owned()));
    let opened = root(&[file("a", "1"), file("b", "2"), hard_link("b", "a"), hard_link("b", "b")]);
    assert_eq!(text(&opened, "b"), "1");
    let opened = root(&[directory("a"), file("a/b", "1"), directory("a"), file("a/c", "2")]);
    assert_eq!((text(&opened, "a/b"), text(&opened, "a/c")), ("1".to_owned(), "2".to_owned()));
}

#[test]
fn a_deep_tree_is_replaced_by_a_file() {
    let (_dir, fetcher) = fetcher();
    // deeper than a process may have files open
    let deep = vec!["d"; 1100].join("/");
    let mut writer = LayerWriter::new(Vec::new());
    for path in [deep.as_str(), "d"] {
        writer.append(&Entry::new(LayerPath::new(path.as_bytes()).unwrap(), EntryKind::File), b"".as_slice()).unwrap();
    }
    let opened = open(&fetcher, "-", &writer.finish().unwrap()).unwrap();
    assert!(opened.directory.path.join("d").is_file());
}

/// Attack 56: the root of an archive is a directory.
#[test]
fn a_root_that_is_a_link_or_a_file_is_refused() {
    let (_dir, fetcher) = fetcher();
    for entry in [link(".", "/etc"), link("./", "/"), json!({"type": "fifo", "path": "."})] {
        assert!(open(&fetcher, "-", &tar("none", std::slice::from_ref(&entry))).is_err(), "{entry}");
    }
    let root = json!({"type": "directory", "path": "./", "mode": "0750"});
    let opened = open(&fetcher, "-", &tar("none", &[root, file("a", "x")])).unwrap();
    assert_eq!(fs::metadata(&opened.directory.path).unwrap().permissions().mode() & 0o7777, 0o750);
}

/// Attacks 57 and 60: devices that overlay takes for deletions, and archives that break off.
#[test]
fn damaged_and_impossible_archives_leave_nothing() {
    let (_dir, fetcher) = fetcher();
    let whole = tar("none", &[file("a", "text"), file("b", "text")]);
    let gzipped = tar("gzip", &[file("a", "text"), file("b", &"text".repeat(1000))]);
    let whiteout = tar("none", &[json!({"type": "char", "path": "c", "major": 0, "minor": 0})]);
    let owner = tar("none", &[json!({"type": "file", "path": "f", "uid": 4_294_967_295_u64})]);
    let long = tar("none", &[file(&"n".repeat(300), "")]);
    for archive in [&whole[..514], &whole[..1100], &gzipped[..gzipped.len() - 4], &whiteout, &owner, &long] {
        assert!(open(&fetcher, "-", archive).is_err(), "{}", archive.len());
        assert!(is_empty(&fetcher.partial));
    }
}

/// CVE-2026-44517: a Dockerfile of an archive that is a link to a file of the host.
#[test]
fn cve_2026_44517_a_dockerfile_of_an_archive_that_leads_out_is_not_read() {
    let (dir, fetcher) = fetcher();
    fs::write(dir.path().join("host"), "FROM host").unwrap();
    let host = dir.path().join("host");
    let entries =
        [link("Dockerfile", host.to_str().unwrap()), link("d", dir.path().to_str().unwrap()), file("real", "FROM a")];
    let opened = open(&fetcher, "-", &tar("none", &entries)).unwrap();
    for named in [None, Some("d/host"), Some("../../host"), Some(host.to_str().unwrap())] {
        let outcome = dockerfile(&opened, named.map(Path::new));
        assert!(matches!(outcome, Err(ContextError::Dockerfile { .. })), "{named:?}");
    }
    assert_eq!(fs::read_to_string(&host).unwrap(), "FROM host");
}

#[test]
fn the_place_of_an_ignore_file_has_no_link_on_its_way() {
    let (_dir, fetcher) = fetcher();
    let entries = [directory("real"), file("real/file", "FROM a"), link("d", "/real"), link("name", "real/file")];
    let opened = open(&fetcher, "-", &tar("none", &entries)).unwrap();
    for (named, path) in [("d/file", "real/file"), ("name", "name")] {
        let found = dockerfile(&opened, Some(Path::new(named))).unwrap();
        assert_eq!(found.path, opened.directory.path.join(path), "{named}");
        assert_eq!(found.bytes, b"FROM a");
    }
}
