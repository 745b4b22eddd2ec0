//! What a specification asks to be mounted.

use std::{
    ffi::CStr,
    fs,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::{MetadataExt as _, symlink},
    },
    path::Path,
    sync::Arc,
};

use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen};
use strata_runtime::{
    Error,
    process::{Exit, Mount, MountSource, Spec},
};

use crate::rootfs::{Rootfs, shell};

fn with(script: &str, mounts: Vec<Mount>) -> Spec {
    Spec { mounts, ..shell(script) }
}

fn tree(root: &Arc<OwnedFd>, path: &str, destination: &str) -> Mount {
    let source = MountSource::Tree { root: Arc::clone(root), path: path.into() };
    Mount { destination: destination.into(), read_only: false, source }
}

fn directory(path: &Path) -> Arc<OwnedFd> {
    Arc::new(fs::File::open(path).unwrap().into())
}

fn tmpfs(destination: &str, size: Option<u64>, mode: u32) -> Mount {
    Mount { destination: destination.into(), read_only: false, source: MountSource::Tmpfs { size, mode } }
}

fn file(destination: &str, content: &[u8], mode: u32, owner: (u32, u32)) -> Mount {
    let source = MountSource::File { content: content.into(), mode, uid: owner.0, gid: owner.1 };
    Mount { destination: destination.into(), read_only: false, source }
}

/// A file system that is mounted nowhere, as a view of a snapshot is.
fn detached(kind: &CStr) -> OwnedFd {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC).unwrap();
    fsconfig_set_string(context.as_fd(), c"source", c"test").unwrap();
    fsconfig_create(context.as_fd()).unwrap();
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty()).unwrap()
}

#[test]
fn a_tree_is_seen_whole_or_in_part() {
    let Some(rootfs) = Rootfs::new() else { return };
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir_all(outside.path().join("deep/er")).unwrap();
    fs::write(outside.path().join("deep/er/file"), "content\n").unwrap();
    let root = directory(outside.path());
    let mounts = vec![
        tree(&root, "", "/whole"),
        tree(&root, "/deep", "/part"),
        tree(&root, "deep/er/file", "/single"),
        Mount { read_only: true, ..tree(&root, "deep", "/ro") },
    ];
    let script = "cat /whole/deep/er/file /part/er/file /single; echo more >> /single
        (echo > /ro/x) 2>/dev/null && echo written; true";
    let output = rootfs.run(&with(script, mounts)).unwrap();
    assert_eq!(output.stdout, "content\n".repeat(3), "{output:?}");
    assert_eq!(fs::read_to_string(outside.path().join("deep/er/file")).unwrap(), "content\nmore\n");
}

#[test]
fn a_tree_that_is_mounted_nowhere_can_be_mounted_in_part_and_more_than_once() {
    let Some(rootfs) = Rootfs::new() else { return };
    let root = Arc::new(detached(c"tmpfs"));
    rustix::fs::mkdirat(root.as_fd(), "inner", rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
    for round in 1..=2 {
        let script = "echo x >> /a/file; cat /b/inner/file";
        let mounts = vec![tree(&root, "inner", "/a"), tree(&root, "", "/b")];
        match rootfs.run(&with(script, mounts)) {
            Ok(output) => assert_eq!(output.stdout, "x\n".repeat(round), "{output:?}"),
            Err(Error::Kernel { operation: "mount", .. }) if round == 2 => {
                return eprintln!("skipped: this kernel copies no detached mount (Linux 6.15 does)");
            }
            Err(error) => panic!("round {round}: {error:?}"),
        }
    }
}

#[test]
fn links_and_dots_in_a_trees_path_stay_inside_cve_2024_1753_and_9675() {
    let Some(rootfs) = Rootfs::new() else { return };
    let outside = tempfile::tempdir().unwrap();
    let inside = outside.path().join("tree");
    fs::create_dir_all(inside.join("sub")).unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    fs::write(inside.join("own"), "").unwrap();
    symlink("/", inside.join("root")).unwrap();
    symlink("../../../..", inside.join("up")).unwrap();
    symlink(outside.path(), inside.join("absolute")).unwrap();
    symlink("/proc/self/root", inside.join("magic")).unwrap();
    let root = directory(&inside);
    for path in ["root", "up", "../../..", "sub/../../..", "/..", "root/up/root"] {
        let output = rootfs.run(&with("ls /m", vec![tree(&root, path, "/m")])).unwrap();
        assert_eq!(output.stdout, "absolute\nmagic\nown\nroot\nsub\nup\n", "{path}: {output:?}");
    }
    for path in ["absolute", "magic", "absolute/secret", "../secret", "nosuch/x"] {
        let error = rootfs.error(&with("true", vec![tree(&root, path, "/m")]));
        assert_eq!(error.to_string(), format!("cannot find the source of a mount, {path}"));
        let Error::Kernel { source, .. } = &error else { panic!("{error:?}") };
        assert_eq!(source.kind(), std::io::ErrorKind::NotFound, "{path}");
    }
}

/// One step of two that share a cache makes a link of the part that the other mounts (CVE-2024-23651).
#[test]
fn a_source_that_becomes_a_link_after_it_was_found_has_no_effect_cve_2024_23651() {
    let Some(rootfs) = Rootfs::new() else { return };
    let outside = tempfile::tempdir().unwrap();
    let cache = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "").unwrap();
    fs::create_dir(cache.path().join("a")).unwrap();
    let root = directory(cache.path());
    std::thread::scope(|scope| {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let path = cache.path();
        let target = outside.path();
        scope.spawn(move || {
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                fs::rename(path.join("a"), path.join("b")).unwrap();
                symlink(target, path.join("a")).unwrap();
                fs::remove_file(path.join("a")).unwrap();
                fs::rename(path.join("b"), path.join("a")).unwrap();
            }
        });
        let (mut tried, mut seen) = (0, 0);
        // on a busy machine it may be away for long
        while tried < 60 || seen == 0 {
            tried += 1;
            assert!(tried < 10_000, "it was never there");
            match rootfs.run(&with("ls /m", vec![tree(&root, "a", "/m")])) {
                Ok(output) => {
                    assert_eq!(output.stdout, "", "{output:?}");
                    seen += 1;
                }
                Err(error) => assert!(error.to_string().starts_with("cannot find"), "{error:?}"),
            }
        }
        drop(stop);
    });
}

