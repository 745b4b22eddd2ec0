//! What is other in a user namespace with a single id, and all that is not.

use std::{
    env, fs,
    io::ErrorKind,
    os::unix::fs::{MetadataExt, PermissionsExt},
    process::Command,
};

use strata_image::layer::{Entry, EntryKind};
use strata_runtime::userns::{self, Ids};

use crate::{
    layers::{directory, entries, file, node, path, said, tar},
    workshop::{Workshop, at},
};

/// Set when these tests run inside a namespace that they made.
const INSIDE: &str = "STRATA_TESTS_INSIDE";

/// All the tests of this file's binary, as somebody who is not root could run them.
#[test]
fn everything_holds_in_a_user_namespace() {
    if env::var_os(INSIDE).is_some() {
        return;
    }
    let namespace = ["--map-root-user", "--mount", "--"];
    match Command::new("unshare").args(namespace).arg("true").status() {
        Ok(status) if status.success() => {}
        Ok(_) => return println!("skipped: this kernel forbids user namespaces"),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return println!("skipped: there is no unshare(1)");
        }
        Err(error) => panic!("{error}"),
    }
    let itself = env::current_exe().unwrap();
    let output = Command::new("unshare").args(namespace).arg(itself).env(INSIDE, "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn what_a_single_id_cannot_keep_is_counted_and_said_again() {
    for workshop in Workshop::each() {
        if userns::ids() != Ids::Single {
            return println!("skipped: this process has more than one id");
        }
        let owned = |(entry, content): (Entry, &'static str)| (Entry { uid: 5, gid: 6, ..entry }, content);
        let device = node("null", EntryKind::CharDevice { major: 1, minor: 3 });
        let bottom = tar(&[owned(directory("d")), owned(file("d/f", "1")), owned(file("g", "1")), device]);
        let stack = workshop.stack(&[bottom]).unwrap();
        assert_eq!((stack.losses().owners, stack.losses().devices), (3, 1));
        let active = workshop.changed(&stack, |root| {
            assert_eq!(fs::metadata(root.join("d")).unwrap().uid(), 0);
            fs::set_permissions(root.join("d/f"), fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(root.join("d/new"), "").unwrap();
        });
        let mut layer = Vec::new();
        active.diff(None, &mut layer).unwrap();
        assert_eq!(said(&layer), ["d d", "- d/f", "- d/new"]);
        let owners: Vec<_> = entries(&layer).iter().map(|entry| (entry.uid, entry.gid)).collect();
        assert_eq!(owners, [(5, 6), (5, 6), (0, 0)]);
    }
}

#[test]
fn what_nobody_may_read_is_removed() {
    for workshop in Workshop::each() {
        let closed = (Entry { mode: 0, ..Entry::new(path("d"), EntryKind::Directory) }, "");
        let layer = tar(&[closed, file("d/f", "1")]);
        drop(workshop.stack(std::slice::from_ref(&layer)).unwrap());
        assert!(workshop.snapshots.gc(&[]).unwrap() > 0);
        let stack = workshop.stack(&[layer, tar(&[file(".wh.d", "")])]).unwrap();
        let view = workshop.snapshots.view(&stack).unwrap();
        assert_eq!(fs::read_dir(at(&view)).unwrap().count(), 0);
    }
}
