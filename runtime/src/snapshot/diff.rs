//! What an upper directory changes, written as the layer that builders would write.
//!
//! ```text
//! upper directory, or whole tree ─┐  level by level, names sorted
//!                                 ├─► whiteout │ unchanged │ entry ─► LayerWriter
//! lower view ─────────────────────┘
//! ```
//!
//! * Entries come in the order of a walk: names sorted within each directory, a directory before what is in it, a whiteout
//!   where its name would stand. The root itself is never an entry.
//! * A directory that holds a change is an entry, with its metadata of now, even when it is unchanged itself.
//! * A directory that hides what was below it (opaque) gives a whiteout for each name that is gone.
//! * What was copied up without a change is left out, as is what was made and removed again.
//! * Files with several names made here are an entry and hard links to it; a new name of a file from below is a file.

use std::{
    collections::{BTreeSet, HashMap, btree_set},
    ffi::{CStr, CString},
    fs::File,
    io::{self, BufWriter, Read, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, FileType, OFlags, Stat, fstat, major, minor, readlinkat, statat},
    io::Errno,
};
use strata_image::{
    Timestamp,
    layer::{CAPABILITY, Entry, EntryKind, LayerPath, LayerWriter, WHITEOUT_PREFIX},
};

use super::{
    compare::{self, Place},
    owner,
    remove::children,
};
use crate::{Error, Result, beneath, copy::Copied, userns::Ids};

/// Bytes handed on at a time: a layer of small files is mostly headers of 512.
const WRITE_BUFFER: usize = 256 * 1024;

/// What a diff wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffStats {
    /// Entries, whiteouts among them.
    pub entries: u64,
    /// Bytes of content of regular files.
    pub content_bytes: u64,
}

/// How a directory tells what it changes.
#[derive(Clone, Copy)]
pub(super) enum Told<'a> {
    /// It holds what changed and overlay's marks of what is gone, which are other ones in a user namespace.
    ByOverlay(Ids),
    /// It is a whole tree, to be compared with what is below; what is known to be unchanged need not be read.
    ByComparison(Option<&'a Copied>),
}

/// Writes what `upper` changes of the view `lower` (`None`: of nothing) as a layer.
pub(super) fn write_layer<'a>(
    upper: BorrowedFd<'a>,
    lower: Option<BorrowedFd<'a>>,
    told: Told<'a>,
    ids: Ids,
    latest: Option<i64>,
    out: &'a mut dyn Write,
) -> Result<DiffStats> {
    let writer = LayerWriter::new(BufWriter::with_capacity(WRITE_BUFFER, out));
    let mut differ =
        Differ { upper, lower, told, ids, latest, writer, links: HashMap::new(), stats: DiffStats::default() };
    differ.walk()?;
    let mut out = differ.writer.finish().map_err(Error::image)?;
    out.flush().map_err(Error::kernel("write", "the layer"))?;
    Ok(differ.stats)
}

struct Differ<'a> {
    upper: BorrowedFd<'a>,
    lower: Option<BorrowedFd<'a>>,
    told: Told<'a>,
    ids: Ids,
    /// Later times become this one.
    latest: Option<i64>,
    writer: LayerWriter<BufWriter<&'a mut dyn Write>>,
    /// The first name of each file that has several, by device and inode.
    links: HashMap<(u64, u64), LayerPath>,
    stats: DiffStats,
}

/// A directory on the way down.
struct Level {
    path: LayerPath,
    /// Names that are still to come.
    names: btree_set::IntoIter<CString>,
    /// Its entry, until it is written.
    entry: Option<Entry>,
    /// Whether there is a directory of this name below.
    is_below: bool,
    /// Whether the names below are gone that are not here.
    is_opaque: bool,
}

/// The directories of the level at hand; those above are opened again on the way back, so that depth costs no descriptors.
struct Opened {
    upper: OwnedFd,
    lower: Option<OwnedFd>,
}

/// What became of a name.
enum Found {
    /// Nothing that a layer would say.
    Unchanged,
    Gone,
    Changed(Stat),
    Directory {
        stat: Stat,
        below: Option<Stat>,
    },
}

