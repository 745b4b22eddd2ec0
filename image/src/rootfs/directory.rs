//! A directory as a tar, made while it is read.
//!
//! The tree is walked by descriptors, and no link is followed: whatever changes in it meanwhile, nothing outside is
//! read. Names are taken in byte order, so that an unchanged tree gives the same bytes each time.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{self, BufWriter, Read, Write},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use bstr::{BString, ByteSlice};
use rustix::{
    fs::{
        AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fgetxattr, flistxattr, fstat, major, minor, openat,
        readlinkat, statat,
    },
    io::Errno,
};

use crate::{
    Timestamp,
    error::{Error, Result},
    layer::{Entry, EntryKind, LayerPath, LayerWriter},
};

/// Bytes that go from the walking thread to the reader at once.
const PIECE: usize = 256 << 10;
/// Pieces that may wait for the reader.
const PIECES: usize = 4;
/// Extended attributes that say how this machine keeps the tree, not what is in it.
const LOCAL_ATTRIBUTES: [&[u8]; 3] = [b"security.selinux", b"trusted.overlay.", b"user.overlay."];

/// Bytes of most attributes and of most lists of them.
const USUAL_ATTRIBUTE: usize = 256;
/// Bytes of the largest: `XATTR_SIZE_MAX` and `XATTR_LIST_MAX` of `linux/limits.h`.
const LARGEST_ATTRIBUTE: usize = 1 << 16;

/// Streams a directory as a tar. The walk goes on in a thread of its own, which ends when the reader is dropped.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read + Send>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, path, flags, Mode::empty()).map_err(|e| Error::io("open", path)(e.into()))?;
    let (sender, receiver) = sync_channel(PIECES);
    let place = path.to_owned();
    let spawned = thread::Builder::new().name("root filesystem".to_owned()).spawn(move || {
        let outcome = write(&root, place, Pieces(sender.clone()));
        // an empty piece is the end; nobody hears it when the reader is gone
        let _ = sender.send(outcome.map(|()| Vec::new()));
    });
    spawned.map_err(Error::io("start reading", path))?;
    Ok(Box::new(Incoming { receiver, piece: Vec::new(), position: 0, ended: false }))
}

fn write(root: &OwnedFd, place: PathBuf, out: Pieces) -> Result<()> {
    let tar = LayerWriter::new(BufWriter::with_capacity(PIECE, out));
    let mut walk = Walk { tar, place, links: HashMap::new() };
    let metadata = fstat(root).map_err(|e| walk.failed("examine", &LayerPath::root())(e))?;
    let entry = walk.entry(LayerPath::root(), EntryKind::Directory, &metadata, Some(root))?;
    walk.tar.append(&entry, io::empty())?;
    walk.directory(root, &LayerPath::root())?;
    walk.tar.finish()?.flush().map_err(Error::write("the end of the tar"))
}

struct Walk<W: Write> {
    tar: LayerWriter<W>,
    place: PathBuf,
    /// The first name of each file that has several, by device and inode.
    links: HashMap<(u64, u64), LayerPath>,
}

impl<W: Write> Walk<W> {
    /// Writes what is in a directory. One descriptor is open for each level.
    fn directory(&mut self, directory: &OwnedFd, path: &LayerPath) -> Result<()> {
        for name in names(directory).map_err(|e| self.failed("list", path)(e))? {
            self.child(directory, path.join(&name)?, &name)?;
        }
        Ok(())
    }

