//! B13: logs.

use crate::findings::{
    About, Claim, Confidence, Level, Rule, Subject, Told,
    live::{Advisory, Directory, LiveFile, below},
};

/// B13.
pub(in crate::findings) struct LogFile;

impl Rule for LogFile {
    fn about(&self) -> &'static About {
        &About {
            id: "B13",
            name: "log-file",
            title: "Logs of the build",
            explanation: "Logs of the steps that made an image tell nobody anything once it is made. `lastlog` and \
                          `faillog` are sparse files, one record a user, which a layer carries with all their zeros: \
                          with a high user number, gigabytes of them.",
            detection: "Live files in `/var/log`, and `*.log` elsewhere; `lastlog`, `faillog` and `tallylog` as \
                        `sparse`.",
            fix: "Remove them in the RUN that writes them. For `sparse`: `useradd --no-log-init` (hadolint DL3046).",
            kinds: &[("log", "a log"), ("sparse", "a record for each user number")],
            confidence: Confidence::Medium,
            exact: false,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} leaves logs: {}", told.creator(), told.files())
    }
}

impl Advisory for LogFile {
    fn looks_in(&self, _: &Directory<'_>) -> bool {
        true
    }

    fn claims(&self, file: &LiveFile<'_>, _: &Subject<'_>) -> Option<Claim> {
        let in_logs = below(file.path, "var/log").is_some();
        if in_logs && matches!(file.name, b"lastlog" | b"faillog" | b"tallylog") {
            return Some(Claim::file("sparse"));
        }
        let is_crash = file.name.starts_with(b"hs_err_pid");
        (in_logs || file.name.ends_with(b".log") && !is_crash).then(|| Claim::file("log"))
    }
}
