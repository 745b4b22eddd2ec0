//! What changes in a snapshot becomes the layer that builders write.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, chown, symlink},
        net::UnixListener,
    },
    path::Path,
    time::{Duration, SystemTime},
};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use strata_runtime::{
    snapshot::Driver,
    userns::{self, Ids},
};

use crate::{
    layers::{directory, entries, file, hard_link, said, symlink as link, tar},
    workshop::Workshop,
};

fn lower() -> Vec<u8> {
    tar(&[
        directory("d"),
        file("d/a", "1"),
        file("d/b", "1"),
        directory("d/sub"),
        file("d/sub/deep", "1"),
        directory("d-"),
        file("d-/x", "1"),
        file("f", "1"),
        hard_link("g", "f"),
        link("l", "d"),
    ])
}

type Change = fn(&Path);

/// Changes of the lower layer above, and what the layer of each says.
const CASES: &[(&str, Change, &[&str])] = &[
    ("nothing", |_| {}, &[]),
    ("a read", |root| drop(fs::read(root.join("d/a")).unwrap()), &[]),
    ("a file removed", |root| fs::remove_file(root.join("d/a")).unwrap(), &["d d", "x d/a"]),
    ("a directory removed", |root| fs::remove_dir_all(root.join("d/sub")).unwrap(), &["d d", "x d/sub"]),
    ("a file of the root removed", |root| fs::remove_file(root.join("f")).unwrap(), &["x f"]),
    (
        "a directory made again",
        |root| {
            fs::remove_dir_all(root.join("d")).unwrap();
            fs::create_dir_all(root.join("d/sub")).unwrap();
            fs::write(root.join("d/b"), "2").unwrap();
            fs::write(root.join("d/sub/new"), "2").unwrap();
        },
        &["d d", "x d/a", "- d/b", "d d/sub", "x d/sub/deep", "- d/sub/new"],
    ),
    (
        "made and removed",
        |root| {
            fs::create_dir_all(root.join("d/sub/t/u")).unwrap();
            fs::write(root.join("d/sub/t/u/v"), "").unwrap();
            fs::remove_dir_all(root.join("d/sub/t")).unwrap();
        },
        &[],
    ),
    (
        "moved away and back, which copies it up",
        |root| {
            fs::rename(root.join("f"), root.join("t")).unwrap();
            fs::rename(root.join("t"), root.join("f")).unwrap();
        },
        &[],
    ),
    ("moved", |root| fs::rename(root.join("d/a"), root.join("d/c")).unwrap(), &["d d", "x d/a", "- d/c"]),
    (
        "mode changed and restored",
        |root| {
            fs::set_permissions(root.join("f"), Permissions::from_mode(0o777)).unwrap();
            fs::set_permissions(root.join("f"), Permissions::from_mode(0o644)).unwrap();
        },
        &[],
    ),
    (
        "mode of a directory",
        |root| fs::set_permissions(root.join("d"), Permissions::from_mode(0o700)).unwrap(),
        &["d d"],
    ),
    (
        "the same content at the same second",
        |root| {
            fs::write(root.join("d/sub/deep"), "1").unwrap();
            let file = fs::File::options().write(true).open(root.join("d/sub/deep")).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_millis(20)).unwrap();
        },
        &[],
    ),
    (
        "other content at the same second",
        |root| {
            fs::write(root.join("d/sub/deep"), "2").unwrap();
            let file = fs::File::options().write(true).open(root.join("d/sub/deep")).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        },
        &["d d", "d d/sub", "- d/sub/deep"],
    ),
    ("the same content later", |root| fs::write(root.join("d-/x"), "1").unwrap(), &["d d-", "- d-/x"]),
    (
        "hard links made here",
        |root| {
            fs::write(root.join("z"), "z").unwrap();
            fs::hard_link(root.join("z"), root.join("d/z")).unwrap();
            fs::hard_link(root.join("z"), root.join("y")).unwrap();
        },
        &["d d", "- d/z", "h y = d/z", "h z = d/z"],
    ),
    ("a hard link to a file from below", |root| fs::hard_link(root.join("f"), root.join("e")).unwrap(), &["- e"]),
    (
        "other types under old names",
        |root| {
            fs::remove_dir_all(root.join("d")).unwrap();
            symlink("d-", root.join("d")).unwrap();
            fs::remove_file(root.join("f")).unwrap();
            fs::create_dir(root.join("f")).unwrap();
            fs::remove_file(root.join("l")).unwrap();
            fs::create_dir(root.join("l")).unwrap();
            fs::write(root.join("l/a"), "").unwrap();
        },
        &["l d -> d-", "d f", "d l", "- l/a"],
    ),
    (
        "an order by name within each directory",
        |root| {
            for name in ["d/n", "d-/n", "d.n", "d-n", "d0", "d/-", "d/.n"] {
                fs::write(root.join(name), "").unwrap();
            }
            fs::remove_file(root.join("d-/x")).unwrap();
        },
        &["d d", "- d/-", "- d/.n", "- d/n", "d d-", "- d-/n", "x d-/x", "- d-n", "- d.n", "- d0"],
    ),
    ("a socket", |root| drop(UnixListener::bind(root.join("socket")).unwrap()), &[]),
    ("the root itself", |root| fs::set_permissions(root, Permissions::from_mode(0o700)).unwrap(), &[]),
    (
        "a name that is no text",
        |root| fs::write(root.join(OsStr::from_bytes(b"\xff\n")), "").unwrap(),
        &["- \u{fffd}\n"],
    ),
];

