//! The root filesystem of an image as files in a folder of the caller's.
//!
//! Owners and extended attributes are not kept: the files are the caller's. For the same reason a file that was another's
//! loses its setuid and setgid bits, as it does with `chown(2)`; devices are left out. Times and all other permissions are
//! those of the image.
//!
//! Nothing in the image or in the folder leads out of it: directories are opened below a descriptor of the folder, never
//! through a link, and what is in the way of a file is removed, not written to.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{
        AtFlags, CWD, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, chmodat, fchmod, fstat, futimens,
        linkat, mkdirat, mknodat, openat, symlinkat, utimensat,
    },
    io::Errno,
    process::{getegid, geteuid},
};
use strata_image::{
    Image, Timestamp,
    layer::{LayerPath, LayerReader},
    rootfs,
    view::{InodeId, Meta, Node, NodeKind, View},
};
use strata_runtime::snapshot::remove_tree;

use super::{OutputError, Stale};
use crate::{Result, tree};

/// Bytes written at a time; that many zeros, where such a piece begins, become a hole.
const CHUNK: usize = 64 << 10;
/// The bits of a mode by which a file runs as its owner or group.
const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;

/// Writes the root filesystem of each image into its folder below `top`; gives the number of devices left out.
pub(super) fn write(top: &Path, images: &[(LayerPath, &dyn Image)], stale: Stale) -> Result<u64> {
    fs::create_dir_all(top).map_err(OutputError::write("create", top))?;
    let place = top.canonicalize().map_err(OutputError::write("find", top))?;
    if stale == Stale::Goes && place == Path::new("/") {
        return Err(OutputError::DeletesAll { path: place }.into());
    }
    let descriptor = tree::open_root(top).map_err(OutputError::write("open", top))?;
    let mut devices = 0;
    if stale == Stale::Goes && images.iter().all(|(folder, _)| !folder.is_root()) {
        let top = Folder { top, root: descriptor.as_fd() };
        for name in top.names(&descriptor, &LayerPath::root())? {
            if images.iter().all(|(folder, _)| folder.as_bytes() != name) {
                top.remove(&descriptor, &LayerPath::new(&name).map_err(strata_image::Error::from)?)?;
            }
        }
    }
    for (folder, image) in images {
        let top = Folder { top, root: descriptor.as_fd() };
        if folder.is_root() {
            devices += Export::new(top, *image)?.write(*image, stale)?;
            continue;
        }
        top.make_directory(&descriptor, folder)?;
        let own = top.open(folder)?;
        devices += Export::new(Folder { root: own.as_fd(), ..top }, *image)?.write(*image, stale)?;
        fchmod(&own, Mode::from_raw_mode(0o755))
            .map_err(|errno| top.failed("set the mode of", folder)(errno.into()))?;
    }
    Ok(devices)
}

/// A folder that is written to.
#[derive(Clone, Copy)]
struct Folder<'a> {
    /// For errors.
    top: &'a Path,
    root: BorrowedFd<'a>,
}

impl Folder<'_> {
    fn failed(self, operation: &'static str, path: &LayerPath) -> impl FnOnce(io::Error) -> OutputError {
        let (path, folder) = (path.to_string(), self.top.to_owned());
        move |source| OutputError::Inside { operation, path, folder, source }
    }

    /// Opens a directory that is real all the way.
    fn open(self, path: &LayerPath) -> Result<OwnedFd, OutputError> {
        tree::Tree::new(self.root).open_dir(path.as_bytes()).map_err(self.failed("open", path))
    }

    /// Opens the directory that a path is in, and gives its name there.
    fn parent(self, path: &LayerPath) -> Result<(OwnedFd, Vec<u8>), OutputError> {
        let directory = self.open(&path.parent().unwrap_or_default())?;
        Ok((directory, path.file_name().unwrap_or_default().to_vec()))
    }

    fn kind(self, directory: &OwnedFd, path: &LayerPath) -> Result<Option<FileType>, OutputError> {
        let name = path.file_name().unwrap_or_default();
        let found = tree::lstat_in(directory, name).map_err(self.failed("look up", path))?;
        Ok(found.map(|stat| tree::kind(&stat)))
    }

    fn names(self, directory: &OwnedFd, path: &LayerPath) -> Result<Vec<Vec<u8>>, OutputError> {
        let names = tree::names_in(directory).map_err(self.failed("list", path))?;
        Ok(names.into_iter().map(Vec::from).collect())
    }

    /// Removes what is at a path, whatever it is.
    fn remove(self, directory: &OwnedFd, path: &LayerPath) -> Result<(), OutputError> {
        let name = path.file_name().unwrap_or_default();
        remove_tree(directory.as_fd(), name).map_err(self.failed("remove", path))
    }

    /// Makes a directory that can be written to, or one of the directory that is there; anything else makes way.
    fn make_directory(self, parent: &OwnedFd, path: &LayerPath) -> Result<(), OutputError> {
        let name = path.file_name().unwrap_or_default();
        let failed = |errno: Errno| self.failed("make the directory", path)(errno.into());
        if self.kind(parent, path)? != Some(FileType::Directory) {
            self.remove(parent, path)?;
            return mkdirat(parent, name, Mode::RWXU).map_err(failed);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let there = match openat(parent, name, flags, Mode::empty()) {
            // its owner may have shut it
            Err(Errno::ACCESS) => return set_mode(parent, name, Mode::RWXU).map_err(failed),
            there => there.map_err(failed)?,
        };
        let mode = Mode::from_raw_mode(fstat(&there).map_err(failed)?.st_mode);
        if mode.contains(Mode::RWXU) { Ok(()) } else { fchmod(&there, mode | Mode::RWXU).map_err(failed) }
    }
}

