//! Entering a user namespace, by a process of its own with a single thread, hence without the test harness.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    env, fs,
    os::unix::{fs::chown, process::CommandExt},
    process::{Command, ExitCode},
};

use strata_runtime::{
    Error,
    snapshot::Snapshots,
    userns::{self, Ids},
};

/// Whom root becomes for this: any id that is not root's.
const SOMEBODY: u32 = 54_321;

const INSIDE: &str = "STRATA_TESTS_INSIDE";

fn main() -> ExitCode {
    if env::var_os(INSIDE).is_some() {
        inside();
        return ExitCode::SUCCESS;
    }
    let root = tempfile::tempdir().unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(INSIDE, root.path());
    if rustix::process::geteuid().is_root() {
        chown(root.path(), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
        command.uid(SOMEBODY).gid(SOMEBODY);
    }
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("skipped: an ordinary user cannot start this test: {error}");
            ExitCode::SUCCESS
        }
    }
}

fn inside() {
    let process = std::process::id();
    let outside = rustix::process::geteuid().as_raw();
    let ids = match userns::enter() {
        Ok(ids) => ids,
        Err(Error::Kernel { operation: "make", source, .. }) => {
            return println!("skipped: this kernel forbids user namespaces: {source}");
        }
        Err(error) => panic!("{error}"),
    };
    assert_ne!(ids, Ids::All);
    assert_eq!(ids, userns::ids());
    assert_eq!(std::process::id(), process, "the same process goes on");
    assert!(rustix::process::geteuid().is_root() && rustix::process::getegid().is_root());
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    let first: Vec<_> = map.split_whitespace().take(3).collect();
    assert_eq!(first, ["0", outside.to_string().as_str(), "1"]);
    if ids == Ids::Single {
        assert_eq!(fs::read_to_string("/proc/self/setgroups").unwrap(), "deny\n");
    }
    assert_eq!(userns::enter().unwrap(), ids, "a second time is nothing");
    let root = env::var_os(INSIDE).unwrap();
    let snapshots = Snapshots::open(root.as_ref()).unwrap();
    snapshots.prepare(&snapshots.scratch()).unwrap();
    println!("an ordinary user has {ids:?}");
}
