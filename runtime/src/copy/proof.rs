//! What proves that a copy is still what was copied.
//!
//! A process can set a file's time of modification back, but never its time of change (`ctime`): the kernel sets that, on
//! every write and every change of metadata. So a copy that changed last when it was made is the file that it is a copy of.
//!
//! The kernel's clock for files ticks a few hundred times a second only. A change within the tick of the copy would not be
//! seen, so copies made in the last tick are not vouched for: they are compared by content, as everything else.

use std::collections::{HashMap, HashSet};

use rustix::fs::Stat;

/// What was copied, and when.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    /// By the inode of the copy; a copied tree lies on one file system.
    copies: HashMap<u64, Copy>,
}

#[derive(Debug)]
struct Copy {
    /// Device and inode of the original.
    original: (u64, u64),
    changed: (i64, i64),
}

impl Copied {
    pub(super) fn note(&mut self, copy: &Stat, original: &Stat) {
        let proof = Copy { original: (original.st_dev, original.st_ino), changed: changed(copy) };
        self.copies.insert(copy.st_ino, proof);
    }

    /// Forgets when the copies changed that are not older than `last`, the last change of all.
    pub(super) fn keep_before(&mut self, last: &Stat) {
        let last = changed(last);
        for copy in self.copies.values_mut().filter(|copy| copy.changed >= last) {
            // no file changed then
            copy.changed = (i64::MIN, 0);
        }
    }

    /// Whether `copy` is certainly what was copied from `original`. False says nothing.
    pub(crate) fn proves(&self, copy: &Stat, original: &Stat) -> bool {
        self.copies
            .get(&copy.st_ino)
            .is_some_and(|proof| proof.original == (original.st_dev, original.st_ino) && proof.changed == changed(copy))
    }

    /// Whether the file was not touched since it was copied here, from wherever. False says nothing.
    pub(crate) fn is_untouched(&self, copy: &Stat) -> bool {
        self.copies.get(&copy.st_ino).is_some_and(|proof| proof.changed == changed(copy))
    }

    /// Devices and inodes of everything that was copied.
    pub(crate) fn originals(&self) -> HashSet<(u64, u64)> {
        self.copies.values().map(|copy| copy.original).collect()
    }
}

fn changed(stat: &Stat) -> (i64, i64) {
    (stat.st_ctime, stat.st_ctime_nsec.cast_signed())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn stat(inode: u64, changed: (i64, u64)) -> Stat {
        let mut stat = rustix::fs::stat("/").unwrap();
        (stat.st_dev, stat.st_ino, stat.st_ctime, stat.st_ctime_nsec) = (1, inode, changed.0, changed.1);
        stat
    }

    #[test]
    fn a_copy_of_the_last_tick_is_not_vouched_for() {
        let (early, late) = (stat(10, (5, 1)), stat(11, (5, 2)));
        let mut copied = Copied::default();
        copied.note(&early, &stat(1, (0, 0)));
        copied.note(&late, &stat(2, (0, 0)));
        copied.keep_before(&stat(12, (5, 2)));
        assert!(copied.proves(&early, &stat(1, (0, 0))));
        assert!(!copied.proves(&early, &stat(2, (0, 0))), "it is no copy of the other");
        assert!(!copied.proves(&stat(10, (5, 3)), &stat(1, (0, 0))), "it changed");
        assert!(!copied.proves(&late, &stat(2, (0, 0))));
        assert_eq!(copied.originals(), HashSet::from([(1, 1), (1, 2)]));
    }
}
