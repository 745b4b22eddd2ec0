//! Layers become the tree that the merged view says.

use std::{fs, os::unix::fs::MetadataExt, sync::Arc};

use strata_image::{
    Timestamp,
    layer::{Entry, EntryKind},
};
use strata_runtime::userns::{self, Ids};

use crate::{
    layers::{MemoryLayer, directory, file, hard_link, node, path, symlink, tar},
    workshop::{Workshop, at},
};

#[test]
fn later_layers_lie_over_earlier_ones() {
    for workshop in Workshop::each() {
        let bottom = tar(&[directory("d"), file("d/kept", "1"), file("d/replaced", "1"), file("d/gone", "1")]);
        let top = tar(&[directory("d"), file("d/replaced", "2"), file("d/.wh.gone", ""), file("d/new", "2")]);
        assert_eq!(
            workshop.shows(&[bottom, top]),
            [r"0755 d/", r#"0644 d/kept "1""#, r#"0644 d/new "2""#, r#"0644 d/replaced "2""#]
        );
    }
}

#[test]
fn whiteouts_act_on_lower_names_only_wherever_they_stand() {
    for workshop in Workshop::each() {
        let bottom = tar(&[directory("d"), file("d/a", "1"), file("d/b", "1"), directory("d/s"), file("d/s/x", "1")]);
        for (top, seen) in [
            (vec![file("d/.wh.a", ""), file("d/a", "2")], vec!["d/a 2", "d/b 1", "d/s/", "d/s/x 1"]),
            (vec![file("d/a", "2"), file("d/.wh.a", "")], vec!["d/a 2", "d/b 1", "d/s/", "d/s/x 1"]),
            (vec![directory("d"), file("d/.wh..wh..opq", ""), file("d/c", "2")], vec!["d/c 2"]),
            (vec![directory("d"), file("d/c", "2"), file("d/.wh..wh..opq", "")], vec!["d/c 2"]),
            (vec![file("d/a", "2"), file("d/.wh..wh..opq", "")], vec!["d/a 2"]),
            (vec![directory("d/s"), file("d/s/y", "2"), file("d/.wh..wh..opq", "")], vec!["d/s/", "d/s/y 2"]),
            (
                vec![directory("d/s"), file("d/s/y", "2"), file("d/.wh.s", "")],
                vec!["d/a 1", "d/b 1", "d/s/", "d/s/y 2"],
            ),
            (vec![hard_link("d/h", "d/a"), file("d/.wh..wh..opq", "")], vec!["d/h 1"]),
            (vec![file("d/s/.wh.x", ""), file("d/.wh.s", "")], vec!["d/a 1", "d/b 1"]),
            (vec![file("d/.wh.missing", ""), file("e/f/.wh.missing", "")], vec!["d/a 1", "d/b 1", "d/s/", "d/s/x 1"]),
        ] {
            let shown = workshop.shows(&[bottom.clone(), tar(&top)]);
            let short: Vec<String> =
                shown.iter().map(|line| line[5..].replace('"', "")).filter(|line| line != "d/").collect();
            assert_eq!(short, seen, "{top:?}");
        }
    }
}

#[test]
fn parents_are_resolved_in_the_merged_view() {
    for workshop in Workshop::each() {
        let bottom =
            tar(&[directory("usr/lib"), symlink("lib", "usr/lib"), symlink("abs", "/usr"), file("usr/lib/gone", "1")]);
        let top = tar(&[file("lib/x", "2"), file("abs/y", "2"), file("lib/.wh.gone", "")]);
        assert_eq!(
            workshop.shows(&[bottom, top]),
            [
                "0777 abs -> /usr",
                "0777 lib -> usr/lib",
                "0755 usr/",
                "0755 usr/lib/",
                r#"0644 usr/lib/x "2""#,
                r#"0644 usr/y "2""#
            ]
        );
    }
}

#[test]
fn the_last_entry_of_a_name_wins_whatever_its_type() {
    for workshop in Workshop::each() {
        let entries = [
            file("a", "1"),
            file("a", "2"),
            directory("b"),
            file("b/inside", "1"),
            file("b", "now a file"),
            file("c", "1"),
            directory("c"),
            symlink("d", "a"),
            file("d", "not through the link"),
            file("e", "1"),
            file("e/below", "what was a file is a directory"),
        ];
        let seen = [
            r#"0644 a "2""#,
            r#"0644 b "now a file""#,
            "0755 c/",
            r#"0644 d "not through the link""#,
            "0755 e/",
            r#"0644 e/below "what was a file is a directory""#,
        ];
        assert_eq!(workshop.shows(&[tar(&entries)]), seen);
        let below = tar(&[directory("a"), file("a/x", "0"), symlink("b", "a"), directory("c"), file("c/kept", "0")]);
        let seen = [&seen[..3], &[r#"0644 c/kept "0""#], &seen[3..]].concat();
        let entries: Vec<_> =
            entries.into_iter().filter(|(entry, _)| entry.path != path("c") || entry.kind != EntryKind::File).collect();
        assert_eq!(workshop.shows(&[below, tar(&entries)]), seen);
    }
}

#[test]
fn hard_links_reach_into_lower_layers() {
    for workshop in Workshop::each() {
        let bottom = tar(&[file("a", "1"), symlink("s", "a")]);
        let top = tar(&[hard_link("b", "a"), hard_link("c", "b"), hard_link("c", "c"), hard_link("t", "s")]);
        let stack = workshop.stack(&[bottom, top]).unwrap();
        let view = workshop.snapshots.view(&stack).unwrap();
        let inode = |name| fs::symlink_metadata(at(&view).join(name)).unwrap().ino();
        assert_eq!(inode("b"), inode("c"));
        assert_eq!(fs::read_to_string(at(&view).join("c")).unwrap(), "1");
        assert!(fs::symlink_metadata(at(&view).join("t")).unwrap().is_symlink());
    }
}

#[test]
fn metadata_is_kept_whatever_the_umask() {
    for workshop in Workshop::each() {
        if userns::ids() != Ids::All {
            return println!("skipped: only root gives files away");
        }
        let time = Timestamp { seconds: -315_619_200, nanoseconds: 5 };
        let with =
            |name, kind, mode| Entry { mode, uid: 4_000_000_000, gid: 7, mtime: time, ..Entry::new(path(name), kind) };
        let mut capable = with("capable", EntryKind::File, 0o755);
        let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].to_vec();
        capable.xattrs.insert("security.capability".into(), capability.clone());
        let mut hidden = with("dir/hidden", EntryKind::File, 0o6000);
        hidden.xattrs.insert("user.note".into(), b"x\ny".to_vec());
        let entries = [
            (with("dir", EntryKind::Directory, 0o7777), ""),
            (hidden, ""),
            (capable, "x"),
            (with("link", EntryKind::Symlink("dir".into()), 0o777), ""),
            (with("fifo", EntryKind::Fifo, 0o622), ""),
            (with("null", EntryKind::CharDevice { major: 1, minor: 3 }, 0o666), ""),
            (with("disk", EntryKind::BlockDevice { major: 8, minor: 1 }, 0o660), ""),
            (with("", EntryKind::Directory, 0o711), ""),
        ];
        let stack = workshop.stack(&[tar(&entries), tar(&[file("dir/more", "")])]).unwrap();
        let view = workshop.snapshots.view(&stack).unwrap();
        for (entry, _) in &entries {
            let place = if entry.path.is_root() { at(&view).join(".") } else { at(&view).join(entry.path.to_string()) };
            let found = fs::symlink_metadata(place).unwrap();
            assert_eq!(found.mode() & 0o7777, entry.mode, "{}", entry.path);
            assert_eq!((u64::from(found.uid()), u64::from(found.gid())), (entry.uid, entry.gid), "{}", entry.path);
            assert_eq!(found.mtime(), time.seconds, "{}", entry.path);
        }
        let mut value = [0; 64];
        let length = rustix::fs::getxattr(at(&view).join("capable"), "security.capability", &mut value[..]).unwrap();
        assert_eq!(value[..length], capability);
        let length = rustix::fs::getxattr(at(&view).join("dir/hidden"), "user.note", &mut value[..]).unwrap();
        assert_eq!(&value[..length], b"x\ny");
    }
}

#[test]
fn a_directory_that_a_layer_names_again_has_only_what_it_says() {
    for workshop in Workshop::each() {
        let mut noted = directory("d");
        noted.0.xattrs.insert("user.note".into(), b"old".to_vec());
        let top = (Entry { mode: 0o700, ..directory("d").0 }, "");
        let stack = workshop.stack(&[tar(&[noted, file("d/f", "1")]), tar(&[top])]).unwrap();
        let view = workshop.snapshots.view(&stack).unwrap();
        assert_eq!(fs::metadata(at(&view).join("d")).unwrap().mode() & 0o7777, 0o700);
        let mut value = [0; 8];
        assert!(rustix::fs::getxattr(at(&view).join("d"), "user.note", &mut value[..]).is_err());
        assert!(at(&view).join("d/f").exists());
    }
}

#[test]
fn runs_of_zeros_take_no_space() {
    for workshop in Workshop::each() {
        let zeros = "\0".repeat(300_000);
        let content = format!("{zeros}end{zeros}");
        let stack = workshop.stack(&[tar(&[file("sparse", &content)])]).unwrap();
        let view = workshop.snapshots.view(&stack).unwrap();
        assert_eq!(fs::read_to_string(at(&view).join("sparse")).unwrap(), content);
        assert!(fs::metadata(at(&view).join("sparse")).unwrap().blocks() * 512 < 300_000);
    }
}

#[test]
fn what_a_layer_says_of_a_single_file_is_not_seen_in_the_next_snapshot_only() {
    for workshop in Workshop::each() {
        let layers = [tar(&[file("a", "1")]), tar(&[file("b", "2")]), tar(&[file("c", "3")])];
        assert_eq!(workshop.shows(&layers[..1]).len(), 1);
        assert_eq!(workshop.shows(&layers).len(), 3);
        assert_eq!(workshop.shows(&layers[..2]).len(), 2);
    }
}

#[test]
fn two_hundred_layers_mount() {
    for workshop in Workshop::each() {
        let layers: Vec<_> =
            (0..200).map(|n| tar(&[file(&format!("f{n}"), "x"), file("top", &n.to_string())])).collect();
        let stack = workshop.stack(&layers).unwrap();
        assert_eq!(stack.depth(), 200);
        let active = workshop.changed(&stack, |root| fs::write(root.join("written"), "w").unwrap());
        assert_eq!(fs::read_dir(at(&active.root())).unwrap().count(), 202);
        assert_eq!(fs::read_to_string(at(&active.root()).join("top")).unwrap(), "199");
    }
}

#[test]
fn bytes_that_are_not_those_of_the_diff_id_give_no_snapshot() {
    for workshop in Workshop::each() {
        let good = tar(&[file("a", "1")]);
        for bad in [MemoryLayer::false_one(good.clone()), MemoryLayer::new(good[..512].to_vec())] {
            let layers: [Arc<dyn strata_image::Layer>; 2] = [Arc::new(MemoryLayer::new(good.clone())), Arc::new(bad)];
            workshop.snapshots.of_layers(&layers).unwrap_err();
            assert_eq!(workshop.names().len(), workshop.kept(2) - 1, "only the layer below is left");
        }
    }
}

#[test]
fn kinds_that_devices_share_are_told_apart() {
    for workshop in Workshop::each() {
        let refused = workshop.stack(&[tar(&[node("x", EntryKind::CharDevice { major: 0, minor: 0 })])]);
        assert!(refused.unwrap_err().to_string().contains("0:0"));
        assert!(workshop.names().is_empty());
    }
}
