//! A JSON object a line, described in docs/FORMATS.md.

use std::{fmt::Write as _, io, time::Duration};

use serde_json::{Value, json};
use strata_builder::{Error, Event};
use strata_dockerfile::{Diagnostic, Severity};

use super::{
    face::{Face, Failed, Success},
    steps::Steps,
};
use crate::look::{error, json, snippet};

/// Version of the objects.
const SCHEMA: u32 = 1;

pub(super) struct Json<'a, W> {
    out: W,
    source: snippet::Source<'a>,
    steps: Steps,
}

impl<'a, W: io::Write> Json<'a, W> {
    pub(super) fn new(out: W, source: snippet::Source<'a>) -> Self {
        let mut json = Self { out, source, steps: Steps::default() };
        let fields = json!({ "schema": SCHEMA, "dockerfile": json.source.name });
        json.tell(Duration::ZERO, "begin", fields);
        json
    }

    fn tell(&mut self, at: Duration, event: &str, fields: Value) {
        self.write(&object(at, event, fields));
    }

    /// A progress that cannot be shown stops no build.
    fn write(&mut self, lines: &str) {
        let _ = self.out.write_all(lines.as_bytes());
    }

    fn flush(&mut self, number: usize, at: Duration) {
        let mut step = self.steps.end(number);
        let mut lines = String::new();
        for stderr in [false, true] {
            step.stream(stderr).flush(&mut |line| lines.push_str(&output(at, number, stderr, line)));
        }
        self.write(&lines);
    }

    fn diagnostic(&mut self, diagnostic: &Diagnostic, at: Duration) {
        let fields = json!({
            "severity": match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            "code": diagnostic.code,
            "message": diagnostic.message,
            "line": self.source.line(diagnostic.span),
            "help": diagnostic.help,
        });
        self.tell(at, "diagnostic", fields);
    }
}

impl<W: io::Write + Send> Face for Json<'_, W> {
    fn show(&mut self, event: &Event<'_>, at: Duration) {
        match event {
            Event::Diagnostic(diagnostic) => self.diagnostic(diagnostic, at),
            Event::Note(note) => self.tell(at, "note", json!({ "text": note })),
            Event::StepStarted { number, total, stage, text } => {
                self.steps.start(*number, at);
                let fields = json!({ "step": number, "total": total, "stage": stage, "instruction": text });
                self.tell(at, "step-started", fields);
            }
            Event::StepCached { number } => self.tell(at, "step-cached", json!({ "step": number })),
            Event::StepMissed { number, reasons } => {
                self.tell(at, "step-missed", json!({ "step": number, "reasons": reasons }));
            }
            Event::Output { number, stderr, bytes } => {
                let stream = self.steps.get(*number).stream(*stderr);
                let mut lines = String::new();
                stream.push(bytes, &mut |line| lines.push_str(&output(at, *number, *stderr, line)));
                self.write(&lines);
            }
            Event::StepDone { number, elapsed } => {
                self.flush(*number, at);
                self.tell(at, "step-done", json!({ "step": number, "seconds": seconds(*elapsed) }));
            }
            Event::StepFailed { number } => {
                self.flush(*number, at);
                self.tell(at, "step-failed", json!({ "step": number }));
            }
            Event::StepStopped { number } => {
                self.flush(*number, at);
                self.tell(at, "step-stopped", json!({ "step": number }));
            }
            _ => {}
        }
    }

    fn succeed(&mut self, success: &Success<'_>, at: Duration) {
        let fields = json!({ "id": success.id, "names": success.names, "bytes": success.bytes });
        self.tell(at, "built", fields);
    }

    fn fail(&mut self, error: &Error, at: Duration) -> String {
        for number in self.steps.running() {
            self.show(&Event::StepStopped { number }, at);
        }
        if let Error::Dockerfile { diagnostics } = error {
            for diagnostic in diagnostics {
                self.diagnostic(diagnostic, at);
            }
            return format!("{} cannot be built", self.source.name);
        }
        if let Some(Failed { message, span, hint }) = Failed::of(error) {
            let line = self.source.line(span);
            self.tell(at, "failure", json!({ "line": line, "message": message, "hint": hint }));
            return "the build stopped at this step".to_owned();
        }
        String::new()
    }
}

