//! `index.json`: which images there are, and their names.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

use super::{MAX_INDEX_BYTES, Store, blob_writer::owned_file, lock};
use crate::{
    blob, canonical,
    error::{Error, Result},
    manifest::{Descriptor, Document, Index, REF_NAME},
    name::ImageName,
};

impl Store {
    /// Reads the index as it is now.
    pub(super) fn index(&self) -> Result<Index> {
        read(&self.images_dir())
    }

    /// Replaces the index by what `edit` makes of it, alone; does nothing where it changes nothing.
    pub(super) fn edit_index<T>(&self, edit: impl FnOnce(&mut Index) -> Result<T>) -> Result<T> {
        let _lock = lock::exclusive(&self.locks_dir().join("index.lock"))?;
        let before = self.index()?;
        let mut index = before.clone();
        let outcome = edit(&mut index)?;
        if index != before {
            replace(&self.images_dir(), "index.json", &to_bytes(&index)?)?;
        }
        Ok(outcome)
    }
}

/// Gives the name that an index entry has here, if it is one.
pub(super) fn name_of(entry: &Descriptor) -> Option<ImageName> {
    ImageName::parse(entry.annotations.get(REF_NAME)?).ok()
}

/// Reads the index of a layout directory.
pub(crate) fn read(layout: &Path) -> Result<Index> {
    let path = layout.join("index.json");
    let place = path.display().to_string();
    let mut bytes = Vec::new();
    let mut file = blob::open_in_layout(layout, "index.json")?.take(MAX_INDEX_BYTES + 1);
    file.read_to_end(&mut bytes).map_err(Error::io("read", &path))?;
    parse(&bytes, &place)
}

/// Reads the bytes of an `index.json`.
pub(crate) fn parse(bytes: &[u8], place: &str) -> Result<Index> {
    let size = bytes.len() as u64;
    if size > MAX_INDEX_BYTES {
        return Err(Error::TooLarge { what: place.to_owned(), size, limit: MAX_INDEX_BYTES });
    }
    match Document::parse(bytes, "", place)? {
        Document::Index(index) => Ok(index),
        Document::Manifest(manifest) => {
            let media_type = manifest.media_type().to_owned();
            Err(Error::MediaType { place: place.to_owned(), media_type })
        }
    }
}

/// Writes an index as it is stored.
pub(crate) fn to_bytes(index: &Index) -> Result<Vec<u8>> {
    canonical::to_vec(index).map_err(|source| Error::Serialize { what: "index", source })
}

/// Replaces a file of the layout, atomically and durably.
pub(super) fn replace(images: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let target = images.join(name);
    let mut file = owned_file(&images.join(".ingest"))?;
    file.write_all(bytes).map_err(Error::io("write", &target))?;
    file.as_file().sync_all().map_err(Error::io("sync", &target))?;
    file.persist(&target).map_err(|e| Error::io("replace", &target)(e.error))?;
    sync_directory(images)
}

/// Waits until the names in a directory are on the disk.
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(Error::io("sync", path))
}
