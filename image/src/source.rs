//! Where an image is named: a store name, skopeo's transports, or a path that is recognised by its content.
//!
//! | text | image |
//! |---|---|
//! | `app:1`, `sha256:…`, the head of an ID | of the store |
//! | `docker-archive:PATH[:ref]` | of an archive that `docker save` wrote |
//! | `oci:PATH[:ref]`, `oci-archive:PATH[:ref]` | of an OCI layout, in a directory or a tar |
//! | `rootfs:PATH` | a root filesystem, in a directory or a tar |
//! | a path | whichever of these it is |
//! | `-`, `docker-archive:-[:ref]`, `oci-archive:-[:ref]`, `rootfs:-` | the same of standard input: [`read`] |

mod each;
mod stream;

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
pub(crate) use stream::read_all_into;
pub use stream::{is_stream, read, read_each};

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
        let (path, reference) = split_reference(transport, rest);
        let (named, reference) = (format!("{transport}:{}", path.display()), reference.as_deref());
        match transport {
            "docker-archive" => return docker_image(TarFile::open(&path)?, &named, reference),
            "oci" => return only(oci::each_of_layout(&path, reference, platform)?, &path, &named),
            "oci-archive" => return oci_image(TarFile::open(&path)?, &named, reference, platform),
            "rootfs" => return rootfs::open(Path::new(rest)),
            _ => {}
        }
    }
    if !is_path(text)
        && let Some(store) = store
        && let Some(image) = store.find(text)?
    {
        return Ok(Box::new(image));
    }
    let path = Path::new(text);
    if path.exists() {
        return match each::recognise(path, platform)? {
            Some((transport, found)) => only(found, path, &format!("{transport}:{text}")),
            None => rootfs::open(path),
        };
    }
    Err(not_found(text, store.filter(|_| !is_path(text)), platform))
}

/// Gives the blobs that the archive or layout which a text names holds for nobody, with their bytes: as
/// [`archive::unreachable`](crate::archive::unreachable). An image of the store, and a root filesystem, have none, and of
/// standard input nothing is left to look at.
///
/// # Errors
/// Those of opening the archive.
pub fn unreachable(text: &str, store: Option<&Store>) -> Result<Vec<(String, u64)>> {
    let path = match text.split_once(':') {
        _ if is_stream(text) => return Ok(Vec::new()),
        Some((transport @ ("docker-archive" | "oci" | "oci-archive"), rest)) => split_reference(transport, rest).0,
        Some(("rootfs", _)) => return Ok(Vec::new()),
        _ => {
            let is_stored = match store {
                Some(store) if !is_path(text) => store.find(text)?.is_some(),
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
    all(path, platform, None)
}

/// The same; layers that have to be read for it are taken in as they are.
pub(crate) fn open_all_into(path: &Path, platform: &Platform, intake: &mut Intake<'_>) -> Result<Vec<Box<dyn Image>>> {
    all(path, platform, Some(intake))
}

fn all(path: &Path, platform: &Platform, intake: Option<&mut Intake<'_>>) -> Result<Vec<Box<dyn Image>>> {
    images_of(each::recognise_into(path, platform, intake)?, path)
}

fn images_of(found: each::Recognised, path: &Path) -> Result<Vec<Box<dyn Image>>> {
    let (_, found) = found.ok_or_else(|| Error::NotAnArchive { path: path.to_owned() })?;
    found.into_iter().map(|each| each.image).collect()
}

/// Whether a text begins as a path does, and so is no name in the store.
fn is_path(text: &str) -> bool {
    ["/", "./", "../"].iter().any(|head| text.starts_with(head))
}

/// Splits `PATH[:ref]`. A colon may be in the path as well: the shortest head that exists is the path. dive puts two
/// slashes before an archive's path.
fn split_reference(transport: &str, text: &str) -> (PathBuf, Option<String>) {
    if let ("docker-archive", Some(after)) = (transport, text.strip_prefix("//")) {
        let given = split_path(text);
        return if given.0.exists() { given } else { split_path(after) };
    }
    split_path(text)
}

fn split_path(text: &str) -> (PathBuf, Option<String>) {
    let split = |at: usize| (PathBuf::from(&text[..at]), Some(text[at + 1..].to_owned()));
    if Path::new(text).exists() {
        return (PathBuf::from(text), None);
    }
    let mut colons = text.match_indices(':').map(|(at, _)| at);
    let existing = colons.clone().find(|&at| Path::new(&text[..at]).exists());
    existing.or_else(|| colons.next()).map_or_else(|| (PathBuf::from(text), None), split)
}

/// The image of an archive that docker wrote. `named` names it with its transport.
fn docker_image(archive: TarFile, named: &str, reference: Option<&str>) -> Result<Box<dyn Image>> {
    let place = archive.path().to_owned();
    match reference {
        Some(reference) => select(docker::images(archive, None)?, &place, reference),
        None => only(docker::each(archive, None)?, &place, named),
    }
}

/// The image of a layout in a tar.
fn oci_image(archive: TarFile, named: &str, reference: Option<&str>, platform: &Platform) -> Result<Box<dyn Image>> {
    let place = archive.path().to_owned();
    only(oci::each_of_archive(archive, reference, platform)?, &place, named)
}

fn only(mut found: Vec<Each>, place: &Path, named: &str) -> Result<Box<dyn Image>> {
    let place = place.to_owned();
    match (found.pop(), found.is_empty()) {
        (Some(each), true) => each.image,
        (None, _) => Err(Error::NoImage { place }),
        (Some(last), false) => {
            found.push(last);
            let available = found.into_iter().map(|each| each.text).collect();
            Err(Error::SeveralImages { place, named: named.to_owned(), available })
        }
    }
}

fn select(images: Vec<Box<dyn Image>>, place: &Path, reference: &str) -> Result<Box<dyn Image>> {
    let available = labels(&images);
    let name = ImageName::parse(reference).ok();
    let digits = reference.strip_prefix("sha256:").unwrap_or(reference);
    let is_called = |image: &dyn Image| {
        name.as_ref().is_some_and(|name| image.names().contains(name))
            || digits.len() >= 4 && image.id().is_some_and(|id| id.hex().starts_with(digits))
    };
    images.into_iter().find(|image| is_called(&**image)).ok_or_else(|| Error::NoSuchReference {
        reference: reference.to_owned(),
        place: place.to_owned(),
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

fn not_found(text: &str, store: Option<&Store>, platform: &Platform) -> Error {
    let mut tried = Vec::new();
    let mut near: Vec<String> = with_transport(text, platform).into_iter().collect();
    if !is_path(text) {
        tried.push("the store has none of that name or ID".to_owned());
    }
    if let Some(store) = store {
        near.extend(alike(text, &store.names().unwrap_or_default()));
    }
    tried.push("there is no file or directory of that name".to_owned());
    Error::NotFound { text: text.to_owned(), tried, near }
}

/// `PATH:ref` with the transport that it lacks, where there is an archive or a layout.
fn with_transport(text: &str, platform: &Platform) -> Option<String> {
    let (path, _) = split_path(text);
    let (transport, _) = path.exists().then(|| each::recognise(&path, platform).ok().flatten())??;
    Some(format!("{transport}:{text}"))
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
