//! What can go wrong with a layer's tar, and where.

use std::io;

use bstr::BString;

use super::{
    header::BLOCK_BYTES,
    path::{MAX_NAME, MAX_PATH},
    reader::{MAX_EXTENSION, MAX_SPARSE_SEGMENTS, MAX_SPARSE_SIZE},
};

/// Bytes of an entry's name that an error repeats: enough to find it, and a hostile name of a megabyte stays out of
/// the terminal.
const EXCERPT: usize = 256;

/// A layer that cannot be read, written or applied. Offsets are bytes from the start of the uncompressed tar.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TarError {
    /// The stream below failed; a stream that verifies its digest says so here.
    #[error("cannot read the tar at byte {offset}")]
    Read {
        /// Where the read began.
        offset: u64,
        /// What the stream said.
        source: io::Error,
    },
    /// The stream ends in the middle of an entry.
    #[error("the tar ends at byte {offset}, inside the {part} of entry {name:?}")]
    Truncated {
        /// The length of the stream.
        offset: u64,
        /// The entry's name as far as it is known.
        name: BString,
        /// `header`, `extended header`, `sparse map` or `content`.
        part: &'static str,
    },
    /// An entry says what no layer may say.
    #[error("entry {name:?} of the tar, at byte {offset}: {problem}")]
    Entry {
        /// Of the entry's header block.
        offset: u64,
        /// The entry's name as far as it is known.
        name: BString,
        /// What is wrong.
        problem: Problem,
    },
    /// A path that cannot stand in a layer.
    #[error("path {path:?}: {problem}")]
    Path {
        /// The path as given.
        path: BString,
        /// What is wrong.
        problem: PathProblem,
    },
    /// The stream that is written to failed, or the content of an entry could not be read.
    #[error("cannot write entry {path:?} of the tar, at byte {offset}")]
    Write {
        /// Bytes written before.
        offset: u64,
        /// The entry; the root's path while the end is written.
        path: BString,
        /// What the stream said.
        source: io::Error,
    },
    /// An entry cannot be applied to the view of the layers below.
    #[error("entry {entry} ({path:?}) of layer {layer}: {problem}")]
    Apply {
        /// Number of the layer, the lowest is 0.
        layer: u32,
        /// Number of the entry in its tar, the first is 0.
        entry: u32,
        /// The entry's path.
        path: BString,
        /// What is wrong.
        problem: ApplyProblem,
    },
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The header's bytes do not add up to its checksum: most often this is no header at all.
    #[error("the header's checksum is wrong")]
    Checksum,
    /// A zero block begins the end of the archive and must be followed by a second.
    #[error("a single block of zeros is followed by something else")]
    LoneZeroBlock,
    /// A numeric field holds neither octal digits nor a binary number, or one that is negative or too large for it.
    #[error("its {0} is not a valid number")]
    Number(&'static str),
    /// An extended header that follows no further entry.
    #[error("it is an extended header without an entry")]
    Dangling,
    /// An extended header larger than [`MAX_EXTENSION`].
    #[error("its extended header of {0} bytes is larger than {MAX_EXTENSION}")]
    ExtensionTooLarge(u64),
    /// A PAX record whose length, key or value breaks the format.
    #[error("its PAX record {0:?} is malformed")]
    PaxRecord(BString),
    /// A type flag that no layer may hold.
    #[error("entries of type {:?} cannot stand in a layer", char::from(*.0))]
    TypeFlag(u8),
    /// A name or hard link target that is no path.
    #[error("its path is invalid: {0}")]
    Path(PathProblem),
    /// A symlink or hard link whose target is empty, too long or holds a NUL.
    #[error("its link target is invalid")]
    LinkTarget,
    /// A whiteout that names nothing, or a path that goes through a whiteout.
    #[error("its whiteout names no file")]
    Whiteout,
    /// A map of a sparse file that is unordered, overlapping, or does not fit its content.
    #[error("its sparse map is invalid")]
    SparseMap,
    /// More segments than [`MAX_SPARSE_SEGMENTS`].
    #[error("its sparse map has more than {MAX_SPARSE_SEGMENTS} segments")]
    SparseSegments,
    /// An expanded size larger than [`MAX_SPARSE_SIZE`].
    #[error("it is a sparse file of {0} bytes, more than {MAX_SPARSE_SIZE}")]
    SparseSize(u64),
    /// Content that ends before the size that the entry gives.
    #[error("its content ends {0} bytes before its size")]
    ContentTooShort(u64),
    /// An extended attribute whose name cannot be a PAX keyword.
    #[error("the name of its extended attribute {0:?} is invalid")]
    XattrName(BString),
    /// The root as anything but a directory.
    #[error("the root must be a directory")]
    Root,
}

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathProblem {
    /// NUL ends a path in the kernel, so the rest would silently vanish.
    #[error("it holds a NUL")]
    Nul,
    /// Longer than [`MAX_PATH`].
    #[error("it is longer than {MAX_PATH} bytes")]
    TooLong,
    /// A component longer than [`MAX_NAME`].
    #[error("one of its components is longer than {MAX_NAME} bytes")]
    NameTooLong,
}

/// Why an entry cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyProblem {
    /// Symlinks that lead to each other.
    #[error("its path goes through too many symlinks")]
    SymlinkLoop,
    /// A path that is longer than [`MAX_PATH`] once its symlinks are resolved.
    #[error("its path is longer than {MAX_PATH} bytes once its symlinks are resolved")]
    TooLong,
    /// A hard link to a name that is in neither this layer so far nor those below.
    #[error("its hard link target {0:?} does not exist")]
    LinkTargetMissing(BString),
    /// Directories have one name.
    #[error("its hard link target {0:?} is a directory")]
    LinkToDirectory(BString),
    /// The root as anything but a directory.
    #[error("the root must be a directory")]
    Root,
    /// The view has as many names, inodes, or bytes of distinct names as it can number.
    #[error("the layers have more names, or more bytes of distinct names, than a view of them holds")]
    TooManyNames,
}

impl TarError {
    /// The same, of a tar that was read from byte `start` on.
    pub(crate) fn after(mut self, start: u64) -> Self {
        if let Self::Read { offset, .. } | Self::Truncated { offset, .. } | Self::Entry { offset, .. } = &mut self {
            *offset = offset.saturating_add(start);
        }
        self
    }

    /// Whether the bytes are no tar at all: the first block is no header.
    pub(crate) fn is_no_tar(&self) -> bool {
        match self {
            Self::Entry { offset: 0, problem, .. } => {
                matches!(problem, Problem::Checksum | Problem::Number("checksum"))
            }
            Self::Truncated { offset, .. } => *offset < BLOCK_BYTES,
            _ => false,
        }
    }
}

/// The beginning of a name, for an error.
pub(crate) fn excerpt(name: &[u8]) -> BString {
    name[..name.len().min(EXCERPT)].into()
}

/// Lets a `Read` or `Write` implementation carry the typed error.
impl From<TarError> for io::Error {
    fn from(error: TarError) -> Self {
        let kind = match &error {
            TarError::Truncated { .. } => io::ErrorKind::UnexpectedEof,
            TarError::Read { source, .. } | TarError::Write { source, .. } => source.kind(),
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}
