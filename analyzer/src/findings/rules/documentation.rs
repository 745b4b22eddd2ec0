//! B7: documentation and translations.

use crate::findings::{
    About, Claim, Confidence, Level, Rule, Subject, Told,
    live::{Advisory, Directory, LiveFile, below},
};

/// B7.
pub(in crate::findings) struct Documentation;

impl Rule for Documentation {
    fn about(&self) -> &'static About {
        &About {
            id: "B7",
            name: "documentation",
            title: "Documentation, manuals and translations",
            explanation: "Packages bring manuals and translations for people at a terminal, which a container seldom \
                          has.",
            detection: "Live files in `/usr/share/doc` but for `copyright`, and in `man`, `info`, `gtk-doc`, `help` \
                        and `lintian` of `/usr/share`; `/usr/share/locale` but for English and for the language of the \
                        image's `LANG`; `locale-archive`.",
            fix: "Keep them out: `path-exclude` in `/etc/dpkg/dpkg.cfg.d`, `tsflags=nodocs` for dnf, no `-doc` \
                  packages of apk; or remove them in the RUN that installs.",
            kinds: &[("doc", "documentation"), ("man", "manual pages"), ("locale", "translations")],
            confidence: Confidence::Medium,
            exact: false,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!(
            "{} brings {}: {}",
            told.creator(),
            match told.kind() {
                "man" => "manual pages",
                "locale" => "translations",
                _ => "documentation",
            },
            told.directories()
        )
    }
}

/// Directories, and what is in them.
const PLACES: &[(&str, &str)] = &[
    ("usr/share/doc", "doc"),
    ("usr/share/gtk-doc", "doc"),
    ("usr/share/help", "doc"),
    ("usr/share/lintian", "doc"),
    ("usr/share/info", "man"),
    ("usr/share/man", "man"),
    ("usr/local/share/man", "man"),
    ("usr/local/share/doc", "doc"),
    ("usr/share/locale", "locale"),
];

impl Advisory for Documentation {
    fn looks_in(&self, directory: &Directory<'_>) -> bool {
        directory.path == b"usr/lib/locale/" || PLACES.iter().any(|(place, _)| below(directory.path, place).is_some())
    }

    fn claims(&self, file: &LiveFile<'_>, subject: &Subject<'_>) -> Option<Claim> {
        if file.path == b"usr/lib/locale/locale-archive" {
            return Some(Claim::file("locale"));
        }
        if !file.path.starts_with(b"usr/") {
            return None;
        }
        let (directory, kind) =
            PLACES.iter().find_map(|(directory, kind)| Some((below(file.path, directory)?, *kind)))?;
        // a license may ask for its text to come along
        let is_license = file.name.starts_with(b"copyright") || file.name.to_ascii_uppercase().starts_with(b"LICEN");
        let is_wanted = kind == "locale" && is_spoken(&file.path[directory.len() + 1..], subject);
        (!is_license && !is_wanted).then(|| Claim::tree(kind, directory))
    }
}

/// Whether a path below `locale` is of English, or of the language of the image.
fn is_spoken(path: &[u8], subject: &Subject<'_>) -> bool {
    let config = subject.image.config().and_then(|config| config.config.as_ref());
    let variables = config.and_then(|config| config.env.as_deref()).unwrap_or_default();
    let mut languages = variables.iter().filter_map(|variable| {
        let (name, value) = variable.split_once('=')?;
        (name == "LANG" || name == "LC_ALL").then(|| value.get(..2)).flatten()
    });
    path.starts_with(b"en") || languages.any(|language| path.starts_with(language.as_bytes()))
}
