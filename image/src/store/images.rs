//! Images in the store: put, found, named, removed.

use std::{cell::RefCell, cmp::Reverse, collections::BTreeMap};

use super::{Store, StoredImage, import::must_be_tags, index};
use crate::{
    Image, canonical,
    config::ImageConfig,
    digest::{Digest, ImageId},
    error::{Error, Result},
    manifest::{Descriptor, Document, Index, Manifest, OCI_CONFIG, OCI_INDEX, REF_NAME, oci_layer},
    name::ImageName,
    source::Each,
    time::Timestamp,
};

/// The shortest head of an ID that is looked for; shorter ones are more likely mistyped names.
const MIN_SHORT_ID: usize = 4;

/// What a removal did, in docker's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// A name is gone.
    Untagged(ImageName),
    /// An image is gone; garbage collection frees its bytes.
    Deleted(ImageId),
}

impl Store {
    /// Writes config and manifest of an image whose layers are in the store, and points `names` at it.
    ///
    /// `layers` are the layers as stored, bottom first. Names are taken from other images; an image that loses its last
    /// one stays, untagged. With no names the image is untagged itself, until it is removed.
    ///
    /// # Errors
    /// [`Error::MissingBlob`] when a layer is not there, [`Error::LayerCount`] when there are not as many as diff IDs.
    pub fn put_image(&self, config: &ImageConfig, layers: &[Descriptor], names: &[ImageName]) -> Result<ImageId> {
        let _lock = self.shared_lock()?;
        let (entry, manifest) = self.put_config(config, layers)?;
        self.point(&entry, &manifest, names)
    }

    /// The same, for an image that is in no list and has no name: it is there for who holds a
    /// [`shared_lock`](Self::shared_lock), and goes with the first garbage collection after that.
    ///
    /// # Errors
    /// [`Error::LayerCount`] when there are not as many layers as diff IDs.
    pub fn put_unlisted(&self, config: &ImageConfig, layers: &[Descriptor]) -> Result<StoredImage> {
        let (entry, _) = self.put_config(config, layers)?;
        self.load_entry(&entry, Vec::new())
    }

    fn put_config(&self, config: &ImageConfig, layers: &[Descriptor]) -> Result<(Descriptor, Manifest)> {
        if layers.len() != config.rootfs.diff_ids.len() {
            let (layers, diff_ids) = (layers.len(), config.rootfs.diff_ids.len());
            return Err(Error::LayerCount { place: "the new image".to_owned(), layers, diff_ids });
        }
        let raw = canonical::to_vec(config).map_err(|source| Error::Serialize { what: "config", source })?;
        self.put_documents(&raw, layers)
    }

    /// Writes a config and an OCI manifest for it.
    pub(super) fn put_documents(&self, config: &[u8], layers: &[Descriptor]) -> Result<(Descriptor, Manifest)> {
        let config = Descriptor::new(OCI_CONFIG, self.put(config)?, config.len() as u64);
        let layers =
            layers.iter().map(|layer| Descriptor { media_type: oci_layer(&layer.media_type), ..layer.clone() });
        let manifest = Manifest::new(config, layers.collect());
        let raw = canonical::to_vec(&manifest).map_err(|source| Error::Serialize { what: "manifest", source })?;
        self.put_manifest(&raw)
    }

    pub(super) fn put_manifest(&self, raw: &[u8]) -> Result<(Descriptor, Manifest)> {
        let place = "the image's manifest".to_owned();
        let manifest = match Document::parse(raw, "", &place)? {
            Document::Manifest(manifest) => *manifest,
            Document::Index(_) => {
                return Err(Error::MediaType { place, media_type: OCI_INDEX.to_owned() });
            }
        };
        let entry = Descriptor::new(manifest.media_type(), self.put(raw)?, raw.len() as u64);
        Ok((entry, manifest))
    }

    /// Makes an image visible: syncs what it leads to, then points names at it.
    pub(super) fn point(&self, entry: &Descriptor, manifest: &Manifest, names: &[ImageName]) -> Result<ImageId> {
        must_be_tags(names)?;
        let id = manifest.config.digest.into();
        if is_pointed(&self.index()?, entry.digest, names) && manifest.layers.iter().all(|l| self.contains(&l.digest)) {
            return Ok(id);
        }
        self.sync(entry, manifest)?;
        self.edit_index(|index| {
            self.one_manifest_an_image(index, entry, id);
            point(index, entry, names);
            Ok(id)
        })
    }

