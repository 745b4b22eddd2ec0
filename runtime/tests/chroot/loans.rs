//! Mounts that are none: what is lent to the tree, and that it leaves no trace.

use std::{
    fs::{self, File},
    os::unix::{
        fs::{MetadataExt as _, symlink},
        net::UnixListener,
    },
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use strata_runtime::process::{Exit, Mount, MountSource, Spec};

use crate::tree::{Tree, shell};

fn host(path: &Path, destination: &str, read_only: bool) -> Mount {
    Mount { source: MountSource::Host(path.into()), destination: destination.into(), read_only }
}

fn secret(destination: &str) -> Mount {
    let source = MountSource::File { content: Arc::from(b"secret".as_slice()), mode: 0o400, uid: 1000, gid: 1001 };
    Mount { source, destination: destination.into(), read_only: true }
}

fn with(mounts: Vec<Mount>, script: &str) -> Spec {
    Spec { mounts, ..shell(script) }
}

/// A tree where something is in every place that is used, and all times are long ago.
fn lived_in() -> Option<Tree> {
    Tree::with(|root| {
        fs::create_dir_all(root.join("cache/of/the")).unwrap();
        fs::write(root.join("cache/of/the/image"), "hidden").unwrap();
        fs::write(root.join("etc/hosts"), "of the image").unwrap();
        fs::hard_link(root.join("etc/hosts"), root.join("etc/also")).unwrap();
        symlink("../run/stub.conf", root.join("etc/resolv.conf")).unwrap();
        fs::write(root.join("dev/null"), "no device").unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_000_000_000_123_456_789);
        for directory in ["cache/of/the", "cache/of", "cache", "etc", "dev", "tmp", "."] {
            File::open(root.join(directory)).unwrap().set_modified(long_ago).unwrap();
        }
    })
}

#[test]
fn nothing_is_left_and_no_time_has_moved() {
    let Some(tree) = lived_in() else { return };
    let source = tempfile::tempdir().unwrap();
    fs::create_dir(source.path().join("d")).unwrap();
    fs::write(source.path().join("d/f"), "lent").unwrap();
    let before = tree.inventory();
    let tmpfs =
        Mount { source: MountSource::Tmpfs { size: None, mode: 0o1777 }, destination: "/tmp".into(), read_only: false };
    let mounts = vec![
        host(source.path(), "/cache", false),
        host(source.path(), "/cache/of/deeper", true),
        host(&source.path().join("d/f"), "/etc/single", true),
        secret("/run/secrets/s"),
        tmpfs,
    ];
    let script = "cat /cache/d/f /cache/of/deeper/d/f /etc/single /run/secrets/s; test ! -e /cache/of/the
        echo x > /tmp/x; stat -c %a /tmp; stat -c '%a %u %g' /run/secrets/s; ls -A /; echo > /cache/of/deeper/d/f";
    let (exit, seen) = tree.run(&with(mounts, script)).unwrap();
    assert_eq!(exit, Exit::Code(0), "{seen}");
    assert!(
        seen.starts_with("lentlentlentsecret1777\n400 1000 1001\nbin\ncache\ndev\netc\nproc\nrun\nsys\ntmp\n"),
        "{seen}"
    );
    assert_eq!(tree.inventory(), before);
    assert_eq!(tree.beside(), 0);
    // what was lent inside of it is no part of what goes back
    assert_eq!(fs::read_dir(source.path().join("of")).map_or(0, Iterator::count), 0);
    assert_eq!(fs::read_to_string(source.path().join("d/f")).unwrap(), "lent");
}

#[test]
fn what_the_command_changes_beside_them_stays() {
    let Some(tree) = lived_in() else { return };
    tree.shell("echo mine > /etc/mine; chmod 700 /etc");
    let etc = fs::metadata(tree.path().join("etc")).unwrap();
    assert_eq!(etc.mode() & 0o777, 0o700);
    assert!(etc.modified().unwrap() > SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000));
    assert_eq!(fs::read_to_string(tree.path().join("etc/mine")).unwrap(), "mine\n");
    assert_eq!(fs::read_to_string(tree.path().join("etc/hosts")).unwrap(), "of the image");
}

#[test]
fn what_was_lent_can_be_removed_and_replaced() {
    let Some(tree) = lived_in() else { return };
    let source = tempfile::tempdir().unwrap();
    fs::write(source.path().join("f"), "").unwrap();
    let before = tree.inventory();
    let mounts = vec![host(source.path(), "/cache", false), secret("/etc/hosts")];
    let script =
        "rm -r /cache; echo > /cache; rm -r /dev; mkdir /dev; mv /etc/hosts /tmp/h; mkdir /etc/hosts; rm /tmp/h";
    let spec = Spec { hosts: false, ..with(mounts, script) };
    let (exit, seen) = tree.run(&spec).unwrap();
    assert_eq!(exit, Exit::Code(0), "{seen}");
    let untimed = |lines: Vec<String>| -> Vec<String> {
        lines
            .into_iter()
            .filter(|line| !line.starts_with(' ') && !line.starts_with("etc ") && !line.starts_with("tmp "))
            .collect()
    };
    assert_eq!(untimed(tree.inventory()), untimed(before));
    assert!(source.path().join("f").exists(), "where the copy is gone, nothing is taken from the original");
}

#[test]
fn a_directory_that_the_command_removes_stays_removed() {
    let Some(tree) = lived_in() else { return };
    tree.shell("rm -r /etc");
    assert!(!tree.path().join("etc").exists());
    assert_eq!(tree.beside(), 0);
}

