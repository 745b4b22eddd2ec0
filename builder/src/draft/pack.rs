//! A draft as a layer: the entries that `BuildKit` would write for the same changes, in the order of a walk.
//!
//! ```text
//! walk: compare, read small files ahead ─► bounded queue ─► tar ─► whoever hashes and stores it
//!        (a thread of its own)                              (the caller's thread)
//! ```
//!
//! The rules are those of layers made from a written directory (`strata_runtime::snapshot`): names sorted in each directory;
//! parents of changes with their metadata of now; a whiteout for each name that is gone, no opaque markers; nothing that is as
//! it was below; names of one file as hard links to the first.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Write},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

use bstr::BString;
use rustix::fs::{FileType, major, minor};
use strata_image::layer::{CAPABILITY, Entry, EntryKind, LayerPath, LayerWriter};

use super::{Attributes, Change, Content, Draft, Folder, Inode, Leaf, LeafKind, packed::Packed};
use crate::{below::Found, cause::Cause, fractions::Fractions, selection::ContentHash, tree::join};

/// Files up to this are read ahead, so that the thread that hashes and writes never waits for them to be opened.
const READ_AHEAD: u64 = 256 * 1024;
/// Entries that may wait to be written: with the limit above, at most 32 MiB.
const QUEUE: usize = 128;
/// Bytes of each of two files that are compared at a time.
const CHUNK: usize = 64 * 1024;

/// An entry on its way into the tar.
#[expect(clippy::large_enum_variant, reason = "almost every item is the large variant")]
enum Item<'d> {
    /// With the hash of the content, where it is known.
    Entry(Entry, Payload<'d>, Option<ContentHash>),
    Whiteout(LayerPath),
}

enum Payload<'d> {
    Nothing,
    Bytes(Vec<u8>),
    Stream(Box<dyn Read + Send + 'd>),
}

/// What is known of a layer that its tar does not say.
#[derive(Default)]
pub(crate) struct Said {
    /// Contents and where they lie in the layer.
    pub(crate) contents: Vec<(ContentHash, u64)>,
    /// The fractions of files' times.
    pub(crate) fractions: Fractions,
}

impl Draft<'_> {
    /// Writes the layer, taking from an earlier one what that has; gives what the tar does not say.
    pub(crate) fn pack(&self, earlier: Option<Packed>, out: &mut (dyn Write + Send)) -> Result<Said, Cause> {
        let (sender, receiver) = sync_channel(QUEUE);
        std::thread::scope(|scope| {
            let walk = Walk { draft: self, earlier, queue: sender, written: HashMap::new() };
            let walk = scope.spawn(move || walk.run());
            let written = write(receiver, out);
            let walked = walk.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // a writer that stopped ends the walk too, and is the reason
            written.and_then(|said| walked.map(|()| said))
        })
    }
}

fn write(queue: Receiver<Item<'_>>, out: &mut (dyn Write + Send)) -> Result<Said, Cause> {
    let failed = |error| Cause::Image(strata_image::Error::from(error));
    let mut writer = LayerWriter::new(out);
    let mut said = Said::default();
    for item in queue {
        match item {
            Item::Whiteout(path) => writer.whiteout(&path).map_err(failed)?,
            Item::Entry(entry, payload, content) => {
                match payload {
                    Payload::Nothing => writer.append(&entry, io::empty()),
                    Payload::Bytes(bytes) => writer.append(&entry, bytes.as_slice()),
                    Payload::Stream(mut stream) => writer.append(&entry, &mut *stream),
                }
                .map_err(failed)?;
                let content = content.filter(|_| entry.size > 0 && entry.size <= READ_AHEAD);
                said.contents.extend(content.map(|content| (content, writer.last_content())));
                if entry.kind == EntryKind::File && entry.mtime.nanoseconds > 0 {
                    said.fractions.insert(entry.path.as_bytes().into(), entry.mtime.nanoseconds);
                }
            }
        }
    }
    writer.finish().map_err(failed)?;
    Ok(said)
}

/// Directories on the way that have no entry yet.
type Pending = Vec<(BString, Attributes)>;

struct Walk<'d, 'a> {
    draft: &'d Draft<'a>,
    /// An earlier layer of the same step.
    earlier: Option<Packed>,
    queue: SyncSender<Item<'d>>,
    /// The path of each file that has an entry, by its address.
    written: HashMap<usize, LayerPath>,
}

