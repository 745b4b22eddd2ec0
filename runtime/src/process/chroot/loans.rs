//! What a process gets that is not in its root filesystem, put there while it runs.
//!
//! Whatever stands in the place is moved aside, out of the tree where that can be, and moved back afterwards: it is the same
//! file, and the directory that it stands in has the times that the process left it with. So a layer says nothing of it.

mod aside;
mod source;

use std::{
    ffi::{CStr, CString, OsStr},
    fs::File,
    io::{self, Write as _},
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

use rustix::{
    fs::{
        AtFlags, FileType, Gid, Mode, OFlags, Uid, chmodat, fchmod, fchown, fstat, makedev, mkdirat, mknodat, openat,
    },
    io::Errno,
};
use strata_image::layer::LayerPath;

use self::{aside::Aside, source::Original};
use super::super::{
    Mount, MountSource, Spec,
    devices::DEVICES,
    failure::{kernel, unmapped},
    hosts,
    mount_points::{Kind, MountPoints, Stubs, set_times},
};
use crate::{Error, Result, beneath};

/// Everything that is lent, in the order in which it was. Dropping it takes it back, and copies nothing to where it came
/// from.
pub(in super::super) struct Loans {
    loans: Vec<Loan>,
    aside: Aside,
}

/// Something at a place in the tree.
struct Loan {
    /// The directory that it is in.
    parent: OwnedFd,
    name: CString,
    /// How many stubs there were before its own.
    stubs: usize,
    /// Where it came from, if what is written to it goes there.
    original: Option<Original>,
}

/// Lends everything that `spec` asks for, the outermost first, so that the place of one in another is made in that.
pub(super) fn lend(root: BorrowedFd<'_>, spec: &Spec, points: &mut MountPoints<'_>) -> Result<Loans> {
    for name in ["proc", "sys"] {
        points.ordinary_directory(name)?;
    }
    let mut loans = Loans { loans: Vec::new(), aside: Aside::new(root)? };
    let dev = points.ordinary_directory("dev")?;
    loans.add(root, &dev, points.made(), |parent, name| make_dev(parent, name).map(|()| None))?;
    let mut mounts: Vec<&Mount> = spec.mounts.iter().collect();
    mounts.sort_by_key(|mount| mount.destination.components().count());
    for mount in mounts {
        loans.add_mount(root, mount, points)?;
    }
    if spec.hosts {
        for (path, content) in hosts::files(spec)? {
            let path = Path::new(path);
            let stubs = points.made();
            let place = points.place(path, Kind::File)?;
            loans.add(root, &place, stubs, |parent, name| {
                make_file(parent, name, path, &content, 0o644, (0, 0)).map(|()| None)
            })?;
        }
    }
    Ok(loans)
}

impl Loans {
    fn add_mount(&mut self, root: BorrowedFd<'_>, mount: &Mount, points: &mut MountPoints<'_>) -> Result<()> {
        let path = &mount.destination;
        if !path.is_absolute() {
            return Err(Error::MountPoint { path: path.clone(), reason: "it is not an absolute path" });
        }
        let stubs = points.made();
        match &mount.source {
            MountSource::Host(_) | MountSource::Tree { .. } => {
                let source = Original::find(&mount.source, path)?;
                let place = points.place(path, source.kind())?;
                self.add(root, &place, stubs, |parent, name| {
                    let source = source.copy_to(parent, name, path)?;
                    Ok(if mount.read_only { None } else { Some(source) })
                })
            }
            MountSource::Tmpfs { size: _, mode } => {
                let place = points.place(path, Kind::Directory)?;
                self.add(root, &place, stubs, |parent, name| {
                    make_directory(parent, name, *mode).map_err(|errno| kernel("make", path, errno))?;
                    Ok(None)
                })
            }
            MountSource::File { content, mode, uid, gid } => {
                let place = points.place(path, Kind::File)?;
                self.add(root, &place, stubs, |parent, name| {
                    make_file(parent, name, path, content, *mode, (*uid, *gid)).map(|()| None)
                })
            }
        }
    }

    /// Puts aside what is at `place`, a path without links, and has `make` put something else there.
    fn add(
        &mut self,
        root: BorrowedFd<'_>,
        place: &CStr,
        stubs: usize,
        make: impl FnOnce(BorrowedFd<'_>, &CStr) -> Result<Option<Original>>,
    ) -> Result<()> {
        let path = LayerPath::new(place.to_bytes()).map_err(Error::image)?;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Error::MountPoint { path: "/".into(), reason: "it is the root directory" });
        };
        let parent = beneath::open_without_links(root, &parent, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let failed = |error: io::Error| kernel("make room at", Path::new("/").join(text(place)), error);
        let name = CString::new(name).map_err(|error| failed(error.into()))?;
        let before = fstat(&parent).map_err(|errno| failed(errno.into()))?;
        self.aside.take(parent.as_fd(), &name, self.loans.len()).map_err(failed)?;
        // from here on it is taken back, whatever fails
        self.loans.push(Loan { parent, name, stubs, original: None });
        let Some(loan) = self.loans.last_mut() else {
            return Ok(());
        };
        loan.original = make(loan.parent.as_fd(), &loan.name)?;
        set_times(loan.parent.as_fd(), &before);
        Ok(())
    }

    /// Copies what changed to where it came from, and takes everything back, the innermost first: what was lent inside of
    /// something, and the stub for it, is not part of that. No process may be in the tree any more.
    pub(in super::super) fn settle(mut self, stubs: &mut Stubs) -> Result<()> {
        // the tree is as it was before an error is reported
        let mut settled = Ok(());
        while let Some(loan) = self.loans.pop() {
            if let Some(original) = &loan.original {
                settled = settled.and(original.copy_back(loan.parent.as_fd(), &loan.name));
            }
            settled = settled.and(self.put_back(&loan));
            stubs.remove_from(loan.stubs);
        }
        settled
    }

    /// To be called with what was lent last.
    fn put_back(&self, loan: &Loan) -> Result<()> {
        let failed = |error: io::Error| kernel("put back", text(&loan.name), error);
        self.aside.put_back(loan.parent.as_fd(), &loan.name, self.loans.len()).map_err(failed)
    }
}

impl Drop for Loans {
    fn drop(&mut self) {
        while let Some(loan) = self.loans.pop() {
            // there is nobody to tell
            let _ = self.put_back(&loan);
        }
    }
}

/// Docker's devices; `shm` for what would be in memory.
fn make_dev(parent: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    let failed = |what: &str, errno: Errno| kernel("make the device", Path::new("/dev").join(what), errno);
    let dev = make_directory(parent, name, 0o755).map_err(|errno| kernel("make", "/dev", errno))?;
    for (name, major, minor) in DEVICES {
        let mode = Mode::from_raw_mode(0o666);
        mknodat(&dev, name, FileType::CharacterDevice, mode, makedev(major, minor))
            .and_then(|()| chmodat(&dev, name, mode, AtFlags::empty()))
            .map_err(|errno| failed(name, errno))?;
    }
    make_directory(dev.as_fd(), c"shm", 0o1777).map(drop).map_err(|errno| failed("shm", errno))
}

fn make_directory(parent: BorrowedFd<'_>, name: &CStr, mode: u32) -> Result<OwnedFd, Errno> {
    mkdirat(parent, name, Mode::RWXU)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = openat(parent, name, flags, Mode::empty())?;
    fchmod(&made, Mode::from_raw_mode(mode))?;
    Ok(made)
}

fn make_file(
    parent: BorrowedFd<'_>,
    name: &CStr,
    path: &Path,
    content: &[u8],
    mode: u32,
    (uid, gid): (u32, u32),
) -> Result<()> {
    let failed = |errno: Errno| kernel("make", path, errno);
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // nobody but us reads it before it has its owner
    let file = openat(parent, name, flags, Mode::RUSR | Mode::WUSR).map_err(failed)?;
    fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
        .map_err(|errno| kernel("give", format!("{} to {}", path.display(), unmapped("owner", uid, errno)), errno))?;
    fchmod(&file, Mode::from_raw_mode(mode)).map_err(failed)?;
    File::from(file).write_all(content).map_err(|source| kernel("write", path, source))
}

fn text(name: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(name.to_bytes()))
}
