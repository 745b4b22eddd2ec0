#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::{fd::AsFd, unix::fs::symlink},
};

use rustix::fs::CWD;
use tempfile::TempDir;

use super::*;

fn tree() -> (TempDir, OwnedFd) {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    fs::create_dir_all(root.join("usr/lib")).unwrap();
    fs::write(outer.path().join("secret"), "outside").unwrap();
    fs::write(root.join("usr/lib/x"), "inside").unwrap();
    for (target, link) in [
        ("usr/lib", "lib"),
        ("/usr", "absolute"),
        ("../../..", "up"),
        ("loop-b", "loop-a"),
        ("loop-a", "loop-b"),
        ("later/on", "dangling"),
        ("../secret", "escape"),
        ("/proc/self/root", "magic"),
    ] {
        symlink(target, root.join(link)).unwrap();
    }
    let fd = rustix::fs::openat(CWD, &root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
    (outer, fd)
}

#[test]
fn links_lead_where_a_process_inside_would_go() {
    let (_outer, root) = tree();
    for (path, leads_to) in [
        ("", ""),
        ("/", ""),
        ("usr/lib", "usr/lib"),
        ("lib", "usr/lib"),
        ("absolute/lib/x", "usr/lib/x"),
        ("up/usr", "usr"),
        ("lib/../bin", "usr/bin"),
        ("dangling/deep", "later/on/deep"),
        ("missing/../../usr", "usr"),
        ("escape", "secret"),
        ("magic/etc", "proc/self/root/etc"),
        ("usr/lib/x/below-a-file", "usr/lib/x/below-a-file"),
    ] {
        assert_eq!(resolve(root.as_fd(), path.as_bytes()).unwrap().as_bytes(), leads_to.as_bytes(), "{path}");
    }
}

#[test]
fn a_loop_of_links_is_an_error() {
    let (_outer, root) = tree();
    assert!(resolve(root.as_fd(), b"loop-a/x").is_err());
    assert!(read_small_file(root.as_fd(), b"loop-a", 6).is_err());
}

#[test]
fn small_files_are_read_and_nothing_else_is() {
    let (outer, root) = tree();
    assert_eq!(read_small_file(root.as_fd(), b"/lib/x", 6).unwrap().unwrap(), b"inside");
    assert!(read_small_file(root.as_fd(), b"/lib/x", 5).is_err(), "one byte too long");
    assert_eq!(read_small_file(root.as_fd(), b"etc/passwd", 6).unwrap(), None);
    assert_eq!(read_small_file(root.as_fd(), b"escape", 100).unwrap(), None, "a link out of the root");
    assert!(read_small_file(root.as_fd(), b"usr", 100).is_err(), "a directory");
    let fifo = outer.path().join("root/fifo");
    rustix::fs::mkfifoat(CWD, &fifo, Mode::RWXU).unwrap();
    assert!(read_small_file(root.as_fd(), b"fifo", 100).is_err(), "a fifo is not waited for");
}
