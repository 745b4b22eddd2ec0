//! Bytes that are found by their digest: in a layout directory, in an archive, in the store.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};

use crate::{
    Layer, compression,
    digest::{DiffId, Digest, VerifyingReader},
    error::{Error, Result},
    manifest::Descriptor,
};

/// Somewhere blobs are.
pub(crate) trait Blobs: Send + Sync + fmt::Debug {
    /// Opens a blob; nothing is verified here.
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>>;

    /// The archive, layout or store, for errors.
    fn place(&self) -> &Path;
}

/// Reads a document whole: not beyond `limit` bytes, and only if digest and size are those of its descriptor.
pub(crate) fn read(blobs: &dyn Blobs, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>> {
    let Descriptor { digest, size, .. } = descriptor;
    let what = format!("blob {digest}");
    if *size > limit {
        let what = format!("{what} of {}", blobs.place().display());
        return Err(Error::TooLarge { what, size: *size, limit });
    }
    let mut bytes = Vec::new();
    VerifyingReader::new(blobs.open(digest)?, *digest, Some(*size), what.clone())
        .read_to_end(&mut bytes)
        .map_err(Error::read(what, blobs.place()))?;
    Ok(bytes)
}

/// A layer that is stored as a blob.
#[derive(Clone, Debug)]
pub(crate) struct BlobLayer {
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) diff_id: DiffId,
}

impl BlobLayer {
    pub(crate) fn new(blobs: Arc<dyn Blobs>, descriptor: &Descriptor, diff_id: DiffId) -> Self {
        Self {
            blobs,
            media_type: descriptor.media_type.clone(),
            digest: descriptor.digest,
            size: descriptor.size,
            diff_id,
        }
    }
}

impl Layer for BlobLayer {
    fn diff_id(&self) -> DiffId {
        self.diff_id
    }

    fn media_type(&self) -> &str {
        &self.media_type
    }

    fn stored(&self) -> (Digest, u64) {
        (self.digest, self.size)
    }

    fn open(&self) -> Result<Box<dyn Read + Send>> {
        let stored = self.open_stored()?;
        if self.digest == self.diff_id.into() {
            return Ok(stored);
        }
        let what = format!("layer {}", self.digest);
        let (_, tar) = compression::reader(stored).map_err(Error::read(&what, self.blobs.place()))?;
        Ok(Box::new(VerifyingReader::new(tar, self.diff_id.into(), None, format!("{what}, uncompressed"))))
    }

    fn open_stored(&self) -> Result<Box<dyn Read + Send>> {
        let stored = self.blobs.open(&self.digest)?;
        let what = format!("layer {}", self.digest);
        Ok(Box::new(VerifyingReader::new(stored, self.digest, Some(self.size), what)))
    }
}

/// Blobs of an OCI layout directory.
///
/// The directory of blobs is opened once, without following links, and blobs are opened below it in the same way: a
/// layout from elsewhere cannot make us read a device, a pipe or a file outside.
#[derive(Debug)]
pub(crate) struct DirectoryBlobs {
    layout: PathBuf,
    /// `blobs/sha256`, or nothing in a layout that has no blob yet.
    directory: Option<OwnedFd>,
}

impl DirectoryBlobs {
    /// Opens `blobs/sha256` of a layout.
    pub(crate) fn open(layout: &Path) -> Result<Self> {
        let directory = open_directories(layout, &["blobs", "sha256"]);
        let directory = match directory {
            Ok(directory) => Some(directory),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io("open", layout.join("blobs/sha256"))(error)),
        };
        Ok(Self { layout: layout.to_owned(), directory })
    }

    /// Opens a blob as a file, if it is there.
    pub(crate) fn file(&self, digest: &Digest) -> Result<Option<File>> {
        let Some(directory) = &self.directory else {
            return Ok(None);
        };
        let name = digest.hex();
        match open_regular(directory, &name) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("open", self.layout.join("blobs/sha256").join(name))(error)),
        }
    }
}

impl Blobs for DirectoryBlobs {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>> {
        match self.file(digest)? {
            Some(file) => Ok(Box::new(file)),
            None => Err(Error::MissingBlob { digest: *digest, place: self.layout.clone() }),
        }
    }

    fn place(&self) -> &Path {
        &self.layout
    }
}

/// Opens a file of a layout directory, without following links below it.
pub(crate) fn open_in_layout(layout: &Path, name: &str) -> Result<File> {
    open_directories(layout, &[])
        .and_then(|directory| open_regular(&directory, name))
        .map_err(Error::io("open", layout.join(name)))
}

fn open_directories(start: &Path, below: &[&str]) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut directory = openat(CWD, start, flags, Mode::empty())?;
    for name in below {
        directory = openat(&directory, *name, flags | OFlags::NOFOLLOW, Mode::empty())?;
    }
    Ok(directory)
}

fn open_regular(directory: &OwnedFd, name: &str) -> io::Result<File> {
    // NONBLOCK: opening a pipe must not wait for its writer
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(directory, name, flags, Mode::empty())?;
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file.into())
}
