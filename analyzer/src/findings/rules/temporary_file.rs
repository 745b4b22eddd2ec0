//! B10: what was meant to go.

use crate::findings::{
    About, Claim, Confidence, Level, Rule, Subject, Told,
    live::{Advisory, Directory, LiveFile, below},
};

/// B10.
pub(in crate::findings) struct TemporaryFile;

impl Rule for TemporaryFile {
    fn about(&self) -> &'static About {
        &About {
            id: "B10",
            name: "temporary-file",
            title: "Temporary files and what editors leave",
            explanation: "What lies in a temporary directory when a step ends lies in the image for good.",
            detection: "Live files in `/tmp` and `/var/tmp`; `*~`, `*.swp`, `*.orig`, `*.rej`, `.DS_Store`, \
                        `Thumbs.db` and `/root/.wget-hsts`.",
            fix: "Remove it in the RUN that makes it, or give that RUN `--mount=type=tmpfs,target=/tmp`; for what \
                  comes with a COPY, a line in `.dockerignore`.",
            kinds: &[("tmp", "in a temporary directory"), ("leftover", "by its name")],
            confidence: Confidence::Medium,
            exact: false,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} leaves temporary files: {}", told.creator(), told.files())
    }
}

/// Ends of names that editors, patch and browsers of files leave.
const SUFFIXES: &[&[u8]] = &[b"~", b".swp", b".swo", b".orig", b".rej"];

impl Advisory for TemporaryFile {
    fn looks_in(&self, _: &Directory<'_>) -> bool {
        true
    }

    fn claims(&self, file: &LiveFile<'_>, _: &Subject<'_>) -> Option<Claim> {
        let directory = below(file.path, "tmp").or_else(|| below(file.path, "var/tmp"));
        if let Some(directory) = directory {
            // what stands in it is told, not what is below that
            let rest = &file.path[directory.len() + 1..];
            let top = rest.iter().position(|&byte| byte == b'/');
            return Some(match top {
                Some(slash) => Claim::tree("tmp", &file.path[..directory.len() + 1 + slash]),
                None => Claim::file("tmp"),
            });
        }
        let is_left = matches!(file.name, b".DS_Store" | b"Thumbs.db")
            || file.path == b"root/.wget-hsts"
            || SUFFIXES.iter().any(|suffix| file.name.len() > suffix.len() && file.name.ends_with(suffix));
        is_left.then(|| Claim::file("leftover"))
    }
}