/// One image on its way into a folder.
struct Export<'a> {
    folder: Folder<'a>,
    view: View,
    devices: u64,
}

/// A file that is not there yet.
struct Pending {
    names: Vec<LayerPath>,
    mode: u32,
    mtime: Timestamp,
}

impl<'a> Export<'a> {
    fn new(folder: Folder<'a>, image: &dyn Image) -> Result<Self> {
        Ok(Self { folder, view: rootfs::merge(image)?, devices: 0 })
    }

    /// Directories first, with everything in them but files; then the files, in the order of the layers, so that each layer
    /// is read once more and nothing is held; at last what directories have, since writing into them changes it.
    fn write(mut self, image: &dyn Image, stale: Stale) -> Result<u64> {
        if stale == Stale::Goes {
            self.remove_stale(&LayerPath::root())?;
        }
        let mut files: HashMap<InodeId, Pending> = HashMap::new();
        let mut directories = Vec::new();
        let mut links: HashMap<InodeId, LayerPath> = HashMap::new();
        let mut outcome = Ok(());
        let view = std::mem::take(&mut self.view);
        view.walk(&mut |node| {
            if outcome.is_err() {
                return;
            }
            match node.meta.kind {
                NodeKind::Directory => {
                    outcome = self.directory(&node);
                    directories.push((node.path, node.meta.mode, node.meta.mtime));
                }
                NodeKind::File => {
                    let (mode, mtime) = (mode(&node.meta), node.meta.mtime);
                    let pending = Pending { names: Vec::new(), mode, mtime };
                    files.entry(node.inode).or_insert(pending).names.push(node.path);
                }
                _ => outcome = self.other(&node, &mut links),
            }
        });
        outcome?;
        self.files(image, &mut files)?;
        for (path, mode, mtime) in directories.iter().rev() {
            self.settle(path, *mode, *mtime)?;
        }
        Ok(self.devices)
    }

