//! What a draft has at a name, and where the bytes of its files are until it is packed.

use std::{collections::BTreeMap, fs::File, io::Read, os::unix::fs::FileExt as _, sync::Arc};

use bstr::BString;
use rustix::fs::FileType;

use super::Attributes;
use crate::{
    below::{Found, FoundKind},
    selection::{ContentHash, Origin, Stamp},
};

#[derive(Default)]
pub(super) struct Folder {
    /// `None`: as below.
    pub(super) attributes: Option<Attributes>,
    /// Whether the names below are not seen: it was made here.
    pub(super) hides: bool,
    pub(super) names: BTreeMap<BString, Change>,
}

pub(super) enum Change {
    /// Taken away; there is such a name below.
    Gone,
    Folder(Folder),
    Leaf(Leaf),
}

/// Anything but a directory.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) kind: LeafKind,
    pub(super) attributes: Attributes,
}

#[derive(Clone)]
pub(super) enum LeafKind {
    /// Names of one file share it.
    File(Arc<Inode>),
    Symlink(BString),
    Special {
        kind: FileType,
        device: u64,
    },
}

/// A regular file.
pub(super) struct Inode {
    pub(super) size: u64,
    pub(super) content: Content,
}

/// Where the bytes of a file are until it is packed.
pub(crate) enum Content {
    Bytes(Vec<u8>),
    /// A file of the sources, which may still be written to by somebody.
    Source {
        origin: Arc<Origin>,
        real: BString,
        stamp: Option<Stamp>,
        /// BLAKE3 of what it held when the key was made.
        content: Option<ContentHash>,
    },
    /// A piece of a temporary file.
    Spooled {
        file: Arc<File>,
        offset: u64,
    },
    /// A file below.
    Below(BString),
}

impl Leaf {
    pub(super) fn found(&self) -> Found {
        self.attributes.found(match &self.kind {
            LeafKind::File(inode) => FoundKind::File { size: inode.size },
            LeafKind::Symlink(target) => FoundKind::Symlink(target.clone()),
            LeafKind::Special { kind, device } => FoundKind::Special { kind: *kind, device: *device },
        })
    }
}

/// A piece of a file that several readers share.
pub(super) struct Piece {
    pub(super) file: Arc<File>,
    pub(super) offset: u64,
    pub(super) left: u64,
}

impl Read for Piece {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..wanted], self.offset)?;
        self.offset += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