/// Why nothing was built, with what to do about it: the last object where there is no `built`.
pub(super) fn tell_error(out: &mut impl io::Write, error: &anyhow::Error) {
    let (message, hints) = error::split(error);
    let object = json!({ "event": "error", "message": message, "hints": hints });
    // there is nobody else to tell
    let _ = out.write_all(json::escaped(&object.to_string()).as_bytes());
}

fn output(at: Duration, step: usize, stderr: bool, line: &[u8]) -> String {
    let stream = if stderr { "stderr" } else { "stdout" };
    object(at, "output", json!({ "step": step, "stream": stream, "text": text(line) }))
}

/// One line. `event` and `time` stand first, so that a person can read it too.
fn object(at: Duration, event: &str, fields: Value) -> String {
    let mut line = format!("{{\"event\":{},\"time\":{}", Value::from(event), seconds(at));
    if let Value::Object(fields) = fields {
        for (name, value) in fields {
            let _ = write!(line, ",{}:{value}", Value::from(name));
        }
    }
    line.push('}');
    json::escaped(&line)
}

/// Seconds to the millisecond.
fn seconds(time: Duration) -> Value {
    ((time.as_secs_f64() * 1000.0).round() / 1000.0).into()
}

/// Output as text: a byte that is not UTF-8 becomes U+FFFD and two hexadecimal digits.
fn text(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\u{fffd}{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use strata_builder::Event;

    use super::{Face, Json};
    use crate::look::snippet;

    fn source(text: &str) -> snippet::Source<'_> {
        snippet::Source::new("Dockerfile", text.as_bytes())
    }

    #[test]
    fn each_event_is_an_object_on_a_line() {
        let reasons = ["the command is another one".to_owned()];
        let events = [
            Event::Note("one \"note\""),
            Event::StepStarted { number: 1, total: 2, stage: "build", text: "RUN <<E\nmake\nE" },
            Event::StepMissed { number: 1, reasons: &reasons },
            Event::Output { number: 1, stderr: false, bytes: b"caf\xc3" },
            Event::Output { number: 1, stderr: false, bytes: b"\xa9\n\xff\x1b[2J\xc2\x9b" },
            Event::Output { number: 1, stderr: true, bytes: b"error\n" },
            Event::StepDone { number: 1, elapsed: Duration::from_millis(1234) },
            Event::StepStarted { number: 2, total: 2, stage: "build", text: "RUN x" },
            Event::StepCached { number: 2 },
            Event::StepFailed { number: 2 },
        ];
        let mut bytes = Vec::new();
        let mut json = Json::new(&mut bytes, source(""));
        for (at, event) in (0..).step_by(100).zip(&events) {
            json.show(event, Duration::from_millis(at));
        }
        let expected = r#"{"event":"begin","time":0.0,"dockerfile":"Dockerfile","schema":1}
{"event":"note","time":0.0,"text":"one \"note\""}
{"event":"step-started","time":0.1,"instruction":"RUN <<E\nmake\nE","stage":"build","step":1,"total":2}
{"event":"step-missed","time":0.2,"reasons":["the command is another one"],"step":1}
{"event":"output","time":0.4,"step":1,"stream":"stdout","text":"café\n"}
{"event":"output","time":0.5,"step":1,"stream":"stderr","text":"error\n"}
{"event":"output","time":0.6,"step":1,"stream":"stdout","text":"�ff\u001b[2J\u009b"}
{"event":"step-done","time":0.6,"seconds":1.234,"step":1}
{"event":"step-started","time":0.7,"instruction":"RUN x","stage":"build","step":2,"total":2}
{"event":"step-cached","time":0.8,"step":2}
{"event":"step-failed","time":0.9,"step":2}
"#;
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn an_error_of_the_dockerfile_is_one_diagnostic_each() {
        let text = "FROM scratch\nRUM x\n";
        let diagnostics = strata_dockerfile::parse(text.as_bytes()).diagnostics;
        let mut bytes = Vec::new();
        let mut json = Json::new(&mut bytes, source(text));
        let rest = json.fail(&strata_builder::Error::Dockerfile { diagnostics }, Duration::ZERO);
        assert_eq!(rest, "Dockerfile cannot be built");
        let line = String::from_utf8(bytes).unwrap().lines().nth(1).unwrap().to_owned();
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&object["event"], &object["line"]), (&"diagnostic".into(), &2.into()));
    }
}