impl<'d> Walk<'d, '_> {
    fn run(mut self) -> Result<(), Cause> {
        self.folder(&self.draft.root, b"", &mut Vec::new())
    }

    fn folder(&mut self, folder: &'d Folder, path: &[u8], pending: &mut Pending) -> Result<(), Cause> {
        if !folder.hides {
            return folder.names.iter().try_for_each(|(name, change)| self.change(change, &join(path, name), pending));
        }
        let mut hidden = self.draft.below.names(path)?.into_iter().peekable();
        for (name, change) in &folder.names {
            while let Some(gone) = hidden.next_if(|hidden| hidden < name) {
                self.whiteout(&join(path, &gone), pending)?;
            }
            hidden.next_if(|hidden| hidden == name);
            self.change(change, &join(path, name), pending)?;
        }
        hidden.try_for_each(|gone| self.whiteout(&join(path, &gone), pending))
    }

    fn change(&mut self, change: &'d Change, path: &[u8], pending: &mut Pending) -> Result<(), Cause> {
        match change {
            Change::Gone => self.whiteout(path, pending),
            Change::Leaf(leaf) => self.leaf(leaf, path, pending),
            Change::Folder(folder) => {
                let below = self.draft.below.lookup(path)?.filter(Found::is_directory);
                let attributes = match (&folder.attributes, &below) {
                    (Some(attributes), _) => attributes.clone(),
                    (None, Some(below)) => {
                        Attributes { mode: below.mode, owner: below.owner, mtime: below.mtime, capability: None }
                    }
                    (None, None) => return Ok(()),
                };
                let unchanged =
                    below.is_some_and(|below| (below.mode, below.owner) == (attributes.mode, attributes.owner));
                let depth = pending.len();
                pending.push((path.into(), attributes));
                if !unchanged {
                    self.directories(pending)?;
                }
                self.folder(folder, path, pending)?;
                pending.truncate(depth.min(pending.len()));
                Ok(())
            }
        }
    }

    /// Writes the directories on the way.
    fn directories(&mut self, pending: &mut Pending) -> Result<(), Cause> {
        for (path, attributes) in pending.drain(..) {
            let entry = entry(&path, EntryKind::Directory, &attributes)?;
            self.send(Item::Entry(entry, Payload::Nothing, None))?;
        }
        Ok(())
    }

    fn whiteout(&mut self, path: &[u8], pending: &mut Pending) -> Result<(), Cause> {
        self.directories(pending)?;
        self.send(Item::Whiteout(layer_path(path)?))
    }

    fn leaf(&mut self, leaf: &'d Leaf, path: &[u8], pending: &mut Pending) -> Result<(), Cause> {
        if self.is_as_below(leaf, path)? {
            return Ok(());
        }
        self.directories(pending)?;
        let inode = match &leaf.kind {
            LeafKind::File(inode) => inode,
            LeafKind::Symlink(target) => {
                let entry = entry(path, EntryKind::Symlink(target.clone()), &leaf.attributes)?;
                return self.send(Item::Entry(entry, Payload::Nothing, None));
            }
            LeafKind::Special { kind, device } => {
                let (major, minor) = (major(*device), minor(*device));
                let kind = match kind {
                    FileType::CharacterDevice => EntryKind::CharDevice { major, minor },
                    FileType::BlockDevice => EntryKind::BlockDevice { major, minor },
                    _ => EntryKind::Fifo,
                };
                return self.send(Item::Entry(entry(path, kind, &leaf.attributes)?, Payload::Nothing, None));
            }
        };
        if Arc::strong_count(inode) > 1 {
            if let Some(first) = self.written.get(&Arc::as_ptr(inode).addr()) {
                let entry = entry(path, EntryKind::HardLink(first.clone()), &leaf.attributes)?;
                return self.send(Item::Entry(entry, Payload::Nothing, None));
            }
            self.written.insert(Arc::as_ptr(inode).addr(), layer_path(path)?);
        }
        let mut entry = entry(path, EntryKind::File, &leaf.attributes)?;
        entry.size = inode.size;
        entry.xattrs.extend(leaf.attributes.capability.clone().map(|value| (CAPABILITY.into(), value)));
        let payload = self.payload(inode, &mut entry)?;
        let content = match &inode.content {
            Content::Source { content, .. } => *content,
            _ => None,
        };
        self.send(Item::Entry(entry, payload, content))
    }

    fn payload(&mut self, inode: &'d Inode, entry: &mut Entry) -> Result<Payload<'d>, Cause> {
        let Content::Source { origin, real, stamp, content } = &inode.content else {
            return Ok(Payload::Stream(self.draft.open(inode)?));
        };
        if let (Some(earlier), Some(content)) = (&mut self.earlier, content)
            && let Some(bytes) = earlier.get(content, usize::try_from(inode.size).unwrap_or(usize::MAX))
        {
            return Ok(Payload::Bytes(bytes));
        }
        let file = origin.tree().open_file(real).map_err(Cause::read("open", real))?;
        if inode.size > READ_AHEAD {
            let checked = Checked { draft: self.draft, file, stamp: *stamp, left: inode.size };
            return Ok(Payload::Stream(Box::new(checked)));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(inode.size).unwrap_or_default() + 1);
        (&file).take(READ_AHEAD + 1).read_to_end(&mut bytes).map_err(Cause::read("read", real))?;
        self.draft.compare(&file, *stamp);
        entry.size = bytes.len() as u64;
        Ok(Payload::Bytes(bytes))
    }

    /// Whether the layers below say the same. Contents are read only where the times cannot tell: they agree to the second,
    /// and one of them has no fraction, as a file has that was unpacked from a layer.
    fn is_as_below(&self, leaf: &Leaf, path: &[u8]) -> Result<bool, Cause> {
        let Some(below) = self.draft.below.lookup(path)? else {
            return Ok(false);
        };
        let ours = leaf.found();
        if (ours.mode, ours.owner, ours.mtime.seconds) != (below.mode, below.owner, below.mtime.seconds)
            || ours.kind != below.kind
        {
            return Ok(false);
        }
        let LeafKind::File(inode) = &leaf.kind else {
            return Ok(true);
        };
        if self.draft.below.capability(path)? != leaf.attributes.capability {
            return Ok(false);
        }
        let (a, b) = (ours.mtime.nanoseconds, below.mtime.nanoseconds);
        if a != 0 && b != 0 {
            return Ok(a == b);
        }
        same_content(&mut *self.draft.open(inode)?, &mut *self.draft.below.open(path)?)
            .map_err(Cause::write("compare", path))
    }

    /// The writer is gone when it failed, which it tells itself.
    fn send(&self, packed: Item<'d>) -> Result<(), Cause> {
        self.queue
            .send(packed)
            .map_err(|_| Cause::Host { operation: "pack the layer", source: io::ErrorKind::BrokenPipe.into() })
    }
}

