//! Writes a file or a tree of the image into a directory, and nowhere else.
//!
//! Every directory is opened by its descriptor from the one above, no symlink followed, and every file is made new, so
//! that neither a name nor a link of the image, nor one that lies in the destination, leads out of it. Contents, links,
//! and read, write and execute permissions are written; owners, attributes, devices and pipes are not.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Write as _,
    os::fd::OwnedFd,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, fchmod, linkat, mkdirat, openat, statat, symlinkat, unlinkat},
    io::Errno,
};
use strata_analyzer::{
    size_text,
    tree::{NodeIndex, Type},
};
use strata_image::{
    Image,
    layer::{EntryKind, LayerReader},
    view::InodeId,
};

use super::{content::said, model::Model, shown};
use crate::look::text::count;

/// Bytes copied between two looks at whether to stop.
const CHUNK: usize = 256 << 10;

/// What to write, and where.
#[derive(Debug, PartialEq)]
pub(super) struct Order {
    directory: PathBuf,
    overwrite: bool,
    /// Directories before what is in them.
    items: Vec<Item>,
    skipped: usize,
}

#[derive(Debug, PartialEq)]
struct Item {
    /// Below the destination; the first one is the selected name itself.
    path: Vec<Vec<u8>>,
    inode: InodeId,
    is_directory: bool,
}

/// How it went.
pub(super) enum Outcome {
    /// What was written, in words.
    Done(String),
    /// Something of that name is in this directory already; nothing was written.
    Exists(PathBuf),
}

impl Order {
    /// A name as it is at a layer, with all in it; a removed one as it last was.
    pub(super) fn of(model: &Model, top: NodeIndex, layer: usize, directory: PathBuf, overwrite: bool) -> Self {
        let tree = &model.tree;
        let was_removed = tree.version(top, layer).is_none_or(|version| version.inode.is_none());
        let mut order = Self { directory, overwrite, items: Vec::new(), skipped: 0 };
        let mut waiting = vec![(top, Vec::new())];
        while let Some((node, mut path)) = waiting.pop() {
            let version = if was_removed { tree.last_alive(node, layer) } else { tree.version(node, layer) };
            let Some((version, inode)) = version.and_then(|version| Some((version, version.inode?))) else { continue };
            if version.kind == Type::Special {
                order.skipped += 1;
                continue;
            }
            path.push(tree.name(node).to_vec());
            let is_directory = version.kind == Type::Directory;
            if is_directory {
                waiting.extend(tree.children(node).iter().rev().map(|&child| (child, path.clone())));
            }
            order.items.push(Item { path, inode, is_directory });
        }
        order
    }
}

/// Carries an order out.
///
/// # Errors
/// Says in one line what could not be read or written; what was written before stays.
pub(super) fn run(image: &dyn Image, order: Order, stop: &AtomicBool) -> Result<Outcome, String> {
    write(image, order, stop).map_err(|error| said(&error))
}

fn write(image: &dyn Image, order: Order, stop: &AtomicBool) -> Result<Outcome> {
    let Some(top) = order.items.first().and_then(|item| item.path.first()) else {
        bail!("devices and pipes are not extracted");
    };
    let shown_directory = shown::safe(&order.directory.display().to_string());
    let cannot = || format!("cannot write into {shown_directory}");
    std::fs::create_dir_all(&order.directory).with_context(cannot)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, &order.directory, flags, Mode::empty()).with_context(cannot)?;
    check(top)?;
    if !order.overwrite && statat(&root, top.as_slice(), AtFlags::SYMLINK_NOFOLLOW).is_ok() {
        return Ok(Outcome::Exists(order.directory));
    }
    let mut writer = Writer { root, overwrite: order.overwrite, at: None, files: 0, bytes: 0, stop };
    let mut wanted: BTreeMap<u32, BTreeMap<u32, Vec<&Item>>> = BTreeMap::new();
    for item in &order.items {
        if item.is_directory {
            writer.directory(&item.path)?;
        } else {
            wanted.entry(item.inode.layer).or_default().entry(item.inode.entry).or_default().push(item);
        }
    }
    for (layer, wanted) in wanted {
        writer.layer(image, layer, wanted)?;
    }
    let skipped = match order.skipped {
        0 => String::new(),
        skipped => format!("; {} left out", count(skipped, "device or pipe")),
    };
    let what = format!("{}, {}", count(writer.files, "file"), size_text(writer.bytes));
    Ok(Outcome::Done(format!("extracted {what} into {shown_directory}{skipped}")))
}

