//! B14: files of zeros.

use crate::{
    facts::Fact,
    findings::{
        About, Claim, Confidence, Level, Rule, Subject, Told,
        live::{Advisory, Directory, LiveFile},
    },
};

/// B14.
pub(in crate::findings) struct ZeroContent;

impl Rule for ZeroContent {
    fn about(&self) -> &'static About {
        &About {
            id: "B14",
            name: "zero-content",
            title: "Files that are all or mostly zeros",
            explanation: "A layer has no holes: a file that is sparse on disk comes with every zero. They compress \
                          well, and still take their whole size on every machine that unpacks the image.",
            detection: "Live files of more than half zeros, in blocks of 4 KiB; those that are all zeros from 64 KiB, \
                        others from 1 MiB. `lastlog` and the like are B13's.",
            fix: "Make the file when the container starts, or allocate it there: `fallocate`, `truncate`.",
            kinds: &[("all", "nothing but zeros"), ("most", "more than half zeros")],
            confidence: Confidence::Medium,
            exact: false,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!(
            "{} has {} zeros: {}",
            told.creator(),
            if told.kind() == "all" { "nothing but" } else { "mostly" },
            told.files()
        )
    }
}

/// The least size of a file with other content than zeros.
const MIN_SIZE: u64 = 1 << 20;

impl Advisory for ZeroContent {
    fn looks_in(&self, _: &Directory<'_>) -> bool {
        true
    }

    fn claims(&self, file: &LiveFile<'_>, _: &Subject<'_>) -> Option<Claim> {
        let zeros = file.facts.iter().find_map(|(_, fact)| match fact {
            Fact::Zeros(bytes) => Some(*bytes),
            _ => None,
        })?;
        if matches!(file.name, b"lastlog" | b"faillog" | b"tallylog") {
            return None;
        }
        let kind = if zeros == file.size { "all" } else { "most" };
        (zeros == file.size || file.size > MIN_SIZE).then(|| Claim { bytes: Some(zeros), ..Claim::file(kind) })
    }
}
