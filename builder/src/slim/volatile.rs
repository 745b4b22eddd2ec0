//! Paths that package managers and the like change by themselves: two runs of one command do not give the same bytes there.

/// A place whose content does not prove two images different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volatile {
    /// Where: an absolute path, a trailing `/` for everything below it, a leading `*` for a name anywhere.
    pub place: &'static str,
    /// Why it changes.
    pub reason: &'static str,
}

const fn volatile(place: &'static str, reason: &'static str) -> Volatile {
    Volatile { place, reason }
}

/// All such places.
pub const VOLATILE: &[Volatile] = &[
    volatile("/var/log/", "logs name the time of what they log"),
    volatile("/var/cache/ldconfig/", "ldconfig records inode numbers and times of libraries"),
    volatile("/etc/ld.so.cache", "ldconfig orders libraries by what it finds first"),
    volatile("/var/cache/apt/", "apt's binary caches hold times and pointers"),
    volatile("/var/cache/debconf/", "debconf rewrites its databases, with the old ones beside them"),
    volatile("/var/cache/dnf/", "dnf's metadata names the time of its download"),
    volatile("/var/cache/yum/", "yum's metadata names the time of its download"),
    volatile("/var/cache/apk/", "apk's index names the time of its download"),
    volatile("/var/cache/fontconfig/", "fontconfig's caches hold the times of directories"),
    volatile("/var/cache/man/", "man-db's index holds the times of pages"),
    volatile("/var/lib/apt/", "apt's lists and extended states follow the archive's state of the minute"),
    volatile("/var/lib/dpkg/status-old", "dpkg keeps the state before its last run"),
    volatile("/var/lib/dpkg/diversions-old", "dpkg keeps the state before its last run"),
    volatile("/var/lib/dpkg/statoverride-old", "dpkg keeps the state before its last run"),
    volatile("/var/lib/dpkg/available-old", "dpkg keeps the state before its last run"),
    volatile("/var/lib/dpkg/lock", "dpkg's locks are made when it first runs"),
    volatile("/var/lib/dpkg/lock-frontend", "dpkg's locks are made when it first runs"),
    volatile("/var/lib/dpkg/triggers/Lock", "dpkg's locks are made when it first runs"),
    volatile("/var/lib/rpm/", "rpm's database holds the time of each installation"),
    volatile("/usr/lib/sysimage/rpm/", "rpm's database holds the time of each installation"),
    volatile("/var/lib/dnf/", "dnf's history holds the time of each transaction"),
    volatile("/usr/lib/sysimage/libdnf5/", "dnf's history holds the time of each transaction"),
    volatile("/var/lib/yum/", "yum's history holds the time of each transaction"),
    volatile("/var/lib/systemd/catalog/database", "journalctl writes the time into its catalog"),
    volatile(
        "/var/lib/systemd/deb-systemd-helper-enabled/",
        "systemd's helper records what it was called for, in that order",
    ),
    volatile("/etc/passwd-", "useradd keeps the state before its last run"),
    volatile("/etc/group-", "groupadd keeps the state before its last run"),
    volatile("/etc/shadow-", "useradd keeps the state before its last run"),
    volatile("/etc/gshadow-", "groupadd keeps the state before its last run"),
    volatile("/etc/subuid-", "useradd keeps the state before its last run"),
    volatile("/etc/subgid-", "groupadd keeps the state before its last run"),
    volatile("/root/.cache/", "caches of programs hold times"),
    volatile("*__pycache__/", "compiled Python holds the time of its source"),
    volatile("*.pyc", "compiled Python holds the time of its source"),
];

/// Why a path may differ although the commands are the same; `None` when there is no reason that is known.
/// The directory of such a place counts with it.
///
/// ```
/// use strata_builder::slim::reason_to_change;
/// assert!(reason_to_change("/var/log/dpkg.log").is_some());
/// assert!(reason_to_change("/usr/bin/python3").is_none());
/// ```
pub fn reason_to_change(path: &str) -> Option<&'static str> {
    let path = format!("/{}", path.trim_start_matches('/'));
    VOLATILE.iter().find(|volatile| covers(volatile.place, &path)).map(|volatile| volatile.reason)
}

fn covers(place: &str, path: &str) -> bool {
    match (place.strip_prefix('*'), place.strip_suffix('/')) {
        (Some(dir), Some(_)) => {
            let name = dir.trim_end_matches('/');
            path.split('/').any(|part| part == name)
        }
        (Some(suffix), None) => path.ends_with(suffix),
        (None, Some(dir)) => path == dir || path.starts_with(place),
        (None, None) => path == place,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_by_itself_is_excused() {
        for excused in [
            "/var/log/apt/history.log",
            "var/log/apt",
            "/var/log",
            "/etc/ld.so.cache",
            "/usr/lib/python3/__pycache__/a.cpython-311.pyc",
            "/usr/lib/python3/__pycache__",
            "/var/lib/dpkg/status-old",
        ] {
            assert!(reason_to_change(excused).is_some(), "{excused}");
        }
        for counted in [
            "/var/lib/dpkg/status",
            "/var/logs",
            "/etc/passwd",
            "/etc/ld.so.cache.d",
            "/home/var/log/x",
            "/x__pycache__y",
        ] {
            assert!(reason_to_change(counted).is_none(), "{counted}");
        }
    }

    #[test]
    fn every_place_has_a_reason() {
        assert!(VOLATILE.iter().all(|volatile| !volatile.reason.is_empty()));
    }
}
