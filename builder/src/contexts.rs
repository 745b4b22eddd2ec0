//! What a build takes from, by the words that people name it with.
//!
//! | text | context |
//! |---|---|
//! | a folder | its files, as they are when a step needs them |
//! | `-` | standard input: a Dockerfile by itself, or an archive |
//! | a file | an archive: a tar, plain or compressed |
//! | `https://HOST/….git#REF:DIR`, `git@HOST:PATH`, `github.com/OWNER/NAME`, … | [a commit of a repository](crate::remote::git::Source) |
//! | `http://…`, `https://…` | what is there: a Dockerfile by itself, or an archive |
//!
//! Archives and commits become folders of their own, below [`Fetcher::partial`], which go away with the last
//! [`ContextDirectory`] that has them. Others wrote what they hold: nothing in them, no name and no link, leads out.
//!
//! ```
//! use strata_builder::{contexts, remote::Fetcher};
//!
//! let dir = tempfile::tempdir()?;
//! let fetcher = Fetcher::new(dir.path());
//! let mut stdin = b"FROM scratch\n".as_slice();
//! let opened = contexts::open("-".as_ref(), &mut stdin, &fetcher, false, &mut |_progress| {})?;
//! let dockerfile = opened.dockerfile(None, &mut stdin)?;
//! assert_eq!(dockerfile.bytes, b"FROM scratch\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
mod content;
mod dockerfile;
mod error;
mod named;

