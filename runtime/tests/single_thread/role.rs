//! This program in other roles, for what concerns the whole process: its streams, its signals, its death.

use std::{env, process::Command};

use rustix::{fs::Gid, thread::set_thread_groups};
use strata_runtime::{
    process::{Spec, Stdio},
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
        "terminal" => spec.stdio = Stdio::Terminal { stdin: true },
        "output terminal" => spec.stdio = Stdio::Terminal { stdin: false },
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
        other => panic!("no role {other}"),
    }
    let Some(rootfs) = Rootfs::new() else { return };
    match rootfs.start(&spec).and_then(strata_runtime::process::Running::wait) {
        Ok(exit) => eprintln!("status {}", exit.status()),
        Err(error) => eprintln!("error {error}: {:?}", std::error::Error::source(&error)),
    }
}