    /// Waits until the blobs of an image, and their names, are on the disk.
    fn sync(&self, entry: &Descriptor, manifest: &Manifest) -> Result<()> {
        for blob in manifest.layers.iter().chain([&manifest.config, entry]) {
            let missing = || Error::MissingBlob { digest: blob.digest, place: self.root.clone() };
            let file = self.blobs.file(&blob.digest)?.ok_or_else(missing)?;
            file.sync_data().map_err(Error::io("sync", self.blob_path(&blob.digest)))?;
        }
        index::sync_directory(&self.blobs_dir())
    }

    /// Lets the names of an image that is there with another manifest follow to the new one: one image, one manifest.
    fn one_manifest_an_image(&self, index: &mut Index, new: &Descriptor, id: ImageId) {
        for entry in &mut index.manifests {
            let same = entry.digest != new.digest
                && self.load_entry(entry, Vec::new()).is_ok_and(|image| image.image_id() == id);
            if same {
                let annotations = std::mem::take(&mut entry.annotations);
                *entry = Descriptor { annotations, ..new.clone() };
            }
        }
    }

    /// Finds an image by name, by `sha256:ID`, or by an unambiguous head of its ID of at least 4 digits; a name wins.
    ///
    /// `name@sha256:…` finds the image whose manifest has that digest.
    ///
    /// # Errors
    /// [`Error::AmbiguousId`]; and whatever is wrong with the image found.
    pub fn find(&self, text: &str) -> Result<Option<StoredImage>> {
        let index = self.index()?;
        if let Ok(name) = ImageName::parse(text)
            && let Some(entry) = index.manifests.iter().find(|entry| is_called(entry, &name))
        {
            return self.load_entry(entry, names_of(&index, entry.digest)).map(Some);
        }
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        if digits.len() < MIN_SHORT_ID || !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Ok(None);
        }
        // images that cannot be loaded have no ID that could be meant
        let mut found = self.readable()?;
        found.retain(|id, _| id.hex().starts_with(digits));
        if found.len() > 1 {
            return Err(Error::AmbiguousId { text: text.to_owned(), candidates: found.into_keys().collect() });
        }
        Ok(found.into_values().next())
    }

    /// Lists every image with its names, the newest first.
    pub fn images(&self) -> Result<Vec<StoredImage>> {
        let found = self.by_id(|entry, names| self.load_entry(entry, names).map(Some))?;
        let mut images: Vec<_> = found.into_values().collect();
        let created = |image: &StoredImage| -> Option<Timestamp> { image.config()?.created.as_deref()?.parse().ok() };
        images.sort_by_cached_key(|image| (Reverse(created(image)), image.image_id()));
        Ok(images)
    }

    /// Lists every image by its first name or its ID, in order. One that cannot be opened is no error of the others, and
    /// has the name, or the digest of the manifest, that the index has for it.
    pub fn each(&self) -> Result<Vec<Each>> {
        let failed = RefCell::new(Vec::new());
        let found = self.by_id(|entry, names| match self.load_entry(entry, names) {
            Ok(image) => Ok(Some(image)),
            Err(error) => {
                let text = index::name_of(entry).map_or_else(|| entry.digest.to_string(), |name| name.to_string());
                failed.borrow_mut().push(Each { text, image: Err(error) });
                Ok(None)
            }
        })?;
        let mut each = failed.into_inner();
        each.extend(found.into_values().map(|image| {
            let text = image.names().first().map_or_else(|| image.image_id().to_string(), ToString::to_string);
            Each { text, image: Ok(Box::new(image)) }
        }));
        each.sort_by(|a, b| a.text.cmp(&b.text));
        Ok(each)
    }

    /// Lists every name that an image has, in order. Reads the index alone.
    pub fn names(&self) -> Result<Vec<ImageName>> {
        let mut names: Vec<_> = self.index()?.manifests.iter().filter_map(index::name_of).collect();
        names.sort();
        Ok(names)
    }

    /// The images that can be loaded.
    pub(super) fn readable(&self) -> Result<BTreeMap<ImageId, StoredImage>> {
        self.by_id(|entry, names| Ok(self.load_entry(entry, names).ok()))
    }

    fn by_id(
        &self,
        load: impl Fn(&Descriptor, Vec<ImageName>) -> Result<Option<StoredImage>>,
    ) -> Result<BTreeMap<ImageId, StoredImage>> {
        let mut found: BTreeMap<ImageId, StoredImage> = BTreeMap::new();
        for entry in &self.index()?.manifests {
            let name = index::name_of(entry);
            let Some(image) = load(entry, Vec::new())? else {
                continue;
            };
            let image = found.entry(image.image_id()).or_insert(image);
            if let Some(name) = name {
                image.add_name(name);
            }
        }
        Ok(found)
    }

    /// Gives an image one name more, which is taken from the image that had it.
    pub fn tag(&self, id: &ImageId, name: &ImageName) -> Result<()> {
        let image = self.find(&id.to_string())?.ok_or_else(|| Error::NoSuchImage { text: id.to_string() })?;
        let raw = image.raw_manifest().unwrap_or_default();
        let entry = Descriptor::new(image.manifest().media_type(), image.manifest_digest(), raw.len() as u64);
        self.point(&entry, image.manifest(), std::slice::from_ref(name)).map(drop)
    }

    /// Takes a name away, and the image itself when that was its last.
    ///
    /// Works on the index alone, so that a name is got rid of even when its image is damaged.
    ///
    /// # Errors
    /// [`Error::NoSuchImage`] when nothing has that name.
    pub fn untag(&self, name: &ImageName) -> Result<Vec<Removed>> {
        self.edit_index(|index| {
            let position = index.manifests.iter().position(|entry| index::name_of(entry).as_ref() == Some(name));
            let position = position.ok_or_else(|| Error::NoSuchImage { text: name.to_string() })?;
            let entry = index.manifests.remove(position);
            let mut removed = vec![Removed::Untagged(name.clone())];
            let stays = index.manifests.iter().any(|other| other.digest == entry.digest);
            if !stays && let Ok(image) = self.load_entry(&entry, Vec::new()) {
                removed.push(Removed::Deleted(image.image_id()));
            }
            Ok(removed)
        })
    }

    /// Removes an image with all its names; with more than one only if `force` is given, as docker does.
    ///
    /// # Errors
    /// [`Error::NoSuchImage`]; [`Error::InUse`], which gives the names.
    pub fn remove(&self, id: &ImageId, force: bool) -> Result<Vec<Removed>> {
        let no_image = || Error::NoSuchImage { text: id.to_string() };
        self.edit_index(|index| {
            let image = self.find(&id.to_string())?.ok_or_else(no_image)?;
            let names = image.names().to_vec();
            if names.len() > 1 && !force {
                return Err(Error::InUse { id: *id, names });
            }
            index
                .manifests
                .retain(|entry| !self.load_entry(entry, Vec::new()).is_ok_and(|other| other.image_id() == *id));
            Ok(names.into_iter().map(Removed::Untagged).chain([Removed::Deleted(*id)]).collect())
        })
    }
}

