//! `setrlimit(2)` by docker's names.

use rustix::process::{Resource, Rlimit};

use super::Ulimit;
use crate::{Error, Result};

/// Docker's names (`go-units`): all that the kernel has but `as`.
const NAMES: [(&str, Resource); 15] = [
    ("core", Resource::Core),
    ("cpu", Resource::Cpu),
    ("data", Resource::Data),
    ("fsize", Resource::Fsize),
    ("locks", Resource::Locks),
    ("memlock", Resource::Memlock),
    ("msgqueue", Resource::Msgqueue),
    ("nice", Resource::Nice),
    ("nofile", Resource::Nofile),
    ("nproc", Resource::Nproc),
    ("rss", Resource::Rss),
    ("rtprio", Resource::Rtprio),
    ("rttime", Resource::Rttime),
    ("sigpending", Resource::Sigpending),
    ("stack", Resource::Stack),
];

/// One limit that the first process sets.
pub(super) struct PlannedLimit {
    pub(super) name: &'static str,
    pub(super) resource: Resource,
    pub(super) limit: Rlimit,
}

/// What the first process sets: the last of a name counts, since a limit that was lowered cannot be raised again.
pub(super) fn prepare(ulimits: &[Ulimit]) -> Result<Vec<PlannedLimit>> {
    let mut planned: Vec<PlannedLimit> = Vec::new();
    for Ulimit { name, soft, hard } in ulimits {
        let Some((name, resource)) = NAMES.into_iter().find(|(known, _)| known == name) else {
            let known = NAMES.map(|(known, _)| known).join(", ");
            return Err(Error::UnknownUlimit { name: name.clone(), nearest: nearest(name), known });
        };
        if soft > hard {
            return Err(Error::UlimitOrder { name, soft: *soft, hard: *hard });
        }
        // the kernel's RLIM_INFINITY
        let finite = |value: u64| (value != u64::MAX).then_some(value);
        let limit = Rlimit { current: finite(*soft), maximum: finite(*hard) };
        planned.retain(|earlier| earlier.name != name);
        planned.push(PlannedLimit { name, resource, limit });
    }
    Ok(planned)
}

/// The name that was probably meant: one that differs in at most two letters.
fn nearest(name: &str) -> Option<&'static str> {
    let distance = |known: &str| edits(name.as_bytes(), known.as_bytes());
    NAMES
        .iter()
        .map(|(known, _)| (distance(known), *known))
        .filter(|(edits, _)| *edits <= 2)
        .min()
        .map(|(_, name)| name)
}

/// How many letters have to be changed, added or left out (Levenshtein).
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        row[0] = left;
        for (cell, y) in row.iter_mut().skip(1).zip(b) {
            let replaced = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = replaced.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        for (written, meant) in [
            ("nofiles", Some("nofile")),
            ("NPROC", None),
            ("nproc ", Some("nproc")),
            ("stak", Some("stack")),
            ("", None),
        ] {
            assert_eq!(nearest(written), meant, "{written}");
        }
    }
}
