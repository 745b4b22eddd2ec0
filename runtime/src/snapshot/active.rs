//! A snapshot while it is written.

use std::{
    fmt,
    io::{self, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use rustix::{
    fs::{
        Gid, Mode, OFlags, RenameFlags, Timespec, Timestamps, UTIME_OMIT, Uid, fchmod, fchown, fstat, futimens,
        mkdirat, openat, renameat_with,
    },
    io::Errno,
    rand::{GetRandomFlags, getrandom},
};
use strata_image::ChainId;

use super::{
    ACTIVE_PREFIX, Committed, DiffStats, Driver, FS, Held, Name, Snapshots,
    diff::{self, Told},
    lock,
    mount::{self, Upper},
    record::Record,
    remove::{open_directory, remove_tree},
};
use crate::{
    Error, Result,
    copy::{self, Copied},
};

/// The directory that overlay wants beside the upper one.
const WORK: &str = "work";

/// A snapshot being written: the merged view of what is below, and a directory of its own for what changes.
///
/// Dropping it unmounts and removes it.
pub struct Active {
    // in this order they are dropped
    root: OwnedFd,
    draft: Draft,
    parent: Committed,
    /// What is known of a whole tree.
    copied: Option<Copied>,
}

impl Active {
    pub(super) fn new(snapshots: &Snapshots, parent: &Committed) -> Result<Self> {
        let draft = Draft::new(snapshots)?;
        let fs = draft.make_fs(parent)?;
        let (root, copied) = match snapshots.driver()? {
            Driver::Overlay => {
                let work = draft.make_work()?;
                let upper = Upper { fs: fs.as_fd(), work: work.as_fd() };
                (mount::writable(&parent.directories()?, &upper, snapshots.ids)?, None)
            }
            Driver::Copy => {
                let copied = match parent.top()? {
                    Some(below) => copy::tree(below.as_fd(), fs.as_fd())?,
                    None => Copied::default(),
                };
                (fs, Some(copied))
            }
        };
        Ok(Self { root, draft, parent: parent.clone(), copied })
    }

    /// The merged root: of a mount that is attached nowhere, or an ordinary directory where nothing can be mounted. What is
    /// in it may be hostile, and is to be reached by descriptors only.
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// The snapshot that this one is made on.
    pub fn parent(&self) -> &Committed {
        &self.parent
    }

    /// Writes what changed as a layer, just as builders would, so that equal changes give equal bytes: sorted within each
    /// directory, parents of changes with their metadata of now, a whiteout for each name that is gone (no opaque
    /// markers), nothing that did not change, whole seconds, and of extended attributes only `security.capability`.
    ///
    /// Times later than `latest`, in seconds of the epoch, become that.
    ///
    /// Nothing may write to it meanwhile. Owners are as seen in the user namespace of this process.
    ///
    /// # Errors
    /// What the kernel or `out` refuses, and paths that are too long for a layer.
    pub fn diff(&self, latest: Option<i64>, out: &mut dyn Write) -> Result<DiffStats> {
        let upper = self.draft.open_fs()?;
        let snapshots = &self.draft.snapshots;
        let lower = if self.parent.depth() == 0 { None } else { Some(snapshots.view(&self.parent)?) };
        let told = match &self.copied {
            None => Told::ByOverlay(snapshots.ids),
            Some(copied) => Told::ByComparison(Some(copied)),
        };
        diff::write_layer(upper.as_fd(), lower.as_ref().map(AsFd::as_fd), told, snapshots.ids, latest, out)
    }

    /// Makes what was written the committed snapshot `chain_id`. When that exists already, perhaps made by another
    /// process meanwhile, it is that one, and ours is dropped.
    pub fn commit(self, chain_id: ChainId) -> Result<Committed> {
        self.commit_above(0, chain_id)
    }

    /// The same of a whole tree that holds the changes of more than one layer: `between` of them have no snapshot.
    pub(super) fn commit_above(self, between: usize, chain_id: ChainId) -> Result<Committed> {
        let Self { root, draft, parent, copied } = self;
        drop(root);
        let parent = parent.above(between);
        draft.finish(&Record { parent: parent.chain_id() })?;
        let driver = if copied.is_some() { Driver::Copy } else { Driver::Overlay };
        let name = Name { chain_id, driver };
        let directory = draft.publish(name)?;
        Ok(parent.with(Arc::new(Held { name, directory, copied })))
    }
}

impl fmt::Debug for Active {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Active")
            .field("directory", &self.draft.name)
            .field("parent", &self.parent)
            .finish_non_exhaustive()
    }
}

/// The directory `snapshots/active-…`, removed when this is dropped.
pub(super) struct Draft {
    snapshots: Snapshots,
    name: String,
    /// Locked: who finds the lock free knows that we are dead.
    pub(super) directory: OwnedFd,
    is_published: bool,
}

impl Draft {
    pub(super) fn new(snapshots: &Snapshots) -> Result<Self> {
        loop {
            let name = format!("{ACTIVE_PREFIX}{}", random_name().map_err(Error::kernel("name", "a snapshot"))?);
            let made = match mkdirat(&snapshots.directory, &name, Mode::RWXU) {
                Ok(()) => lock::seize(snapshots.directory.as_fd(), &name),
                Err(Errno::EXIST) => Ok(None),
                Err(errno) => Err(errno.into()),
            };
            // who sweeps may have taken it between the two calls
            if let Some(directory) = made.map_err(Error::kernel("make the directory", &name))? {
                return Ok(Self { snapshots: snapshots.clone(), name, directory, is_published: false });
            }
        }
    }

    /// Makes the root directory as it is below, since overlay shows the upper one's metadata.
    pub(super) fn make_fs(&self, parent: &Committed) -> Result<OwnedFd> {
        let failed = |error: io::Error| Error::kernel("make the root of", &self.name)(error);
        let make = || -> Result<OwnedFd, Errno> {
            mkdirat(&self.directory, FS, Mode::RWXU)?;
            openat(&self.directory, FS, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        };
        let fs = make().map_err(|errno| failed(errno.into()))?;
        let copy = |below: Option<OwnedFd>| -> Result<(), Errno> {
            let Some(below) = below else {
                return fchmod(&fs, Mode::from(0o755));
            };
            let stat = fstat(&below)?;
            fchown(&fs, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))?;
            fchmod(&fs, Mode::from(stat.st_mode & 0o7777))?;
            let modified =
                Timespec { tv_sec: stat.st_mtime, tv_nsec: stat.st_mtime_nsec.try_into().unwrap_or_default() };
            let accessed = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
            futimens(&fs, &Timestamps { last_access: accessed, last_modification: modified })
        };
        copy(parent.top()?).map_err(|errno| failed(errno.into()))?;
        Ok(fs)
    }

    pub(super) fn make_work(&self) -> Result<OwnedFd> {
        mkdirat(&self.directory, WORK, Mode::RWXU).map_err(Error::kernel("make the work directory of", &self.name))?;
        open_directory(self.directory.as_fd(), WORK).map_err(Error::kernel("open the work directory of", &self.name))
    }

    fn open_fs(&self) -> Result<OwnedFd> {
        open_directory(self.directory.as_fd(), FS).map_err(Error::kernel("open the root of", &self.name))
    }

    /// Leaves what a committed snapshot has.
    fn finish(&self, record: &Record) -> Result<()> {
        remove_tree(self.directory.as_fd(), WORK)
            .and_then(|()| record.write(self.directory.as_fd()))
            .map_err(Error::kernel("finish", &self.name))
    }

    /// Gives it its name for good; gives the directory of that name, shared.
    fn publish(mut self, name: Name) -> Result<OwnedFd> {
        let all = self.snapshots.directory.clone();
        let failed = |error: io::Error| Error::kernel("commit", name.chain_id)(error);
        let name = name.to_string();
        loop {
            match renameat_with(&all, &self.name, &all, &name, RenameFlags::NOREPLACE) {
                Ok(()) => self.is_published = true,
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(failed(errno.into())),
            }
            if self.is_published {
                // the lock is of the open file, so it lives on in the copy
                let directory = self.directory.try_clone().map_err(failed)?;
                lock::release_to_readers(all.as_fd(), &name, &directory).map_err(failed)?;
                return Ok(directory);
            }
            // none when it was removed just now
            if let Some(directory) = lock::share(all.as_fd(), &name).map_err(failed)? {
                return Ok(directory);
            }
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_published {
            // what cannot be removed now is swept by the next command
            let _ = remove_tree(self.snapshots.directory.as_fd(), self.name.as_str());
        }
    }
}

/// A name that no other process thinks of.
pub(crate) fn random_name() -> io::Result<String> {
    let mut bytes = [0; 8];
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}
