//! A file that appears whole or not at all, or a stream.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, BufWriter, Write},
    os::{fd::AsFd, unix::fs::PermissionsExt as _},
    path::Path,
};

use super::{Destination, OutputError, stop::Writer};
use crate::{Error, Result, cancel::Cancel};

/// Bytes collected before a system call.
const BUFFER: usize = 1 << 20;

/// Writes to a destination. A file is written beside its place, synced and renamed; what is there and is no file, a device or
/// a pipe, gets the bytes as they come.
pub(super) fn whole<T>(
    destination: &Destination,
    cancel: &Cancel,
    write: impl FnOnce(&mut dyn Write) -> Result<T>,
) -> Result<T> {
    let Destination::Path(path) = destination else {
        return through(io::stdout().lock(), Path::new("standard output"), cancel, write);
    };
    let failed = |operation| OutputError::write(operation, path);
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => {
            return Err(failed("write a file at the folder")(io::ErrorKind::IsADirectory.into()).into());
        }
        Ok(there) if !there.is_file() => {
            let file = OpenOptions::new().write(true).open(path).map_err(failed("open"))?;
            return through(file, path, cancel, write);
        }
        _ => {}
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new();
    // what a file has that is made without further wishes; the umask still applies
    let temporary = temporary.prefix(".strata-").permissions(Permissions::from_mode(0o666)).tempfile_in(folder);
    let temporary = temporary.map_err(failed("create"))?;
    let written = through(temporary.as_file(), path, cancel, write)?;
    temporary.as_file().sync_all().map_err(failed("sync"))?;
    if cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    temporary.persist(path).map_err(|error| failed("create")(error.error))?;
    // the name is on the disk when its folder is
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync"))?;
    Ok(written)
}

fn through<W: AsFd, T>(
    out: W,
    path: &Path,
    cancel: &Cancel,
    write: impl FnOnce(&mut dyn Write) -> Result<T>,
) -> Result<T> {
    let mut out = BufWriter::with_capacity(BUFFER, Writer::new(out, cancel));
    let written = write(&mut out)?;
    out.flush().map_err(OutputError::write("write", path))?;
    Ok(written)
}