#[test]
fn a_layer_says_what_changed_and_nothing_else() {
    for workshop in Workshop::each() {
        for (name, change, says) in CASES {
            assert_eq!(said(&workshop.diff(&[lower()], change)), *says, "{name}");
            // the same from several layers as from one
            let layers = [lower(), tar(&[file("other", "")])];
            assert_eq!(said(&workshop.diff(&layers, change)), *says, "{name}, over two layers");
        }
    }
}

/// With times cut at one that is earlier than all.
#[test]
fn both_drivers_write_the_same_bytes() {
    let Some(overlay) = Workshop::with_overlay() else {
        return;
    };
    let copy = Workshop::with(Driver::Copy);
    for (name, change, _) in CASES {
        let layer = |workshop: &Workshop| {
            let active = workshop.changed(&workshop.stack(&[lower()]).unwrap(), change);
            let mut layer = Vec::new();
            let stats = active.diff(Some(0), &mut layer).unwrap();
            (layer, stats)
        };
        assert!(layer(&overlay) == layer(&copy), "{name}");
    }
}

#[test]
fn one_name_of_a_file_with_two_is_parted_by_overlay_alone() {
    for workshop in Workshop::each() {
        let layer = workshop.diff(&[lower()], |root| {
            fs::set_permissions(root.join("g"), Permissions::from_mode(0o600)).unwrap();
        });
        let expected: &[&str] = match workshop.driver {
            Driver::Overlay => &["- g"],
            Driver::Copy => &["- f", "h g = f"],
        };
        assert_eq!(said(&layer), expected);
    }
}

#[test]
fn the_first_layer_is_all_there_is() {
    for workshop in Workshop::each() {
        let layer = workshop.diff(&[], |root| {
            fs::create_dir(root.join("d")).unwrap();
            fs::write(root.join("d/f"), "content").unwrap();
        });
        assert_eq!(said(&layer), ["d d", "- d/f"]);
        assert_eq!(workshop.shows(&[layer]), ["0755 d/", r#"0644 d/f "content""#]);
    }
}

#[test]
fn devices_and_owners_are_written_as_they_are() {
    for workshop in Workshop::each() {
        if userns::ids() != Ids::All {
            return println!("skipped: only root makes devices and gives files away");
        }
        let layer = workshop.diff(&[lower()], |root| {
            let make = |name, kind, device| {
                mknodat(CWD, root.join(name), kind, Mode::from(0o640), device).unwrap();
            };
            make("null", FileType::CharacterDevice, makedev(1, 3));
            make("disk", FileType::BlockDevice, makedev(8, 1));
            make("fifo", FileType::Fifo, 0);
            fs::write(root.join("owned"), "").unwrap();
            chown(root.join("owned"), Some(4_000_000_000), Some(7)).unwrap();
            fs::set_permissions(root.join("owned"), Permissions::from_mode(0o4711)).unwrap();
        });
        assert_eq!(said(&layer), ["b disk 8:1", "p fifo", "c null 1:3", "- owned"]);
        let owned = entries(&layer).pop().unwrap();
        assert_eq!((owned.uid, owned.gid, owned.mode), (4_000_000_000, 7, 0o4711));
        assert_eq!(owned.mtime.nanoseconds, 0);
    }
}

#[test]
fn of_extended_attributes_only_capabilities_are_written() {
    for workshop in Workshop::each() {
        if userns::ids() != Ids::All {
            return println!("skipped: only root gives capabilities");
        }
        let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let set = |path: &Path, name: &str, value: &[u8]| {
            rustix::fs::setxattr(path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
        };
        let layer = workshop.diff(&[lower()], |root| {
            set(&root.join("d-/x"), "security.capability", &capability);
            set(&root.join("d/a"), "user.note", b"not a change that a layer tells");
        });
        assert_eq!(said(&layer), ["d d-", "- d-/x"]);
        let attributes: Vec<_> = entries(&layer).remove(1).xattrs.into_iter().collect();
        assert_eq!(attributes, [("security.capability".into(), capability.to_vec())]);
        // and taken away again
        let layer = workshop.diff(&[lower(), layer], |root| {
            rustix::fs::removexattr(root.join("d-/x"), "security.capability").unwrap();
        });
        assert_eq!(said(&layer), ["d d-", "- d-/x"]);
    }
}

#[test]
fn a_layer_and_the_snapshot_it_came_from_show_the_same() {
    for workshop in Workshop::each() {
        let layer = workshop.diff(&[lower()], |root| {
            fs::remove_dir_all(root.join("d")).unwrap();
            fs::create_dir_all(root.join("d/sub/more")).unwrap();
            fs::write(root.join("d/sub/more/x"), "2").unwrap();
            fs::remove_file(root.join("l")).unwrap();
            fs::write(root.join("l"), "2").unwrap();
        });
        assert_eq!(
            workshop.shows(&[lower(), layer]),
            [
                "0755 d-/",
                r#"0644 d-/x "1""#,
                "0755 d/",
                "0755 d/sub/",
                "0755 d/sub/more/",
                r#"0644 d/sub/more/x "2""#,
                r#"0644 f "1""#,
                r#"0644 g "1""#,
                r#"0644 l "2""#
            ]
        );
    }
}

#[test]
fn a_tree_too_deep_for_descriptors_is_written() {
    for workshop in Workshop::each() {
        let deep = "d/".repeat(600);
        let layer = workshop.diff(&[], |root| {
            fs::create_dir_all(root.join(&deep)).unwrap();
            fs::write(root.join(&deep).join("f"), "").unwrap();
        });
        assert_eq!(entries(&layer).len(), 601);
        workshop.stack(&[layer]).unwrap();
    }
}
