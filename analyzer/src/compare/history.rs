//! What two histories tell, and the first step at which the images part.

use serde::Serialize;
use strata_image::{History, Image};

use super::what::{Depth, Set, What};

/// The histories of both images.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HistoryDiff {
    /// Whether they tell the same instructions.
    pub equal: bool,
    /// What else differs in them: `created` times, or `history` for remarks and authors.
    pub what: Vec<What>,
    /// The first image's instructions.
    pub a: Vec<String>,
    /// The second image's.
    pub b: Vec<String>,
    /// Where the two part; `None` where nothing differs, and where one of them has no history.
    pub first: Option<FirstStep>,
}

/// The first step that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FirstStep {
    /// Its number, the first is 1.
    pub step: usize,
    /// The instruction as a Dockerfile has it; `None` where the first image has no such step.
    pub a: Option<String>,
    /// The same of the second image.
    pub b: Option<String>,
    /// Whether the instructions are the same, and what they made is not.
    pub same_instruction: bool,
    /// The line of the second image's Dockerfile, where that is known.
    pub line: Option<u32>,
    /// Whether that is the line of the FROM, and the step its image's.
    pub in_base: bool,
}

/// Compares two histories.
pub(super) fn compare(a: &dyn Image, b: &dyn Image, counts: Set, depth: Depth) -> HistoryDiff {
    let (of_a, of_b) = (steps(a), steps(b));
    let texts = |steps: &[History]| -> Vec<String> {
        steps.iter().map(|step| step.created_by.clone().unwrap_or_default()).collect()
    };
    let (a_texts, b_texts) = (texts(of_a), texts(of_b));
    let equal = a_texts == b_texts;
    let mut what = Set::default();
    what.insert_if(What::History, !equal);
    if depth == Depth::Exact {
        let created = |steps: &[History]| -> Vec<Option<String>> { steps.iter().map(|s| s.created.clone()).collect() };
        let timeless = |steps: &[History]| -> Vec<History> {
            steps.iter().map(|step| History { created: None, ..step.clone() }).collect()
        };
        what.insert_if(What::Created, created(of_a) != created(of_b));
        what.insert_if(What::History, timeless(of_a) != timeless(of_b));
    }
    // a root filesystem cannot have one, which is said elsewhere
    let what = if a.config().is_some() && b.config().is_some() { what.and(counts).list() } else { Vec::new() };
    HistoryDiff { equal, what, a: a_texts, b: b_texts, first: first(a, b) }
}

fn steps(image: &dyn Image) -> &[History] {
    image.config().map(|config| config.history.as_slice()).unwrap_or_default()
}

/// The first step that another text or another layer has.
fn first(a: &dyn Image, b: &dyn Image) -> Option<FirstStep> {
    let (of_a, of_b) = (steps(a), steps(b));
    if of_a.is_empty() || of_b.is_empty() {
        return None;
    }
    let (layers_a, layers_b) = (made(a)?, made(b)?);
    for step in 0..of_a.len().max(of_b.len()) {
        let (text_a, text_b) = (of_a.get(step).map(instruction_of), of_b.get(step).map(instruction_of));
        let layers = (layers_a.get(step).copied().flatten(), layers_b.get(step).copied().flatten());
        let same_layer = match layers {
            (Some(at_a), Some(at_b)) => a.layers()[at_a].diff_id() == b.layers()[at_b].diff_id(),
            (None, None) => true,
            _ => false,
        };
        if text_a != text_b || !same_layer {
            let same_instruction = text_a == text_b;
            return Some(FirstStep {
                step: step + 1,
                a: text_a,
                b: text_b,
                same_instruction,
                line: None,
                in_base: false,
            });
        }
    }
    None
}

/// For each step of the history the layer that it made; `None` where history and layers do not fit.
fn made(image: &dyn Image) -> Option<Vec<Option<usize>>> {
    image.config()?.layer_history()?;
    let mut next = 0;
    let layer = |step: &History| {
        (!step.empty_layer).then(|| {
            next += 1;
            next - 1
        })
    };
    let made = steps(image).iter().map(layer).collect();
    (next == image.layers().len()).then_some(made)
}

fn instruction_of(step: &History) -> String {
    instruction(step.created_by.as_deref().unwrap_or_default())
}

/// Writes a step of the history as the instruction that made it: without the shell, the marks and the checksums of docker's
/// builders.
pub(super) fn instruction(created_by: &str) -> String {
    let text = created_by.trim().trim_end_matches("# buildkit").trim_end();
    if let Some((_, noted)) = text.split_once("#(nop)") {
        return without_checksums(noted.trim_start());
    }
    let text = without_arguments(text);
    if let Some(command) = text.strip_prefix("/bin/sh -c ") {
        return format!("RUN {command}");
    }
    match text.strip_prefix("RUN ").map(without_arguments) {
        Some(run) => format!("RUN {}", run.strip_prefix("/bin/sh -c ").unwrap_or(run)),
        None => text.to_owned(),
    }
}

/// Build arguments stand before a command as `|1 NAME=value`.
fn without_arguments(text: &str) -> &str {
    let count = text
        .strip_prefix('|')
        .and_then(|rest| rest.split_once(' '))
        .and_then(|(n, rest)| Some((n.parse().ok()?, rest)));
    let Some((count, mut rest)) = count else {
        return text;
    };
    for _ in 0_usize..count {
        match rest.split_once(' ') {
            Some((argument, after)) if argument.contains('=') => rest = after,
            // a value with blanks in it: where it ends nobody can tell, but for the shell behind it
            _ => break,
        }
    }
    rest.find("/bin/sh -c ").map_or(rest, |shell| &rest[shell..])
}

/// The older builder wrote `COPY file:<64 digits> in /path`.
fn without_checksums(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(' ') {
        let bare = word.trim_end();
        let digits = ["file:", "dir:", "multi:"].iter().find_map(|kind| Some((*kind, bare.strip_prefix(kind)?)));
        match digits {
            Some((kind, digits)) if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
                out.push_str(kind.trim_end_matches(':'));
                out.push_str(&word[bare.len()..]);
            }
            _ => out.push_str(word),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::instruction;

    #[test]
    fn a_step_is_read_as_its_instruction() {
        let sum = "0123456789abcdef".repeat(4);
        let copied = format!("/bin/sh -c #(nop) COPY file:{sum} in /etc/ ");
        for (created_by, expected) in [
            ("/bin/sh -c apt-get update", "RUN apt-get update"),
            ("RUN /bin/sh -c apt-get update # buildkit", "RUN apt-get update"),
            ("RUN |1 A=b /bin/sh -c echo $A # buildkit", "RUN echo $A"),
            ("RUN |2 A=b c D= /bin/sh -c echo $A # buildkit", "RUN echo $A"),
            ("|1 A=b /bin/sh -c echo $A", "RUN echo $A"),
            ("/bin/sh -c #(nop)  CMD [\"sh\"]", "CMD [\"sh\"]"),
            (copied.as_str(), "COPY file in /etc/"),
            ("COPY . /app # buildkit", "COPY . /app"),
            ("RUN /bin/true", "RUN /bin/true"),
            ("", ""),
        ] {
            assert_eq!(instruction(created_by).trim_end(), expected, "{created_by}");
        }
    }
}
