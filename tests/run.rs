//! `strata run`, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

use common::Strata;

fn sh(script: &str) -> Vec<&str> {
    vec!["run", "--rm", "busybox", "sh", "-c", script]
}

#[test]
fn the_status_is_the_commands_own() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.ends(0, sh("true"));
    strata.ends(7, sh("exit 7"));
    assert!(strata.ends(127, ["run", "--rm", "busybox", "nosuch"]).contains("nosuch"));
    strata.ends(126, ["run", "--rm", "busybox", "/etc"]);
    strata.ends(125, ["run", "--rm", "nowhere", "true"]);
    assert!(strata.ends(125, ["run", "busybox", "true"]).contains("--rm"));
    assert!(strata.ends(125, ["run", "--rmm", "busybox", "true"]).contains("--rmm"));
    strata.ends(2, ["build", "--bogus", "."]);
}

#[test]
fn standard_streams_are_the_commands() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let output = strata.output(sh("echo out; echo err >&2"));
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    let mut child = strata
        .command(["run", "--rm", "-i", "busybox", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"through\n").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"through\n");
    // without -i standard input is empty
    assert_eq!(strata.ok(sh("wc -c")).trim(), "0");
}

#[test]
fn options_reach_the_process() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let options = ["run", "--rm", "-w", "/tmp", "-e", "A=b", "--hostname", "h"];
    let script = ["busybox", "sh", "-c", "pwd; echo $A; hostname"];
    assert_eq!(strata.ok(options.into_iter().chain(script)), "/tmp\nb\nh\n");
    let output = strata.output(["run", "--rm", "-u", "nobody", "busybox", "id", "-u"]);
    if output.status.success() {
        assert_eq!(output.stdout, b"65534\n");
    } else {
        // with a single id there is nobody else
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("65534") && text.contains("/etc/subuid"), "{text}");
    }
    assert_eq!(strata.ok(["run", "--rm", "--entrypoint", "echo", "busybox", "a", "b"]), "a b\n");
    strata.file("shared/f", "here\n");
    assert_eq!(strata.ok(["run", "--rm", "-v", "./shared:/s:ro", "busybox", "cat", "/s/f"]), "here\n");
    strata.ends(1, ["run", "--rm", "-v", "./shared:/s:ro", "busybox", "touch", "/s/g"]);
    strata.ends(1, ["run", "--rm", "--read-only", "busybox", "touch", "/f"]);
}

#[test]
fn what_a_container_writes_goes_with_it() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.ok(sh("echo x >/written"));
    assert_eq!(strata.ok(sh("ls /written 2>/dev/null || echo gone")), "gone\n");
}

#[test]
fn the_process_is_confined() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let status = strata.ok([
        "run",
        "--rm",
        "busybox",
        "grep",
        "-E",
        "^Cap(Inh|Bnd|Amb)|^Groups|^NoNewPrivs",
        "/proc/self/status",
    ]);
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
    assert_eq!(
        (field("CapInh:"), field("CapBnd:"), field("CapAmb:")),
        ("0000000000000000".into(), "00000000a80425fb".into(), "0000000000000000".into())
    );
    assert_eq!(strata.ok(sh("echo $$; ls /proc | grep -c '^[0-9]'")).lines().next(), Some("1"));
    assert_eq!(strata.ok(["run", "--rm", "--network", "none", "busybox", "ls", "/sys/class/net"]), "lo\n");
    strata.ends(1, sh("echo 1 >/proc/sys/kernel/hostname 2>/dev/null"));
    assert_eq!(strata.ok(sh("cat /proc/keys /proc/timer_list 2>/dev/null | wc -c")).trim(), "0");
}

#[test]
fn a_signal_reaches_the_process() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let mut child = strata
        .command(sh("trap 'echo got it; exit 5' TERM; echo ready; while :; do sleep 0.1; done"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    line.clear();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "got it\n");
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

#[test]
fn a_terminal_is_the_containers_own() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let text = strata.ok(["run", "--rm", "-t", "busybox", "sh", "-c", "test -t 0 && test -t 1 && tty"]);
    assert_eq!(text.trim(), "/dev/pts/0");
}
