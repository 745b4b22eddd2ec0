//! The content store: an OCI image layout that any OCI tool reads as it stands.
//!
//! ```text
//! <root>/images/   oci-layout          `{"imageLayoutVersion":"1.0.0"}`
//!                  index.json          one entry per name (annotation org.opencontainers.image.ref.name, `app:1`);
//!                                      an image without a name is an entry without that annotation
//!                  blobs/sha256/…      configs, manifests, layers
//!                  .ingest/…           blobs that are being written, each locked by its writer, or a
//!                                      folder of them
//! <root>/locks/    images.lock         shared by writers, exclusive for garbage collection
//!                  index.lock          exclusive while index.json is replaced
//!                  images.sessions/…   one file per writer under way; left behind only by one that was killed
//! ```
//!
//! **Idempotent**: what is there already is not written again. **Atomic**: blobs and index appear by `rename`, whole or
//! not at all. **Verified**: every read ends in an error when the bytes are not those that the digest names. Any number
//! of processes share the store; a kill at any instant leaves nothing visible, and the next writer sweeps it away.
//!
//! **Durable** where it counts: a blob is written without waiting for the disk, and when an image is put, every blob
//! that it leads to is synced before the index names it (a blob that is on the disk already costs microseconds), then
//! the index itself. After a power loss the index names whole images only. A blob that no image names may be damaged
//! then; `put` writes over one of another size, and reading finds any other.

mod blob_writer;
mod check;
mod gc;
mod images;
mod import;
pub(crate) mod index;
mod intake;
mod lock;
mod stored;

