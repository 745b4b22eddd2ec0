//! Images from elsewhere, copied in as they are once their layers are known to be theirs.

use std::{io::Read, path::Path, sync::Arc};

use super::{Store, intake::Intake};
use crate::{
    Image, Layer, canonical,
    digest::ImageId,
    error::{Error, Result},
    manifest::{Descriptor, Platform},
    name::ImageName,
    rootfs, source,
    time::Timestamp,
};

impl Store {
    /// Copies an image in, blobs, config and manifest as they are, and points `names` at it.
    ///
    /// Root filesystems get a config that says no more than that, and that it was made now. Layers that are there are not
    /// read again.
    ///
    /// # Errors
    /// [`Error::Layer`] for one that cannot be read, or has not the diff ID that its config says. Nothing was stored then.
    pub fn import(&self, image: &dyn Image, names: &[ImageName]) -> Result<ImageId> {
        self.import_as_of(image, names, Timestamp::now())
    }

    /// As [`import`](Self::import); `created` is the time that the config of a root filesystem says: with the same one, the
    /// same root filesystem has the same ID wherever it is imported.
    pub fn import_as_of(&self, image: &dyn Image, names: &[ImageName], created: Timestamp) -> Result<ImageId> {
        let _lock = self.shared_lock()?;
        must_be_tags(names)?;
        let mut intake = Intake::new(self);
        let layers = intake.image(image)?;
        intake.commit()?;
        self.enter(image, &layers, names, created)
    }

    /// Copies every image of an archive or a layout in, with its names; `platform` chooses where one name offers several.
    /// All of them are stored, or none.
    ///
    /// # Errors
    /// [`Error::NotAnArchive`] when the path is neither, and those of [`import`](Self::import).
    pub fn load(&self, path: &Path, platform: &Platform) -> Result<Vec<(ImageId, Vec<ImageName>)>> {
        self.load_all(|intake| source::open_all_into(path, platform, intake))
    }

    /// The same of an archive on a stream, by way of a temporary file without a name.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_stream(&self, stream: impl Read, platform: &Platform) -> Result<Vec<(ImageId, Vec<ImageName>)>> {
        self.load_all(|intake| source::read_all_into(stream, platform, intake))
    }

    fn load_all(
        &self,
        open: impl FnOnce(&mut Intake<'_>) -> Result<Vec<Box<dyn Image>>>,
    ) -> Result<Vec<(ImageId, Vec<ImageName>)>> {
        let _lock = self.shared_lock()?;
        let mut intake = Intake::new(self);
        let images = open(&mut intake)?;
        let mut layers = Vec::new();
        for image in &images {
            must_be_tags(image.names())?;
            layers.push(intake.image(&**image)?);
        }
        intake.commit()?;
        let now = Timestamp::now();
        let mut loaded = Vec::new();
        for (image, layers) in images.iter().zip(&layers) {
            loaded.push((self.enter(&**image, layers, image.names(), now)?, image.names().to_vec()));
        }
        Ok(loaded)
    }

    /// Copies layers in, as they are stored: those of an image that is elsewhere, for one that is built on it.
    ///
    /// Hold a [`shared_lock`](Self::shared_lock) until an image names them.
    ///
    /// # Errors
    /// As [`import`](Self::import).
    pub fn bring<'l>(&self, layers: impl IntoIterator<Item = &'l Arc<dyn Layer>>) -> Result<()> {
        let mut intake = Intake::new(self);
        for layer in layers {
            intake.layer(&**layer)?;
        }
        intake.commit()
    }

    /// Writes the documents of an image whose layers are there.
    fn enter(
        &self,
        image: &dyn Image,
        layers: &[Descriptor],
        names: &[ImageName],
        created: Timestamp,
    ) -> Result<ImageId> {
        let (entry, manifest) = match (image.raw_config(), image.raw_manifest()) {
            (Some(config), Some(raw)) => {
                self.put(config)?;
                self.put_manifest(raw)?
            }
            (Some(config), None) => self.put_documents(config, layers)?,
            (None, _) => {
                let config = rootfs::config(image, created);
                let raw = canonical::to_vec(&config).map_err(|source| Error::Serialize { what: "config", source })?;
                self.put_documents(&raw, layers)?
            }
        };
        self.point(&entry, &manifest, names)
    }
}

/// Refuses names with a digest, which cannot be given.
pub(super) fn must_be_tags(names: &[ImageName]) -> Result<()> {
    match names.iter().find(|name| name.digest().is_some()) {
        Some(name) => Err(Error::NotATag { name: name.clone() }),
        None => Ok(()),
    }
}
