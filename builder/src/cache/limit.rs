//! Keeping the cache from growing for ever: at the end of a build, now and then, what nobody used for long goes.
//!
//! ```text
//! <root>/cache/checked     when it was last looked after: a line for what is unused, one for what is too much
//!              sizes       of snapshots, which never change
//! ```
//!
//! The rules are `BuildKit`'s default policy (`DefaultGCPolicy` and `DetectDefaultGCCap` of buildkitd's config): what was
//! not used for 60 days goes; the cache may take 80 % of the disk and 100 GB, and less where less than 20 % of the disk would
//! be free, but always 10 % of the disk or 10 GB.
//!
//! It happens only while no other build holds the cache: what a build uses is never removed, and the last of several that
//! run at once does it for all.

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::fs::statvfs;

/// What nobody used for so long goes.
pub(crate) const UNUSED: Duration = Duration::from_secs(60 * 24 * 3600);
/// How often what is unused is looked for.
const UNUSED_INTERVAL: u64 = 24 * 3600;
/// How often it is measured how much there is.
const SIZE_INTERVAL: u64 = 600;

const GB: u64 = 1_000_000_000;
/// Percent of the disk that the cache may always take, and the most that this is.
const RESERVED: (u64, u64) = (10, 10 * GB);
/// Percent of the disk that the cache may take, and the most that this is.
const MAX_USED: (u64, u64) = (80, 100 * GB);
/// Percent of the disk that the cache leaves free.
const MIN_FREE: u64 = 20;

/// How much room the cache may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// A share of the disk.
    #[default]
    Share,
    /// So many bytes.
    Bytes(u64),
    /// All it wants, for as long as it wants.
    Unlimited,
}

/// The disk that the cache is on, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disk {
    total: u64,
    /// Nobody's.
    unused: u64,
    /// What we may have of that.
    free: u64,
}

impl Disk {
    pub(crate) fn of(path: &Path) -> std::io::Result<Self> {
        let stat = statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        Ok(Self { total: bytes(stat.f_blocks), unused: bytes(stat.f_bfree), free: bytes(stat.f_bavail) })
    }

    fn percent(self, (percent, most): (u64, u64)) -> u64 {
        (self.total / 100 * percent).min(most)
    }
}

impl Limit {
    /// How many bytes a cache may take that takes `used` now.
    pub(crate) fn allowed(self, disk: Disk, used: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Unlimited => u64::MAX,
            Self::Share => {
                let leaving_free = (used + disk.free).saturating_sub(disk.percent((MIN_FREE, u64::MAX)));
                disk.percent(MAX_USED).min(leaving_free).max(disk.percent(RESERVED))
            }
        }
    }

    /// Whether a cache could take too much, as far as that is seen without measuring it.
    pub(crate) fn may_be_passed(self, disk: Disk) -> bool {
        match self {
            Self::Bytes(_) => true,
            Self::Unlimited => false,
            Self::Share => self.allowed(disk, disk.total - disk.unused) < disk.total - disk.unused,
        }
    }
}

/// When the cache was looked after: seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) unused: u64,
    pub(crate) size: u64,
}

impl Checked {
    /// Reads it; in a new cache nothing is old, and nobody has measured it.
    pub(crate) fn parse(text: &str, now: u64) -> Self {
        let mut lines = text.lines().map(|line| line.parse().ok());
        Self { unused: lines.next().flatten().unwrap_or(now), size: lines.next().flatten().unwrap_or(0) }
    }

    pub(crate) fn text(self) -> String {
        format!("{}\n{}\n", self.unused, self.size)
    }

    pub(crate) fn is_unused_due(self, now: u64) -> bool {
        is_over(self.unused, UNUSED_INTERVAL, now)
    }

    pub(crate) fn is_size_due(self, now: u64) -> bool {
        is_over(self.size, SIZE_INTERVAL, now)
    }
}

/// A time that is still to come was written by another clock.
fn is_over(then: u64, interval: u64, now: u64) -> bool {
    then > now || now - then >= interval
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 100 GB.
    fn disk(free: u64) -> Disk {
        Disk { total: 100 * GB, unused: free * GB, free: free * GB }
    }

    #[test]
    fn a_cache_may_take_a_share_of_the_disk() {
        let allowed = |free, used| Limit::Share.allowed(disk(free), used * GB) / GB;
        assert_eq!(allowed(50, 30), 60, "until 20 % of the disk is free");
        assert_eq!(allowed(5, 30), 15, "others took what was free");
        assert_eq!(allowed(0, 15), 10, "10 % are always its own");
        assert_eq!(allowed(80, 90), 80);
        let large = Disk { total: 4000 * GB, unused: 3000 * GB, free: 3000 * GB };
        assert_eq!(Limit::Share.allowed(large, 0) / GB, 100);
        assert_eq!(Limit::Share.allowed(Disk { free: 0, ..large }, 0) / GB, 10);
        assert_eq!(Limit::Bytes(7).allowed(disk(50), 30), 7);
    }

    #[test]
    fn a_disk_that_is_rather_empty_needs_no_measuring() {
        assert!(!Limit::Share.may_be_passed(disk(20)));
        assert!(Limit::Share.may_be_passed(disk(19)));
        assert!(Limit::Bytes(7).may_be_passed(disk(90)));
        assert!(!Limit::Unlimited.may_be_passed(disk(0)));
    }

    #[test]
    fn the_cache_is_looked_after_now_and_then() {
        let checked = Checked::parse("1000000\n1000000\n", 0);
        assert!(!checked.is_size_due(1_000_599) && checked.is_size_due(1_000_600));
        assert!(!checked.is_unused_due(1_086_399) && checked.is_unused_due(1_086_400));
        assert!(checked.is_size_due(999_999), "the clock was set back");
        assert_eq!(Checked::parse(&checked.text(), 0), checked);
        let new = Checked::parse("", 5_000_000);
        assert!(new.is_size_due(5_000_000) && !new.is_unused_due(5_000_000));
    }
}