/// A large file of the sources: its size is promised, and at its end it is compared with what was selected.
struct Checked<'d, 'a> {
    draft: &'d Draft<'a>,
    file: File,
    stamp: Option<crate::selection::Stamp>,
    left: u64,
}

impl Read for Checked<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        if self.left == 0 {
            self.draft.compare(&self.file, self.stamp);
        }
        Ok(read)
    }
}

fn same_content(a: &mut dyn Read, b: &mut dyn Read) -> io::Result<bool> {
    let (mut chunk_a, mut chunk_b) = (Vec::with_capacity(CHUNK), Vec::with_capacity(CHUNK));
    loop {
        chunk_a.clear();
        chunk_b.clear();
        a.take(CHUNK as u64).read_to_end(&mut chunk_a)?;
        b.take(CHUNK as u64).read_to_end(&mut chunk_b)?;
        if chunk_a != chunk_b {
            return Ok(false);
        }
        if chunk_a.is_empty() {
            return Ok(true);
        }
    }
}

fn entry(path: &[u8], kind: EntryKind, attributes: &Attributes) -> Result<Entry, Cause> {
    Ok(Entry {
        mode: attributes.mode,
        uid: attributes.owner.0,
        gid: attributes.owner.1,
        mtime: attributes.mtime,
        ..Entry::new(layer_path(path)?, kind)
    })
}

fn layer_path(path: &[u8]) -> Result<LayerPath, Cause> {
    LayerPath::new(path).map_err(|error| Cause::Image(error.into()))
}
