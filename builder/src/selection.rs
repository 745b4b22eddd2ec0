//! What COPY and ADD take: sources resolved inside their tree, and everything below them in one list.
//!
//! A [`Selection`] is walked once: its digest goes into the step's key, and the same list is what is copied.

use std::{
    io::{self, Read as _},
    os::fd::{AsFd as _, OwnedFd},
};

use bstr::BString;
use rayon::prelude::*;
use rustix::fs::{FileType, Stat};
use strata_dockerfile::glob;
use strata_image::{Timestamp, layer::CAPABILITY};

use crate::{
    cause::Cause,
    context::Context,
    key::KeyWriter,
    tree::{Tree, clean, components, file_name, join, kind},
};

/// [`CAPABILITY`] has at most 24 bytes (`struct vfs_ns_cap_data`).
const CAPABILITY_LIMIT: usize = 64;

/// Bytes read at once: enough for the hash to run at its full width.
const READ_BUFFER: usize = 64 * 1024;

/// Where sources lie.
pub(crate) enum Origin<'a> {
    /// The context: owners become root, xattrs stay behind, ignored files are not there.
    Context(&'a Context),
    /// A stage's or an image's root filesystem, as it is.
    Stage(OwnedFd),
}

/// One source with all that is below it.
#[derive(Debug)]
pub(crate) struct Selection {
    /// The name it has in a destination directory.
    pub(crate) name: BString,
    /// Where it is in its tree.
    pub(crate) real: BString,
    /// The source itself first (its path is empty), then what is below, parents before children.
    pub(crate) nodes: Vec<Node>,
}

/// A file of a selection.
#[derive(Debug)]
pub(crate) struct Node {
    /// Below the source.
    pub(crate) path: BString,
    pub(crate) kind: NodeKind,
    /// 12 bits.
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) mtime: Timestamp,
    pub(crate) capability: Option<Vec<u8>>,
    /// Of a regular file that someone may be writing to.
    pub(crate) stamp: Option<Stamp>,
}

/// Tells whether a file was written to: its size and the time of its last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    size: i64,
    changed: (i64, i64),
}

impl Stamp {
    pub(crate) fn of(stat: &Stat) -> Self {
        Self { size: stat.st_size, changed: (stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or_default()) }
    }
}

#[derive(Debug, PartialEq)]
pub(crate) enum NodeKind {
    Directory,
    /// `inode` when it has other names: device and number.
    File {
        size: u64,
        inode: Option<(u64, u64)>,
    },
    /// A regular file without content: what a socket of the context becomes.
    Empty,
    Symlink(BString),
    /// Fifo and devices: type bits and device number.
    Special {
        kind: FileType,
        device: u64,
    },
}

