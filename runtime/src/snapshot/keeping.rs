//! How snapshots are kept: listed, checked, swept and removed.

use std::{
    collections::HashSet,
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, flock, openat, renameat, statat};
use strata_image::{ChainId, layer::LayerPath};

use super::{
    ACTIVE_PREFIX, DEAD_PREFIX, Driver, FS, Name, Snapshots, active, epoch, lock,
    record::Record,
    remove::{children, remove_tree},
};
use crate::{Error, Result, beneath};

impl Snapshots {
    /// Removes the snapshots that are not in use, not in `keep` and not below one in `keep`; gives the bytes freed.
    pub fn gc(&self, keep: &[ChainId]) -> Result<u64> {
        let failed = |error: io::Error| Error::kernel("clear", "the snapshots")(error);
        self.sweep().map_err(failed)?;
        let kept = self.with_parents(keep)?;
        let mut freed = 0;
        for name in self.committed()?.into_iter().filter(|name| !kept.contains(name)) {
            let failed = |error: io::Error| Error::kernel("remove the snapshot", name.chain_id)(error);
            // the lock is held until all of it is gone
            let Some(directory) = lock::seize(self.directory.as_fd(), &name.to_string()).map_err(failed)? else {
                continue;
            };
            let bytes = size_on_disk(&directory)?;
            let dead = self.bury(&name.to_string()).map_err(failed)?;
            remove_tree(self.directory.as_fd(), dead.as_str()).map_err(failed)?;
            freed += bytes;
        }
        Ok(freed)
    }

    /// Every committed snapshot there is, in the order of their IDs, with the bytes that it takes on disk. What both drivers
    /// committed is there twice.
    pub fn list(&self) -> Result<Vec<(ChainId, u64)>> {
        self.list_with(&|_| None)
    }

    /// The same for a caller who knows the sizes of some: what is committed never changes, and measuring it takes a look at
    /// every file.
    pub fn list_with(&self, known: &dyn Fn(ChainId) -> Option<u64>) -> Result<Vec<(ChainId, u64)>> {
        let mut listed = Vec::new();
        for name in self.committed()? {
            if let Some(bytes) = known(name.chain_id) {
                listed.push((name.chain_id, bytes));
            } else if let Some(held) = self.hold_name(name)? {
                listed.push((name.chain_id, size_on_disk(&held.directory)?));
            }
        }
        Ok(listed)
    }

    /// What is wrong with the snapshots, a line each. Only reads. What dead processes left is no problem.
    pub fn check(&self) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        let names = self.committed()?;
        for name in &names {
            let Some(held) = self.hold_name(*name)? else {
                continue;
            };
            let chain_id = name.chain_id;
            if held.open_fs().is_err() {
                problems.push(format!("the snapshot {chain_id} has no directory {FS}"));
            }
            match Record::read(held.directory.as_fd()).map_err(Error::kernel("read the record of", chain_id))? {
                None => problems.push(format!("the snapshot {chain_id} has no record that can be read")),
                Some(Record { parent: Some(parent) })
                    if names.binary_search(&Name { chain_id: parent, ..*name }).is_err() =>
                {
                    problems.push(format!("the snapshot {chain_id} stands on {parent}, which is missing"));
                }
                Some(_) => {}
            }
        }
        Ok(problems)
    }

    /// What is committed, sorted.
    fn committed(&self) -> Result<Vec<Name>> {
        let names = self.names().map_err(Error::kernel("read", "the snapshots"))?;
        let mut committed: Vec<Name> = names.iter().filter_map(|name| name.parse().ok()).collect();
        committed.sort();
        Ok(committed)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let children = children(self.directory.as_fd())?;
        Ok(children.into_iter().filter_map(|(name, _)| name.into_string().ok()).collect())
    }

    /// What either driver has of these, and what that stands on.
    fn with_parents(&self, keep: &[ChainId]) -> Result<HashSet<Name>> {
        let mut kept = HashSet::new();
        let drivers = [Driver::Overlay, Driver::Copy];
        for (chain_id, driver) in keep.iter().flat_map(|chain_id| drivers.map(|driver| (*chain_id, driver))) {
            let mut next = Some(Name { chain_id, driver });
            while let Some(name) = next.filter(|name| kept.insert(*name)) {
                let Some(held) = self.hold_name(name)? else {
                    break;
                };
                let record = Record::read(held.directory.as_fd());
                let record = record.map_err(Error::kernel("read the record of", name.chain_id))?;
                next = record.and_then(|record| record.parent).map(|chain_id| Name { chain_id, driver });
            }
        }
        Ok(kept)
    }

    /// Puts every snapshot of another epoch aside. Who still uses one goes on; it is removed after.
    pub(super) fn begin_epoch(&self) -> io::Result<()> {
        let present = epoch::present(self.ids)?;
        if epoch::read(self.directory.as_fd())?.as_ref() == Some(&present) {
            return Ok(());
        }
        let lock = openat(&self.directory, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        flock(&lock, FlockOperation::LockExclusive)?;
        // another process may have been faster
        if epoch::read(self.directory.as_fd())?.as_ref() == Some(&present) {
            return Ok(());
        }
        for name in self.names()?.iter().filter(|name| name.parse::<Name>().is_ok()) {
            self.bury(name)?;
        }
        epoch::write(self.directory.as_fd(), &present)
    }

    /// Renames what is to be removed, so that nobody opens it any more.
    fn bury(&self, name: &str) -> io::Result<String> {
        let dead = format!("{DEAD_PREFIX}{}", active::random_name()?);
        renameat(&self.directory, name, &self.directory, &dead)?;
        Ok(dead)
    }

    /// Removes what nobody uses of what was being written or removed.
    pub(super) fn sweep(&self) -> io::Result<()> {
        for name in self.names()? {
            if !name.starts_with(ACTIVE_PREFIX) && !name.starts_with(DEAD_PREFIX) {
                continue;
            }
            if let Some(_lock) = lock::seize(self.directory.as_fd(), &name)? {
                // files of ids that this namespace does not have stay, and are in nobody's way
                match remove_tree(self.directory.as_fd(), name.as_str()) {
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                    result => result?,
                }
            }
        }
        Ok(())
    }
}

/// Bytes of all the blocks below a directory, those of a file with several names once.
fn size_on_disk(directory: &OwnedFd) -> Result<u64> {
    let mut bytes = 0;
    let mut seen = HashSet::new();
    let mut pending = vec![LayerPath::root()];
    while let Some(path) = pending.pop() {
        let failed = |error: io::Error| Error::kernel("read the directory", &path)(error);
        let opened = beneath::open_without_links(directory.as_fd(), &path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        for (name, kind) in children(opened.as_fd()).map_err(failed)? {
            let stat = statat(&opened, &name, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| failed(errno.into()))?;
            if kind == FileType::Directory {
                pending.push(path.join(name.as_bytes()).map_err(Error::image)?);
            } else if stat.st_nlink > 1 && !seen.insert(stat.st_ino) {
                continue;
            }
            bytes += u64::try_from(stat.st_blocks).unwrap_or_default() * 512;
        }
    }
    Ok(bytes)
}
