//! What `strata build` shows while it runs, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::{
    fs::OpenOptions,
    io::Read,
    os::unix::fs::OpenOptionsExt as _,
    process::{Command, ExitStatus},
};

use common::Strata;
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use serde_json::Value;

const TWO_STEPS: &str = "FROM busybox\nRUN echo one; echo two\nRUN printf '\\033[31mred\\033[2J no end' >&2\n";

/// Prints more than the live view shows of a running step.
const FAILING: &str = "FROM busybox\nRUN echo made\nRUN for n in $(seq 200); do echo number $n; done; exit 3\n";

#[test]
fn plain_lines_begin_with_the_number_of_their_step() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(TWO_STEPS);
    let shown = strata.ends(0, ["build", "-t", "app", &context]);
    // times differ from run to run
    let shown: Vec<String> = shown.lines().map(without_time).collect();
    assert_eq!(shown[..3], ["#1 [1/3] FROM busybox", "#1 DONE", "#2 [2/3] RUN echo one; echo two"]);
    assert_eq!(shown[3..6], ["#2 one", "#2 two", "#2 DONE"]);
    assert_eq!(shown[7..9], ["#3 red\\u{1b}[2J no end", "#3 DONE"]);
    assert!(shown[9].starts_with("built app:latest  sha256:"), "{shown:?}");

    let again = strata.ends(0, ["build", "--progress", "plain", &context]);
    assert!(again.contains("\n#2 CACHED\n#3 [3/3]") && again.contains("\n#3 CACHED\nbuilt sha256:"), "{again}");
}

#[test]
fn json_is_an_object_a_line_and_ends_with_what_was_built() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(TWO_STEPS);
    let events = json(&strata.ends(0, ["build", "--progress", "json", "-t", "app", &context]));
    assert_eq!((&events[0]["event"], &events[0]["schema"]), (&"begin".into(), &1.into()));
    let said = |stream: &str| {
        let lines = events.iter().filter(|event| event["event"] == "output" && event["stream"] == stream);
        lines.map(|event| event["text"].as_str().unwrap()).collect::<String>()
    };
    assert_eq!(said("stdout"), "one\ntwo\n");
    assert_eq!(said("stderr"), "\u{1b}[31mred\u{1b}[2J no end");
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["names"]), (&"built".into(), &serde_json::json!(["app:latest"])));
    assert_eq!(last["id"], strata.json(["inspect", "app"])[0]["Id"]);
}

#[test]
fn json_of_a_build_that_fails_ends_with_the_error() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(FAILING);
    let events = json(&strata.ends(1, ["build", "--progress", "rawjson", &context]));
    let failure = &events[events.len() - 2];
    assert_eq!((&failure["event"], &failure["line"]), (&"failure".into(), &3.into()));
    assert!(failure["message"].as_str().unwrap().contains("exit code: 3"), "{failure}");
    assert_eq!(events.last().unwrap()["event"], "error");
    // before there is a build, too
    let events = json(&strata.ends(2, ["build", "--progress", "json", "nowhere"]));
    assert!(events[0]["message"].as_str().unwrap().contains("nowhere"), "{events:?}");
}

#[test]
fn quiet_shows_nothing_until_a_step_fails_and_then_all_of_its_output() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(TWO_STEPS);
    let output = strata.output(["build", "-q", &context]);
    assert!(output.status.success() && output.stderr.is_empty());
    assert!(strata.ends(0, ["build", "--progress", "quiet", &context]).is_empty());
    let context = strata.context(FAILING);
    let shown = strata.ends(1, ["build", "-q", &context]);
    assert!(shown.starts_with("#3 [3/3] RUN for") && !shown.contains("made"), "{shown}");
    assert!((1..=200).all(|n| shown.contains(&format!(" number {n}\n"))), "{shown}");
}

/// Two stages, of which the second fails once the first has begun.
const PARALLEL: &str = "FROM busybox AS slow\nRUN --mount=type=cache,target=/c touch /c/begun; echo waits; sleep 1000\n\
                        FROM busybox AS broken\nRUN --mount=type=cache,target=/c \
                        for n in $(seq 1000); do rm /c/begun 2>/dev/null && exit 3; sleep 0.1; done\n\
                        FROM scratch\nCOPY --from=slow /bin /a\nCOPY --from=broken /bin /b\n";

