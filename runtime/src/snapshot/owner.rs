//! The owners that layers say, kept beside files that can have only one.
//!
//! With a single id every file of a snapshot belongs to it. Overlay copies a file or directory up with its extended
//! attributes, so that a layer which tells of it again, because something in it changed, still says its true owner.

use std::{io, os::fd::BorrowedFd};

use rustix::fs::{XattrFlags, setxattr};

use super::compare::attribute;

/// Holds `UID:GID`. No layer is written with it, as with no attribute of users.
const ATTRIBUTE: &str = "user.strata.owner";

/// Notes the owner of the regular file or directory at `path`.
pub(super) fn note(path: &str, (uid, gid): (u64, u64)) -> io::Result<()> {
    Ok(setxattr(path, ATTRIBUTE, format!("{uid}:{gid}").as_bytes(), XattrFlags::empty())?)
}

/// The owner that the layers say for an open file of a snapshot, where they say another than it has: with a single id files
/// can have one owner only.
///
/// # Errors
/// What the kernel refuses.
pub fn true_owner(file: BorrowedFd<'_>) -> crate::Result<Option<(u64, u64)>> {
    recall(file).map_err(crate::Error::kernel("read the owner of", "a file of a snapshot"))
}

/// The owner that was noted for an open file, if there is one.
pub(super) fn recall(file: BorrowedFd<'_>) -> io::Result<Option<(u64, u64)>> {
    let Some(value) = attribute(file, ATTRIBUTE)? else {
        return Ok(None);
    };
    let owner = std::str::from_utf8(&value).ok().and_then(|text| text.split_once(':'));
    Ok(owner.and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?))))
}
