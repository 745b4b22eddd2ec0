//! Removal of directory trees whose content may be hostile: by descriptors, never through a link, however deep.

use std::{
    ffi::CString,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, openat, renameat_with, statat, unlinkat},
    io::Errno,
    path::Arg,
};

/// Levels below which a directory is moved up before it is emptied: a command may have made thousands of levels, and each
/// level on the way holds a descriptor.
const MAX_LEVELS: usize = 400;

/// Removes whatever `name` is in `parent`; nothing to do when it is not there.
///
/// # Errors
/// Whatever the kernel refuses; a part may be gone by then.
pub fn remove_tree(parent: BorrowedFd<'_>, name: impl Arg + Copy) -> io::Result<()> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        // Linux says the first; POSIX the second
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(errno) => return Err(errno.into()),
    }
    let top = open_directory(parent, name)?;
    let mut moved = 0;
    loop {
        let before = moved;
        empty(&top, &top, 0, &mut moved)?;
        if moved == before {
            break;
        }
    }
    Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?)
}

/// Empties `directory`. What lies too deep is moved to `top`, counted by `moved`, for another round.
fn empty(directory: &OwnedFd, top: &OwnedFd, level: usize, moved: &mut u64) -> io::Result<()> {
    for (name, kind) in children(directory.as_fd())? {
        if kind != FileType::Directory {
            unlinkat(directory, &name, AtFlags::empty())?;
        } else if level == MAX_LEVELS {
            move_up(directory, &name, top, moved)?;
        } else {
            let child = open_directory(directory.as_fd(), name.as_c_str())?;
            empty(&child, top, level + 1, moved)?;
            drop(child);
            unlinkat(directory, &name, AtFlags::REMOVEDIR)?;
        }
    }
    Ok(())
}

fn move_up(directory: &OwnedFd, name: &CString, top: &OwnedFd, moved: &mut u64) -> io::Result<()> {
    loop {
        *moved += 1;
        let free = format!("moved-up-{moved}");
        match renameat_with(directory, name, top, free, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Names and types of what is in a directory, in no order.
pub(crate) fn children(directory: BorrowedFd<'_>) -> io::Result<Vec<(CString, FileType)>> {
    let mut children = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => FileType::from_raw_mode(statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode),
            kind => kind,
        };
        children.push((name.to_owned(), kind));
    }
    Ok(children)
}

/// Opens a directory to read it, never through a link.
pub(crate) fn open_directory(parent: BorrowedFd<'_>, name: impl Arg) -> io::Result<OwnedFd> {
    Ok(openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?)
}