#[test]
fn a_writable_directory_goes_back_with_what_changed() {
    let Some(tree) = Tree::new() else { return };
    let cache = tempfile::tempdir().unwrap();
    let path = |name: &str| cache.path().join(name);
    fs::create_dir_all(path("d/gone")).unwrap();
    for name in ["kept", "changed", "removed", "moved", "d/gone/f", "becomes"] {
        fs::write(path(name), "1").unwrap();
    }
    let inode = |name: &str| fs::metadata(path(name)).unwrap().ino();
    let kept = inode("kept");
    let script = "cd /c; echo 2 > changed; rm -r removed d/gone; mv moved d/moved; rm becomes; mkdir -m 700 becomes
        echo 3 > becomes/new; ln -s kept link; chmod 600 d/moved";
    let running = tree.start(&with(vec![host(cache.path(), "/c", false)], script)).unwrap();
    // another step, meanwhile
    fs::write(path("elsewhere"), "4").unwrap();
    assert_eq!(running.wait().unwrap(), Exit::Code(0));
    let mut names: Vec<_> =
        fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["becomes", "changed", "d", "elsewhere", "kept", "link"]);
    assert_eq!(inode("kept"), kept);
    assert_eq!(fs::read_to_string(path("changed")).unwrap(), "2\n");
    assert_eq!(fs::read_to_string(path("becomes/new")).unwrap(), "3\n");
    assert_eq!(fs::metadata(path("becomes")).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::read_link(path("link")).unwrap(), Path::new("kept"));
    assert_eq!(fs::metadata(path("d/moved")).unwrap().mode() & 0o777, 0o600);
    assert!(!path("d/gone").exists());
}

#[test]
fn a_read_only_directory_does_not_go_back_nor_does_one_of_a_killed_command() {
    let Some(tree) = Tree::new() else { return };
    let source = tempfile::tempdir().unwrap();
    let (exit, _) = tree.run(&with(vec![host(source.path(), "/c", true)], "echo x > /c/x")).unwrap();
    assert_eq!((exit, fs::read_dir(source.path()).unwrap().count()), (Exit::Code(0), 0));
    let running = tree.start(&with(vec![host(source.path(), "/c", false)], "echo x > /c/x; exec sleep 1000")).unwrap();
    drop(running);
    assert_eq!(fs::read_dir(source.path()).unwrap().count(), 0);
    assert!(!tree.path().join("c").exists());
}

#[test]
fn a_writable_file_goes_back_in_its_place() {
    let Some(tree) = Tree::new() else { return };
    let source = tempfile::NamedTempFile::new().unwrap();
    let inode = source.as_file().metadata().unwrap().ino();
    tree.run(&with(vec![host(source.path(), "/f", false)], "echo written > /f")).unwrap();
    assert_eq!(fs::read_to_string(source.path()).unwrap(), "written\n");
    assert_eq!(fs::metadata(source.path()).unwrap().ino(), inode);
}

#[test]
fn a_tree_is_searched_as_a_process_in_it_would() {
    let Some(tree) = Tree::new() else { return };
    let other = tempfile::tempdir().unwrap();
    fs::create_dir(other.path().join("etc")).unwrap();
    fs::write(other.path().join("etc/hostname"), "of the other tree").unwrap();
    symlink("/etc", other.path().join("link")).unwrap();
    let source = MountSource::Tree { root: Arc::new(File::open(&other).unwrap().into()), path: "link/hostname".into() };
    let mounts = vec![Mount { source, destination: "/f".into(), read_only: true }];
    assert_eq!(tree.run(&with(mounts, "cat /f")).unwrap().1, "of the other tree");
}

#[test]
fn links_on_the_way_stay_inside() {
    let outside = tempfile::tempdir().unwrap();
    let tree = Tree::with(|root| {
        symlink(outside.path(), root.join("absolute")).unwrap();
        fs::remove_file(root.join("etc/hosts")).ok();
        symlink(outside.path().join("victim"), root.join("etc/hosts")).unwrap();
    });
    let Some(tree) = tree else { return };
    fs::write(outside.path().join("victim"), "untouched").unwrap();
    let (exit, seen) = tree.run(&with(vec![secret("/absolute/s")], "cat /absolute/s; echo x > /etc/hosts")).unwrap();
    assert_eq!((exit, seen.as_str()), (Exit::Code(0), "secret"));
    assert_eq!(fs::read_to_string(outside.path().join("victim")).unwrap(), "untouched");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn a_link_at_dev_is_refused_and_what_it_leads_to_is_untouched() {
    let outside = tempfile::tempdir().unwrap();
    let tree = Tree::with(|root| {
        fs::remove_dir(root.join("dev")).unwrap();
        symlink(outside.path(), root.join("dev")).unwrap();
    });
    let Some(tree) = tree else { return };
    assert_eq!(tree.error(&shell("true")).to_string(), "cannot mount on /dev: it is not an ordinary directory");
    assert_eq!((fs::read_dir(outside.path()).unwrap().count(), tree.beside()), (0, 0));
}

#[test]
fn sockets_and_devices_cannot_be_lent() {
    let Some(tree) = Tree::new() else { return };
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let before = tree.inventory();
    let error = tree.error(&with(vec![host(&socket, "/run/docker.sock", false)], "true"));
    assert!(error.to_string().starts_with("cannot mount on /run/docker.sock: without mounts only"), "{error}");
    assert_eq!((tree.inventory(), tree.beside()), (before, 0));
}
