//! What COPY and ADD take: sources resolved inside their tree, and everything below them in one list.
//!
//! A [`Selection`] is walked once: its digest goes into the step's key, and the same list is what is copied.

mod digest;

use std::{
    os::fd::{AsFd as _, OwnedFd},
    sync::Arc,
};

use bstr::BString;
use rayon::prelude::*;
use rustix::fs::{FileType, Stat};
use strata_dockerfile::{exclude::Excludes, glob, parents::Parents};
use strata_image::Timestamp;
use strata_runtime::userns::{self, Ids};

pub(crate) use digest::{ContentHash, Files};

use crate::{
    below::{capability, mtime},
    cause::Cause,
    context::Context,
    tree::{Tree, clean, components, file_name, join, kind},
};

/// Where sources lie.
pub(crate) enum Origin {
    /// A context: owners become root, xattrs stay behind, ignored files are not there.
    Context(Arc<Context>),
    /// A stage's or an image's root filesystem, as it is.
    Stage {
        root: OwnedFd,
        /// Whether true owners are noted beside files, since there is a single id.
        notes_owners: bool,
    },
    /// What was fetched: everything is root's, and of one time.
    Fetched {
        root: OwnedFd,
        mtime: Timestamp,
        /// Removes it once nobody needs it.
        _guard: Option<Arc<tempfile::TempDir>>,
    },
}

/// How sources are selected.
pub(crate) struct How<'h> {
    /// `--parents`
    pub(crate) parents: bool,
    /// `--exclude`
    pub(crate) excludes: &'h Excludes,
}

/// One source with all that is below it.
#[derive(Debug)]
pub(crate) struct Selection {
    /// The name it has in a destination directory.
    pub(crate) name: BString,
    /// Where it is in its tree.
    pub(crate) real: BString,
    /// The source itself first (its path is empty), then what is below, parents before children. With `--parents` the source
    /// is a directory that is not copied itself, and not here.
    pub(crate) nodes: Vec<Node>,
    /// Whether it was selected with `--parents`.
    pub(crate) parents: bool,
}

/// A file of a selection.
#[derive(Debug)]
pub(crate) struct Node {
    /// Below the source.
    pub(crate) path: BString,
    pub(crate) kind: NodeKind,
    /// 12 bits.
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    pub(crate) mtime: Timestamp,
    pub(crate) capability: Option<Vec<u8>>,
    /// Of a regular file that someone may be writing to.
    pub(crate) stamp: Option<Stamp>,
    /// BLAKE3 of a regular file's content, once it was needed for the key.
    pub(crate) content: Option<ContentHash>,
    /// Whether it is a directory that was not selected itself, but something below it.
    pub(crate) is_parent: bool,
}

/// Tells whether a file was written to: which it is, its size and its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) modified: (i64, u32),
    pub(crate) changed: (i64, u32),
}

