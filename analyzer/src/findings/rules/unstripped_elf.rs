//! B16: symbols and debug information.

use crate::{
    facts::{Fact, Language},
    findings::{
        About, Claim, Confidence, Level, Rule, Subject, Told,
        live::{Advisory, Directory, LiveFile, below},
    },
};

/// B16.
pub(in crate::findings) struct UnstrippedElf;

impl Rule for UnstrippedElf {
    fn about(&self) -> &'static About {
        &About {
            id: "B16",
            name: "unstripped-elf",
            title: "Programs with symbols and debug information",
            explanation: "What a debugger needs, a program does not: symbols and debug sections are often most of its \
                          file.",
            detection: "Live ELF programs and libraries: the sizes of `.symtab` with its names and of `.debug_*`. \
                        Object files and kernel modules need their symbols.",
            fix: "Strip it where it is built: `strip --strip-unneeded`, `go build -ldflags=\"-s -w\"`, `strip = true` \
                  in a Cargo profile; keep a copy of the debug information elsewhere.",
            kinds: &[
                ("program", "of any other language"),
                ("go", "made by Go"),
                ("rust", "made by Rust"),
                ("debug-file", "of `/usr/lib/debug`, which exists to hold it"),
            ],
            confidence: Confidence::Medium,
            exact: false,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} has what only a debugger needs: {}", told.creator(), told.files())
    }

    fn fix(&self, told: &Told<'_>) -> String {
        match told.kind() {
            "go" => "Build it with `go build -ldflags=\"-s -w\"`.".to_owned(),
            "rust" => "Set `strip = true` in the release profile of Cargo.toml.".to_owned(),
            "debug-file" => "Do not install the package of debug information; fetch it when it is needed.".to_owned(),
            _ => self.about().fix.to_owned(),
        }
    }
}

/// Less is not worth a word: every library keeps a few names.
const MIN_BYTES: u64 = 4096;

impl Advisory for UnstrippedElf {
    fn looks_in(&self, _: &Directory<'_>) -> bool {
        true
    }

    fn claims(&self, file: &LiveFile<'_>, _: &Subject<'_>) -> Option<Claim> {
        let elf = file.facts.iter().find_map(|(_, fact)| match fact {
            Fact::Elf(elf) => Some(elf),
            _ => None,
        })?;
        let bytes = elf.symbols + elf.debug;
        let kind = match elf.language {
            _ if below(file.path, "usr/lib/debug").is_some() => "debug-file",
            Language::Go => "go",
            Language::Rust => "rust",
            Language::Other => "program",
        };
        (bytes >= MIN_BYTES).then(|| Claim { bytes: Some(bytes), ..Claim::file(kind) })
    }
}
