//! SARIF 2.1.0: what code scanning shows beside the lines of the Dockerfile.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use std::{collections::HashMap, fmt::Write as _};

use serde_json::{Value, json};

use super::Report;
use crate::{
    RULES,
    findings::{Confidence, Finding, Level, Rule},
    gate::Judged,
};

/// The folder that paths are relative to, in GitHub's and GitLab's words.
const ROOT: &str = "%SRCROOT%";

pub(super) fn log(report: &Report<'_>) -> Value {
    let mut rules: Vec<Value> = RULES.iter().map(|rule| descriptor(*rule)).collect();
    let file = report.dockerfile.map(|(path, source)| File::new(path, source));
    let mut seen = HashMap::new();
    let mut results: Vec<Value> =
        report.analysis.findings.iter().map(|finding| result(report, finding, file.as_ref(), &mut seen)).collect();
    results.extend(report.analysis.suppressed.iter().map(|suppressed| {
        let mut result = result(report, &suppressed.finding, file.as_ref(), &mut seen);
        // a comment stands at a line of the Dockerfile
        let is_comment = suppressed.by.contains(':');
        result["suppressions"] = json!([{
            "kind": if is_comment { "inSource" } else { "external" },
            "justification": suppressed.reason,
        }]);
        result
    }));
    if let Some(gate) = report.gate {
        let first = rules.len();
        rules.extend(gate.rules.iter().map(|judged| gate_descriptor(judged.rule)));
        for (number, judged) in gate.rules.iter().enumerate() {
            if judged.status == crate::gate::Status::Fail {
                results.push(failure(judged, first + number, file.as_ref()));
            }
        }
    }
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "strata",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "utf16CodeUnits",
            "invocations": [{ "executionSuccessful": true }],
            "results": results,
            "properties": {
                "image": report.analysis.image.name,
                "imageId": report.analysis.image.id,
                "totalBytes": report.analysis.total_bytes,
                "wastedBytes": report.analysis.wasted_bytes,
            },
        }],
    })
}

fn descriptor(rule: &dyn Rule) -> Value {
    let about = rule.about();
    let is_secret = about.id.starts_with('S');
    let mut properties = json!({
        "tags": [if is_secret { "security" } else { "size" }],
        "precision": match about.confidence {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        },
        "exact": about.exact,
    });
    if is_secret {
        // of 10: GitHub calls 7.0 to 8.9 high
        properties["security-severity"] = json!("8.0");
    }
    json!({
        "id": about.id,
        "name": pascal(about.name),
        "shortDescription": { "text": text(about.title) },
        "fullDescription": { "text": text(about.explanation) },
        "help": { "text": text(&format!("{} {}", about.detection, about.fix)) },
        "defaultConfiguration": { "level": level(about.level) },
        "properties": properties,
    })
}

fn gate_descriptor(rule: &str) -> Value {
    let about = match rule {
        "max-wasted-bytes" => "Dead bytes are within the limit",
        "max-wasted-percent" => "The share of dead bytes is within the limit",
        "min-efficiency" => "The share of live bytes is not below the limit",
        "max-size" => "The size of the layers is within the limit",
        "max-growth" => "The growth since the baseline is within the limit",
        _ => "There are no findings of the rules and levels that are named",
    };
    json!({
        "id": format!("gate-{rule}"),
        "name": format!("Gate{}", pascal(rule)),
        "shortDescription": { "text": about },
        "defaultConfiguration": { "level": "error" },
        "properties": { "tags": ["gate"] },
    })
}

fn result(report: &Report<'_>, finding: &Finding, file: Option<&File<'_>>, seen: &mut HashMap<String, u32>) -> Value {
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": RULES.iter().position(|rule| rule.about().id == finding.rule),
        "level": level(result_level(finding)),
        "message": { "text": text(&format!("{} {}", sentence(&finding.message), finding.fix)) },
        "partialFingerprints": { "strataFinding/v1": fingerprint(report, finding, seen) },
        "properties": {
            "bytes": finding.bytes,
            "files": finding.files,
            "kind": finding.kind,
            "confidence": finding.confidence,
            "exact": finding.exact,
            "base": finding.base,
            "fixable": finding.fixable,
        },
    });
    let layers: Vec<Value> = finding
        .layers
        .iter()
        .map(|&layer| {
            json!({
                "name": format!("layer {layer}"),
                "fullyQualifiedName": report.analysis.layers.get(layer).map_or("", |layer| layer.diff_id.as_str()),
                "kind": "layer",
            })
        })
        .collect();
    let mut location = json!({});
    if !layers.is_empty() {
        location["logicalLocations"] = layers.into();
    }
    let mut lines = finding.lines.iter();
    if let Some(file) = file {
        // code scanning refuses a result without a place
        location["physicalLocation"] = match lines.next() {
            Some(lines) => file.region(lines.first, lines.last),
            None => file.region(1, 1),
        };
        let related: Vec<Value> = lines
            .enumerate()
            .map(|(number, lines)| {
                json!({
                    "id": number + 1,
                    "physicalLocation": file.region(lines.first, lines.last),
                    "message": { "text": format!("layer {} is of this instruction", lines.layer) },
                })
            })
            .collect();
        if !related.is_empty() {
            result["relatedLocations"] = related.into();
        }
    }
    result["locations"] = json!([location]);
    result
}

