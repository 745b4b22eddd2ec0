//! Contents that are needed later: the databases of package managers, and who has a home.
//!
//! | path | kept |
//! |---|---|
//! | `var/lib/dpkg/status`, `status.d/*`, `info/*.list`, `info/*.md5sums`; `var/lib/apt/extended_states` | whole |
//! | `lib/apk/db/installed`, `etc/apk/world` | whole |
//! | `rpmdb.sqlite`, `Packages.db`, `Packages` where rpm has them | names, versions, architectures, sizes, paths |
//! | `*.dist-info/METADATA`, `*.egg-info/PKG-INFO` | the lines of name and version |
//! | `*.dist-info/RECORD` | whole |
//! | `node_modules/NAME/package.json` | name and version |
//! | `package-lock.json`, `node_modules/.package-lock.json` | the paths that only development needs |
//! | `etc/passwd` | whole |
//!
//! Not read: lock files of npm before version 7, eggs.

mod berkeley;
mod ndb;
mod rpm;
mod sqlite;

use std::{collections::BTreeMap, fmt::Write as _};

use bstr::ByteSlice as _;
use serde::Deserialize;

/// What is kept of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    Whole,
    PythonMetadata,
    NpmPackage,
    NpmLock,
    Rpm,
}

/// Bytes of the largest file of each kind that is looked at.
const MAX_FILE: u64 = 32 << 20;
/// A full desktop's rpm database has 200 MB; images have 5 to 60.
const MAX_RPM: u64 = 128 << 20;
/// Where rpm has its database: of old, in SUSE and in Fedora since 36, and under rpm-ostree.
const RPM_DIRECTORIES: [&[u8]; 3] = [b"var/lib/rpm", b"usr/lib/sysimage/rpm", b"usr/share/rpm"];
/// A small document: `package.json`, `METADATA`, `passwd`.
const MAX_DOCUMENT: u64 = 1 << 20;

impl Keep {
    /// Whether anything of a file is kept.
    pub(super) fn of(path: &[u8], size: u64) -> Option<Self> {
        let (directory, name) = path.rsplit_once_str("/").unwrap_or((b"", path));
        let (keep, limit) = match name {
            b"status" if directory == b"var/lib/dpkg" => (Self::Whole, MAX_FILE),
            b"extended_states" if directory == b"var/lib/apt" => (Self::Whole, MAX_FILE),
            b"installed" if matches!(directory, b"lib/apk/db" | b"usr/lib/apk/db") => (Self::Whole, MAX_FILE),
            b"world" if directory == b"etc/apk" => (Self::Whole, MAX_DOCUMENT),
            b"passwd" if directory == b"etc" => (Self::Whole, MAX_DOCUMENT),
            b"rpmdb.sqlite" | b"Packages.db" | b"Packages" if RPM_DIRECTORIES.contains(&directory) => {
                (Self::Rpm, MAX_RPM)
            }
            b"METADATA" if directory.ends_with(b".dist-info") => (Self::PythonMetadata, MAX_DOCUMENT),
            b"PKG-INFO" if directory.ends_with(b".egg-info") => (Self::PythonMetadata, MAX_DOCUMENT),
            b"RECORD" if directory.ends_with(b".dist-info") => (Self::Whole, MAX_FILE),
            b"package.json" if is_module(directory) => (Self::NpmPackage, MAX_DOCUMENT),
            b"package-lock.json" => (Self::NpmLock, MAX_FILE),
            b".package-lock.json" if directory.ends_with(b"node_modules") => (Self::NpmLock, MAX_FILE),
            _ if directory == b"var/lib/dpkg/info" && (name.ends_with(b".list") || name.ends_with(b".md5sums")) => {
                (Self::Whole, MAX_FILE)
            }
            _ if directory == b"var/lib/dpkg/status.d" => (Self::Whole, MAX_DOCUMENT),
            _ => return None,
        };
        (size <= limit).then_some(keep)
    }

    /// Takes from a content what is kept of it.
    pub(super) fn take(self, content: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Whole => Some(content.to_vec()),
            Self::PythonMetadata => Some(python_metadata(content)),
            Self::NpmPackage => npm_package(content),
            Self::NpmLock => npm_lock(content),
            Self::Rpm => rpm::packages(content),
        }
    }
}

/// Whether a directory is a module's own: `…/node_modules/NAME` or `…/node_modules/@SCOPE/NAME`.
fn is_module(directory: &[u8]) -> bool {
    let mut names = directory.rsplit(|&byte| byte == b'/').skip(1);
    match names.next() {
        Some(b"node_modules") => true,
        Some(scope) if scope.starts_with(b"@") => names.next() == Some(b"node_modules"),
        _ => false,
    }
}

fn python_metadata(content: &[u8]) -> Vec<u8> {
    let head = content.lines().take_while(|line| !line.is_empty());
    let wanted = head.filter(|line| line.starts_with(b"Name: ") || line.starts_with(b"Version: "));
    wanted.flat_map(|line| [line, b"\n"].concat()).collect()
}

fn npm_package(content: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
    }
    let package: Package = serde_json::from_slice(content).ok()?;
    Some(format!("{}\n{}\n", line(&package.name), line(&package.version)).into_bytes())
}

/// The first line: what is kept is read by lines.
fn line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn npm_lock(content: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Lock {
        packages: BTreeMap<String, Locked>,
    }
    #[derive(Deserialize)]
    struct Locked {
        #[serde(default)]
        dev: bool,
    }
    let lock: Lock = serde_json::from_slice(content).ok()?;
    let mut lines = String::new();
    for (path, _) in lock.packages.iter().filter(|(path, locked)| locked.dev && !path.is_empty()) {
        // writing to a string cannot fail
        let _ = writeln!(lines, "{}", line(path));
    }
    Some(lines.into_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::Keep;

    #[test]
    fn little_is_kept_of_documents_of_which_little_is_needed() {
        let take = |keep: Keep, text: &str| String::from_utf8(keep.take(text.as_bytes()).unwrap()).unwrap();
        assert_eq!(
            take(Keep::PythonMetadata, "Metadata-Version: 2.1\nName: six\nVersion: 1.16\n\nName: body\n"),
            "Name: six\nVersion: 1.16\n"
        );
        assert_eq!(take(Keep::NpmPackage, r#"{"name": "a", "version": "1.0.0", "x": {"name": "b"}}"#), "a\n1.0.0\n");
        let lock = r#"{"packages": {"": {}, "node_modules/a": {"version": "1"}, "node_modules/b": {"dev": true}}}"#;
        assert_eq!(take(Keep::NpmLock, lock), "node_modules/b\n");
        assert_eq!(Keep::NpmPackage.take(b"{\"name\": 3}"), None);
    }

    #[test]
    fn paths_say_what_is_kept() {
        let keep = |path: &str| Keep::of(path.as_bytes(), 10);
        assert_eq!(keep("var/lib/dpkg/status"), Some(Keep::Whole));
        assert_eq!(keep("srv/var/lib/dpkg/status"), None);
        assert_eq!(keep("var/lib/dpkg/info/libc6:amd64.list"), Some(Keep::Whole));
        assert_eq!(keep("app/node_modules/@types/node/package.json"), Some(Keep::NpmPackage));
        assert_eq!(keep("app/node_modules/a/lib/package.json"), None);
        assert_eq!(keep("app/package.json"), None);
        assert_eq!(Keep::of(b"etc/passwd", 2 << 20), None, "too large to be one");
    }
}
