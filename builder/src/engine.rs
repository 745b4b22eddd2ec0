//! The places that builds work with, and keeping them tidy.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::PathBuf,
};

use strata_image::{ChainId, Digest, Image, ImageId, Store, store::StoredImage};
use strata_runtime::snapshot::Snapshots;

use crate::{
    Error, Result,
    cache::{
        self, Keep, Limit,
        entries::Resource,
        limit::{Checked, Disk, UNUSED, now},
        prune::{Bound, Pruned},
    },
};

/// Bytes of the file of the sizes of snapshots: one with a hundred thousand is smaller.
const SIZES_LIMIT: u64 = 16 << 20;

/// The places a build works with.
#[derive(Clone, Debug)]
pub struct Engine {
    /// Images and layers.
    pub store: Store,
    /// Root filesystems.
    pub snapshots: Snapshots,
    /// `<root>/cache`.
    pub cache: PathBuf,
    /// `<root>/analysis`: indexes of layers.
    pub analysis: PathBuf,
}

impl Engine {
    /// Removes layers and snapshots that neither an image nor the cache needs; gives the bytes freed.
    ///
    /// # Errors
    /// [`strata_image::Error::Busy`] while something else writes to the store.
    pub fn collect_garbage(&self) -> Result<u64> {
        let cached = cache::needed(&self.cache)?;
        let mut freed = self.store.gc(&cached.blobs)?;
        let mut chains = cached.snapshots;
        for image in self.store.images()? {
            chains.extend(ChainId::of_stack(image.layers().iter().map(|layer| layer.diff_id())));
        }
        freed += self.snapshots.gc(&chains)?;
        Ok(freed)
    }

    /// Removes what of the cache is not to stay, except what builds use just now; gives the bytes that this freed.
    ///
    /// # Errors
    /// [`strata_image::Error::Busy`] while something else writes to the store: the cache has let go then of what stays.
    pub fn prune_cache(&self, keep: &Keep) -> Result<u64> {
        let limit = keep.bytes.map(|bytes| move |_| bytes);
        let pruned = match &limit {
            None => cache::prune::prune(&self.cache, keep.used_within, None, &|_| 0)?,
            Some(limit) => self.prune_measured(keep.used_within, limit)?,
        };
        Ok(pruned.bytes + self.collect_garbage()?)
    }

    /// Keeps the cache within its limit, at the end of a build: see [`cache::Limit`]. Mostly there is nothing to do, and it
    /// costs the reading of one small file. While other builds run, it is left to the last of them.
    ///
    /// # Errors
    /// The cache, the store or the snapshots cannot be read or written.
    pub fn limit_cache(&self, limit: Limit) -> Result<()> {
        if limit == Limit::Unlimited {
            return Ok(());
        }
        let path = self.cache.join("checked");
        let read = fs::read_to_string(&path);
        let now = now();
        let mut checked = Checked::parse(read.as_deref().unwrap_or_default(), now);
        let disk = Disk::of(&self.cache).map_err(|source| cache::CacheError {
            operation: "measure the disk of",
            path: self.cache.clone(),
            source,
        })?;
        let is_too_much = checked.is_size_due(now) && limit.may_be_passed(disk);
        let is_unused = checked.is_unused_due(now);
        if !is_too_much && !is_unused && read.is_ok() {
            return Ok(());
        }
        let Some(_lock) = cache::alone(&self.cache)? else { return Ok(()) };
        let mut removed = 0;
        if is_unused {
            removed += cache::prune::prune(&self.cache, Some(UNUSED), None, &|_| 0)?.entries;
            checked.unused = now;
        }
        if is_too_much {
            removed += self.prune_measured(None, &|used| limit.allowed(disk, used))?.entries;
            checked.size = now;
        }
        if removed > 0 {
            match self.collect_garbage() {
                Ok(_) | Err(Error::Image(strata_image::Error::Busy { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        self.write_beside("checked", checked.text().as_bytes())
    }

    /// Prunes by what layers and snapshots cost, those that an image has too not counted.
    fn prune_measured(&self, used_within: Option<std::time::Duration>, bound: Bound<'_>) -> Result<Pruned> {
        let images = self.store.images()?;
        let of_images: HashSet<Digest> = images.iter().flat_map(Image::layers).map(|layer| layer.stored().0).collect();
        let chains: HashSet<ChainId> = images
            .iter()
            .flat_map(|image| ChainId::of_stack(image.layers().iter().map(|layer| layer.diff_id())))
            .collect();
        let snapshots = self.snapshot_sizes()?;
        let size = |resource: &Resource| match resource {
            Resource::Blob(digest) if !of_images.contains(digest) => {
                self.store.blob_path(digest).metadata().map_or(0, |metadata| metadata.len())
            }
            Resource::Snapshot(chain) if !chains.contains(chain) => snapshots.get(chain).copied().unwrap_or_default(),
            _ => 0,
        };
        Ok(cache::prune::prune(&self.cache, used_within, Some(bound), &size)?)
    }

    /// What snapshots take. One that is committed never changes: its size is remembered.
    fn snapshot_sizes(&self) -> Result<HashMap<ChainId, u64>> {
        let path = self.cache.join("sizes");
        let known: BTreeMap<String, u64> = cache::read_whole(&path, SIZES_LIMIT)
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let listed = self.snapshots.list_with(&|chain| known.get(&chain.to_string()).copied())?;
        let now: BTreeMap<String, u64> = listed.iter().map(|(chain, bytes)| (chain.to_string(), *bytes)).collect();
        if now != known {
            let bytes = serde_json::to_vec(&now).unwrap_or_default();
            self.write_beside("sizes", &bytes)?;
        }
        Ok(listed.into_iter().collect())
    }

    fn write_beside(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.cache.join(name);
        cache::write_whole(&self.cache.join("partial"), &path, bytes)
            .map_err(|source| cache::CacheError { operation: "write", path, source }.into())
    }

    /// An image that a build has just put into the store.
    pub(crate) fn image(&self, id: ImageId) -> Result<StoredImage> {
        let text = id.to_string();
        let missing = || strata_image::Error::NoSuchImage { text: text.clone() };
        Ok(self.store.find(&text)?.ok_or_else(missing)?)
    }

    /// Removes what a killed writer left, unless others are writing: then it is for a later build.
    pub(crate) fn recover(&self) -> Result<()> {
        if !self.store.was_interrupted()? {
            return Ok(());
        }
        match self.collect_garbage() {
            Ok(_) | Err(Error::Image(strata_image::Error::Busy { .. })) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