impl Origin<'_> {
    pub(crate) fn tree(&self) -> Tree<'_> {
        match self {
            Self::Context(context) => context.tree(),
            Self::Stage(root) => Tree::new(root.as_fd()),
        }
    }

    fn shows(&self, path: &[u8]) -> bool {
        match self {
            Self::Context(context) => context.shows(path),
            Self::Stage(_) => true,
        }
    }

    /// Finds what one source word of an instruction means. A pattern that matches nothing gives nothing; a path that is not
    /// there is an error.
    pub(crate) fn select(&self, word: &[u8]) -> Result<Vec<Selection>, Cause> {
        let cleaned = clean(word);
        let parts: Vec<&[u8]> = components(&cleaned).collect();
        let Some(first) = parts.iter().position(|part| has_wildcard(part)) else {
            return self.selection(&cleaned).map(|selection| vec![selection]);
        };
        let base = self.existing(&bstr::join("/", &parts[..first]))?;
        let mut matches = Vec::new();
        self.expand(&base, &parts[first..], &mut matches)?;
        matches.iter().map(|path| self.selection(path)).collect()
    }

    /// The selection at a path whose links are followed; its name is the path's own.
    fn selection(&self, path: &[u8]) -> Result<Selection, Cause> {
        let real = self.existing(path)?;
        let mut nodes = Vec::new();
        if let Some(stat) = self.tree().lstat(&real).map_err(Cause::read("look up", &real))? {
            self.walk(&real, b"", &stat, &mut nodes)?;
        }
        Ok(Selection { name: file_name(path).into(), real, nodes })
    }

    fn existing(&self, path: &[u8]) -> Result<BString, Cause> {
        let resolved = self.tree().resolve_visible(path, &|link| self.shows(link))?;
        if resolved.exists {
            return Ok(resolved.path);
        }
        let ignored = match self {
            Self::Context(context) => context.excluded(&resolved.path).or_else(|| context.excluded(path)),
            Self::Stage(_) => None,
        };
        Err(Cause::NotFound { path: path.into(), ignored })
    }

    /// Matches the parts of a pattern level by level; links on the way are not followed, as `filepath.Walk` does not.
    fn expand(&self, dir: &[u8], parts: &[&[u8]], matches: &mut Vec<BString>) -> Result<(), Cause> {
        let Some((part, rest)) = parts.split_first() else {
            matches.push(dir.into());
            return Ok(());
        };
        // a bad pattern is an error even where nothing is matched against it
        glob::matches(part, b"")?;
        let tree = self.tree();
        let is_directory = |path: &[u8]| -> Result<bool, Cause> {
            let stat = tree.lstat(path).map_err(Cause::read("look up", path))?;
            Ok(stat.is_some_and(|stat| kind(&stat) == FileType::Directory))
        };
        if !is_directory(dir)? {
            return Ok(());
        }
        for name in tree.names(dir).map_err(Cause::read("list", dir))? {
            let path = join(dir, &name);
            if glob::matches(part, &name)? && self.shows(&path) {
                self.expand(&path, rest, matches)?;
            }
        }
        Ok(())
    }

    fn walk(&self, real: &[u8], below: &[u8], stat: &Stat, nodes: &mut Vec<Node>) -> Result<(), Cause> {
        nodes.extend(self.node(real, below.into(), stat)?);
        if kind(stat) != FileType::Directory {
            return Ok(());
        }
        for (name, stat) in self.tree().list(real).map_err(Cause::read("list", real))? {
            let child = join(real, &name);
            if self.shows(&child) {
                self.walk(&child, &join(below, &name), &stat, nodes)?;
            }
        }
        Ok(())
    }

    /// `None` for a socket of a stage, which no layer can hold.
    fn node(&self, real: &[u8], path: BString, stat: &Stat) -> Result<Option<Node>, Cause> {
        let tree = self.tree();
        let of_context = matches!(self, Self::Context(_));
        let node_kind = match kind(stat) {
            FileType::Directory => NodeKind::Directory,
            FileType::RegularFile => NodeKind::File {
                size: u64::try_from(stat.st_size).unwrap_or_default(),
                inode: (stat.st_nlink > 1).then_some((stat.st_dev, stat.st_ino)),
            },
            FileType::Symlink => NodeKind::Symlink(tree.read_link(real).map_err(Cause::read("read the link", real))?),
            FileType::Socket if of_context => NodeKind::Empty,
            FileType::Socket => return Ok(None),
            special => NodeKind::Special { kind: special, device: stat.st_rdev },
        };
        let capability = match node_kind {
            NodeKind::File { .. } if !of_context => {
                capability(tree, real).map_err(Cause::read("read xattrs of", real))?
            }
            _ => None,
        };
        let is_file = matches!(node_kind, NodeKind::File { .. });
        Ok(Some(Node {
            path,
            kind: node_kind,
            mode: stat.st_mode & 0o7777,
            owner: if of_context { (0, 0) } else { (stat.st_uid, stat.st_gid) },
            mtime: Timestamp {
                seconds: stat.st_mtime,
                nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or_default(),
            },
            capability,
            stamp: (of_context && is_file).then(|| Stamp::of(stat)),
        }))
    }

    /// The digest of everything that decides what a copy of the selection is: names, types, modes, owners (of a stage),
    /// contents, link targets. Times, hard links and user xattrs do not.
    pub(crate) fn digest(&self, selection: &Selection) -> Result<[u8; 32], Cause> {
        let tree = self.tree();
        let contents: Vec<[u8; 32]> = selection
            .nodes
            .par_iter()
            .map_init(
                || vec![0; READ_BUFFER],
                |buffer, node| match node.kind {
                    NodeKind::File { .. } => {
                        let real = join(&selection.real, &node.path);
                        hash(tree, &real, buffer).map_err(Cause::read("read", &real))
                    }
                    _ => Ok([0; 32]),
                },
            )
            .collect::<Result<_, Cause>>()?;
        let mut digest = KeyWriter::new("content");
        digest.field(&selection.name);
        for (node, content) in selection.nodes.iter().zip(&contents) {
            digest.field(&node.path).number(node.mode.into());
            digest.number(node.owner.0.into()).number(node.owner.1.into());
            digest.optional(node.capability.as_deref());
            match &node.kind {
                NodeKind::Directory => digest.field(b"directory"),
                NodeKind::File { .. } => digest.field(b"file").field(content),
                NodeKind::Empty => digest.field(b"empty"),
                NodeKind::Symlink(target) => digest.field(b"symlink").field(target),
                NodeKind::Special { kind, device } => {
                    digest.field(b"special").number(kind.as_raw_mode().into()).number(*device)
                }
            };
        }
        Ok(*digest.finish().as_bytes())
    }
}

fn hash(tree: Tree<'_>, real: &[u8], buffer: &mut [u8]) -> io::Result<[u8; 32]> {
    let mut file = tree.open_file(real)?;
    let mut hasher = blake3::Hasher::new();
    loop {
        let read = file.read(buffer)?;
        if read == 0 {
            return Ok(*hasher.finalize().as_bytes());
        }
        hasher.update(&buffer[..read]);
    }
}

fn capability(tree: Tree<'_>, real: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let file = tree.open_file(real)?;
    let mut value = [0; CAPABILITY_LIMIT];
    match rustix::fs::fgetxattr(&file, CAPABILITY, &mut value) {
        Ok(length) => Ok(Some(value[..length].to_vec())),
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// `*`, `?` or `[` that is not escaped: what makes a source word a pattern.
fn has_wildcard(part: &[u8]) -> bool {
    let mut bytes = part.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'*' | b'?' | b'[' => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests;