fn failure(judged: &Judged, index: usize, file: Option<&File<'_>>) -> Value {
    let mut message = format!("{} failed", judged.rule);
    if let (Some(measured), Some(limit)) = (&judged.measured, &judged.limit) {
        let _ = write!(message, ": {measured}, where the limit is {limit}");
    }
    if let Some(note) = &judged.note {
        let _ = write!(message, ". {note}");
    }
    let mut result = json!({
        "ruleId": format!("gate-{}", judged.rule),
        "ruleIndex": index,
        "level": "error",
        "message": { "text": text(&sentence(&message)) },
        "partialFingerprints": { "strataFinding/v1": blake3::hash(judged.rule.as_bytes()).to_hex().as_str()[..32] },
    });
    if let Some(file) = file {
        result["locations"] = json!([{ "physicalLocation": file.region(1, 1) }]);
    }
    result
}

/// The same in another build, and when lines move: by the rule and the instructions, not by their numbers.
fn fingerprint(report: &Report<'_>, finding: &Finding, seen: &mut HashMap<String, u32>) -> String {
    let made_by = |layer: Option<usize>| {
        let made_by = layer.and_then(|layer| report.analysis.layers.get(layer)?.created_by.as_deref());
        made_by.unwrap_or_default()
    };
    let parts = [finding.rule, finding.kind, made_by(finding.creator), made_by(finding.killer)];
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let hash = hasher.finalize().to_hex().as_str()[..32].to_owned();
    let number = seen.entry(hash.clone()).and_modify(|number| *number += 1).or_insert(1);
    format!("{hash}:{number}")
}

/// What a rule says of the base image's own bytes is a note, since nobody who builds on it can save them. An error stays one: a
/// level is how grave a problem is, not whose (3.27.10), and to take another base, or to replace a secret, is for whoever reads.
fn result_level(finding: &Finding) -> Level {
    if finding.base && finding.level != Level::Error { Level::Note } else { finding.level }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

/// Ends in a full stop.
fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// Text in which nothing is a link: in a message, `[text](target)` is one (3.11.6), unless its brackets are escaped.
fn text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]")
}

/// `max-size` as `MaxSize`.
fn pascal(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

/// The Dockerfile, for its columns.
struct File<'a> {
    uri: String,
    is_relative: bool,
    lines: Vec<&'a [u8]>,
}

impl<'a> File<'a> {
    fn new(path: &str, source: &'a [u8]) -> Self {
        let is_relative = !path.starts_with('/');
        let path = path.strip_prefix("./").unwrap_or(path);
        Self { uri: uri(path), is_relative, lines: source.split(|&byte| byte == b'\n').collect() }
    }

    /// From the first mark of the first line to the end of the last.
    fn region(&self, first: u32, last: u32) -> Value {
        let line = |number: u32| {
            let line = self.lines.get(usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1));
            String::from_utf8_lossy(line.copied().unwrap_or_default().trim_ascii_end()).into_owned()
        };
        let units = |text: &str| text.encode_utf16().count();
        let start = line(first);
        let indent = units(&start) - units(start.trim_start());
        let mut artifact = json!({ "uri": self.uri });
        if self.is_relative {
            artifact["uriBaseId"] = ROOT.into();
        }
        json!({
            "artifactLocation": artifact,
            "region": {
                "startLine": first,
                "startColumn": indent + 1,
                "endLine": last,
                "endColumn": units(&line(last)) + 1,
            },
        })
    }
}

/// A path as a URI: relative, or of the scheme `file`.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::{File, pascal, text, uri};

    #[test]
    fn a_region_counts_utf16_units_from_the_first_mark() {
        let file = File::new("./a b/Dockerfile", "FROM x\n  RUN echo \u{1f40b} \\\r\n    && true\r\n".as_bytes());
        let region = file.region(2, 3);
        assert_eq!(region["artifactLocation"]["uri"], "a%20b/Dockerfile");
        assert_eq!(
            region["region"],
            serde_json::json!({ "startLine": 2, "startColumn": 3, "endLine": 3, "endColumn": 12 })
        );
        assert_eq!(file.region(1, 2)["region"]["endColumn"], 16);
    }

    #[test]
    fn names_and_texts_are_what_the_standard_asks() {
        assert_eq!(pascal("max-wasted-bytes"), "MaxWastedBytes");
        assert_eq!(text("[a](b) \\"), "\\[a\\](b) \\\\");
        assert_eq!(uri("/srv/Dockerfile"), "file:///srv/Dockerfile");
    }
}
