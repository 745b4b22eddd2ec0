//! How snapshots stand on each other: stacked by overlay, or each a whole tree.
//!
//! Which one this machine can do is found out by doing it: an overlay is mounted on two empty directories, detached, once
//! for each [`Snapshots`] and only when one is needed.

use std::{fmt, io, os::fd::AsFd, str::FromStr};

use rustix::{
    fs::{Mode, mkdirat},
    io::Errno,
};
use strata_image::ChainId;

use super::{Snapshots, active::Draft, mount, remove::open_directory};
use crate::{Error, Result};

/// Begins the names of committed snapshots that are whole trees.
const COPY_PREFIX: &str = "copy-";

/// How the kernel says that there is no overlay to be had here, whatever is tried: forbidden, filtered, not built, or not on
/// this file system.
const REFUSALS: [Errno; 7] =
    [Errno::PERM, Errno::ACCESS, Errno::NOSYS, Errno::NODEV, Errno::INVAL, Errno::OPNOTSUPP, Errno::XDEV];

/// How snapshots stand on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Driver {
    /// Each holds what its layer changes; the kernel shows them as one (overlayfs). Nothing is copied.
    Overlay,
    /// Each is a whole tree, copied from the one below: where nothing can be mounted, as for root in a container without
    /// privileges.
    Copy,
}

/// The driver in use, and why it is not overlay where that was not asked for.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) driver: Driver,
    pub(super) refusal: Option<Error>,
}

impl Choice {
    /// Tries an overlay.
    pub(super) fn detect(snapshots: &Snapshots) -> Result<Self> {
        match try_overlay(snapshots) {
            Ok(()) => Ok(Self { driver: Driver::Overlay, refusal: None }),
            Err(error) if is_refusal(&error) => Ok(Self { driver: Driver::Copy, refusal: Some(error) }),
            Err(error) => Err(error),
        }
    }
}

/// The name of a committed snapshot's directory.
///
/// Each driver finds its own only: what overlay committed is no tree, and a whole tree is no layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name {
    pub(super) chain_id: ChainId,
    pub(super) driver: Driver,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.driver {
            Driver::Overlay => "",
            Driver::Copy => COPY_PREFIX,
        };
        write!(f, "{prefix}{}", self.chain_id.hex())
    }
}

impl FromStr for Name {
    type Err = strata_image::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let (driver, hex) = match name.strip_prefix(COPY_PREFIX) {
            Some(hex) => (Driver::Copy, hex),
            None => (Driver::Overlay, name),
        };
        Ok(Self { chain_id: format!("sha256:{hex}").parse()?, driver })
    }
}

fn try_overlay(snapshots: &Snapshots) -> Result<()> {
    const LOWER: &str = "lower";
    let draft = Draft::new(snapshots)?;
    let fs = draft.make_fs(&snapshots.scratch())?;
    let work = draft.make_work()?;
    let failed = |error: io::Error| Error::kernel("try", "an overlay")(error);
    mkdirat(&draft.directory, LOWER, Mode::RWXU).map_err(|errno| failed(errno.into()))?;
    let lower = open_directory(draft.directory.as_fd(), LOWER).map_err(failed)?;
    let upper = mount::Upper { fs: fs.as_fd(), work: work.as_fd() };
    mount::writable(&[lower], &upper, snapshots.ids).map(drop)
}

fn is_refusal(error: &Error) -> bool {
    let (Error::Kernel { source, .. } | Error::Overlay { source, .. }) = error else {
        return false;
    };
    Errno::from_io_error(source).is_some_and(|errno| REFUSALS.contains(&errno))
}
