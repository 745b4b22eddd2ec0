//! `JUnit`'s XML: a suite for the gate, with a test case a rule, and one for findings, with a test case a rule of theirs.
//!
//! There is no standard; this keeps to the schema of Jenkins' xUnit plugin, `junit-10.xsd`, and uses of it what GitLab reads.
//! A class of findings fails only where the gate was told to fail on it: else it is skipped, and says what was found.

use std::fmt::Write as _;

use super::Report;
use crate::{
    RULES,
    gate::{FailOn, Judged, Status},
    size_text,
};

/// A test case, and how it went.
struct Case {
    name: String,
    outcome: Outcome,
}

enum Outcome {
    Passed(Option<String>),
    Skipped(String),
    Failed { message: String, kind: &'static str, text: String },
}

pub(super) fn write(report: &Report<'_>) -> String {
    let suites: Vec<(&str, Vec<Case>)> = report
        .gate
        .map(|gate| ("strata.gate", gate.rules.iter().map(gate_case).collect()))
        .into_iter()
        .chain([("strata.findings", finding_cases(report))])
        .collect();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let count = |which: fn(&Outcome) -> bool| {
        suites.iter().flat_map(|(_, cases)| cases).filter(|case| which(&case.outcome)).count()
    };
    // writing to a string cannot fail
    let _ = writeln!(
        out,
        "<testsuites name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" time=\"0\">",
        xml(report.name()),
        count(|_| true),
        count(is_failed)
    );
    for (name, cases) in &suites {
        suite(&mut out, name, cases);
    }
    out.push_str("</testsuites>\n");
    out
}

fn is_failed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { .. })
}

fn suite(out: &mut String, name: &str, cases: &[Case]) {
    let count = |which: fn(&Outcome) -> bool| cases.iter().filter(|case| which(&case.outcome)).count();
    let _ = writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"0\">",
        cases.len(),
        count(is_failed),
        count(|outcome| matches!(outcome, Outcome::Skipped(_)))
    );
    for case in cases {
        let _ = write!(out, "    <testcase name=\"{}\" classname=\"{name}\" time=\"0\"", xml(&case.name));
        let _ = match &case.outcome {
            Outcome::Passed(None) => writeln!(out, "/>"),
            Outcome::Passed(Some(text)) => {
                writeln!(out, ">\n      <system-out>{}</system-out>\n    </testcase>", xml(text))
            }
            Outcome::Skipped(why) => writeln!(out, ">\n      <skipped message=\"{}\"/>\n    </testcase>", xml(why)),
            Outcome::Failed { message, kind, text } => writeln!(
                out,
                ">\n      <failure message=\"{}\" type=\"{kind}\">{}</failure>\n    </testcase>",
                xml(message),
                xml(text)
            ),
        };
    }
    out.push_str("  </testsuite>\n");
}

fn gate_case(judged: &Judged) -> Case {
    let amounts = match (&judged.measured, &judged.limit) {
        (Some(measured), Some(limit)) => format!("{measured}, where the limit is {limit}"),
        _ => String::new(),
    };
    let note = judged.note.clone().unwrap_or_default();
    let outcome = match judged.status {
        Status::Pass => Outcome::Passed(Some([amounts, note].join("\n").trim().to_owned())),
        Status::Skip => Outcome::Skipped(note),
        Status::Fail => Outcome::Failed { message: amounts, kind: "gate", text: note },
    };
    Case { name: judged.rule.to_owned(), outcome }
}

fn finding_cases(report: &Report<'_>) -> Vec<Case> {
    let cases = RULES.iter().map(|rule| {
        let about = rule.about();
        let found: Vec<_> = report.analysis.findings.iter().filter(|finding| finding.rule == about.id).collect();
        let text = || {
            let lines = found.iter().map(|finding| {
                let places: Vec<String> = finding.layers.iter().map(|&layer| report.place(layer)).collect();
                let places = if places.is_empty() { "image".to_owned() } else { places.join(", ") };
                format!("{places}: {}\n  {}", finding.message, finding.fix)
            });
            lines.collect::<Vec<_>>().join("\n")
        };
        let summary = || {
            let bytes = found.iter().map(|finding| finding.bytes).sum();
            format!("{} finding{}, {}", found.len(), if found.len() == 1 { "" } else { "s" }, size_text(bytes))
        };
        let is_asked = report.gate.is_some_and(|gate| {
            found
                .iter()
                .any(|finding| gate.fail_on.iter().any(|fail: &FailOn| fail.means(finding)) && gate.counts(finding))
        });
        let outcome = match (found.is_empty(), is_asked) {
            (true, _) => Outcome::Passed(None),
            (_, true) => Outcome::Failed { message: summary(), kind: about.id, text: text() },
            (_, false) => Outcome::Skipped(format!("{}: {}", summary(), about.title)),
        };
        Case { name: format!("{} {}", about.id, about.name), outcome }
    });
    cases.collect()
}

/// Text for XML 1.0, which has no control characters, not even as references: these are written as `\u{1b}`.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::xml;

    #[test]
    fn what_xml_cannot_say_is_spelled() {
        assert_eq!(xml("<a b=\"&\">\u{1b}[2J\n\u{ffff}"), "&lt;a b=&quot;&amp;&quot;&gt;\\u{1b}[2J&#10;\\u{ffff}");
    }
}
