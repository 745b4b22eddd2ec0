//! Extended attributes, carried over from one file to its copy.

use std::{io, os::fd::OwnedFd};

use rustix::{
    fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr},
    io::Errno,
};
use strata_image::layer::CAPABILITY;

/// Bytes of the names of all attributes of a file at most, and of one value (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const MAX_BYTES: usize = 65_536;

/// Gives `to` the attributes of `from`. Those that the file system of `to` or the kernel refuses are left out, capabilities
/// excepted: a file without its capabilities would be another file.
pub(super) fn carry(from: &OwnedFd, to: &OwnedFd, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.resize(MAX_BYTES, 0);
    let length = match flistxattr(from, buffer.as_mut_slice()) {
        Ok(0) | Err(Errno::OPNOTSUPP) => return Ok(()),
        Ok(length) => length,
        Err(errno) => return Err(errno.into()),
    };
    let names = buffer[..length].to_vec();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let length = match fgetxattr(from, name, buffer.as_mut_slice()) {
            Ok(length) => length,
            Err(Errno::NODATA | Errno::OPNOTSUPP) => continue,
            Err(errno) => return Err(errno.into()),
        };
        match fsetxattr(to, name, &buffer[..length], XattrFlags::empty()) {
            Err(Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP) if name != CAPABILITY.as_bytes() => {}
            result => result?,
        }
    }
    Ok(())
}