use std::{
    ffi::OsStr,
    fs::{self, File, Permissions},
    io::{self, Read},
    os::{
        fd::AsFd as _,
        unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    },
    path::Path,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use strata_image::{Timestamp, layer::LayerReader};

use crate::{
    options::ContextDirectory,
    remote::{
        Fetcher, RemoteError,
        git::{self, Source},
        http::{self, Fetched, Progress},
        redacted,
    },
    tree::open_root,
};
use content::Content;
pub use dockerfile::{DOCKERFILES, Dockerfile, MAX_DOCKERFILE};
pub use error::ContextError;
pub use named::{name_key, named};

/// What `-` is called in messages.
const STANDARD_INPUT: &str = "standard input";

/// The mode of a file that a server gave, as ADD gives it too.
const FILE_MODE: u32 = 0o600;

/// A context that can be built with.
#[derive(Debug)]
pub struct Opened {
    /// Its files.
    pub directory: ContextDirectory,
    /// How it was named, without credentials.
    pub name: String,
    origin: Origin,
}

/// Where a context's Dockerfile is to be looked for.
#[derive(Debug)]
enum Origin {
    /// A folder of the caller's.
    Folder,
    /// Something that was unpacked or checked out.
    Unpacked,
    /// The Dockerfile is all there is.
    Dockerfile(Vec<u8>),
}

/// Opens the context that a text names; see the [module](self) for what it may be.
///
/// `keeps_git` leaves the `.git` in a commit's folder (`BUILDKIT_CONTEXT_KEEP_GIT_DIR`).
///
/// # Errors
/// What is not there or none of these; hostile and damaged archives; whatever can go wrong on the way to a server.
pub fn open(
    text: &OsStr,
    stdin: &mut (dyn Read + Send),
    fetcher: &Fetcher,
    keeps_git: bool,
    watch: &mut dyn FnMut(Progress),
) -> Result<Opened, ContextError> {
    let name = redacted(&text.to_string_lossy());
    if text == "-" {
        return of_stream(STANDARD_INPUT.to_owned(), stdin, None, fetcher);
    }
    let path = Path::new(text);
    if path.is_dir() {
        return Ok(Opened { directory: path.to_owned().into(), name, origin: Origin::Folder });
    }
    if let Some(url) = text.to_str() {
        if let Some(source) = Source::parse_context(url)? {
            let directory = of_commit(&source, fetcher, keeps_git)?;
            return Ok(Opened { directory, name, origin: Origin::Unpacked });
        }
        if is_url(url) {
            let fetched = http::fetch(fetcher, url, None, watch)?;
            return of_stream(name, fetched.open()?, fetched.modified, fetcher);
        }
    }
    let unusable = |source| ContextError::Unusable { name: name.clone(), source };
    let file = File::open(path).map_err(unusable)?;
    if !file.metadata().map_err(unusable)?.is_file() {
        return Err(unusable(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a folder nor a file")));
    }
    match content::recognise(file).map_err(unusable)? {
        Content::Tar(tar) => {
            let directory = of_tar(&name, tar, fetcher)?;
            Ok(Opened { directory, name, origin: Origin::Unpacked })
        }
        Content::Plain(_) | Content::Unknown => Err(ContextError::NotAnArchive { name }),
    }
}

pub(crate) fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

/// A stream's first bytes say what it is.
fn of_stream(
    name: String,
    stream: impl Read + Send,
    modified: Option<Timestamp>,
    fetcher: &Fetcher,
) -> Result<Opened, ContextError> {
    let unusable = |source| ContextError::Unusable { name: name.clone(), source };
    match content::recognise(stream).map_err(unusable)? {
        Content::Tar(tar) => {
            let directory = as_of(of_tar(&name, tar, fetcher)?, modified);
            Ok(Opened { directory, name, origin: Origin::Unpacked })
        }
        Content::Plain(text) => {
            let bytes = dockerfile::read_limited(&name, text)?;
            if bytes.contains(&0) {
                return Err(ContextError::NotAnArchive { name });
            }
            let epoch = modified.map(|time| time.seconds);
            let directory = ContextDirectory { epoch, ..temporary(fetcher)? };
            Ok(Opened { directory, name, origin: Origin::Dockerfile(bytes) })
        }
        Content::Unknown => Err(ContextError::NotAnArchive { name }),
    }
}

/// What a server says of the time of an archive goes before what is in it.
fn as_of(directory: ContextDirectory, modified: Option<Timestamp>) -> ContextDirectory {
    let epoch = modified.map(|time| time.seconds).or(directory.epoch);
    ContextDirectory { epoch, ..directory }
}

/// The time of the newest file of an archive; `None` for what is none, or is damaged.
pub(crate) fn newest_file(stream: impl Read + Send) -> Option<i64> {
    let Ok(Content::Tar(tar)) = content::recognise(stream) else {
        return None;
    };
    let mut reader = LayerReader::new(tar);
    let mut newest = None;
    while let Some(entry) = reader.next_entry().ok()? {
        if archive::is_file(&entry) {
            newest = newest.max(Some(entry.mtime.seconds));
        }
    }
    newest
}

fn of_tar(name: &str, tar: impl Read, fetcher: &Fetcher) -> Result<ContextDirectory, ContextError> {
    let directory = temporary(fetcher)?;
    let root = open_root(&directory.path).map_err(ContextError::local("open", &directory.path))?;
    let unpacked = archive::unpack(name, tar, root.as_fd(), &fetcher.cancel)?;
    Ok(ContextDirectory {
        keeps_owners: unpacked.keeps_owners,
        epoch: unpacked.newest.map(|time| time.seconds),
        ..directory
    })
}

fn of_commit(source: &Source, fetcher: &Fetcher, keeps_git: bool) -> Result<ContextDirectory, RemoteError> {
    let commit = git::resolve(fetcher, source)?;
    let checkout = git::checkout(fetcher, source, &commit, keeps_git)?;
    Ok(ContextDirectory {
        path: checkout.path,
        keeps_owners: false,
        epoch: Some(checkout.time),
        guard: Some(checkout.guard),
    })
}

/// A folder with one file in it, as it came.
fn of_file(fetched: &Fetched, fetcher: &Fetcher) -> Result<ContextDirectory, ContextError> {
    let directory = temporary(fetcher)?;
    let path = directory.path.join(&fetched.name);
    let mut content = fetched.open()?;
    let mut write = || {
        let mut file = File::options().write(true).create_new(true).mode(FILE_MODE).open(&path)?;
        io::copy(&mut content, &mut file)?;
        if let Some(time) = fetched.modified.and_then(|time| u64::try_from(time.seconds).ok()) {
            file.set_modified(UNIX_EPOCH + Duration::from_secs(time))?;
        }
        Ok::<_, io::Error>(())
    };
    write().map_err(ContextError::local("write", &path))?;
    Ok(ContextDirectory { epoch: fetched.modified.map(|time| time.seconds), ..directory })
}

/// A new folder, inside one that only we can look into.
fn temporary(fetcher: &Fetcher) -> Result<ContextDirectory, ContextError> {
    let make = || {
        fs::create_dir_all(&fetcher.partial)?;
        let guard = tempfile::Builder::new().prefix("context-").tempdir_in(&fetcher.partial)?;
        let path = guard.path().join("tree");
        fs::create_dir(&path)?;
        // whatever the umask is
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        Ok(ContextDirectory { path, guard: Some(Arc::new(guard)), ..ContextDirectory::default() })
    };
    make().map_err(ContextError::local("make a folder in", &fetcher.partial))
}
