//! What `snapshots/<chain ID>/made` says, in JSON: on what the snapshot stands.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::BorrowedFd,
};

use rustix::{
    fs::{Mode, OFlags, openat},
    io::Errno,
};
use serde::{Deserialize, Serialize};
use strata_image::ChainId;

/// The file, beside the snapshot's directory.
const FILE: &str = "made";

/// Bytes that are read of it: it holds one digest.
const MAX_BYTES: u64 = 4096;

/// What is known of a snapshot without looking into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The snapshot below; `None` for the bottom layer.
    pub(super) parent: Option<ChainId>,
}

impl Record {
    pub(super) fn write(&self, snapshot: BorrowedFd<'_>) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        let mut file = File::from(openat(snapshot, FILE, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(&serde_json::to_vec(self)?)
    }

    /// `None` when there is none, or it cannot be understood.
    pub(super) fn read(snapshot: BorrowedFd<'_>) -> io::Result<Option<Self>> {
        let file = match openat(snapshot, FILE, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let mut text = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text).ok())
    }
}
