//! B4: what other package managers of systems leave behind.

use crate::findings::{
    About, Claim, Confidence, Level, Rule, Subject, Told,
    live::{Advisory, Directory, LiveFile, below},
};

/// B4.
pub(in crate::findings) struct PackageCache;

impl Rule for PackageCache {
    fn about(&self) -> &'static About {
        &About {
            id: "B4",
            name: "package-cache",
            title: "Caches of apk, pacman, zypper, yum and dnf",
            explanation: "What a package manager downloaded is of use to its next run alone, which a finished image \
                          does not have.",
            detection: "Live files in `/var/cache/apk`, `/etc/apk/cache`, `/var/cache/pacman/pkg`, \
                        `/var/lib/pacman/sync`, `/var/cache/zypp`, `/var/cache/yum`, `/var/cache/dnf`, \
                        `/var/cache/libdnf5`.",
            fix: "Keep no cache: `apk add --no-cache`, `pacman -Scc --noconfirm`, `zypper clean --all`, `dnf clean \
                  all` in the RUN that installs; or a cache mount (hadolint DL3019, DL3032, DL3036, DL3040).",
            kinds: &[("apk", "of apk"), ("pacman", "of pacman"), ("zypper", "of zypper"), ("dnf", "of yum and dnf")],
            confidence: Confidence::High,
            exact: false,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} leaves the cache of {}: {}", told.creator(), told.kind(), told.directories())
    }
}

/// Directories, and whose they are.
const CACHES: &[(&str, &str)] = &[
    ("var/cache/apk", "apk"),
    ("etc/apk/cache", "apk"),
    ("var/cache/pacman/pkg", "pacman"),
    ("var/lib/pacman/sync", "pacman"),
    ("var/cache/zypp", "zypper"),
    ("var/cache/yum", "dnf"),
    ("var/cache/dnf", "dnf"),
    ("var/cache/libdnf5", "dnf"),
];

impl Advisory for PackageCache {
    fn looks_in(&self, directory: &Directory<'_>) -> bool {
        CACHES.iter().any(|(place, _)| below(directory.path, place).is_some())
    }

    fn claims(&self, file: &LiveFile<'_>, _: &Subject<'_>) -> Option<Claim> {
        CACHES.iter().find_map(|(directory, kind)| Some(Claim::tree(kind, below(file.path, directory)?)))
    }
}
