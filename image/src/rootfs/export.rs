//! The merged root filesystem of an image as a tar.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufWriter, Read, Write},
    sync::Arc,
};

use crate::{
    Image,
    archive::tar_file::{Slice, Span, temporary_file},
    error::{Error, Result},
    layer::{Entry, EntryKind, LayerPath, LayerReader, LayerWriter},
    view::{InodeId, Node, NodeKind, View},
};

/// Bytes collected before a system call.
const BUFFER: usize = 256 << 10;

/// Writes what a container of an image would see as a tar: no whiteouts, every path once, hard links kept, also those
/// whose first name is gone.
///
/// Entries come in byte order of their paths, so that equal root filesystems are equal bytes, however they are spread
/// over layers. For that the layers are read twice: what is live is known after the first time, and its content goes
/// to a temporary file without a name the second time, as large as the live files are.
pub fn export(image: &dyn Image, out: impl Write) -> Result<()> {
    export_folders(&[(LayerPath::root(), image)], out)
}

/// Writes the root filesystems of several images into one tar, each in the folder that stands before it.
pub fn export_folders(images: &[(LayerPath, &dyn Image)], out: impl Write) -> Result<()> {
    let mut tar = LayerWriter::new(BufWriter::with_capacity(BUFFER, out));
    for (folder, image) in images {
        let view = merge(*image)?;
        let contents = Contents::collect(*image, &view)?;
        let mut writer = Writer { tar: &mut tar, folder, contents, first_names: HashMap::new() };
        match view.root() {
            Some(root) => writer.node(&root)?,
            None if folder.is_root() => {}
            None => {
                let entry = Entry { mode: 0o755, ..Entry::new(folder.clone(), EntryKind::Directory) };
                writer.tar.append(&entry, io::empty())?;
            }
        }
        let mut outcome = Ok(());
        view.walk(&mut |node| {
            if outcome.is_ok() {
                outcome = writer.node(&node);
            }
        });
        outcome?;
    }
    tar.finish()?.flush().map_err(Error::write("the end of the tar"))
}

/// Reads the layers of an image, and gives what a container would see of them.
pub fn merge(image: &dyn Image) -> Result<View> {
    let mut view = View::new();
    for layer in image.layers() {
        view.begin_layer();
        let mut tar = LayerReader::new(layer.open()?);
        while let Some(entry) = tar.next_entry()? {
            view.apply(&entry)?;
        }
        tar.finish()?;
        view.end_layer(&mut ())?;
    }
    Ok(view)
}

/// The content of live files, one behind the other.
struct Contents {
    file: Arc<File>,
    spans: HashMap<InodeId, Span>,
}

impl Contents {
    fn collect(image: &dyn Image, view: &View) -> Result<Self> {
        let mut spans = HashMap::new();
        view.walk(&mut |node| {
            if node.meta.kind == NodeKind::File && node.meta.size > 0 {
                spans.insert(node.inode, Span { start: 0, size: node.meta.size });
            }
        });
        let mut file = BufWriter::with_capacity(BUFFER, temporary_file()?);
        let mut end = 0;
        for (layer, number) in image.layers().iter().zip(0..) {
            let mut left = spans.keys().filter(|inode| inode.layer == number).count();
            if left == 0 {
                continue;
            }
            let mut tar = LayerReader::new(layer.open()?);
            let mut inode = InodeId { layer: number, entry: 0 };
            // what lies behind the last live file was verified the first time
            while left > 0 && tar.next_entry()?.is_some() {
                if let Some(span) = spans.get_mut(&inode) {
                    span.start = end;
                    end += io::copy(&mut tar, &mut file).map_err(Error::write("content to a temporary file"))?;
                    left -= 1;
                }
                inode.entry += 1;
            }
        }
        let file = file.into_inner().map_err(|e| Error::write("content to a temporary file")(e.into_error()))?;
        Ok(Self { file: Arc::new(file), spans })
    }

    fn of(&self, inode: InodeId) -> Box<dyn Read> {
        match self.spans.get(&inode) {
            Some(&span) => Box::new(Slice::new(Arc::clone(&self.file), span)),
            None => Box::new(io::empty()),
        }
    }
}

struct Writer<'a, W: Write> {
    tar: &'a mut LayerWriter<BufWriter<W>>,
    /// Where in the tar the root is.
    folder: &'a LayerPath,
    contents: Contents,
    /// Of inodes that have several names, the one that came first.
    first_names: HashMap<InodeId, LayerPath>,
}

impl<W: Write> Writer<'_, W> {
    fn node(&mut self, node: &Node<'_>) -> Result<()> {
        let mut entry = entry(node);
        entry.path = self.place(&node.path)?;
        if node.links > 1 && node.meta.kind != NodeKind::Directory {
            if let Some(first) = self.first_names.get(&node.inode) {
                entry.kind = EntryKind::HardLink(first.clone());
                entry.size = 0;
                entry.xattrs.clear();
                return Ok(self.tar.append(&entry, io::empty())?);
            }
            self.first_names.insert(node.inode, entry.path.clone());
        }
        Ok(self.tar.append(&entry, self.contents.of(node.inode))?)
    }

    fn place(&self, path: &LayerPath) -> Result<LayerPath> {
        if self.folder.is_root() {
            return Ok(path.clone());
        }
        Ok(LayerPath::new(&[self.folder.as_bytes(), b"/", path.as_bytes()].concat())?)
    }
}

fn entry(node: &Node<'_>) -> Entry {
    let meta = node.meta;
    let kind = match &meta.kind {
        NodeKind::File => EntryKind::File,
        NodeKind::Symlink(target) => EntryKind::Symlink((*target).into()),
        NodeKind::Directory => EntryKind::Directory,
        &NodeKind::CharDevice { major, minor } => EntryKind::CharDevice { major, minor },
        &NodeKind::BlockDevice { major, minor } => EntryKind::BlockDevice { major, minor },
        NodeKind::Fifo => EntryKind::Fifo,
    };
    let size = if kind == EntryKind::File { meta.size } else { 0 };
    Entry {
        mode: meta.mode,
        uid: meta.uid,
        gid: meta.gid,
        mtime: meta.mtime,
        size,
        xattrs: meta.xattrs.clone(),
        ..Entry::new(node.path.clone(), kind)
    }
}