#[test]
fn a_tmpfs_hides_what_was_there_has_its_size_and_leaves_nothing() {
    let rootfs = Rootfs::with(|root| fs::write(root.join("tmp/old"), "old").unwrap());
    let Some(rootfs) = rootfs else { return };
    let script = "ls /tmp; echo x > /tmp/new; stat -c %a /tmp /private
        dd if=/dev/zero of=/tmp/big bs=1024 count=2048 2>/dev/null; stat -c %s /tmp/big; cat /proc/self/mounts";
    let mounts = vec![tmpfs("/tmp", Some(1024 * 1024), 0o1777), tmpfs("/private", None, 0o700)];
    let output = rootfs.run(&with(script, mounts)).unwrap();
    assert!(output.stdout.starts_with("1777\n700\n"), "{output:?}");
    let size: u64 = output.stdout.lines().nth(2).unwrap().parse().unwrap();
    assert!(size <= 1024 * 1024, "{size}");
    assert!(output.stdout.contains(" /tmp tmpfs rw,nosuid,nodev,relatime,size=1024k"), "{output:?}");
    assert_eq!(rootfs.shell("ls /tmp; ls /private || true"), "old\n");
}

#[test]
fn mounts_lie_in_one_another_in_whatever_order_they_are_asked_for() {
    let Some(rootfs) = Rootfs::new() else { return };
    let outside = tempfile::tempdir().unwrap();
    let root = directory(outside.path());
    let mounts = vec![
        file("/work/cache/deep/token", b"token", 0o400, (0, 0)),
        tmpfs("/work/cache", None, 0o755),
        tree(&root, "", "/work"),
        tmpfs("/dev/shm/inner", None, 0o755),
        file("/dev/added", b"device", 0o444, (0, 0)),
    ];
    let script = "cat /work/cache/deep/token /dev/added; echo > /work/made; echo > /dev/shm/inner/x; ls /dev/shm";
    let output = rootfs.run(&with(script, mounts)).unwrap();
    assert_eq!(output.stdout, "tokendeviceinner\n", "{output:?}");
    let names: Vec<_> = fs::read_dir(outside.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["made"]);
    assert!(!rootfs.path().join("work").exists());
}

#[test]
fn a_file_in_memory_has_its_mode_and_owner_and_touches_no_layer() {
    let rootfs = Rootfs::with_every_id(|root| fs::create_dir(root.join("run")).unwrap());
    let Some(rootfs) = rootfs else { return };
    let time = fs::metadata(rootfs.path().join("run")).unwrap().mtime_nsec();
    let largest = vec![b'x'; 500 * 1024];
    let mut mounts = vec![
        file("/run/secrets/token", b"secret", 0o400, (0, 0)),
        file("/run/secrets/setuid", b"#!/bin/sh\n", 0o4750, (1000, 1001)),
        Mount { read_only: true, ..file("/run/secrets/fixed", b"x", 0o666, (0, 0)) },
    ];
    mounts.extend((0..9).map(|number| file(&format!("/run/large{number}"), &largest, 0o644, (0, 0))));
    let script = "cd /run/secrets; cat token; stat -c ' %a %u:%g' token setuid; stat -c %s /run/large8
        echo y >> token; (echo z >> fixed) 2>/dev/null && echo written; true";
    let output = rootfs.run(&with(script, mounts)).unwrap();
    assert_eq!(output.stdout, "secret 400 0:0\n 4750 1000:1001\n512000\n", "{output:?}");
    assert_eq!(fs::read_dir(rootfs.path().join("run")).unwrap().count(), 0);
    assert_eq!(fs::metadata(rootfs.path().join("run")).unwrap().mtime_nsec(), time);
}

