//! B3: what apt leaves behind.

use crate::findings::{
    About, Claim, Confidence, Level, Rule, Subject, Told,
    live::{Advisory, Directory, LiveFile, below},
};

/// B3.
pub(in crate::findings) struct AptCache;

impl Rule for AptCache {
    fn about(&self) -> &'static About {
        &About {
            id: "B3",
            name: "apt-cache",
            title: "Lists and archives of apt",
            explanation: "apt keeps the lists of all packages that there are, and the archives that it installed from. \
                          Nobody reads them in a finished image, and the lists are out of date within days.",
            detection: "Live files in `/var/lib/apt/lists` but for `lock`, `partial` and `auxfiles`; `*.deb` in \
                        `/var/cache/apt/archives`; `*pkgcache.bin` in `/var/cache/apt`.",
            fix: "Add `&& rm -rf /var/lib/apt/lists/*` to the RUN that installs; or give it cache mounts on \
                  `/var/cache/apt` and `/var/lib/apt` with `sharing=locked` (hadolint DL3009).",
            kinds: &[("lists", "lists of packages"), ("archives", "archives and their index")],
            confidence: Confidence::High,
            exact: false,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} leaves {} of apt: {}", told.creator(), told.kind(), told.directories())
    }
}

impl Advisory for AptCache {
    fn looks_in(&self, directory: &Directory<'_>) -> bool {
        below(directory.path, "var/lib/apt/lists").or_else(|| below(directory.path, "var/cache/apt")).is_some()
    }

    fn claims(&self, file: &LiveFile<'_>, _: &Subject<'_>) -> Option<Claim> {
        if let Some(lists) = below(file.path, "var/lib/apt/lists") {
            let rest = &file.path[lists.len() + 1..];
            let is_kept = rest == b"lock" || rest.starts_with(b"partial/") || rest.starts_with(b"auxfiles/");
            return (!is_kept).then(|| Claim::tree("lists", lists));
        }
        let cache = below(file.path, "var/cache/apt")?;
        let is_archive = file.name.ends_with(b".deb") || file.name.ends_with(b"pkgcache.bin");
        is_archive.then(|| Claim::tree("archives", cache))
    }
}
