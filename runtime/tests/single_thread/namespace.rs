//! An ordinary user's container, in a user namespace.

use std::{os::unix::process::CommandExt as _, process::Stdio};

use crate::role::program;

tests![a_single_id_is_enough_for_a_container, another_user_than_the_single_one_is_a_clear_error,];

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
