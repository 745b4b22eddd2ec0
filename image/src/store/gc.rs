//! Garbage collection: what no image and no root needs goes.

use std::collections::BTreeSet;

use super::{Store, lock};
use crate::{
    archive::oci::resolve,
    digest::Digest,
    error::{Error, Result},
    manifest::{Descriptor, Document},
};

impl Store {
    /// Removes every blob that neither an image nor one of `roots` needs; gives the bytes freed.
    ///
    /// Roots are blobs that something outside the store still names, such as layers in the build cache. A manifest
    /// that cannot be read stops the collection, since what it leads to is not known.
    ///
    /// # Errors
    /// [`Error::Busy`] while any process holds a [`shared_lock`](Self::shared_lock), this one included.
    pub fn gc(&self, roots: &[Digest]) -> Result<u64> {
        let _lock = self.exclusive_lock()?;
        self.sweep()?;
        let mut needed: BTreeSet<Digest> = roots.iter().copied().collect();
        for entry in &self.index()?.manifests {
            self.mark(entry, &mut needed)?;
        }
        let mut freed = 0;
        for blob in self.blob_files()? {
            let (name, metadata) = blob?;
            let is_needed = format!("sha256:{name}").parse().is_ok_and(|digest| needed.contains(&digest));
            if !is_needed && metadata.is_file() {
                lock::remove(&self.blobs_dir().join(name))?;
                freed += metadata.len();
            }
        }
        self.end_sessions()?;
        Ok(freed)
    }

    /// Marks a document of the index and all that it leads to. What is marked already is not read again, so that
    /// documents which lead to each other end.
    fn mark(&self, descriptor: &Descriptor, needed: &mut BTreeSet<Digest>) -> Result<()> {
        let mut open = vec![descriptor.clone()];
        let mut seen = BTreeSet::new();
        while let Some(descriptor) = open.pop() {
            needed.insert(descriptor.digest);
            if !seen.insert(descriptor.digest) {
                continue;
            }
            match resolve::document(&*self.blobs, &descriptor) {
                Ok((Document::Index(index), _)) => open.extend(index.manifests),
                Ok((Document::Manifest(manifest), _)) => {
                    needed.insert(manifest.config.digest);
                    needed.extend(manifest.layers.iter().map(|layer| layer.digest));
                }
                // a list of platforms of which only some were copied here
                Err(Error::MissingBlob { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
