//! Signals that end a build, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::process::ExitStatusExt as _,
    process::{Child, ChildStderr, Command, Stdio},
};

use common::Strata;
use rustix::process::{Pid, Signal, kill_process};

const ENDLESS: &str = "FROM busybox\nRUN echo running; sleep 1000\n";

/// Starts a build of [`ENDLESS`], and comes back once its step runs.
fn begun(mut command: Command) -> (Child, BufReader<ChildStderr>) {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.ends_with(" running\n") {
        line.clear();
        assert_ne!(shown.read_line(&mut line).unwrap(), 0, "the build ended before its step");
    }
    (child, shown)
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn a_signal_stops_the_build_and_its_number_is_in_the_status() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(ENDLESS);
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let (mut child, mut shown) = begun(strata.interruptible(["build", "-t", "app", &context]));
        send(&child, signal);
        // it ends only when the step's process is gone too, which holds the other end
        let mut rest = String::new();
        shown.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(status), "{rest}");
        assert!(rest.contains("stopped by SIG"), "{rest}");
    }
    assert_eq!(strata.ok(["images", "-q"]).lines().count(), 1, "nothing was built");
    strata.ok(["system", "check"]);
}

#[test]
fn the_first_signal_stops_the_writing_of_an_output_and_leaves_what_was_there() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    // what cannot be compressed takes the longest
    let context = strata.context("FROM busybox\nRUN head -c 60000000 /dev/urandom > /random\n");
    strata.ok(["build", "-q", &context]);
    strata.file("out/app.tar", "what was there");
    let output = "type=oci,compression=zstd,compression-level=22,force-compression=true,dest=out/app.tar";
    let mut build = strata.interruptible(["build", "-o", output, &context]);
    let mut child = build.stderr(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while line != "#2 CACHED\n" {
        line.clear();
        assert_ne!(shown.read_line(&mut line).unwrap(), 0, "the build ended before its output");
    }
    send(&child, Signal::INT);
    let mut rest = String::new();
    shown.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert_eq!(strata.read("out/app.tar"), "what was there");
    assert_eq!(std::fs::read_dir(strata.work().join("out")).unwrap().count(), 1);
}

#[test]
fn the_first_signal_stops_the_writing_to_a_pipe_that_nobody_reads() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nLABEL a=b\n");
    let mut build = strata.interruptible(["build", "-o", "-", &context]);
    let mut child = build.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    // it is written: more than a pipe holds
    out.read_exact(&mut [0; 512]).unwrap();
    send(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn what_the_caller_ignores_stays_ignored() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(ENDLESS);
    let build = strata.command(["build", &context]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(build.get_program()).args(build.get_args());
    shell.current_dir(strata.work()).stdin(Stdio::null());
    let (mut child, _shown) = begun(shell);
    send(&child, Signal::HUP);
    send(&child, Signal::TERM);
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(143), None));
}
