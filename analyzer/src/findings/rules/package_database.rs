//! A10: the files in which package managers keep account, written anew by every install.

use crate::{
    findings::{
        About, Claim, Confidence, Level, Rule, Told,
        deaths::{Death, Exact},
    },
    ledger::Kind,
};

/// A10.
pub(in crate::findings) struct PackageDatabase;

/// Files, and directories of them, by the manager that writes them.
const DATABASES: &[(&str, &[&str])] = &[
    (
        "dpkg",
        &[
            "var/lib/dpkg/status",
            "var/lib/dpkg/status-old",
            "var/lib/dpkg/available",
            "var/lib/dpkg/available-old",
            "var/lib/dpkg/diversions",
            "var/lib/dpkg/diversions-old",
            "var/lib/dpkg/statoverride",
            "var/lib/dpkg/triggers/",
            "var/lib/apt/extended_states",
            "var/cache/debconf/",
            "var/log/dpkg.log",
            "var/log/alternatives.log",
            "var/log/apt/",
        ],
    ),
    (
        "rpm",
        &[
            "var/lib/rpm/",
            "usr/lib/sysimage/rpm/",
            "var/lib/dnf/history.sqlite",
            "var/lib/dnf/history.sqlite-shm",
            "var/lib/dnf/history.sqlite-wal",
            "usr/lib/sysimage/libdnf5/",
        ],
    ),
    ("apk", &["lib/apk/db/", "usr/lib/apk/db/"]),
    ("pacman", &["var/lib/pacman/local/"]),
    ("ldconfig", &["etc/ld.so.cache", "var/cache/ldconfig/aux-cache"]),
];

impl Rule for PackageDatabase {
    fn about(&self) -> &'static About {
        &About {
            id: "A10",
            name: "package-database",
            title: "Databases of package managers that several layers write",
            explanation: "Every install writes the manager's whole database anew, so each layer that installs carries one. \
                          It is the most common waste, and rarely worth more than fewer installs.",
            detection: "As A1 and A2, for the files where dpkg, apt, rpm, dnf, apk, pacman and ldconfig keep account.",
            fix: "Install everything in one RUN.",
            kinds: &[
                ("dpkg", "of dpkg, apt and debconf"),
                ("rpm", "of rpm and dnf"),
                ("apk", "of apk"),
                ("pacman", "of pacman"),
                ("ldconfig", "the cache of the dynamic loader"),
            ],
            confidence: Confidence::High,
            exact: true,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} writes the database of {} after {}: {}", told.killer(), told.kind(), told.creator(), told.files())
    }
}

impl Exact for PackageDatabase {
    fn claims(&self, death: &Death<'_>) -> Option<Claim> {
        if !matches!(death.dead.kind, Kind::Overwrite | Kind::Rewrite) {
            return None;
        }
        manager(death.dead.path.as_bytes()).map(Claim::file)
    }
}

/// Whether a package manager keeps account in a file. No package has it.
pub(in crate::findings) fn is_database(path: &[u8]) -> bool {
    manager(path).is_some()
}

/// Whose database a path is.
fn manager(path: &[u8]) -> Option<&'static str> {
    let is_in = |place: &str| match place.strip_suffix('/') {
        Some(_) => path.starts_with(place.as_bytes()),
        None => path == place.as_bytes(),
    };
    DATABASES.iter().find(|(_, places)| places.iter().any(|place| is_in(place))).map(|(name, _)| *name)
}
