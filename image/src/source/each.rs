//! All images of a source, each for itself: one that cannot be opened leaves the others as they are.

use std::path::Path;

use super::{is_path, open, split_reference};
use crate::{
    Image, Result, Store,
    archive::{docker, oci, tar_file::TarFile},
    error::Error,
    manifest::Platform,
    rootfs,
    store::Intake,
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
        let (path, None) = split_reference(transport, rest) else { return alone() };
        let found = match transport {
            "docker-archive" => docker::each(TarFile::open(&path)?, None)?,
            "oci" => oci::each_of_layout(&path, None, platform)?,
            _ => oci::each_of_archive(TarFile::open(&path)?, None, platform)?,
        };
        return Ok(named(found, text, text));
    }
    let is_stored = match store {
        Some(store) if !is_path(text) => store.find(text)?.is_some(),
        _ => false,
    };
    let path = Path::new(text);
    if is_stored || !path.exists() {
        return alone();
    }
    match recognise(path, platform)? {
        Some((transport, found)) => Ok(named(found, text, &format!("{transport}:{text}"))),
        None => Ok(vec![Each { text: text.to_owned(), image: rootfs::open(path) }]),
    }
}

/// What a path or a stream was recognised as: the transport that names it, and its images.
pub(super) type Recognised = Option<(&'static str, Vec<Each>)>;

/// Opens the images of a path that its content says is an archive or a layout; `None` for anything else.
pub(super) fn recognise(path: &Path, platform: &Platform) -> Result<Recognised> {
    recognise_into(path, platform, None)
}

/// The same; layers that have to be read for it are taken in as they are.
pub(super) fn recognise_into(path: &Path, platform: &Platform, intake: Option<&mut Intake<'_>>) -> Result<Recognised> {
    if path.is_dir() {
        let is_layout = path.join("oci-layout").exists();
        return is_layout.then(|| Ok(("oci", oci::each_of_layout(path, None, platform)?))).transpose();
    }
    of_archive(TarFile::open(path), platform, intake)
}

/// The same of an archive that was opened.
pub(super) fn of_archive(
    archive: Result<TarFile>,
    platform: &Platform,
    intake: Option<&mut Intake<'_>>,
) -> Result<Recognised> {
    match archive {
        Ok(archive) if docker::recognises(&archive) => Ok(Some(("docker-archive", docker::each(archive, intake)?))),
        Ok(archive) if oci::recognises(&archive) => {
            Ok(Some(("oci-archive", oci::each_of_archive(archive, None, platform)?)))
        }
        Err(error @ (Error::Io { .. } | Error::Archive { .. })) => Err(error),
        // no tar, or one of too many files to be an archive of images
        _ => Ok(None),
    }
}

/// Names each image in full. An only one is named by its source alone.
pub(super) fn named(mut found: Vec<Each>, alone: &str, source: &str) -> Vec<Each> {
    if let [only] = found.as_mut_slice() {
        alone.clone_into(&mut only.text);
        return found;
    }
    for each in &mut found {
        each.text = format!("{source}:{}", each.text);
    }
    found
}
