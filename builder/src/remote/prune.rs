//! What the cache of remote sources costs, and emptying it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use super::RemoteError;

/// Bytes of everything that was fetched into a cache and is still there.
pub fn size(cache: &Path) -> Result<u64, RemoteError> {
    parts(cache)?.iter().try_fold(0, |sum, part| Ok(sum + bytes_of(&part.path)?))
}

/// Forgets everything that was fetched; gives the bytes that this freed. Builds under way go on with what they have;
/// repositories that they fetch from just now stay.
pub fn prune(cache: &Path) -> Result<u64, RemoteError> {
    let mut freed = 0;
    for part in parts(cache)? {
        let _held = match &part.lock {
            None => None,
            Some(path) => {
                let file = match File::open(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    opened => opened.map_err(RemoteError::local("open", path))?,
                };
                if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
                    continue;
                }
                Some(file)
            }
        };
        let bytes = bytes_of(&part.path)?;
        match fs::remove_dir_all(&part.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => {
                result.map_err(RemoteError::local("remove", &part.path))?;
                freed += bytes;
            }
        }
    }
    Ok(freed)
}

/// A directory that is removed as a whole.
struct Part {
    path: PathBuf,
    /// Who holds it uses the directory. It stays: others may wait for it.
    lock: Option<PathBuf>,
}

fn parts(cache: &Path) -> Result<Vec<Part>, RemoteError> {
    let http = cache.join("http");
    // records first: one without its body is worth nothing, and is known to be
    let mut parts: Vec<_> = ["urls", "bodies"].map(|name| Part { path: http.join(name), lock: None }).into();
    for dir in list(&cache.join("git"))? {
        parts.push(Part { path: dir.join("repo"), lock: Some(dir.join("lock")) });
    }
    Ok(parts)
}

/// Bytes of all files below a directory that is ours; none when it is not there.
fn bytes_of(dir: &Path) -> Result<u64, RemoteError> {
    let mut bytes = 0;
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for path in list(&dir)? {
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => open.push(path),
                Ok(metadata) => bytes += metadata.len(),
                // fetches go on meanwhile
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(RemoteError::local("look up", path)(error)),
            }
        }
    }
    Ok(bytes)
}

fn list(dir: &Path) -> Result<Vec<PathBuf>, RemoteError> {
    let list = || fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>();
    match list() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(RemoteError::local("read", dir)),
    }
}
