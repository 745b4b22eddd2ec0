//! Layers on their way in. Each is read once, and none is in the store before all of them are known to be what they should.
//!
//! ```text
//! bytes as stored ─┬─► digest, a file below .ingest ──► renamed to its digest, with all others
//!                  └─► uncompressed ─► the diff ID, or an error
//! ```

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use super::{Store, blob_writer};
use crate::{
    Image, Layer, compression,
    compression::Compression,
    digest::{DiffId, Digest, HashingReader, HashingWriter, VerifyError},
    error::{Error, Result},
    manifest::Descriptor,
};

/// Bytes read or written with one system call.
const BUFFER: usize = 256 << 10;

/// Layers that are taken in together; dropped without [`commit`](Self::commit), all of them are gone.
pub(crate) struct Intake<'s> {
    store: &'s Store,
    /// Where they lie until then, made for the first of them. One folder is locked instead of each file, so that the number of
    /// layers is not that of open files.
    folder: Option<blob_writer::Folder>,
    taken: BTreeMap<Digest, PathBuf>,
    /// Which compressed layers are known to have which diff ID.
    proven: HashSet<(Digest, DiffId)>,
    knows_store: bool,
}

impl<'s> Intake<'s> {
    /// Hold a [`Store::shared_lock`] as long as this lives.
    pub(super) fn new(store: &'s Store) -> Self {
        Self { store, folder: None, taken: BTreeMap::new(), proven: HashSet::new(), knows_store: false }
    }

    /// Takes the layers of an image.
    pub(super) fn image(&mut self, image: &dyn Image) -> Result<Vec<Descriptor>> {
        image.layers().iter().map(|layer| self.layer(&**layer)).collect()
    }

    /// Takes a layer. One that is there already is read only where it is not known to have this diff ID.
    pub(super) fn layer(&mut self, layer: &dyn Layer) -> Result<Descriptor> {
        let ((digest, size), diff_id) = (layer.stored(), layer.diff_id());
        let name = digest.to_string();
        if !self.taken.contains_key(&digest) && !self.store.holds(&digest, size)? {
            self.stream(&name, layer.open_stored()?, diff_id)?;
        } else if !self.is_proven(digest, diff_id)? {
            io::copy(&mut layer.open()?, &mut io::sink()).map_err(refused(&name))?;
            self.proven.insert((digest, diff_id));
        }
        Ok(Descriptor::new(layer.media_type(), digest, size))
    }

    /// Takes a layer whose digest may not be known yet, and gives it.
    pub(crate) fn stream(&mut self, name: &str, stored: impl Read + Send, diff_id: DiffId) -> Result<Digest> {
        let path = self.place()?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&path);
        let file = file.map_err(Error::io("create", &path))?;
        let taken = copy(stored, file, diff_id).map_err(refused(name));
        let digest = match taken {
            Ok(digest) if !self.taken.contains_key(&digest) => digest,
            not_wanted => {
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                return not_wanted;
            }
        };
        self.taken.insert(digest, path);
        self.proven.insert((digest, diff_id));
        Ok(digest)
    }

    /// Makes all of them blobs of the store.
    pub(super) fn commit(self) -> Result<()> {
        for (digest, path) in &self.taken {
            let size = path.symlink_metadata().map_err(Error::io("examine", path))?.len();
            blob_writer::settle(&self.store.blob_path(digest), size, |target| fs::rename(path, target))?;
        }
        Ok(())
    }

    fn place(&mut self) -> Result<PathBuf> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => blob_writer::Folder::new(&self.store.images_dir().join(".ingest"))?,
        };
        let folder = self.folder.insert(folder);
        Ok(folder.path().join(self.taken.len().to_string()))
    }

    /// Whether it is known without reading that a layer has a diff ID: a plain one has that of its digest, and what an image of
    /// the store says was verified when that came in.
    fn is_proven(&mut self, digest: Digest, diff_id: DiffId) -> Result<bool> {
        if digest == diff_id.into() || self.proven.contains(&(digest, diff_id)) {
            return Ok(true);
        }
        if !self.knows_store {
            self.knows_store = true;
            for image in self.store.readable()?.values() {
                self.proven.extend(image.layers().iter().map(|layer| (layer.stored().0, layer.diff_id())));
            }
        }
        Ok(self.proven.contains(&(digest, diff_id)))
    }
}

fn refused(layer: &str) -> impl FnOnce(io::Error) -> Error {
    let layer = layer.to_owned();
    move |source| Error::Layer { layer, source }
}

/// Writes a layer as it is stored; gives its digest, if what it holds has the diff ID.
fn copy(stored: impl Read + Send, file: File, diff_id: DiffId) -> io::Result<Digest> {
    let mut out = HashingWriter::new(BufWriter::with_capacity(BUFFER, file));
    let mut tee = Tee { from: stored, to: &mut out };
    let (compression, tar) = compression::reader(&mut tee)?;
    let mut tar = HashingReader::new(BufReader::with_capacity(BUFFER, tar));
    let uncompressed = if compression == Compression::None {
        io::copy(&mut tar.into_inner(), &mut io::sink())?;
        None
    } else {
        io::copy(&mut tar, &mut io::sink())?;
        Some(tar.finish().0)
    };
    // the end is where a promised digest is verified
    io::copy(&mut tee, &mut io::sink())?;
    let (mut out, digest, _) = out.finish();
    out.flush()?;
    let (expected, found) = (diff_id.into(), uncompressed.unwrap_or(digest));
    if found == expected {
        return Ok(digest);
    }
    let error = VerifyError::Digest { what: "its tar".to_owned(), expected, found };
    Err(io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Writes down what is read through it.
struct Tee<'w, R, W> {
    from: R,
    to: &'w mut W,
}

impl<R: Read, W: Write> Read for Tee<'_, R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.from.read(buffer)?;
        self.to.write_all(&buffer[..got])?;
        Ok(got)
    }
}