#[test]
fn a_file_in_memory_beyond_500_kib_is_an_error() {
    let Some(rootfs) = Rootfs::new() else { return };
    let spec = with("true", vec![file("/run/secrets/x", &vec![0; 500 * 1024 + 1], 0o400, (0, 0))]);
    let error = rootfs.error(&spec).to_string();
    assert!(error.contains("/run/secrets/x") && error.contains("500 KiB"), "{error}");
    assert!(!rootfs.path().join("run").exists());
}

#[test]
fn places_that_nothing_can_be_mounted_on_are_refused() {
    let Some(rootfs) = Rootfs::new() else { return };
    for (destination, reason) in [
        ("/", "it is the root directory"),
        ("/tmp/..", "it is the root directory"),
        ("relative", "it is not an absolute path"),
        ("/proc", "nothing may be mounted in /proc and /sys"),
        ("/sys/fs/cgroup/x", "nothing may be mounted in /proc and /sys"),
        ("/dev/pts/9", "nothing may be mounted in /dev/pts and /dev/mqueue"),
    ] {
        for mount in [tmpfs(destination, None, 0o755), file(destination, b"", 0o644, (0, 0))] {
            // a file on a directory has an error of its own
            let is_file = matches!(mount.source, MountSource::File { .. });
            let error = rootfs.error(&with("true", vec![mount]));
            match error {
                Error::MountPoint { reason: found, .. } => assert_eq!(found, reason, "{destination}"),
                Error::Kernel { source, .. } if is_file => assert_eq!(source.raw_os_error(), Some(21), "{destination}"),
                other => panic!("{destination}: {other:?}"),
            }
        }
    }
}

/// The step puts a link in the place of the directory that our mount point is in (CVE-2024-23652).
#[test]
fn removing_a_mount_point_never_follows_what_the_step_put_in_its_way_cve_2024_23652() {
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(outside.path().join("point")).unwrap();
    fs::write(outside.path().join("file"), "").unwrap();
    let rootfs = Rootfs::with(|root| {
        fs::create_dir(root.join("parent")).unwrap();
        symlink(outside.path(), root.join("link")).unwrap();
    });
    let Some(rootfs) = rootfs else { return };
    let mounts = vec![tmpfs("/parent/point", None, 0o755), file("/parent/file", b"x", 0o644, (0, 0))];
    let script = "mv /parent /moved && mv /link /parent && ls /moved";
    let output = rootfs.run(&with(script, mounts)).unwrap();
    assert_eq!((output.exit, output.stdout.as_str()), (Exit::Code(0), "file\npoint\n"), "{output:?}");
    assert!(outside.path().join("point").exists() && outside.path().join("file").exists());
    assert_eq!(fs::read_dir(rootfs.path().join("moved")).unwrap().count(), 0);
}

#[test]
fn a_mount_point_that_the_step_used_stays() {
    let Some(rootfs) = Rootfs::new() else { return };
    let script = "umount /a/point 2>/dev/null; mkdir /a/mine; echo x > /a/file";
    rootfs.run(&with(script, vec![tmpfs("/a/point", None, 0o755)])).unwrap();
    let mut names: Vec<_> =
        fs::read_dir(rootfs.path().join("a")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["file", "mine"]);
}

#[test]
fn more_hosts_are_in_etc_hosts_and_cannot_be_more_than_one_line() {
    let Some(rootfs) = Rootfs::new() else { return };
    let mut spec = shell("cat /etc/hosts");
    spec.extra_hosts = vec![("registry.local".into(), "10.0.0.1".into()), ("six".into(), "fd00::1".into())];
    let output = rootfs.run(&spec).unwrap();
    assert_eq!(
        output.stdout,
        "127.0.0.1\tlocalhost container\n::1\tlocalhost ip6-localhost ip6-loopback\n\
         10.0.0.1\tregistry.local\nfd00::1\tsix\n"
    );
    for (name, address) in [("a\n1.1.1.1 bank", "10.0.0.1"), ("a", "10.0.0.1 b"), ("", "10.0.0.1"), ("a", "host")] {
        spec.extra_hosts = vec![(name.into(), address.into())];
        let error = rootfs.error(&spec);
        assert!(matches!(error, Error::ExtraHost { .. }), "{name:?} {address:?}: {error:?}");
    }
}
