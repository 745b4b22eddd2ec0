//! B12: what a crash left.

use crate::{
    facts::Fact,
    findings::{
        About, Claim, Confidence, Level, Rule, Subject, Told,
        live::{Advisory, Directory, LiveFile, below},
    },
};

/// B12.
pub(in crate::findings) struct CoreDump;

impl Rule for CoreDump {
    fn about(&self) -> &'static About {
        &About {
            id: "B12",
            name: "core-dump",
            title: "Core dumps and crash reports",
            explanation: "A core dump is the memory of a program that crashed: large, of no use in an image, and full \
                          of whatever the program knew.",
            detection: "Live ELF files of the type of core dumps; `core.NUMBER` and `vgcore.NUMBER`; `/var/crash`; \
                        `hs_err_pid*.log` of the Java machine.",
            fix: "Find out what crashes, remove the file in the same RUN, and set `ulimit -c 0`.",
            kinds: &[("core", "the memory of a program"), ("report", "a report")],
            confidence: Confidence::High,
            exact: false,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} leaves what a crash wrote: {}", told.creator(), told.files())
    }
}

impl Advisory for CoreDump {
    fn looks_in(&self, _: &Directory<'_>) -> bool {
        true
    }

    fn claims(&self, file: &LiveFile<'_>, _: &Subject<'_>) -> Option<Claim> {
        let is_core = file.facts.iter().any(|(_, fact)| matches!(fact, Fact::Elf(elf) if elf.is_core));
        let number = file.name.strip_prefix(b"vg").unwrap_or(file.name).strip_prefix(b"core.");
        let is_named = number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit));
        if is_core || is_named {
            return Some(Claim::file("core"));
        }
        let is_report = below(file.path, "var/crash").is_some()
            || file.name.starts_with(b"hs_err_pid") && file.name.ends_with(b".log");
        is_report.then(|| Claim::file("report"))
    }
}
