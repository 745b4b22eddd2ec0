#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::{fd::AsFd as _, unix::fs::symlink},
    path::Path,
};

use super::*;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
    # a comment\n\
    bob:x:1000:1001:Bob:/home/bob:/bin/sh\n\
    7:x:5000:5000::/seven:/bin/sh\n\
    homeless:x:1002:1002:::/bin/sh\n\
    short:x:1003:1003\n\
    damaged:x:10x:0::/:/bin/sh\n\
    nothing\n\
    twice:x:1004:1004::/first:\n\
    twice:x:1005:1005::/second:\n";
const GROUP: &str = "root:x:0:\n\
    wheel:x:10:root\n\
    extra:x:2000:bob, other\n\
    third:x:3000:other,bob\n\
    again:x:3000:bob\n\
    damaged:x:-1:bob\n\
    daemon:x:2:\n";

fn with_files<T>(change: impl FnOnce(&Path), test: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    change(root.path());
    test(fs::File::open(root.path()).unwrap().as_fd())
}

fn names(root: &Path) {
    fs::write(root.join("etc/passwd"), PASSWD).unwrap();
    fs::write(root.join("etc/group"), GROUP).unwrap();
}

#[test]
fn a_user_is_resolved_as_docker_does() {
    let cases: [(&str, u32, u32, &[u32], &str); 15] = [
        ("", 0, 0, &[10], "/root"),
        ("root", 0, 0, &[10], "/root"),
        ("0", 0, 0, &[10], "/root"),
        ("bob", 1000, 1001, &[2000, 3000], "/home/bob"),
        ("bob:", 1000, 1001, &[2000, 3000], "/home/bob"),
        ("1000", 1000, 1001, &[2000, 3000], "/home/bob"),
        ("bob:daemon", 1000, 2, &[], "/home/bob"),
        ("bob:77", 1000, 77, &[], "/home/bob"),
        ("1234", 1234, 0, &[], "/"),
        ("1234:1235", 1234, 1235, &[], "/"),
        (":extra", 0, 2000, &[], "/root"),
        // what looks like a number is one
        ("7", 7, 0, &[], "/"),
        ("homeless", 1002, 1002, &[], "/"),
        ("short", 1003, 1003, &[], "/"),
        ("twice", 1004, 1004, &[], "/first"),
    ];
    with_files(names, |root| {
        for (text, uid, gid, groups, home) in cases {
            let expected = User { uid, gid, groups: groups.to_vec(), home: home.to_owned() };
            assert_eq!(resolve(root, text).unwrap(), expected, "{text:?}");
        }
    });
}

#[test]
fn what_is_no_user_is_never_root() {
    use UserFailure::{DamagedEntry, Malformed, NoSuchGroup, NoSuchUser, OutOfRange};
    let cases = [
        ("nosuch", NoSuchUser),
        ("bob:nosuch", NoSuchGroup),
        ("1000:abc", NoSuchGroup),
        ("-1", OutOfRange),
        ("4294967296", OutOfRange),
        ("4294967295", OutOfRange),
        ("2147483648", OutOfRange),
        ("99999999999999999999999", OutOfRange),
        ("0:-1", OutOfRange),
        ("0 ", NoSuchUser),
        (" 0", NoSuchUser),
        ("+0", NoSuchUser),
        ("0x0", NoSuchUser),
        ("damaged", DamagedEntry),
        ("bob:damaged", DamagedEntry),
        ("root:x:y", Malformed),
        ("nothing", NoSuchUser),
    ];
    with_files(names, |root| {
        for (text, expected) in cases {
            let failures = [resolve(root, text).unwrap_err(), resolve_owner(root, text).unwrap_err()];
            for failure in failures {
                assert!(matches!(&failure, Error::User { cause, .. } if *cause == expected), "{text:?}: {failure}");
            }
        }
    });
}

#[test]
fn an_owner_is_resolved_as_docker_does() {
    let cases = [
        ("bob", (1000, 1001)),
        ("bob:extra", (1000, 2000)),
        ("1000", (1000, 1000)),
        (":extra", (0, 2000)),
        ("12:34", (12, 34)),
        ("root:root", (0, 0)),
    ];
    with_files(names, |root| {
        for (text, expected) in cases {
            assert_eq!(resolve_owner(root, text).unwrap(), expected, "{text:?}");
        }
    });
}

#[test]
fn an_image_without_names_has_numbers_and_root_as_an_owner() {
    with_files(
        |_| {},
        |root| {
            assert_eq!(resolve(root, "").unwrap(), User::default());
            assert_eq!(resolve(root, "5:6").unwrap().gid, 6);
            assert!(resolve(root, "root").is_err());
            assert_eq!(resolve_owner(root, "root:root").unwrap(), (0, 0));
        },
    );
}

#[test]
fn links_stay_inside_and_only_regular_files_of_a_sane_size_are_read() {
    let inside = |root: &Path| {
        fs::create_dir(root.join("real")).unwrap();
        fs::write(root.join("real/passwd"), PASSWD).unwrap();
        symlink("/../real/passwd", root.join("etc/passwd")).unwrap();
    };
    assert_eq!(with_files(inside, |root| resolve(root, "bob").unwrap().uid), 1000);

    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), PASSWD).unwrap();
    let link = |root: &Path| symlink(outside.path(), root.join("etc/passwd")).unwrap();
    assert!(with_files(link, |root| resolve(root, "bob")).is_err());

    let mode = rustix::fs::Mode::from_raw_mode(0o644);
    let fifo = |root: &Path| {
        rustix::fs::mkfifoat(rustix::fs::CWD, root.join("etc/passwd"), mode).unwrap();
    };
    assert!(with_files(fifo, |root| resolve(root, "bob")).is_err());

    let huge = |root: &Path| {
        let file = fs::File::create(root.join("etc/passwd")).unwrap();
        file.set_len(MAX_FILE + 1).unwrap();
    };
    assert!(with_files(huge, |root| resolve(root, "bob")).is_err());
}
