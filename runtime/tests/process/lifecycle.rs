//! The end of a container, and what it leaves: nothing.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, time::Duration};

use strata_runtime::process::{Exit, Stdio};

use crate::rootfs::{Rootfs, command, marker, processes_with, shell};

#[test]
fn the_status_is_the_commands() {
    let Some(rootfs) = Rootfs::new() else { return };
    for (script, expected) in [
        ("exit 0", Exit::Code(0)),
        ("exit 3", Exit::Code(3)),
        ("exit 255", Exit::Code(255)),
        ("sh -c 'kill -TERM $$'; exit $?", Exit::Code(143)),
    ] {
        assert_eq!(rootfs.run(&shell(script)).unwrap().exit, expected, "{script}");
    }
}

#[test]
fn a_killed_container_is_128_and_the_signal() {
    let Some(rootfs) = Rootfs::new() else { return };
    let running = rootfs.start(&command(&["sleep", "1000"])).unwrap();
    running.kill().unwrap();
    let exit = running.wait().unwrap();
    assert_eq!((exit, exit.status()), (Exit::Signal(9), 137));
}

#[test]
fn processes_in_the_background_end_with_the_command() {
    let Some(rootfs) = Rootfs::new() else { return };
    // the pipe would stay open while one lives
    let output = rootfs.run(&shell("sleep 1000 & setsid sleep 1000 & echo started")).unwrap();
    assert_eq!((output.exit, output.stdout.as_str()), (Exit::Code(0), "started\n"));
}

#[test]
fn dropping_a_running_container_ends_it() {
    let Some(rootfs) = Rootfs::new() else { return };
    let marker = marker();
    let running = rootfs.start(&shell(&format!("sleep {marker} & sleep {marker}"))).unwrap();
    while processes_with(&marker) < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(running);
    assert_eq!(processes_with(&marker), 0);
}

#[test]
fn stdin_is_empty_where_it_is_not_relayed() {
    let Some(rootfs) = Rootfs::new() else { return };
    assert_eq!(rootfs.run(&command(&["cat"])).unwrap().stdout, "");
    let mut spec = command(&["cat"]);
    spec.stdio = Stdio::Inherit { stdin: false };
    assert_eq!(rootfs.start(&spec).unwrap().wait().unwrap(), Exit::Code(0));
}

#[test]
fn no_mount_reaches_the_host() {
    let Some(rootfs) = Rootfs::new() else { return };
    let path = rootfs.path().to_str().unwrap().to_owned();
    let running = rootfs.start(&command(&["sleep", "1000"])).unwrap();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&path));
    drop(running);
}

#[test]
fn mount_points_that_were_not_there_are_gone_and_times_are_kept() {
    let rootfs = Rootfs::with(|root| {
        for name in ["proc", "sys", "dev"] {
            fs::remove_dir(root.join(name)).unwrap();
        }
        set_time(&root.join("etc"), 1_000_000_000);
        set_time(root, 1_000_000_001);
    });
    let Some(rootfs) = rootfs else { return };
    assert_eq!(rootfs.shell("stat -c %Y /etc"), "1000000000\n");
    let mut names: Vec<_> =
        fs::read_dir(rootfs.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["bin", "dev", "etc", "proc", "sys", "tmp"]);
    assert_eq!(fs::read_dir(rootfs.path().join("etc")).unwrap().count(), 0);
    assert_eq!(fs::metadata(rootfs.path().join("etc")).unwrap().mtime(), 1_000_000_000);
    assert_eq!(fs::metadata(rootfs.path()).unwrap().mtime(), 1_000_000_001);
    let mode = fs::metadata(rootfs.path().join("proc")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn directories_made_for_mount_points_are_gone_too() {
    let rootfs = Rootfs::with(|root| fs::remove_dir(root.join("etc")).unwrap());
    let Some(rootfs) = rootfs else { return };
    rootfs.shell("true");
    assert!(!rootfs.path().join("etc").exists());
    // and stay where the command uses them
    rootfs.shell("echo x > /etc/mine");
    assert_eq!(fs::read_dir(rootfs.path().join("etc")).unwrap().count(), 1);
}

#[test]
fn a_failed_start_leaves_nothing() {
    let rootfs = Rootfs::with(|root| fs::remove_dir(root.join("etc")).unwrap());
    let Some(rootfs) = rootfs else { return };
    rootfs.error(&command(&["nosuch"]));
    assert!(!rootfs.path().join("etc").exists());
}

fn set_time(path: &Path, seconds: u64) {
    let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}