#[test]
fn a_step_that_was_stopped_because_another_failed_is_told_apart_from_that_one() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(PARALLEL);
    let shown = strata.ends(1, ["build", "--jobs", "2", &context]);
    let ended = |end: &str| {
        let lines = shown.lines().filter(|line| line.ends_with(end));
        lines.map(|line| line.split_whitespace().next().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ended(" ERROR"), ["#4"], "{shown}");
    assert_eq!(ended(" CANCELED")[0], "#2", "{shown}");
    let events = json(&strata.ends(1, ["build", "--jobs", "2", "--progress", "json", &context]));
    let steps = |name: &str| {
        let events = events.iter().filter(|event| event["event"] == name);
        events.map(|event| event["step"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(steps("step-failed"), [4], "{events:?}");
    assert!(steps("step-stopped").contains(&2), "{events:?}");
    let (_, shown) = on_a_terminal(strata.command(["build", "--jobs", "2", &context]));
    let text = anstream::adapter::strip_str(&shown).to_string();
    assert!(text.contains("CANCELED #2 ") && text.contains("FAILED #4 "), "{text}");
    // quiet tells of the one that failed alone
    let shown = strata.ends(1, ["build", "--jobs", "2", "-q", &context]);
    assert!(shown.starts_with("#4 ") && !shown.contains("waits"), "{shown}");
}

#[test]
fn the_hint_of_a_step_that_failed_is_the_command_that_opens_a_shell_before_it() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nARG A\nRUN exit 3\n");
    let shown = strata.ends(1, ["build", "-t", "app:1", "--build-arg", "A=it's $HOME", &context]);
    let hint = format!("build --debug-shell -t app:1 --build-arg 'A=it'\\''s $HOME' {context}\n");
    assert!(shown.contains("hint: a shell in the state before this step: ") && shown.contains(&hint), "{shown}");
    let events = json(&strata.ends(1, ["build", "--progress", "json", &context]));
    let hint = events[events.len() - 2]["hint"].as_str().unwrap();
    assert!(hint.ends_with(&format!("build --debug-shell --progress json {context}")), "{hint}");
    // a shell needs the terminal for itself
    let mut piped = strata.command(["build", "-"]);
    let dockerfile = std::fs::File::open(strata.work().join(&context).join("Dockerfile")).unwrap();
    let shown = piped.stdin(dockerfile).output().unwrap().stderr;
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains("with --debug-shell, and the terminal for standard input"), "{shown}");
}

/// Two warnings, of which the reader of the file gives one by itself.
const WARNED: &str = "FROM busybox as base\nRUN echo ran\nMAINTAINER me\n";

#[test]
fn what_the_checks_warn_of_is_told_once_and_after_the_build() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(WARNED);
    let shown = strata.ends(0, ["build", &context]);
    for rule in ["FromAsCasing", "MaintainerDeprecated"] {
        assert_eq!(shown.matches(rule).count(), 1, "{shown}");
    }
    assert_eq!(shown.matches("warning: ").count(), 2, "{shown}");
    let at = |text: &str| shown.find(text).unwrap_or_else(|| panic!("no {text:?}: {shown}"));
    let order = [at("#2 DONE"), at("FromAsCasing"), at("\n2 warnings found\n"), at("\nbuilt sha256:")];
    assert!(order.is_sorted(), "{shown}");
    for quiet in ["-q", "--progress=quiet"] {
        assert!(strata.output(["build", quiet, &context]).stderr.is_empty());
    }
    let events = json(&strata.ends(0, ["build", "--progress", "json", &context]));
    let warnings = events.iter().filter(|event| event["event"] == "diagnostic");
    let warnings: Vec<_> = warnings.map(|event| (&event["severity"], &event["code"], &event["line"])).collect();
    let (first, third) = ((&"warning".into(), &"FromAsCasing".into(), &1.into()), &3.into());
    assert_eq!(warnings, [first, (&"warning".into(), &"MaintainerDeprecated".into(), third)]);
    // a build that fails has them too, before what failed
    let context = strata.context(&format!("{WARNED}RUN exit 3\n"));
    let shown = strata.ends(1, ["build", &context]);
    assert!(shown.find("2 warnings found").unwrap() < shown.find("exit code: 3").unwrap(), "{shown}");
}

