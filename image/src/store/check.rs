//! Whether the store is whole: everything is read, nothing is written.

use std::{collections::BTreeSet, error::Error as _, io};

use super::{Store, StoredImage, index};
use crate::{
    Image,
    digest::Digest,
    error::{Error, Result},
};

impl Store {
    /// Reads everything and tells what is wrong: blobs missing or damaged, an index that leads nowhere; a line each.
    ///
    /// What a killed writer left behind is invisible and no problem. Takes as long as reading all blobs.
    ///
    /// # Errors
    /// Only when the store cannot be examined at all.
    pub fn check(&self) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        if let Err(error) = crate::archive::oci::check_layout_file(&self.images_dir()) {
            problems.push(line(&error));
        }
        let damaged = self.check_blobs(&mut problems)?;
        let index = match self.index() {
            Ok(index) => index,
            Err(error) => {
                problems.push(line(&error));
                return Ok(problems);
            }
        };
        for entry in &index.manifests {
            let name = index::name_of(entry).map_or_else(|| entry.digest.to_string(), |name| name.to_string());
            let image = self.load_entry(entry, Vec::new());
            match image.and_then(|image| self.check_layers(&image, &damaged)) {
                Ok(()) => {}
                Err(error) => problems.push(format!("image {name}: {}", line(&error))),
            }
        }
        problems.dedup();
        Ok(problems)
    }

    /// Reads every blob; gives those that are damaged.
    fn check_blobs(&self, problems: &mut Vec<String>) -> Result<BTreeSet<Digest>> {
        let mut damaged = BTreeSet::new();
        let mut names = Vec::new();
        for blob in self.blob_files()? {
            names.push(blob?.0);
        }
        names.sort();
        for name in names {
            let Ok(digest) = format!("sha256:{name}").parse::<Digest>() else {
                problems.push(format!("{} is no blob", self.blobs_dir().join(name).display()));
                continue;
            };
            let outcome = self.get(&digest).and_then(|mut blob| {
                io::copy(&mut blob, &mut io::sink()).map_err(Error::read(format!("blob {digest}"), self.root()))
            });
            if let Err(error) = outcome {
                damaged.insert(digest);
                problems.push(line(&error));
            }
        }
        Ok(damaged)
    }

    /// Checks that each layer is there and has its diff ID; that a plain one has it was seen with its blob.
    fn check_layers(&self, image: &StoredImage, damaged: &BTreeSet<Digest>) -> Result<()> {
        for layer in image.layers() {
            let (digest, _) = layer.stored();
            if damaged.contains(&digest) {
                continue;
            }
            let mut stored = layer.open()?;
            if digest != layer.diff_id().into() {
                let what = format!("layer {digest}");
                io::copy(&mut stored, &mut io::sink()).map_err(Error::read(what, self.root()))?;
            }
        }
        Ok(())
    }
}

/// Writes an error and its causes as one line.
fn line(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
