//! What is known of the steps under way, and how they are called.

use std::{collections::BTreeMap, time::Duration};

use super::lines::Lines;
use crate::look::{palette::STRONG, text};

/// What the builder calls the stage of a Dockerfile that has one and does not name it: nothing to tell stages apart by.
const ONLY_STAGE: &str = "stage-0";

/// Steps by number.
#[derive(Debug, Default)]
pub(super) struct Steps(BTreeMap<usize, Step>);

/// A step that has begun.
#[derive(Debug, Default)]
pub(super) struct Step {
    started: Duration,
    pub(super) is_cached: bool,
    out: Lines,
    err: Lines,
}

impl Steps {
    pub(super) fn start(&mut self, number: usize, at: Duration) {
        self.0.insert(number, Step { started: at, ..Step::default() });
    }

    pub(super) fn get(&mut self, number: usize) -> &mut Step {
        self.0.entry(number).or_default()
    }

    pub(super) fn end(&mut self, number: usize) -> Step {
        self.0.remove(&number).unwrap_or_default()
    }

    /// Those that have begun and did not end.
    pub(super) fn running(&self) -> Vec<usize> {
        self.0.keys().copied().collect()
    }
}

impl Step {
    /// How long it has been running.
    pub(super) fn age(&self, at: Duration) -> Duration {
        at.saturating_sub(self.started)
    }

    pub(super) fn stream(&mut self, stderr: bool) -> &mut Lines {
        if stderr { &mut self.err } else { &mut self.out }
    }
}

/// `#3 [build 3/7] RUN make`.
pub(super) fn title(stage: &str, number: usize, total: usize, instruction: &str) -> String {
    let stage = if stage == ONLY_STAGE { String::new() } else { format!("{} ", text::safe(stage)) };
    format!("#{number} {STRONG}[{stage}{number}/{total}]{STRONG:#} {}", text::safe(instruction))
}

/// Seconds in five characters, as `BuildKit` writes them: `0.312`, `12.34`, `123.4`, then whole ones.
pub(super) fn clock(time: Duration) -> String {
    let millis = time.as_millis();
    let (seconds, rest) = (millis / 1000, millis % 1000);
    match seconds {
        ..10 => format!("{seconds}.{rest:03}"),
        10..100 => format!("{seconds}.{:02}", rest / 10),
        100..1000 => format!("{seconds}.{}", rest / 100),
        _ => seconds.to_string(),
    }
}

/// Seconds of a step that is done: `0.4s`.
pub(super) fn took(time: Duration) -> String {
    format!("{:.1}s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::{clock, title};
    use std::time::Duration;

    #[test]
    fn a_title_is_one_line_and_cannot_drive_a_terminal() {
        let shown = |stage, text| anstream::adapter::strip_str(&title(stage, 2, 3, text)).to_string();
        assert_eq!(shown("stage-0", "RUN make all"), "#2 [2/3] RUN make all");
        assert_eq!(shown("build", "RUN printf '\u{9b}2J'\n"), "#2 [build 2/3] RUN printf '\\u{9b}2J'\\n");
    }

    #[test]
    fn a_clock_has_five_characters() {
        let cases = [(312, "0.312"), (9_999, "9.999"), (12_345, "12.34"), (123_456, "123.4"), (1_234_567, "1234")];
        for (millis, text) in cases {
            assert_eq!(clock(Duration::from_millis(millis)), text);
        }
    }
}
