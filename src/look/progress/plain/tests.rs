#![allow(clippy::unwrap_used)]

use std::time::Duration;

use strata_builder::Event;

use super::{Face, Plain};

/// What these events look like, each a tenth of a second after the one before.
fn shown(explain: bool, events: &[Event<'_>]) -> String {
    let mut plain = Plain::new(Vec::new(), None, explain);
    for (at, event) in (0..).step_by(100).zip(events) {
        plain.show(event, Duration::from_millis(at));
    }
    let bytes = plain.into_inner();
    anstream::adapter::strip_str(std::str::from_utf8(&bytes).unwrap()).to_string()
}

fn started<'a>(number: usize, stage: &'a str, text: &'a str) -> Event<'a> {
    Event::StepStarted { number, total: 5, stage, text }
}

fn output(number: usize, text: &str) -> Event<'_> {
    Event::Output { number, stderr: false, bytes: text.as_bytes() }
}

fn done(number: usize) -> Event<'static> {
    Event::StepDone { number, elapsed: Duration::from_millis(1234) }
}

#[test]
fn every_line_begins_with_the_number_of_its_step() {
    let text = shown(
        false,
        &[
            started(1, "stage-0", "FROM busybox"),
            done(1),
            started(2, "stage-0", "RUN make"),
            output(2, "one\ntwo\n"),
            done(2),
            started(3, "stage-0", "RUN make check"),
            Event::StepCached { number: 3 },
            done(3),
            Event::Note("something"),
        ],
    );
    let expected = "\
#1 [1/5] FROM busybox
#1 DONE 1.2s
#2 [2/5] RUN make
#2 0.100 one
#2 0.100 two
#2 DONE 1.2s
#3 [3/5] RUN make check
#3 CACHED
note: something
";
    assert_eq!(text, expected);
}

#[test]
fn lines_of_steps_that_run_at_once_are_not_mixed() {
    let text = shown(
        false,
        &[
            started(1, "a", "RUN one"),
            started(2, "b", "RUN two"),
            output(1, "half a li"),
            output(2, "whole\nand a "),
            Event::Output { number: 1, stderr: true, bytes: b"an error\n" },
            output(1, "ne\nno end"),
            output(2, "rest\n"),
            Event::StepFailed { number: 2 },
            done(1),
        ],
    );
    let expected = "\
#1 [a 1/5] RUN one
#2 [b 2/5] RUN two
#2 0.200 whole
#1 0.400 an error
#1 0.500 half a line
#2 0.500 and a rest
#2 ERROR
#1 0.800 no end
#1 DONE 1.2s
";
    assert_eq!(text, expected);
}

#[test]
fn output_cannot_drive_a_terminal_and_is_all_there() {
    let bytes = [b"\x1b[2Jclear\ttab\n10%\r20%\r\n\xff\n".as_slice(), &vec![b'z'; 100_000]].concat();
    let text = shown(
        false,
        &[started(1, "stage-0", "RUN x"), Event::Output { number: 1, stderr: false, bytes: &bytes }, done(1)],
    );
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..5],
        ["#1 [1/5] RUN x", "#1 0.100 \\u{1b}[2Jclear\ttab", "#1 0.100 10%", "#1 0.100 20%", "#1 0.100 \\xff"]
    );
    assert_eq!(text.matches('z').count(), 100_000);
}

#[test]
fn why_a_step_was_not_cached_is_told_to_who_asks() {
    let reasons = ["the file app.c has changed".to_owned()];
    let events = [started(1, "stage-0", "COPY . /"), Event::StepMissed { number: 1, reasons: &reasons }];
    assert_eq!(shown(true, &events), "#1 [1/5] COPY . /\n#1 not cached: the file app.c has changed\n");
    assert_eq!(shown(false, &events), "#1 [1/5] COPY . /\n");
}