impl Differ<'_> {
    fn walk(&mut self) -> Result<()> {
        let (root, mut opened) = self.enter(LayerPath::root(), None, self.lower.is_some(), false)?;
        let mut levels = vec![root];
        while let Some(level) = levels.last_mut() {
            let Some(name) = level.names.next() else {
                levels.pop();
                if let Some(level) = levels.last() {
                    opened = self.open(&level.path, level.is_below)?;
                }
                continue;
            };
            let path = level.path.join(name.as_bytes()).map_err(Error::image)?;
            match look_at(&opened, &name, self.told).map_err(Error::kernel("compare", &path))? {
                Found::Unchanged => {}
                Found::Gone => {
                    self.write_directories(&mut levels)?;
                    self.writer.whiteout(&path).map_err(Error::image)?;
                    self.stats.entries += 1;
                }
                Found::Changed(_) | Found::Directory { .. } if name.as_bytes().starts_with(WHITEOUT_PREFIX) => {
                    return Err(Error::WhiteoutName { path: path.to_string() });
                }
                Found::Changed(stat) if is_whiteout(&stat) => {
                    return Err(Error::WhiteoutName { path: path.to_string() });
                }
                Found::Changed(stat) => {
                    self.write_directories(&mut levels)?;
                    self.write_file(opened.upper.as_fd(), &name, path, &stat)?;
                }
                Found::Directory { stat, below } => {
                    let entry = entry_of(path.clone(), EntryKind::Directory, &stat);
                    let is_opaque = level.is_opaque;
                    let (next, next_opened) = self.enter(path, Some(entry), below.is_some(), is_opaque)?;
                    opened = next_opened;
                    levels.push(next);
                    if !below.is_some_and(|below| compare::same_directory(&stat, &below)) {
                        self.write_directories(&mut levels)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn enter(
        &self,
        path: LayerPath,
        mut entry: Option<Entry>,
        is_below: bool,
        parent_is_opaque: bool,
    ) -> Result<(Level, Opened)> {
        let opened = self.open(&path, is_below)?;
        let failed = |error: io::Error| Error::kernel("read the directory", &path)(error);
        if let Some(entry) = &mut entry {
            self.recall_owner(entry, opened.upper.as_fd()).map_err(failed)?;
        }
        let is_opaque = parent_is_opaque || self.told.is_opaque(opened.upper.as_fd()).map_err(failed)?;
        let mut names: BTreeSet<CString> = names_in(opened.upper.as_fd()).map_err(failed)?.collect();
        if let (true, Some(lower)) = (is_opaque, &opened.lower) {
            names.extend(names_in(lower.as_fd()).map_err(failed)?);
        }
        Ok((Level { path, names: names.into_iter(), entry, is_below, is_opaque }, opened))
    }

    fn open(&self, path: &LayerPath, is_below: bool) -> Result<Opened> {
        let open = |root| beneath::open_without_links(root, path, OFlags::RDONLY | OFlags::DIRECTORY);
        Ok(Opened { upper: open(self.upper)?, lower: self.lower.filter(|_| is_below).map(open).transpose()? })
    }

    /// Writes the directories on the way that are not written yet.
    fn write_directories(&mut self, levels: &mut [Level]) -> Result<()> {
        for entry in levels.iter_mut().filter_map(|level| level.entry.take()) {
            self.write(&entry, io::empty())?;
        }
        Ok(())
    }

    fn write_file(&mut self, directory: BorrowedFd<'_>, name: &CStr, path: LayerPath, stat: &Stat) -> Result<()> {
        if stat.st_nlink > 1 {
            let inode = (stat.st_dev, stat.st_ino);
            if let Some(first) = self.links.get(&inode) {
                let entry = entry_of(path, EntryKind::HardLink(first.clone()), stat);
                return self.write(&entry, io::empty());
            }
            self.links.insert(inode, path.clone());
        }
        let failed = |errno: Errno| Error::kernel("read", &path)(errno);
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => return self.write_regular_file(directory, name, path),
            FileType::Symlink => {
                let target = readlinkat(directory, name, Vec::new()).map_err(failed)?;
                EntryKind::Symlink(target.into_bytes().into())
            }
            FileType::CharacterDevice => {
                EntryKind::CharDevice { major: major(stat.st_rdev), minor: minor(stat.st_rdev) }
            }
            FileType::BlockDevice => EntryKind::BlockDevice { major: major(stat.st_rdev), minor: minor(stat.st_rdev) },
            FileType::Fifo => EntryKind::Fifo,
            FileType::Directory | FileType::Socket | FileType::Unknown => {
                return Err(failed(Errno::INVAL));
            }
        };
        self.write(&entry_of(path, kind, stat), io::empty())
    }

    fn write_regular_file(&mut self, directory: BorrowedFd<'_>, name: &CStr, path: LayerPath) -> Result<()> {
        let failed = |error: io::Error| Error::kernel("read", &path)(error);
        let file = compare::open_file(directory, name).map_err(failed)?;
        let stat = fstat(&file).map_err(|errno| failed(errno.into()))?;
        let capability = compare::capability(file.as_fd()).map_err(failed)?;
        let mut entry = entry_of(path, EntryKind::File, &stat);
        entry.size = u64::try_from(stat.st_size).unwrap_or_default();
        self.recall_owner(&mut entry, file.as_fd()).map_err(Error::kernel("read", entry.path.clone()))?;
        entry.xattrs.extend(capability.map(|value| (CAPABILITY.into(), value)));
        self.stats.content_bytes += entry.size;
        self.write(&entry, File::from(file))
    }

    /// Where files can have one owner only, gives an entry the owner that the layer below says.
    fn recall_owner(&self, entry: &mut Entry, file: BorrowedFd<'_>) -> io::Result<()> {
        if let (Ids::Single, Some((uid, gid))) = (self.ids, owner::recall(file)?) {
            (entry.uid, entry.gid) = (uid, gid);
        }
        Ok(())
    }

    fn write(&mut self, entry: &Entry, content: impl Read) -> Result<()> {
        self.stats.entries += 1;
        let seconds = self.latest.map_or(entry.mtime.seconds, |latest| entry.mtime.seconds.min(latest));
        if seconds == entry.mtime.seconds {
            return self.writer.append(entry, content).map_err(Error::image);
        }
        let earlier = Entry { mtime: Timestamp { seconds, nanoseconds: 0 }, ..entry.clone() };
        self.writer.append(&earlier, content).map_err(Error::image)
    }
}

impl Told<'_> {
    /// Whether names below this directory that are not in it are gone.
    fn is_opaque(self, directory: BorrowedFd<'_>) -> io::Result<bool> {
        match self {
            Self::ByOverlay(ids) => Ok(compare::attribute(directory, opaque_attribute(ids))?.as_deref() == Some(b"y")),
            Self::ByComparison(_) => Ok(true),
        }
    }

    /// Whether `name`, which is no directory, is the same here and below.
    fn is_same(self, name: &CStr, upper: Place<'_>, lower: Place<'_>) -> io::Result<bool> {
        match self {
            Self::ByOverlay(_) => compare::same_file(name, upper, lower, true),
            Self::ByComparison(Some(copied)) if copied.proves(upper.stat, lower.stat) => Ok(true),
            // times can be set back, and not everything that a process touched was copied by it
            Self::ByComparison(_) => compare::same_file(name, upper, lower, false),
        }
    }
}

fn look_at(opened: &Opened, name: &CStr, told: Told<'_>) -> io::Result<Found> {
    let is_mark = |stat: &Stat| matches!(told, Told::ByOverlay(_)) && is_whiteout(stat);
    let upper = stat(opened.upper.as_fd(), name)?.filter(|stat| !is_mark(stat));
    let lower = match &opened.lower {
        Some(lower) => stat(lower.as_fd(), name)?,
        None => None,
    };
    let Some(upper) = upper else {
        return Ok(if lower.is_some() { Found::Gone } else { Found::Unchanged });
    };
    match FileType::from_raw_mode(upper.st_mode) {
        // what listens is gone with the command, and tar has no word for it
        FileType::Socket => Ok(Found::Unchanged),
        FileType::Directory => {
            let below = lower.filter(|lower| FileType::from_raw_mode(lower.st_mode) == FileType::Directory);
            Ok(Found::Directory { stat: upper, below })
        }
        _ => {
            let unchanged = match (&opened.lower, &lower) {
                (Some(directory), Some(lower)) => told.is_same(
                    name,
                    Place { directory: opened.upper.as_fd(), stat: &upper },
                    Place { directory: directory.as_fd(), stat: lower },
                )?,
                _ => false,
            };
            Ok(if unchanged { Found::Unchanged } else { Found::Changed(upper) })
        }
    }
}

/// The mark of a directory that hides what is below it (overlayfs.rst), written where `userxattr` says.
fn opaque_attribute(ids: Ids) -> &'static str {
    if ids == Ids::All { "trusted.overlay.opaque" } else { "user.overlay.opaque" }
}

/// The kernel's form of a whiteout, which nobody can see in a merged view (overlayfs.rst, "whiteouts and opaque directories").
fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

fn stat(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<Option<Stat>> {
    match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn names_in(directory: BorrowedFd<'_>) -> io::Result<impl Iterator<Item = CString>> {
    Ok(children(directory)?.into_iter().map(|(name, _)| name))
}

/// An entry with what every kind has. Times are whole seconds, as builders write them.
fn entry_of(path: LayerPath, kind: EntryKind, stat: &Stat) -> Entry {
    let mut entry = Entry::new(path, kind);
    entry.mode = stat.st_mode & 0o7777;
    entry.uid = stat.st_uid.into();
    entry.gid = stat.st_gid.into();
    entry.mtime = Timestamp { seconds: stat.st_mtime, nanoseconds: 0 };
    entry
}
