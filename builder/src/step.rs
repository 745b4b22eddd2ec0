//! A step: an instruction that makes a layer. Two questions only: what does it depend on, and do it.

use std::{os::fd::BorrowedFd, path::Path};

use strata_image::{ChainId, Timestamp};

use crate::{cause::Cause, key::CacheKey};

/// What a step may use while it runs.
pub(crate) struct Scope<'s> {
    /// The root of the active snapshot.
    pub(crate) root: BorrowedFd<'s>,
    /// The time of directories that are made: the epoch of the build where it has one.
    pub(crate) now: Timestamp,
    /// A directory for files that only live while the step runs.
    pub(crate) partial: &'s Path,
    /// Whether the key still says what the step did. A step that finds its inputs changed while it ran takes it back.
    pub(crate) is_cacheable: bool,
    /// Takes what the step's process says; `true`: on stderr.
    pub(crate) output: &'s mut dyn FnMut(bool, &[u8]),
}

/// An instruction with its inputs resolved.
pub(crate) trait Step {
    /// The identity of the step on top of a stack of layers: everything that decides what it does, content where the
    /// definition does not.
    fn key(&self, parent: Option<ChainId>) -> Result<CacheKey, Cause>;

    /// Changes the root filesystem.
    fn run(&self, scope: &mut Scope<'_>) -> Result<(), Cause>;
}
