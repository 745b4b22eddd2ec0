//! An ordinary user's container, in a user namespace.

use std::{os::unix::process::CommandExt as _, process::Stdio};

use crate::role::program;

tests![
    a_single_id_is_enough_for_a_container,
    another_user_than_the_single_one_is_a_clear_error,
    every_kind_of_mount_can_be_had,
    limits_of_a_process_can_be_had,
    a_limit_that_needs_a_control_group_is_a_clear_error_or_works,
    an_insecure_process_has_every_capability_in_the_namespace,
];

/// What the script prints, run as an ordinary user; `None` where that cannot be.
fn run(role: &str, script: &str) -> Option<(String, String)> {
    let mut command = program(role, script);
    command.stdin(Stdio::null()).env("TMPDIR", "/tmp");
    if rustix::process::geteuid().is_root() {
        // an id that has no subordinate ones
        command.uid(54_321).gid(54_321);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: this binary cannot be executed by an ordinary user: {error}");
            return None;
        }
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    if let Some(reason) = stderr.lines().find(|line| line.starts_with("skipped:")) {
        eprintln!("{reason}");
        return None;
    }
    Some((stdout, stderr))
}

fn a_single_id_is_enough_for_a_container() {
    let script = "id -u; echo x > /dev/null; echo /dev/*; grep CapEff /proc/self/status; mkdir /made; hostname;
        (echo x > /proc/sys/kernel/hostname) 2>/dev/null && echo written; (echo > /sys/x) 2>/dev/null && echo written
        cat /proc/keys /etc/hosts";
    for role in ["namespace", "namespace without hosts network"] {
        let Some((stdout, stderr)) = run(role, script) else {
            return;
        };
        assert!(stderr.contains("status 0"), "{role}: {stdout}{stderr}");
        for expected in [
            "0\n",
            "/dev/core /dev/fd /dev/full /dev/mqueue /dev/null /dev/ptmx /dev/pts /dev/random /dev/shm /dev/stderr \
             /dev/stdin /dev/stdout /dev/tty /dev/urandom /dev/zero\n",
            "CapEff:\t00000000a80425fb\n",
            "container\n127.0.0.1\tlocalhost container\n",
        ] {
            assert!(stdout.contains(expected), "{role}: no {expected:?} in {stdout}");
        }
        assert!(!stdout.contains("written"), "{role}: {stdout}");
    }
}

fn another_user_than_the_single_one_is_a_clear_error() {
    let Some((_, stderr)) = run("namespace", "id of another user") else {
        return;
    };
    let expected = "error cannot become user 1000, an id that this user namespace does not have";
    assert!(stderr.contains(expected), "{stderr}");
}

fn every_kind_of_mount_can_be_had() {
    let script = "echo x > /tree/file; echo x > /memory/file; cat /run/secrets/token; stat -c ' %a' /run/secrets/token";
    let Some((stdout, stderr)) = run("mounts in a namespace", script) else {
        return;
    };
    assert!(stdout == "token 400\n" && stderr.contains("status 0"), "{stdout}{stderr}");
}

fn limits_of_a_process_can_be_had() {
    let Some((stdout, stderr)) = run("ulimit in a namespace", "ulimit -n; grep Seccomp: /proc/self/status") else {
        return;
    };
    assert_eq!(stdout, "50\nSeccomp:\t2\n", "{stderr}");
}

fn an_insecure_process_has_every_capability_in_the_namespace() {
    let script = "mount -t tmpfs none /tmp && umount /tmp && echo mounted; grep Seccomp: /proc/self/status";
    let Some((stdout, stderr)) = run("insecure in a namespace", script) else {
        return;
    };
    assert_eq!(stdout, "mounted\nSeccomp:\t0\n", "{stderr}");
}

fn a_limit_that_needs_a_control_group_is_a_clear_error_or_works() {
    let Some((stdout, stderr)) = run("memory in a namespace", "echo started") else {
        return;
    };
    let forbidden = "error cannot limit the memory: no group with the controller memory may be made in /";
    assert!(stdout == "started\n" || stderr.contains(forbidden), "{stdout}{stderr}");
}