/// What has been checked already is checked where it matters.
fn check(name: &[u8]) -> Result<()> {
    if matches!(name, b"" | b"." | b"..") || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
        bail!("{} is no name for a file", shown::name(name));
    }
    Ok(())
}

struct Writer<'a> {
    root: OwnedFd,
    overwrite: bool,
    /// The directory that was written into last.
    at: Option<(Vec<Vec<u8>>, OwnedFd)>,
    files: usize,
    bytes: u64,
    stop: &'a AtomicBool,
}

impl Writer<'_> {
    /// Writes what is wanted of a layer: entries by their numbers, each with all the names that it has.
    fn layer(&mut self, image: &dyn Image, layer: u32, mut wanted: BTreeMap<u32, Vec<&Item>>) -> Result<()> {
        let source = image.layers().get(layer as usize).context("no such layer")?;
        let mut tar = LayerReader::new(source.open()?);
        let mut number = 0;
        while !wanted.is_empty() {
            if self.stop.load(Ordering::Relaxed) {
                bail!("stopped");
            }
            let entry = tar.next_entry()?.context("the layer has changed since it was indexed")?;
            let names = wanted.remove(&number).unwrap_or_default();
            number += 1;
            let Some((first, others)) = names.split_first() else { continue };
            let failed = || format!("cannot write {}", shown::path(&first.path.join(b"/".as_slice())));
            match &entry.kind {
                EntryKind::File => self.file(first, entry.mode, &mut tar).with_context(failed)?,
                EntryKind::Symlink(target) => {
                    let (parent, name) = self.place(first).with_context(failed)?;
                    symlinkat(target.as_slice(), parent, name).with_context(failed)?;
                }
                _ => continue,
            }
            for other in others {
                self.link(first, other).with_context(failed)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, item: &Item, mode: u32, content: &mut impl std::io::Read) -> Result<()> {
        let (parent, name) = self.place(item)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(parent, name, flags, Mode::RUSR | Mode::WUSR)?);
        let mut chunk = vec![0; CHUNK];
        loop {
            if self.stop.load(Ordering::Relaxed) {
                bail!("stopped");
            }
            let length = content.read(&mut chunk)?;
            if length == 0 {
                break;
            }
            file.write_all(&chunk[..length])?;
            self.bytes += length as u64;
        }
        self.files += 1;
        // a program that an image would run as another user is no such program here
        fchmod(&file, Mode::from_raw_mode(mode & 0o777))?;
        Ok(())
    }

    fn link(&mut self, first: &Item, other: &Item) -> Result<()> {
        let (parent, name) = self.place(other)?;
        let parent = rustix::io::dup(parent)?;
        let (folder, file) = self.open(first)?;
        linkat(folder, file, &parent, name, AtFlags::empty())?;
        self.files += 1;
        Ok(())
    }

    /// The directory and the name of an item, which is free: what was there is gone.
    fn place<'b>(&mut self, item: &'b Item) -> Result<(&OwnedFd, &'b [u8])> {
        let overwrite = self.overwrite;
        let (parent, name) = self.open(item)?;
        if overwrite {
            match unlinkat(parent, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error).context("what is there cannot be removed"),
            }
        }
        Ok((parent, name))
    }

    fn open<'b>(&mut self, item: &'b Item) -> Result<(&OwnedFd, &'b [u8])> {
        let (name, parents) = item.path.split_last().context("a file without a name")?;
        check(name)?;
        Ok((self.directory(parents)?, name))
    }

    /// A directory below the destination; what is missing is made.
    fn directory(&mut self, path: &[Vec<u8>]) -> Result<&OwnedFd> {
        if self.at.as_ref().is_none_or(|(at, _)| at != path) {
            let mut at = rustix::io::dup(&self.root)?;
            for name in path {
                check(name)?;
                at = self.enter(&at, name).with_context(|| format!("cannot enter {}", shown::name(name)))?;
            }
            self.at = Some((path.to_vec(), at));
        }
        match &self.at {
            Some((_, at)) => Ok(at),
            None => Ok(&self.root),
        }
    }

    fn enter(&self, parent: &OwnedFd, name: &[u8]) -> Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(parent, name, flags, Mode::empty()) {
            Ok(found) => return Ok(found),
            Err(Errno::NOENT) => {}
            // a file or a link stands there
            Err(Errno::NOTDIR | Errno::LOOP) if self.overwrite => unlinkat(parent, name, AtFlags::empty())?,
            Err(error) => return Err(error.into()),
        }
        mkdirat(parent, name, Mode::from_raw_mode(0o755))?;
        Ok(openat(parent, name, flags, Mode::empty())?)
    }
}
