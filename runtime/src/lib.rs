//! The kernel side of strata: snapshots on overlay, and processes in their containers.
//!
//! ```text
//! layers ─► Snapshots::of_layers ─► Committed ─► prepare ─► Active ─► process::start runs in it
//!                                       ▲                     │
//!                                       └────── commit ◄──────┴─► diff: the layer tar of what changed
//! ```
//!
//! Where nothing can be mounted snapshots are copies and processes are kept apart by `chroot(2)` alone
//! ([`snapshot::Driver::Copy`], [`process::Isolation::Chroot`]).
//!
//! Mounts are made detached and held by descriptors: the host's mount table never shows one, and a kill leaves none.
//! Whatever lies inside a root filesystem is reached by descriptors below its root, never by a path of the host.
//!
//! ```
//! use strata_runtime::snapshot::Snapshots;
//!
//! let root = tempfile::tempdir()?;
//! let snapshots = Snapshots::open(root.path())?;
//! assert_eq!(snapshots.scratch().depth(), 0);
//! assert!(snapshots.list()?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod beneath;
mod capability;
mod copy;
mod error;
pub mod process;
pub mod snapshot;
mod sys;
pub mod user;
pub mod userns;

pub use error::{Error, Result};
