//! Terminals, and signals on their way to the container.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::fd::OwnedFd,
    process::{Child, Stdio},
};

use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

use crate::{role::program, rootfs::Rootfs};

tests![
    a_container_has_a_terminal_even_when_we_have_none,
    our_terminal_is_raw_meanwhile_and_lends_its_size,
    keys_reach_the_container_as_signals_of_its_own_terminal,
    all_output_of_a_terminal_arrives,
    signals_are_forwarded,
    the_callers_terminal_is_not_the_containers,
];

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Reads until `marker` has been seen.
fn read_until(reader: &mut impl std::io::Read, marker: &str) -> String {
    let mut seen = String::new();
    let mut buffer = [0; 512];
    while !seen.contains(marker) {
        let length = reader.read(&mut buffer).unwrap();
        assert_ne!(length, 0, "no {marker} in {seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    seen
}

fn a_container_has_a_terminal_even_when_we_have_none() {
    if Rootfs::new().is_none() {
        return;
    }
    let script =
        "tty; test -c /dev/console && echo console; echo to the terminal > /dev/tty; stat -c %u $(tty); cat; exit 5";
    let mut child = program("terminal", script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stream = child.stdout.take().unwrap();
    // what is typed earlier is echoed into the midst of this
    let mut stdout = read_until(&mut stream, "\n0\r\n");
    child.stdin.take().unwrap().write_all(b"a line\nno newline").unwrap();
    stream.read_to_string(&mut stdout).unwrap();
    let output = child.wait_with_output().unwrap();
    for expected in ["/dev/pts/0\r\n", "console\r\n", "to the terminal\r\n"] {
        assert!(stdout.contains(expected), "no {expected:?} in {stdout:?}");
    }
    // once by the terminal's echo, once by cat
    assert_eq!(stdout.matches("a line\r\n").count(), 2, "{stdout:?}");
    assert_eq!(stdout.matches("no newline").count(), 2, "{stdout:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("status 5"));
}

fn our_terminal_is_raw_meanwhile_and_lends_its_size() {
    if Rootfs::new().is_none() {
        return;
    }
    let leader = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&leader).unwrap();
    unlockpt(&leader).unwrap();
    let size = |rows, columns| Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&leader, size(33, 44)).unwrap();
    let follower = ioctl_tiocgptpeer(&leader, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    let cooked = |follower: &OwnedFd| {
        let modes = tcgetattr(follower).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    };
    assert!(cooked(&follower));
    let script = "stty size; trap 'stty size; exit 0' WINCH; sleep 0.3; echo ready; while :; do sleep 0.05; done";
    let stream = || follower.try_clone().unwrap();
    let mut child = program("terminal", script).stdin(stream()).stdout(stream()).stderr(Stdio::null()).spawn().unwrap();
    let mut reader = File::from(leader.try_clone().unwrap());
    assert!(read_until(&mut reader, "ready").contains("33 44"));
    assert!(!cooked(&follower));

    tcsetwinsize(&leader, size(55, 66)).unwrap();
    // a terminal tells its own session; we only lend it
    kill_process(pid(&child), Signal::WINCH).unwrap();
    read_until(&mut reader, "55 66");
    child.wait().unwrap();
    assert!(cooked(&follower));
}

fn keys_reach_the_container_as_signals_of_its_own_terminal() {
    if Rootfs::new().is_none() {
        return;
    }
    for role in ["terminal", "chroot terminal"] {
        let script = "trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 0.05; done";
        let mut child =
            program(role, script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        read_until(&mut stdout, "ready");
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&[3]).unwrap();
        read_until(&mut stdout, "interrupted");
        let output = child.wait_with_output().unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("status 9"));
    }
}

fn all_output_of_a_terminal_arrives() {
    if Rootfs::new().is_none() {
        return;
    }
    let script = "i=0; while test $i -lt 20000; do echo line $i; i=$((i+1)); done";
    let output = program("output terminal", script).stdin(Stdio::null()).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(stdout.matches("line ").count(), 20_000);
    assert!(stdout.contains("line 19999"));
}

fn signals_are_forwarded() {
    if Rootfs::new().is_none() {
        return;
    }
    for role in ["inherit", "chroot"] {
        let script = "trap 'exit 7' TERM; trap 'echo hup' HUP; sleep 0.3; echo ready; while :; do sleep 0.05; done";
        let mut child =
            program(role, script).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut wait_for = |word: &str| {
            let mut line = String::new();
            while !line.trim_end().ends_with(word) {
                line.clear();
                assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "no {word}");
            }
        };
        wait_for("ready");
        kill_process(pid(&child), Signal::HUP).unwrap();
        wait_for("hup");
        kill_process(pid(&child), Signal::TERM).unwrap();
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        child.wait().unwrap();
        assert!(stderr.contains("status 7"), "{role}: {stderr}");
    }
}

fn the_callers_terminal_is_not_the_containers() {
    let Some(rootfs) = Rootfs::new() else { return };
    // a session of its own without a controlling terminal
    let script =
        "(echo > /dev/tty) 2>/dev/null && echo written; test \"$(cut -d' ' -f6 /proc/1/stat)\" = 1 && echo own";
    assert_eq!(rootfs.shell(script), "own\n");
}