    fn child(&mut self, directory: &OwnedFd, path: LayerPath, name: &[u8]) -> Result<()> {
        let metadata =
            statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|e| self.failed("examine", &path)(e))?;
        let kind = match FileType::from_raw_mode(metadata.st_mode) {
            FileType::Directory => return self.subdirectory(directory, path, name),
            FileType::RegularFile => EntryKind::File,
            FileType::Symlink => {
                let target =
                    readlinkat(directory, name, Vec::new()).map_err(|e| self.failed("read the link", &path)(e))?;
                EntryKind::Symlink(target.into_bytes().into())
            }
            FileType::CharacterDevice => {
                EntryKind::CharDevice { major: major(metadata.st_rdev), minor: minor(metadata.st_rdev) }
            }
            FileType::BlockDevice => {
                EntryKind::BlockDevice { major: major(metadata.st_rdev), minor: minor(metadata.st_rdev) }
            }
            FileType::Fifo => EntryKind::Fifo,
            // a socket means nothing without the process behind it, and no tar can hold one
            _ => return Ok(()),
        };
        if metadata.st_nlink > 1 {
            let inode = (metadata.st_dev, metadata.st_ino);
            if let Some(first) = self.links.get(&inode) {
                let kind = EntryKind::HardLink(first.clone());
                let entry = self.entry(path, kind, &metadata, None)?;
                return Ok(self.tar.append(&entry, io::empty())?);
            }
            self.links.insert(inode, path.clone());
        }
        if kind == EntryKind::File {
            return self.file(directory, path, name);
        }
        let entry = self.entry(path, kind, &metadata, None)?;
        Ok(self.tar.append(&entry, io::empty())?)
    }

    fn subdirectory(&mut self, parent: &OwnedFd, path: LayerPath, name: &[u8]) -> Result<()> {
        let (directory, metadata) = self.descend(parent, &path, name, OFlags::DIRECTORY)?;
        let entry = self.entry(path, EntryKind::Directory, &metadata, Some(&directory))?;
        self.tar.append(&entry, io::empty())?;
        self.directory(&directory, &entry.path)
    }

    fn file(&mut self, parent: &OwnedFd, path: LayerPath, name: &[u8]) -> Result<()> {
        // NONBLOCK: should a pipe have taken the name, opening it must not wait
        let (file, metadata) = self.descend(parent, &path, name, OFlags::NONBLOCK)?;
        if FileType::from_raw_mode(metadata.st_mode) != FileType::RegularFile {
            return Err(Error::Irregular { name: path.to_string(), place: self.place.clone() });
        }
        let mut entry = self.entry(path, EntryKind::File, &metadata, Some(&file))?;
        entry.size = metadata.st_size.unsigned_abs();
        Ok(self.tar.append(&entry, File::from(file))?)
    }

    fn descend(&self, parent: &OwnedFd, path: &LayerPath, name: &[u8], flags: OFlags) -> Result<(OwnedFd, Stat)> {
        let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(parent, name, flags, Mode::empty()).map_err(|e| self.failed("open", path)(e))?;
        let metadata = fstat(&opened).map_err(|e| self.failed("examine", path)(e))?;
        Ok((opened, metadata))
    }

    fn entry(&self, path: LayerPath, kind: EntryKind, metadata: &Stat, opened: Option<&OwnedFd>) -> Result<Entry> {
        let xattrs = match opened {
            Some(opened) => attributes(opened).map_err(|e| self.failed("read the attributes of", &path)(e))?,
            None => BTreeMap::new(),
        };
        Ok(Entry {
            mode: metadata.st_mode & 0o7777,
            uid: metadata.st_uid.into(),
            gid: metadata.st_gid.into(),
            mtime: Timestamp::from_seconds(metadata.st_mtime),
            xattrs,
            ..Entry::new(path, kind)
        })
    }

    fn failed(&self, operation: &'static str, path: &LayerPath) -> impl FnOnce(Errno) -> Error + use<W> {
        let path = self.place.join(path.as_bytes().to_path_lossy());
        move |error| Error::Io { operation, path, source: error.into() }
    }
}

fn names(directory: &OwnedFd) -> Result<Vec<Vec<u8>>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Reads the extended attributes of a file or directory; none where the file system has none.
fn attributes(opened: &OwnedFd) -> Result<BTreeMap<BString, Vec<u8>>, Errno> {
    let list = match whole(|buffer| flistxattr(opened.as_fd(), buffer)) {
        Err(Errno::NOTSUP) => return Ok(BTreeMap::new()),
        list => list?,
    };
    let mut attributes = BTreeMap::new();
    for name in list.split_str(b"\0").filter(|name| !name.is_empty()) {
        if LOCAL_ATTRIBUTES.iter().any(|local| name.starts_with(local)) {
            continue;
        }
        match whole(|buffer| fgetxattr(opened.as_fd(), name, buffer)) {
            // gone since it was listed, or not for us to see
            Err(Errno::NODATA | Errno::PERM) => {}
            value => drop(attributes.insert(name.into(), value?)),
        }
    }
    Ok(attributes)
}

/// Reads a value of unknown size: into a small buffer, and when that is not enough into one that always is.
fn whole(mut read: impl FnMut(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0; USUAL_ATTRIBUTE];
    let size = match read(&mut value) {
        Err(Errno::RANGE) => {
            value.resize(LARGEST_ATTRIBUTE, 0);
            read(&mut value)?
        }
        size => size?,
    };
    value.truncate(size);
    Ok(value)
}

type Piece = Result<Vec<u8>>;

/// Sends what is written to the reader.
struct Pieces(SyncSender<Piece>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !bytes.is_empty() {
            self.0.send(Ok(bytes.to_vec())).map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads what the walking thread sends.
struct Incoming {
    receiver: Receiver<Piece>,
    piece: Vec<u8>,
    position: usize,
    /// The empty piece came, behind which there is none: who reads at the end may read again.
    ended: bool,
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        if self.position == self.piece.len() {
            self.piece = match self.receiver.recv() {
                Ok(piece) => piece.map_err(io::Error::other)?,
                Err(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
            };
            self.position = 0;
            self.ended = self.piece.is_empty();
        }
        let mut left = &self.piece[self.position..];
        let got = left.read(buffer)?;
        self.position += got;
        Ok(got)
    }
}
