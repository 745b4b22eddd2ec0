//! This program in other roles, for what concerns the whole process: its streams, its signals, its death.

use std::{env, process::Command, sync::Arc};

use rustix::{
    fs::{Gid, Mode, mkdirat},
    mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen},
    thread::set_thread_groups,
};
use strata_runtime::{
    process::{Isolation, Mount, MountSource, Network, Security, Spec, Stdio, Ulimit},
    userns,
};

use crate::rootfs::{Rootfs, shell};

const ROLE: &str = "STRATA_TEST_ROLE";
const SCRIPT: &str = "STRATA_TEST_SCRIPT";

/// A program that runs a script in a container, in one of the roles below. It has a single thread, and says how
/// the container ended on stderr.
pub(crate) fn program(role: &str, script: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(ROLE, role).env(SCRIPT, script);
    command
}

/// The body of [`program`]; false when this is not one.
pub(crate) fn play() -> bool {
    let (Ok(role), Ok(script)) = (env::var(ROLE), env::var(SCRIPT)) else {
        return false;
    };
    run(&role, &script);
    true
}

fn run(role: &str, script: &str) {
    let mut spec = Spec { forward_signals: true, stdio: Stdio::Inherit { stdin: true }, ..shell(script) };
    match role {
        "inherit" => {}
        "user" => spec.user.uid = 1000,
        "chroot" | "chroot terminal" => {
            spec.isolation = Isolation::Chroot;
            spec.network = Network::Host;
            if role == "chroot terminal" {
                spec.stdio = Stdio::Terminal { stdin: true };
            }
        }
        "terminal" => spec.stdio = Stdio::Terminal { stdin: true },
        "output terminal" => spec.stdio = Stdio::Terminal { stdin: false },
        "memory" => spec.limits.memory = Some(64 * 1024 * 1024),
        "groups" => {
            let groups = [12345, 54321].map(Gid::from_raw);
            set_thread_groups(&groups).unwrap();
            println!(
                "caller: {:?}",
                rustix::process::getgroups().unwrap().iter().map(|gid| gid.as_raw()).collect::<Vec<_>>()
            );
        }
        "namespace" | "namespace without hosts network" => {
            if let Err(error) = userns::enter() {
                eprintln!("skipped: {error}");
                return;
            }
            if script == "id of another user" {
                spec.user.uid = 1000;
            }
            if role == "namespace" {
                spec.network = strata_runtime::process::Network::Host;
            }
        }
        "mounts in a namespace" | "ulimit in a namespace" | "memory in a namespace" | "insecure in a namespace" => {
            if let Err(error) = userns::enter() {
                eprintln!("skipped: {error}");
                return;
            }
            match role {
                "mounts in a namespace" => spec.mounts = mounts_of_every_kind(),
                "insecure in a namespace" => spec.security = Security::Insecure,
                "memory in a namespace" => spec.limits.memory = Some(64 * 1024 * 1024),
                _ => spec.limits.ulimits = vec![Ulimit { name: "nofile".into(), soft: 50, hard: 60 }],
            }
        }
        other => panic!("no role {other}"),
    }
    let Some(rootfs) = Rootfs::new() else { return };
    match rootfs.start(&spec).and_then(strata_runtime::process::Running::wait) {
        Ok(exit) => eprintln!("status {}", exit.status()),
        Err(error) => eprintln!("error {error}: {:?}", std::error::Error::source(&error)),
    }
}

/// A part of a tree that is mounted nowhere, a tmpfs, and a file in memory.
fn mounts_of_every_kind() -> Vec<Mount> {
    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).unwrap();
    fsconfig_create(&context).unwrap();
    let root = Arc::new(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty()).unwrap());
    mkdirat(&root, "part", Mode::from_raw_mode(0o755)).unwrap();
    let mount = |destination: &str, source| Mount { destination: destination.into(), read_only: false, source };
    vec![
        mount("/tree", MountSource::Tree { root, path: "../part".into() }),
        mount("/memory", MountSource::Tmpfs { size: Some(1 << 20), mode: 0o755 }),
        mount("/run/secrets/token", MountSource::File { content: (*b"token").into(), mode: 0o400, uid: 0, gid: 0 }),
    ]
}
