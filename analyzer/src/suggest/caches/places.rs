//! Where package managers keep what only they themselves need.

/// One kind of cache.
pub(super) struct Cache {
    /// The rule of findings that speaks of it.
    pub(super) rule: &'static str,
    /// For people, in the plural.
    pub(super) name: &'static str,
    /// What is in it, as patterns of a shell. One whose last name is no pattern means a directory, with all that is in it.
    pub(super) patterns: &'static [&'static str],
    /// Whether the program fails when another one works in the same directory.
    pub(super) is_locked: bool,
    /// Programs that fail without it, where a RUN does not name [`refreshed_by`](Self::refreshed_by).
    pub(super) needed_by: &'static [&'static str],
    /// What makes it anew.
    pub(super) refreshed_by: Option<&'static str>,
    /// Programs, their subcommand, and the option of it that makes no cache.
    pub(super) option: Option<(&'static [&'static str], &'static str, &'static str)>,
}

const fn cache(rule: &'static str, name: &'static str, patterns: &'static [&'static str]) -> Cache {
    Cache { rule, name, patterns, is_locked: false, needed_by: &[], refreshed_by: None, option: None }
}

/// All that are known. Where two could claim a file, the first one does.
pub(super) const CACHES: &[Cache] = &[
    Cache {
        is_locked: true,
        needed_by: &["apt", "apt-get", "aptitude"],
        refreshed_by: Some("update"),
        ..cache("apt-cache", "package lists of apt", &["/var/lib/apt/lists/*"])
    },
    Cache {
        is_locked: true,
        ..cache("apt-cache", "package archives of apt", &["/var/cache/apt/archives/*.deb", "/var/cache/apt/*.bin"])
    },
    Cache {
        is_locked: true,
        option: Some((&["apk"], "add", "--no-cache")),
        ..cache("package-cache", "package cache of apk", &["/var/cache/apk/*"])
    },
    Cache { is_locked: true, ..cache("package-cache", "package cache of dnf", &["/var/cache/dnf/*"]) },
    Cache { is_locked: true, ..cache("package-cache", "package cache of dnf", &["/var/cache/libdnf5/*"]) },
    Cache { is_locked: true, ..cache("package-cache", "package cache of yum", &["/var/cache/yum/*"]) },
    Cache { is_locked: true, ..cache("package-cache", "package cache of zypper", &["/var/cache/zypp/*"]) },
    Cache { is_locked: true, ..cache("package-cache", "package cache of pacman", &["/var/cache/pacman/pkg/*"]) },
    Cache {
        option: Some((&["pip", "pip3"], "install", "--no-cache-dir")),
        ..cache("language-cache", "cache of pip", &["/root/.cache/pip", "/home/*/.cache/pip"])
    },
    cache("language-cache", "cache of npm", &["/root/.npm/_cacache", "/home/*/.npm/_cacache"]),
    cache(
        "language-cache",
        "cache of yarn",
        &["/usr/local/share/.cache/yarn", "/root/.cache/yarn", "/home/*/.cache/yarn"],
    ),
    Cache {
        needed_by: &["go"],
        ..cache("language-cache", "build cache of go", &["/root/.cache/go-build", "/home/*/.cache/go-build"])
    },
    Cache {
        needed_by: &["cargo"],
        ..cache("language-cache", "registry cache of cargo", &["/usr/local/cargo/registry", "/root/.cargo/registry"])
    },
];