use std::{
    fs::{self, DirBuilder},
    io::{Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use oci_spec::image::{OciLayout, OciLayoutBuilder};

pub use blob_writer::BlobWriter;
pub use images::Removed;
pub(crate) use intake::Intake;
pub use lock::StoreLock;
pub use stored::StoredImage;

use crate::{
    blob::{Blobs, DirectoryBlobs},
    canonical,
    digest::{Digest, VerifyingReader},
    error::{Error, Result},
    manifest::{Index, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES},
};

/// The version of the image layout that is written, image-spec's only one.
const LAYOUT_VERSION: &str = "1.0.0";

/// The largest `index.json` read, 64 MiB: room for a hundred thousand names.
const MAX_INDEX_BYTES: u64 = 16 * MAX_MANIFEST_BYTES;

/// Folders of the store below its root.
const FOLDERS: [&str; 4] = ["images/blobs/sha256", "images/.ingest", "locks/images.sessions", "locks"];

/// A store of images. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    blobs: Arc<DirectoryBlobs>,
    swept: Arc<OnceLock<()>>,
}

impl Store {
    /// Opens the store below `root`, and makes it (mode 0700) where it is missing. Writes nothing where it is there.
    pub fn open(root: &Path) -> Result<Self> {
        let images = root.join("images");
        if !images.join("index.json").exists() {
            create(root)?;
        }
        let blobs = Arc::new(DirectoryBlobs::open(&images)?);
        Ok(Self { root: root.to_owned(), blobs, swept: Arc::default() })
    }

    /// Opens the store below `root` as it stands and writes nothing; `None` when there is none.
    pub fn open_existing(root: &Path) -> Result<Option<Self>> {
        let images = root.join("images");
        if !images.exists() {
            return Ok(None);
        }
        let blobs = Arc::new(DirectoryBlobs::open(&images)?);
        Ok(Some(Self { root: root.to_owned(), blobs, swept: Arc::default() }))
    }

    /// Gives the root that it was opened with.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Starts a blob; nothing is visible before [`BlobWriter::commit`].
    ///
    /// Hold a [`shared_lock`](Self::shared_lock) from here until an image or a garbage collection root names the blob.
    pub fn blob(&self) -> Result<BlobWriter> {
        self.sweep()?;
        BlobWriter::new(&self.images_dir().join(".ingest"), self.blobs_dir())
    }

    /// Puts bytes that are in memory.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        if self.holds(&digest, bytes.len() as u64)? {
            return Ok(digest);
        }
        let mut blob = self.blob()?;
        blob.write_all(bytes).map_err(Error::write(format!("blob {digest}")))?;
        blob.commit().map(|(digest, _)| digest)
    }

    /// Whether a blob is there. Its bytes are verified when they are read.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.blobs.file(digest).is_ok_and(|file| file.is_some())
    }

    /// Whether a blob is there with the size that it must have: one of another size was cut by a power loss.
    fn holds(&self, digest: &Digest, size: u64) -> Result<bool> {
        let Some(file) = self.blobs.file(digest)? else {
            return Ok(false);
        };
        let metadata = file.metadata().map_err(Error::io("examine", self.blob_path(digest)))?;
        Ok(metadata.len() == size)
    }

    /// Streams a blob; the last read fails when the bytes are not those that the digest names.
    pub fn get(&self, digest: &Digest) -> Result<Box<dyn Read + Send>> {
        let what = format!("blob {digest}");
        Ok(Box::new(VerifyingReader::new(self.blobs.open(digest)?, *digest, None, what)))
    }

    /// Reads a document, of at most [`MAX_CONFIG_BYTES`]; larger blobs are streamed by [`get`](Self::get).
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>> {
        let what = format!("blob {digest}");
        let mut bytes = Vec::new();
        let mut reader = self.get(digest)?.take(MAX_CONFIG_BYTES + 1);
        reader.read_to_end(&mut bytes).map_err(Error::read(&what, &self.root))?;
        let size = bytes.len() as u64;
        if size > MAX_CONFIG_BYTES {
            return Err(Error::TooLarge { what, size, limit: MAX_CONFIG_BYTES });
        }
        Ok(bytes)
    }

    /// Gives the path of a blob, whether it exists or not.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.blobs_dir().join(digest.hex())
    }

    /// Gives the bytes of all blobs, each counted once.
    pub fn size(&self) -> Result<u64> {
        let mut total = 0;
        for blob in self.blob_files()? {
            let (_, metadata) = blob?;
            total += metadata.len();
        }
        Ok(total)
    }

    fn images_dir(&self) -> PathBuf {
        self.root.join("images")
    }

    fn blobs_dir(&self) -> PathBuf {
        self.root.join("images/blobs/sha256")
    }

    fn locks_dir(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// Lists what is in the folder of blobs, with the size of each.
    fn blob_files(&self) -> Result<impl Iterator<Item = Result<(String, fs::Metadata)>> + use<>> {
        let folder = self.blobs_dir();
        let entries = fs::read_dir(&folder).map_err(Error::io("list", &folder))?;
        Ok(entries.map(move |entry| {
            let entry = entry.map_err(Error::io("list", &folder))?;
            let metadata = entry.metadata().map_err(Error::io("examine", entry.path()))?;
            Ok((entry.file_name().to_string_lossy().into_owned(), metadata))
        }))
    }

    /// Removes what killed writers left in `.ingest`, once per opened store.
    fn sweep(&self) -> Result<()> {
        if self.swept.set(()).is_ok() {
            blob_writer::sweep(&self.images_dir().join(".ingest"))?;
        }
        Ok(())
    }
}

/// Makes an empty store; several processes may do so at once.
fn create(root: &Path) -> Result<()> {
    for folder in FOLDERS {
        let folder = root.join(folder);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(Error::io("create", folder))?;
    }
    let _lock = lock::exclusive(&root.join("locks/index.lock"))?;
    let images = root.join("images");
    index::replace(&images, "oci-layout", &layout_file()?)?;
    if !images.join("index.json").exists() {
        index::replace(&images, "index.json", &index::to_bytes(&Index::new(Vec::new()))?)?;
    }
    Ok(())
}

/// Gives the bytes of an `oci-layout` file.
pub(crate) fn layout_file() -> Result<Vec<u8>> {
    let layout: Result<OciLayout, _> = OciLayoutBuilder::default().image_layout_version(LAYOUT_VERSION).build();
    #[expect(clippy::expect_used, reason = "the builder's only field is set one line above")]
    let layout = layout.expect("an OCI layout has one field");
    canonical::to_vec(&layout).map_err(|source| Error::Serialize { what: "oci-layout", source })
}
