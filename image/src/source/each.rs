//! All images of a source, each for itself: one that cannot be opened leaves the others as they are.

use std::path::Path;

use super::{open, split_reference};
use crate::{
    Image, Result, Store,
    archive::{docker, oci, tar_file::TarFile},
    error::Error,
    manifest::Platform,
    rootfs,
};

/// One image of a source.
pub struct Each {
    /// What names it alone: good for [`open`].
    pub text: String,
    /// The image, or why it cannot be opened.
    pub image: Result<Box<dyn Image>>,
}

/// Opens every image that a text names: one, as [`open`] does, or all those of an archive or a layout that is named
/// without `:ref`. In the order in which they stand there.
///
/// # Errors
/// Those of [`open`], where they are about the source as a whole.
pub fn each(text: &str, store: Option<&Store>, platform: &Platform) -> Result<Vec<Each>> {
    let alone = || Ok(vec![Each { text: text.to_owned(), image: open(text, store, platform) }]);
    if let Some((transport @ ("docker-archive" | "oci" | "oci-archive"), rest)) = text.split_once(':') {
        let (path, None) = split_reference(rest) else { return alone() };
        let found = match transport {
            "docker-archive" => docker::each(TarFile::open(&path)?, None)?,
            "oci" => oci::each_of_layout(&path, platform)?,
            _ => oci::each_of_archive(TarFile::open(&path)?, None, platform)?,
        };
        return Ok(named(found, text, text));
    }
    let is_path = ["/", "./", "../"].iter().any(|head| text.starts_with(head));
    let is_stored = match store {
        Some(store) if !is_path => store.find(text)?.is_some(),
        _ => false,
    };
    let path = Path::new(text);
    if is_stored || !path.exists() {
        return alone();
    }
    let with = |transport: &str| format!("{transport}:{text}");
    if path.is_dir() {
        return if path.join("oci-layout").exists() {
            Ok(named(oci::each_of_layout(path, platform)?, text, &with("oci")))
        } else {
            alone()
        };
    }
    match TarFile::open(path) {
        Ok(archive) if docker::recognises(&archive) => {
            Ok(named(docker::each(archive, None)?, text, &with("docker-archive")))
        }
        Ok(archive) if oci::recognises(&archive) => {
            Ok(named(oci::each_of_archive(archive, None, platform)?, text, &with("oci-archive")))
        }
        Err(error @ Error::Io { .. }) => Err(error),
        // no tar, or one of too many files to be an archive of images
        _ => Ok(vec![Each { text: text.to_owned(), image: rootfs::open(path) }]),
    }
}

/// Names each image in full. An only one is named by its source alone.
fn named(mut found: Vec<Each>, alone: &str, source: &str) -> Vec<Each> {
    if let [only] = found.as_mut_slice() {
        alone.clone_into(&mut only.text);
        return found;
    }
    for each in &mut found {
        each.text = format!("{source}:{}", each.text);
    }
    found
}
