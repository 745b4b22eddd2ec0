//! Where an image is named: a store name, skopeo's transports, or a path that is recognised by its content.
//!
//! | text | image |
//! |---|---|
//! | `app:1`, `sha256:…`, the head of an ID | of the store |
//! | `docker-archive:PATH[:ref]` | of an archive that `docker save` wrote |
//! | `oci:PATH[:ref]`, `oci-archive:PATH[:ref]` | of an OCI layout, in a directory or a tar |
//! | `rootfs:PATH` | a root filesystem, in a directory or a tar |
//! | a path | whichever of these it is |

mod each;

use std::path::{Path, PathBuf};

use crate::{
    Image, ImageName, Result, Store,
    archive::{docker, oci, tar_file::TarFile},
    error::Error,
    manifest::Platform,
    rootfs,
    store::Intake,
};
pub use each::{Each, each};

/// Names offered for one that was not found.
const MAX_NEAR: usize = 3;

/// Finds the image that a text names.
///
/// A text that begins like a path (`/`, `./`, `../`) is one; any other is looked for in the store first, and then as a
/// path. `platform` chooses where a source offers several. Archives of several images need `:ref`: a name, a digest or the
/// head of an ID, whichever the source has.
///
/// # Errors
/// [`Error::NotFound`] says what was tried and which names are alike; [`Error::SeveralImages`] and
/// [`Error::NoSuchReference`] which images there are; [`Error::Registry`] for `docker://`.
pub fn open(text: &str, store: Option<&Store>, platform: &Platform) -> Result<Box<dyn Image>> {
    if text.starts_with("docker://") {
        return Err(Error::Registry { text: text.to_owned() });
    }
    if let Some((transport, rest)) = text.split_once(':') {
        let (path, reference) = split_reference(rest);
        let reference = reference.as_deref();
        match transport {
            "docker-archive" => return select(docker::open(&path)?, &path, reference),
            "oci" => return only(oci::open_layout(&path, reference, platform)?, &path),
            "oci-archive" => return only(oci::open_archive(&path, reference, platform)?, &path),
            "rootfs" => return rootfs::open(Path::new(rest)),
            _ => {}
        }
    }
    let is_path = ["/", "./", "../"].iter().any(|head| text.starts_with(head));
    if !is_path
        && let Some(store) = store
        && let Some(image) = store.find(text)?
    {
        return Ok(Box::new(image));
    }
    let path = Path::new(text);
    if path.exists() {
        return match recognise(path, platform, None)? {
            Some(images) => only(images, path),
            None => rootfs::open(path),
        };
    }
    Err(not_found(text, store.filter(|_| !is_path)))
}

/// Gives the blobs that the archive or layout which a text names holds for nobody, with their bytes: as
/// [`archive::unreachable`](crate::archive::unreachable). An image of the store, and a root filesystem, have none.
///
/// # Errors
/// Those of opening the archive.
pub fn unreachable(text: &str, store: Option<&Store>) -> Result<Vec<(String, u64)>> {
    let path = match text.split_once(':') {
        Some(("docker-archive" | "oci" | "oci-archive", rest)) => split_reference(rest).0,
        Some(("rootfs", _)) => return Ok(Vec::new()),
        _ => {
            let is_path = ["/", "./", "../"].iter().any(|head| text.starts_with(head));
            let is_stored = match store {
                Some(store) if !is_path => store.find(text)?.is_some(),
                _ => false,
            };
            if is_stored || !Path::new(text).exists() {
                return Ok(Vec::new());
            }
            PathBuf::from(text)
        }
    };
    crate::archive::unreachable(&path)
}

/// Opens every image of an archive or a layout; `platform` chooses where one name offers several.
///
/// # Errors
/// [`Error::NotAnArchive`] when the path is neither: a root filesystem, say.
pub fn open_all(path: &Path, platform: &Platform) -> Result<Vec<Box<dyn Image>>> {
    recognise(path, platform, None)?.ok_or_else(|| Error::NotAnArchive { path: path.to_owned() })
}

/// The same; layers that have to be read for it are taken in as they are.
pub(crate) fn open_all_into(path: &Path, platform: &Platform, intake: &mut Intake<'_>) -> Result<Vec<Box<dyn Image>>> {
    recognise(path, platform, Some(intake))?.ok_or_else(|| Error::NotAnArchive { path: path.to_owned() })
}

