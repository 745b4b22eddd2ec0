//! The layer tar codec: what a layer's tar says, read from hostile bytes and written so that equal entries give equal
//! bytes.
//!
//! ```text
//!  tar bytes ─► header blocks ─► extended headers (PAX x, GNU L and K) ─► Entry ─► Entry::change ─► view
//!              (checksum,        (records walked by their length)         (paths cleaned,
//!               octal, base-256)                                           overlay xattrs gone)
//! ```
//!
//! Where readers of tar differ, [`LayerReader`] sides with Go's `archive/tar`, by which Docker, containerd and podman
//! read layers: what it sees is what they would unpack.

mod content;
mod error;
mod header;
mod path;
mod pax;
mod raw;
mod reader;
mod sparse;
mod writer;

pub use error::{ApplyProblem, PathProblem, Problem, TarError};
pub use path::{LayerPath, MAX_NAME, MAX_PATH};
pub use raw::{Format, RawEntry};
pub use reader::{LayerReader, MAX_EXTENSION, MAX_SPARSE_SEGMENTS, MAX_SPARSE_SIZE};
pub use writer::LayerWriter;

use std::{collections::BTreeMap, sync::LazyLock};

use bstr::{BString, Finder};

use crate::time::Timestamp;

/// Begins the name of a whiteout: the rest is the name that goes (image-spec, layer.md).
pub const WHITEOUT_PREFIX: &[u8] = b".wh.";
/// Looks for it: making ready for the search costs more than the search.
static WHITEOUT_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(WHITEOUT_PREFIX));
/// Marks the directory that holds it as opaque.
const OPAQUE_MARKER: &[u8] = b".wh..wh..opq";
/// The one extended attribute of files that builders write into layers: it makes a program another one.
pub const CAPABILITY: &str = "security.capability";
/// Begins the names of AUFS's own files, which say nothing about the root filesystem.
const AUFS_PREFIX: &[u8] = b".wh..wh.";

/// What a checked entry of a layer's tar says. Whiteouts are entries here: [`Entry::change`] tells them apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where it stands in the root filesystem.
    pub path: LayerPath,
    /// What it is.
    pub kind: EntryKind,
    /// Permissions with setuid, setgid and sticky: 12 bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Modification time.
    pub mtime: Timestamp,
    /// Bytes of content as the reader gives them (for a sparse file its expanded size); 0 for all but regular files.
    pub size: u64,
    /// Extended attributes by their raw names. The reader never gives `trusted.overlay.*` and `user.overlay.*`: they
    /// would steer the overlay filesystem that the layer is unpacked into.
    pub xattrs: BTreeMap<BString, Vec<u8>>,
    /// Owner's name, most often empty.
    pub uname: BString,
    /// Group's name, most often empty.
    pub gname: BString,
    /// Byte offset in the uncompressed tar of the first header block, extended ones included.
    pub header_offset: u64,
    /// Byte offset in the uncompressed tar of the stored content (of a sparse file: without its map).
    pub data_offset: u64,
}

/// The kind of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// Another name of an earlier entry, or of a file of a lower layer: a path in the same root.
    HardLink(LayerPath),
    /// A symlink with its target, verbatim.
    Symlink(BString),
    /// A directory.
    Directory,
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

/// What an entry does to the layers below.
#[derive(Clone, Debug, PartialEq)]
pub enum Change<'a> {
    /// Adds or replaces a path.
    Add(&'a Entry),
    /// `.wh.NAME`: the path that goes.
    Whiteout(LayerPath),
    /// `.wh..wh..opq`: the directory whose lower names go.
    Opaque(LayerPath),
    /// One of AUFS's own files (`.wh..wh.plnk`, `.wh..wh.aufs`, …): no effect.
    Nothing,
}

impl Entry {
    /// An entry owned by root, without content or attributes, of the epoch, with the mode that such files most often
    /// have.
    pub fn new(path: LayerPath, kind: EntryKind) -> Self {
        let mode = match kind {
            EntryKind::Directory => 0o755,
            EntryKind::Symlink(_) => 0o777,
            _ => 0o644,
        };
        Self {
            path,
            kind,
            mode,
            uid: 0,
            gid: 0,
            mtime: Timestamp::EPOCH,
            size: 0,
            xattrs: BTreeMap::new(),
            uname: BString::default(),
            gname: BString::default(),
            header_offset: 0,
            data_offset: 0,
        }
    }

    /// Interprets the names of whiteouts. An AUFS file is one whose own name, or whose topmost directory, begins with
    /// `.wh..wh.`.
    ///
    /// # Errors
    ///
    /// [`Problem::Whiteout`] for the names `.wh.`, `.wh..` and `.wh...`, which would remove a directory itself or its
    /// parent, and for a path below a directory that has the name of a whiteout.
    pub fn change(&self) -> Result<Change<'_>, TarError> {
        // nearly all entries are no more than what they say
        if WHITEOUT_FINDER.find(self.path.as_bytes()).is_none() {
            return Ok(Change::Add(self));
        }
        let Some((parent, name)) = self.path.split_last() else {
            return Ok(Change::Add(self));
        };
        if parent.starts_with(AUFS_PREFIX) {
            return Ok(Change::Nothing);
        }
        let parent_is_whiteout =
            || parent.split(|&byte| byte == b'/').any(|component| component.starts_with(WHITEOUT_PREFIX));
        let change = match name.strip_prefix(WHITEOUT_PREFIX) {
            _ if parent_is_whiteout() => None,
            None => Some(Change::Add(self)),
            Some(_) if name == OPAQUE_MARKER => Some(Change::Opaque(LayerPath::from_clean(parent.to_vec()))),
            Some(_) if name.starts_with(AUFS_PREFIX) => Some(Change::Nothing),
            Some(b"" | b"." | b"..") => None,
            Some(_) if parent.is_empty() => Some(Change::Whiteout(LayerPath::from_clean(name[4..].to_vec()))),
            Some(gone) => Some(Change::Whiteout(LayerPath::from_clean([parent, b"/", gone].concat()))),
        };
        change.ok_or_else(|| TarError::Entry {
            offset: self.header_offset,
            name: error::excerpt(self.path.as_bytes()),
            problem: Problem::Whiteout,
        })
    }
}