#[test]
fn warnings_fail_a_build_before_it_begins_where_the_dockerfile_says_so() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(&format!("# check=error=true\n{WARNED}"));
    let shown = strata.ends(1, ["build", &context]);
    assert!(shown.contains("lint violation found for rules: FromAsCasing, MaintainerDeprecated"), "{shown}");
    assert!(shown.contains("2 warnings found") && !shown.contains("#1"), "{shown}");
    let shown = strata.ends(1, ["build", "-q", &context]);
    assert!(shown.starts_with("strata: lint violation"), "{shown}");
    strata.ok(["build", "--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=all", &context]);
}

#[test]
fn errors_of_a_dockerfile_are_told_once_with_its_warnings() {
    let strata = Strata::new();
    let context = strata.context("FROM scratch as base\nNONE\n");
    let shown = strata.ends(1, ["build", &context]);
    for text in ["FromAsCasing", "unknown instruction", "cannot be built"] {
        assert_eq!(shown.matches(text).count(), 1, "{text}: {shown}");
    }
}

#[test]
fn the_environment_chooses_as_for_buildkit() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(TWO_STEPS);
    let output = strata.command(["build", &context]).env("BUILDKIT_PROGRESS", "rawjson").output().unwrap();
    json(&String::from_utf8(output.stderr).unwrap());
    let shown = strata.ends(2, ["build", "--progress", "tty", &context]);
    assert!(shown.contains("needs a terminal") && shown.contains("hint:"), "{shown}");
}

#[test]
fn a_terminal_shows_finished_steps_as_a_line_and_a_failed_one_in_full() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(FAILING);
    let (status, shown) = on_a_terminal(strata.command(["build", &context]));
    assert_eq!(status.code(), Some(1), "{shown}");
    let text = anstream::adapter::strip_str(&shown).to_string();
    assert!(text.contains("s #2 [2/3] RUN echo made"), "{text}");
    assert!(text.contains("FAILED #3 [3/3] RUN for"), "{text}");
    assert!((1..=200).all(|n| text.contains(&format!(" number {n}\r\n"))), "{text}");
    // what a step prints that was not all shown is shown once
    assert_eq!(text.matches(" number 7\r\n").count(), 1, "{text}");

    let (_, shown) = on_a_terminal(strata.command(["build", &context]));
    assert!(anstream::adapter::strip_str(&shown).to_string().contains("CACHED #2 [2/3]"), "{shown}");
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(TWO_STEPS);
    let plain = |no_color: &str| {
        let mut command = strata.command(["build", "--no-cache", "--progress", "plain", &context]);
        command.env("NO_COLOR", no_color);
        on_a_terminal(command).1
    };
    let (coloured, without) = (plain(""), plain("1"));
    assert!(coloured.contains("\u{1b}[31mred\\u{1b}[2J no end\u{1b}[0m\r\n"), "{coloured}");
    assert!(without.contains(" red\\u{1b}[2J no end\r\n") && !without.contains('\u{1b}'), "{without}");
}

/// Runs a command whose standard error is a terminal, and gives what it showed there.
fn on_a_terminal(mut command: Command) -> (ExitStatus, String) {
    let mut terminal = std::fs::File::from(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap());
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    tcsetwinsize(&terminal, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let path = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let noctty = rustix::fs::OFlags::NOCTTY.bits().cast_signed();
    let other_end = OpenOptions::new().read(true).write(true).custom_flags(noctty).open(path).unwrap();
    let mut child = command.env("TERM", "xterm").stderr(other_end).spawn().unwrap();
    drop(command);
    let mut shown = Vec::new();
    // the end of a terminal is an error
    let _ = terminal.read_to_end(&mut shown);
    (child.wait().unwrap(), String::from_utf8_lossy(&shown).into_owned())
}

fn json(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// A plain line without the seconds in it: `#2 0.312 one`, `#2 DONE 0.1s`.
fn without_time(line: &str) -> String {
    let is_time = |word: &&str| word.trim_end_matches('s').parse::<f64>().is_ok();
    line.split(' ').filter(|word| !is_time(word)).collect::<Vec<_>>().join(" ")
}