/// Opens the images of a path that its content says is an archive or a layout; `None` for anything else.
fn recognise(path: &Path, platform: &Platform, intake: Option<&mut Intake<'_>>) -> Result<Option<Vec<Box<dyn Image>>>> {
    if path.is_dir() {
        let is_layout = path.join("oci-layout").exists();
        return is_layout.then(|| oci::open_layout(path, None, platform)).transpose();
    }
    match TarFile::open(path) {
        Ok(archive) if docker::recognises(&archive) => docker::images(archive, intake).map(Some),
        Ok(archive) if oci::recognises(&archive) => oci::images_of_archive(archive, None, platform).map(Some),
        Err(error @ Error::Io { .. }) => Err(error),
        // no tar, or one of too many files to be an archive of images
        _ => Ok(None),
    }
}

/// Splits `PATH[:ref]`. A colon may be in the path as well: the shortest head that exists is the path.
fn split_reference(text: &str) -> (PathBuf, Option<String>) {
    let split = |at: usize| (PathBuf::from(&text[..at]), Some(text[at + 1..].to_owned()));
    if Path::new(text).exists() {
        return (PathBuf::from(text), None);
    }
    let mut colons = text.match_indices(':').map(|(at, _)| at);
    let existing = colons.clone().find(|&at| Path::new(&text[..at]).exists());
    existing.or_else(|| colons.next()).map_or_else(|| (PathBuf::from(text), None), split)
}

fn only(mut images: Vec<Box<dyn Image>>, path: &Path) -> Result<Box<dyn Image>> {
    match (images.pop(), images.is_empty()) {
        (Some(image), true) => Ok(image),
        (None, _) => Err(Error::NoImage { place: path.to_owned() }),
        (Some(last), false) => {
            images.push(last);
            Err(Error::SeveralImages { place: path.to_owned(), available: labels(&images) })
        }
    }
}

fn select(images: Vec<Box<dyn Image>>, path: &Path, reference: Option<&str>) -> Result<Box<dyn Image>> {
    let Some(reference) = reference else {
        return only(images, path);
    };
    let available = labels(&images);
    let name = ImageName::parse(reference).ok();
    let digits = reference.strip_prefix("sha256:").unwrap_or(reference);
    let is_called = |image: &dyn Image| {
        name.as_ref().is_some_and(|name| image.names().contains(name))
            || digits.len() >= 4 && image.id().is_some_and(|id| id.hex().starts_with(digits))
    };
    images.into_iter().find(|image| is_called(&**image)).ok_or_else(|| Error::NoSuchReference {
        reference: reference.to_owned(),
        place: path.to_owned(),
        available,
    })
}

/// What to call images in messages.
fn labels(images: &[Box<dyn Image>]) -> Vec<String> {
    let label = |image: &dyn Image| match image.names().first() {
        Some(name) => name.to_string(),
        None => image.id().map(|id| id.to_string()).unwrap_or_default(),
    };
    images.iter().map(|image| label(&**image)).collect()
}

fn not_found(text: &str, store: Option<&Store>) -> Error {
    let mut tried = Vec::new();
    let mut near = Vec::new();
    if let Some(store) = store {
        tried.push("the store has none of that name or ID".to_owned());
        near = alike(text, &store.names().unwrap_or_default());
    }
    tried.push("there is no file or directory of that name".to_owned());
    Error::NotFound { text: text.to_owned(), tried, near }
}

/// The names that could have been meant: those that differ in few letters, or have the same repository.
fn alike(text: &str, names: &[ImageName]) -> Vec<String> {
    let wanted = ImageName::parse(text).map_or_else(|_| text.to_owned(), |name| name.to_string());
    let repository = wanted.split(':').next().unwrap_or_default();
    let mut near: Vec<_> = names
        .iter()
        .map(|name| (distance(&wanted, &name.to_string()), name))
        .filter(|(distance, name)| *distance <= wanted.len() / 3 || name.repository() == repository)
        .collect();
    near.sort();
    near.into_iter().take(MAX_NEAR).map(|(_, name)| name.to_string()).collect()
}

/// Levenshtein's distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        for (a, b, edits) in [("", "", 0), ("app", "", 3), ("app", "ap", 1), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }
}