    /// Removes what the image does not have.
    fn remove_stale(&self, directory: &LayerPath) -> Result<()> {
        let opened = self.folder.open(directory)?;
        for name in self.folder.names(&opened, directory)? {
            let path = directory.join(&name).map_err(strata_image::Error::from)?;
            match self.view.get(&path) {
                None => self.folder.remove(&opened, &path)?,
                Some(node) if node.meta.kind == NodeKind::Directory => {
                    if self.folder.kind(&opened, &path)? == Some(FileType::Directory) {
                        self.folder.make_directory(&opened, &path)?;
                        self.remove_stale(&path)?;
                    }
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn directory(&self, node: &Node<'_>) -> Result<()> {
        let (parent, _) = self.folder.parent(&node.path)?;
        Ok(self.folder.make_directory(&parent, &node.path)?)
    }

    /// Makes what is neither directory nor file.
    fn other(&mut self, node: &Node<'_>, links: &mut HashMap<InodeId, LayerPath>) -> Result<()> {
        let path = &node.path;
        let failed = |errno: Errno| self.folder.failed("make", path)(errno.into());
        let (parent, name) = self.folder.parent(path)?;
        self.folder.remove(&parent, path)?;
        if let Some(first) = links.get(&node.inode) {
            return self.link(first, path);
        }
        match &node.meta.kind {
            NodeKind::Symlink(target) => symlinkat::<&[u8], _, _>(target.as_ref(), &parent, &*name).map_err(failed)?,
            NodeKind::Fifo => {
                mknodat(&parent, &*name, FileType::Fifo, Mode::RUSR, 0).map_err(failed)?;
                set_mode(&parent, &name, Mode::from_raw_mode(mode(&node.meta))).map_err(failed)?;
            }
            _ => {
                self.devices += 1;
                return Ok(());
            }
        }
        utimensat(&parent, &*name, &times(node.meta.mtime), AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        if node.links > 1 {
            links.insert(node.inode, path.clone());
        }
        Ok(())
    }

    /// Writes the files that layers have content for.
    fn files(&self, image: &dyn Image, files: &mut HashMap<InodeId, Pending>) -> Result<()> {
        for (layer, number) in image.layers().iter().zip(0..) {
            let mut left = files.keys().filter(|inode| inode.layer == number).count();
            if left == 0 {
                continue;
            }
            let mut tar = LayerReader::new(layer.open()?);
            let mut inode = InodeId { layer: number, entry: 0 };
            // what lies behind the last live file was verified when the layers were merged
            while left > 0 && tar.next_entry().map_err(strata_image::Error::from)?.is_some() {
                if let Some(file) = files.remove(&inode) {
                    self.file(&file, &mut tar)?;
                    left -= 1;
                }
                inode.entry += 1;
            }
        }
        Ok(())
    }

    fn file(&self, file: &Pending, content: &mut impl Read) -> Result<()> {
        let Some((path, others)) = file.names.split_first() else {
            return Ok(());
        };
        let (parent, name) = self.folder.parent(path)?;
        self.folder.remove(&parent, path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = openat(&parent, &*name, flags, Mode::RUSR | Mode::WUSR);
        let mut made = File::from(made.map_err(|errno| self.folder.failed("create", path)(errno.into()))?);
        if let Err(error) = copy(content, &mut made) {
            // half a file is worse than none
            self.folder.remove(&parent, path)?;
            return Err(self.folder.failed("write", path)(error).into());
        }
        let finished = fchmod(&made, Mode::from_raw_mode(file.mode)).and_then(|()| futimens(&made, &times(file.mtime)));
        finished.map_err(|errno| self.folder.failed("set mode and time of", path)(errno.into()))?;
        for other in others {
            let (parent, _) = self.folder.parent(other)?;
            self.folder.remove(&parent, other)?;
            self.link(path, other)?;
        }
        Ok(())
    }

    fn link(&self, first: &LayerPath, path: &LayerPath) -> Result<()> {
        let (from, from_name) = self.folder.parent(first)?;
        let (to, to_name) = self.folder.parent(path)?;
        let linked = linkat(&from, &*from_name, &to, &*to_name, AtFlags::empty());
        Ok(linked.map_err(|errno| self.folder.failed("link", path)(errno.into()))?)
    }

    /// Gives a directory its mode and time.
    fn settle(&self, path: &LayerPath, mode: u32, mtime: Timestamp) -> Result<()> {
        let directory = self.folder.open(path)?;
        let settled = fchmod(&directory, Mode::from_raw_mode(mode)).and_then(|()| futimens(&directory, &times(mtime)));
        Ok(settled.map_err(|errno| self.folder.failed("set mode and time of", path)(errno.into()))?)
    }
}

/// Sets the permissions of what cannot be opened, or must not be: by its place, which no link has.
fn set_mode(directory: &OwnedFd, name: &[u8], mode: Mode) -> Result<(), Errno> {
    let node = openat(directory, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    if FileType::from_raw_mode(fstat(&node)?.st_mode) == FileType::Symlink {
        return Err(Errno::LOOP);
    }
    chmodat(CWD, format!("/proc/self/fd/{}", node.as_raw_fd()), mode, AtFlags::empty())
}

/// The permissions of a file that becomes the caller's.
fn mode(meta: &Meta) -> u32 {
    let mut mode = meta.mode;
    if meta.uid != u64::from(geteuid().as_raw()) {
        mode &= !SETUID;
    }
    if meta.gid != u64::from(getegid().as_raw()) {
        mode &= !SETGID;
    }
    mode
}

fn times(modified: Timestamp) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: modified.seconds, tv_nsec: modified.nanoseconds.into() },
    }
}

/// Copies content with its holes.
fn copy(content: &mut impl Read, file: &mut File) -> io::Result<()> {
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut size = 0;
    loop {
        chunk.clear();
        let got = content.by_ref().take(CHUNK as u64).read_to_end(&mut chunk)?;
        if got == 0 {
            // the end may be a hole
            return file.set_len(size);
        }
        size += got as u64;
        if got == CHUNK && chunk.iter().all(|byte| *byte == 0) {
            file.seek(SeekFrom::Start(size))?;
        } else {
            file.write_all(&chunk)?;
        }
    }
}
