//! The table of rules about size.

/// A rule.
#[derive(Clone, Copy, Debug)]
pub struct SizeRule {
    /// Its name, which is the code of its warnings and what `# check=skip=` takes.
    pub name: &'static str,
    /// The rule of hadolint that it stands for; `# check=skip=` takes that too.
    pub hadolint: &'static str,
    /// What it asks for, in one line.
    pub description: &'static str,
    /// Why, and what is trusted.
    pub explanation: &'static str,
}

const fn rule(
    name: &'static str,
    hadolint: &'static str,
    description: &'static str,
    explanation: &'static str,
) -> SizeRule {
    SizeRule { name, hadolint, description, explanation }
}

/// All of them, in the order of their names.
pub const SIZE_RULES: [SizeRule; 14] = [
    rule(
        "AddInsteadOfCopy",
        "DL3020",
        "Plain files should be copied with COPY",
        "ADD unpacks archives and downloads. Where it does neither, COPY says so.",
    ),
    rule(
        "ApkCacheLeft",
        "DL3019",
        "apk should keep no cache",
        "`apk add` without `--no-cache` leaves the package index in `/var/cache/apk`.",
    ),
    rule(
        "AptListsLeft",
        "DL3009",
        "apt's package lists should be removed in the same RUN",
        "`apt-get update` writes lists of all packages to `/var/lib/apt/lists`, which a later RUN can hide but not remove. A \
         mount over them is as good.",
    ),
    rule(
        "AptRecommends",
        "DL3015",
        "apt should not install recommended packages",
        "They are often larger than what was asked for.",
    ),
    rule(
        "ArchiveCopied",
        "DL3010",
        "Archives should be unpacked by ADD",
        "COPY of an archive, then RUN of tar, ships the archive and its contents.",
    ),
    rule("DnfCacheLeft", "DL3040", "dnf's cache should be removed in the same RUN", "It is in `/var/cache/dnf`."),
    rule(
        "LargeLastlog",
        "DL3046",
        "useradd with a large number needs --no-log-init",
        "lastlog and faillog are indexed by user number. Such a file is empty and sparse, but a layer has no holes.",
    ),
    rule(
        "PipCacheLeft",
        "DL3042",
        "pip should keep no cache",
        "Every wheel is kept in `~/.cache/pip` beside its installation. `PIP_NO_CACHE_DIR`, `--no-cache-dir` and a cache mount \
         avoid it.",
    ),
    rule(
        "RemovedTooLate",
        "DL3059",
        "Files should be removed in the RUN that makes them",
        "A RUN of nothing but `rm` hides files of earlier layers, which are shipped all the same. `strata analyze` says how \
         many bytes that is, `strata slim` joins the RUNs.",
    ),
    rule(
        "WgetAndCurl",
        "DL4001",
        "One of wget and curl is enough",
        "Both are installed in the same stage, with the libraries of both.",
    ),
    rule(
        "WholeStageCopied",
        "DL3067",
        "COPY --from should not copy everything",
        "All of a stage comes with its caches and tools. On top of scratch it is how layers are joined, and nothing is said.",
    ),
    rule(
        "YarnCacheLeft",
        "DL3060",
        "yarn's cache should be removed in the same RUN",
        "Every package is kept in the cache beside its installation.",
    ),
    rule("YumCacheLeft", "DL3032", "yum's cache should be removed in the same RUN", "It is in `/var/cache/yum`."),
    rule(
        "ZypperCacheLeft",
        "DL3036",
        "zypper's cache should be removed in the same RUN",
        "It is in `/var/cache/zypp`.",
    ),
];