impl Stamp {
    pub(crate) fn of(stat: &Stat) -> Self {
        let nanoseconds = |part| u32::try_from(part).unwrap_or_default();
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: (stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
            changed: (stat.st_ctime, nanoseconds(stat.st_ctime_nsec)),
        }
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

impl Origin {
    /// A root filesystem.
    pub(crate) fn stage(root: OwnedFd) -> Self {
        Self::Stage { root, notes_owners: userns::ids() == Ids::Single }
    }

    pub(crate) fn tree(&self) -> Tree<'_> {
        match self {
            Self::Context(context) => context.tree(),
            Self::Stage { root, .. } | Self::Fetched { root, .. } => Tree::new(root.as_fd()),
        }
    }

    fn shows(&self, path: &[u8]) -> bool {
        match self {
            Self::Context(context) => context.shows(path),
            Self::Stage { .. } | Self::Fetched { .. } => true,
        }
    }

    /// Finds what one source word of an instruction means. A pattern that matches nothing gives nothing; a path that is not
    /// there is an error.
    pub(crate) fn select(&self, word: &[u8], how: &How<'_>) -> Result<Vec<Selection>, Cause> {
        if how.parents {
            return self.select_with_parents(word, how.excludes);
        }
        self.matches(word)?.iter().map(|path| self.selection(path, how.excludes)).collect()
    }

    /// The paths that a word means.
    fn matches(&self, word: &[u8]) -> Result<Vec<BString>, Cause> {
        let cleaned = clean(word);
        let parts: Vec<&[u8]> = components(&cleaned).collect();
        let Some(first) = parts.iter().position(|part| has_wildcard(part)) else {
            return Ok(vec![cleaned]);
        };
        let base = self.existing(&bstr::join("/", &parts[..first]))?;
        let mut matches = Vec::new();
        self.expand(&base, &parts[first..], &mut matches)?;
        Ok(matches)
    }

    /// The selection at a path whose links are followed; its name is the path's own.
    fn selection(&self, path: &[u8], excludes: &Excludes) -> Result<Selection, Cause> {
        let real = self.existing(path)?;
        let mut nodes = Vec::new();
        if let Some(stat) = self.tree().lstat(&real).map_err(Cause::read("look up", &real))? {
            let walk = Walk { origin: self, wanted: &|below| Wanted::unless(excludes, below) };
            walk.walk(&real, b"", &stat, &mut nodes)?;
        }
        Ok(Selection { name: file_name(path).into(), real, nodes, parents: false })
    }

    fn select_with_parents(&self, word: &[u8], excludes: &Excludes) -> Result<Vec<Selection>, Cause> {
        let parents = Parents::new(&String::from_utf8_lossy(word))?;
        let wanted = |below: &[u8]| {
            let included = parents.includes(below);
            match Wanted::unless(excludes, below) {
                Wanted::Yes if included => Wanted::Yes,
                Wanted::Nothing => Wanted::Nothing,
                _ if parents.may_include_below(below) => Wanted::PerhapsBelow,
                _ => Wanted::Nothing,
            }
        };
        let mut selections = Vec::new();
        for root in self.matches(parents.root.as_bytes())? {
            let real = self.existing(&root)?;
            let mut nodes = Vec::new();
            if let Some(stat) = self.tree().lstat(&real).map_err(Cause::read("look up", &real))? {
                Walk { origin: self, wanted: &wanted }.walk(&real, b"", &stat, &mut nodes)?;
                nodes.retain(|node| !node.path.is_empty());
            }
            if nodes.is_empty() && parents.required {
                self.existing(&join(&real, parents.pattern.as_bytes()))?;
            }
            selections.push(Selection { name: BString::default(), real, nodes, parents: true });
        }
        Ok(selections)
    }

    fn existing(&self, path: &[u8]) -> Result<BString, Cause> {
        let resolved = self.tree().resolve_visible(path, &|link| self.shows(link))?;
        if resolved.exists {
            return Ok(resolved.path);
        }
        let ignored = match self {
            Self::Context(context) => context.excluded(&resolved.path).or_else(|| context.excluded(path)),
            Self::Stage { .. } | Self::Fetched { .. } => None,
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

    /// `None` for a socket of a stage, which no layer can hold.
    fn node(&self, real: &[u8], path: BString, stat: &Stat) -> Result<Option<Node>, Cause> {
        let tree = self.tree();
        let of_stage = matches!(self, Self::Stage { .. });
        let node_kind = match kind(stat) {
            FileType::Directory => NodeKind::Directory,
            FileType::RegularFile => NodeKind::File {
                size: u64::try_from(stat.st_size).unwrap_or_default(),
                inode: (stat.st_nlink > 1).then_some((stat.st_dev, stat.st_ino)),
            },
            FileType::Symlink => NodeKind::Symlink(tree.read_link(real).map_err(Cause::read("read the link", real))?),
            FileType::Socket if !of_stage => NodeKind::Empty,
            FileType::Socket => return Ok(None),
            special => NodeKind::Special { kind: special, device: stat.st_rdev },
        };
        let is_file = matches!(node_kind, NodeKind::File { .. });
        let capability = if of_stage && is_file {
            let file = tree.open_file(real).map_err(Cause::read("open", real))?;
            capability(&file).map_err(Cause::read("read xattrs of", real))?
        } else {
            None
        };
        let owner = match self {
            Self::Stage { notes_owners: true, .. } => noted_owner(tree, real, &node_kind, stat)?,
            Self::Stage { .. } => (stat.st_uid.into(), stat.st_gid.into()),
            Self::Context(context) if context.keeps_owners() => (stat.st_uid.into(), stat.st_gid.into()),
            Self::Context(_) | Self::Fetched { .. } => (0, 0),
        };
        Ok(Some(Node {
            path,
            kind: node_kind,
            mode: stat.st_mode & 0o7777,
            owner,
            mtime: match self {
                Self::Fetched { mtime, .. } => *mtime,
                Self::Context(_) | Self::Stage { .. } => mtime(stat),
            },
            capability,
            stamp: (matches!(self, Self::Context(_)) && is_file).then(|| Stamp::of(stat)),
            content: None,
            is_parent: false,
        }))
    }
}

/// The owner that the layers say, where it is noted beside the one that there is.
fn noted_owner(tree: Tree<'_>, real: &[u8], kind: &NodeKind, stat: &Stat) -> Result<(u64, u64), Cause> {
    let opened = match kind {
        NodeKind::Directory => Some(tree.open_dir(real)),
        NodeKind::File { .. } => Some(tree.open_file(real).map(OwnedFd::from)),
        _ => None,
    };
    if let Some(opened) = opened.transpose().map_err(Cause::read("open", real))?
        && let Some(owner) = strata_runtime::snapshot::true_owner(opened.as_fd())?
    {
        return Ok(owner);
    }
    Ok((stat.st_uid.into(), stat.st_gid.into()))
}

/// What a walk does with a path.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Yes,
    /// Not itself, but perhaps something below it.
    PerhapsBelow,
    Nothing,
}

impl Wanted {
    fn unless(excludes: &Excludes, below: &[u8]) -> Self {
        match below {
            _ if !excludes.excludes(below) => Self::Yes,
            _ if excludes.may_reinclude_below(below) => Self::PerhapsBelow,
            _ => Self::Nothing,
        }
    }
}

/// A walk over everything below a source.
struct Walk<'w> {
    origin: &'w Origin,
    wanted: &'w (dyn Fn(&[u8]) -> Wanted + Sync),
}

impl Walk<'_> {
    fn walk(&self, real: &[u8], below: &[u8], stat: &Stat, nodes: &mut Vec<Node>) -> Result<(), Cause> {
        let wanted = (self.wanted)(below);
        let is_directory = kind(stat) == FileType::Directory;
        if wanted == Wanted::Nothing || wanted == Wanted::PerhapsBelow && !is_directory {
            return Ok(());
        }
        let place = nodes.len();
        if let Some(mut node) = self.origin.node(real, below.into(), stat)? {
            node.is_parent = wanted == Wanted::PerhapsBelow;
            nodes.push(node);
        }
        if !is_directory {
            return Ok(());
        }
        let mut children = self.origin.tree().list(real).map_err(Cause::read("list", real))?;
        children.retain(|(name, _)| self.origin.shows(&join(real, name)));
        let folders = children.iter().filter(|(_, stat)| kind(stat) == FileType::Directory).count();
        if folders < 2 {
            for (name, stat) in &children {
                self.walk(&join(real, name), &join(below, name), stat, nodes)?;
            }
        } else {
            // what costs is the kernel's answer for each name, so that folders are asked about at the same time
            let walked: Vec<Vec<Node>> = children
                .par_iter()
                .map(|(name, stat)| {
                    let mut nodes = Vec::new();
                    self.walk(&join(real, name), &join(below, name), stat, &mut nodes)?;
                    Ok(nodes)
                })
                .collect::<Result<_, Cause>>()?;
            nodes.extend(walked.into_iter().flatten());
        }
        if wanted == Wanted::PerhapsBelow && nodes.len() == place + 1 {
            nodes.truncate(place);
        }
        Ok(())
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