/// Whether an entry is meant by a name: it has that name, or its manifest the digest in it.
fn is_called(entry: &Descriptor, name: &ImageName) -> bool {
    match name.digest() {
        Some(digest) => entry.digest == *digest,
        None => index::name_of(entry).as_ref() == Some(name),
    }
}

fn names_of(index: &Index, manifest: Digest) -> Vec<ImageName> {
    let mut names: Vec<_> =
        index.manifests.iter().filter(|entry| entry.digest == manifest).filter_map(index::name_of).collect();
    names.sort();
    names.dedup();
    names
}

/// Whether the index says already what `point` would make it say.
fn is_pointed(index: &Index, manifest: Digest, names: &[ImageName]) -> bool {
    let there = names_of(index, manifest);
    index.manifests.iter().any(|entry| entry.digest == manifest) && names.iter().all(|name| there.contains(name))
}

/// Points names at a manifest. Whatever loses its last name by that stays as an entry without one.
fn point(index: &mut Index, new: &Descriptor, names: &[ImageName]) {
    let manifests = &mut index.manifests;
    for entry in manifests.iter_mut() {
        if index::name_of(entry).is_some_and(|name| names.contains(&name)) {
            entry.annotations.remove(REF_NAME);
        }
    }
    for name in names {
        let annotations = BTreeMap::from([(REF_NAME.to_owned(), name.to_string())]);
        manifests.push(Descriptor { annotations, ..new.clone() });
    }
    if names.is_empty() {
        manifests.push(Descriptor { annotations: BTreeMap::new(), ..new.clone() });
    }
    one_entry_a_name(manifests);
}

/// Drops entries without a name beside others of the same manifest, and brings the index into its one order.
fn one_entry_a_name(manifests: &mut Vec<Descriptor>) {
    let key = |entry: &Descriptor| (entry.digest, index::name_of(entry).is_none(), index::name_of(entry));
    manifests.sort_by_cached_key(key);
    manifests.dedup_by(|later, earlier| {
        later.digest == earlier.digest
            && (index::name_of(later).is_none() || index::name_of(later) == index::name_of(earlier))
    });
}
