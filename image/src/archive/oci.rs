//! OCI image layouts, as a directory or in a tar (image-spec, `image-layout.md`).
//!
//! ```text
//! oci-layout            {"imageLayoutVersion":"1.0.0"}
//! index.json            entries ──► manifest ──► config, layers
//! blobs/sha256/<hex>          └───► index ──► manifests by platform, and statements about them, which are passed over
//! ```

pub(crate) mod resolve;

use std::{
    collections::{BTreeMap, HashMap},
    io::{Read, Write},
    path::Path,
    sync::Arc,
};

use oci_spec::image::OciLayout;

use super::{
    Named, Package, Written,
    sink::{DirectorySink, Sink, TarSink},
    tar_file::TarFile,
    writer::Plan,
};
use crate::{
    Image,
    blob::{self, Blobs, DirectoryBlobs},
    digest::Digest,
    error::{Error, Result},
    found::FoundImage,
    manifest::{CONTAINERD_NAME, Descriptor, Index, MAX_MANIFEST_BYTES, Platform, REF_NAME},
    name::ImageName,
    source::Each,
    store,
};

/// The largest `oci-layout` file read; the usual one has 30 bytes.
const MAX_LAYOUT_FILE_BYTES: u64 = 64 << 10;

/// Opens the images of a layout directory.
///
/// `reference` selects by full name, by the layout's own `org.opencontainers.image.ref.name`, or by the digest of the
/// manifest or index. Where an index, or several entries of one name, offer an image for several platforms, the one for
/// `platform` is taken; an only one is taken whatever it is for.
///
/// # Errors
/// [`Error::NoSuchReference`], [`Error::NoPlatform`], [`Error::NoImage`], and whatever is wrong with the documents.
pub fn open_layout(path: &Path, reference: Option<&str>, platform: &Platform) -> Result<Vec<Box<dyn Image>>> {
    each_of_layout(path, reference, platform)?.into_iter().map(|each| each.image).collect()
}

/// As [`open_layout`], each image for itself.
pub(crate) fn each_of_layout(path: &Path, reference: Option<&str>, platform: &Platform) -> Result<Vec<Each>> {
    check_layout_file(path)?;
    let index = store::index::read(path)?;
    let blobs: Arc<dyn Blobs> = Arc::new(DirectoryBlobs::open(path)?);
    each(&blobs, &index, reference, platform)
}

/// Opens the images of a layout in a tar, which may be compressed as a whole; otherwise as [`open_layout`].
pub fn open_archive(path: &Path, reference: Option<&str>, platform: &Platform) -> Result<Vec<Box<dyn Image>>> {
    images_of_archive(TarFile::open(path)?, reference, platform)
}

/// As [`open_archive`], of an archive that is open already.
pub(crate) fn images_of_archive(
    archive: TarFile,
    reference: Option<&str>,
    platform: &Platform,
) -> Result<Vec<Box<dyn Image>>> {
    each_of_archive(archive, reference, platform)?.into_iter().map(|each| each.image).collect()
}

/// The same, each image for itself.
pub(crate) fn each_of_archive(archive: TarFile, reference: Option<&str>, platform: &Platform) -> Result<Vec<Each>> {
    let place = |name: &str| format!("{name} of {}", archive.path().display());
    parse_layout_file(&archive.read("oci-layout", MAX_LAYOUT_FILE_BYTES)?, &place("oci-layout"))?;
    let index = store::index::parse(&archive.read("index.json", MAX_MANIFEST_BYTES)?, &place("index.json"))?;
    let blobs: Arc<dyn Blobs> = Arc::new(archive);
    each(&blobs, &index, reference, platform)
}

/// Whether an archive is one of these.
pub(crate) fn recognises(archive: &TarFile) -> bool {
    archive.contains("oci-layout") && archive.contains("index.json")
}

/// Checks that a directory says that it is an OCI layout.
pub(crate) fn check_layout_file(layout: &Path) -> Result<()> {
    let path = layout.join("oci-layout");
    let mut bytes = Vec::new();
    let file = blob::open_in_layout(layout, "oci-layout")?;
    file.take(MAX_LAYOUT_FILE_BYTES).read_to_end(&mut bytes).map_err(Error::io("read", &path))?;
    parse_layout_file(&bytes, &path.display().to_string())
}

fn parse_layout_file(bytes: &[u8], place: &str) -> Result<()> {
    let layout: OciLayout =
        serde_json::from_slice(bytes).map_err(|source| Error::Document { place: place.to_owned(), source })?;
    let version = layout.image_layout_version();
    if version.starts_with("1.") {
        return Ok(());
    }
    Err(Error::LayoutVersion { place: place.to_owned(), version: version.clone() })
}

/// Finds the images of an index.
fn each(blobs: &Arc<dyn Blobs>, index: &Index, reference: Option<&str>, platform: &Platform) -> Result<Vec<Each>> {
    let entries: Vec<_> = index.manifests.iter().filter(|entry| !entry.is_attestation()).collect();
    let chosen: Vec<_> =
        entries.iter().filter(|entry| reference.is_none_or(|text| is_called(entry, text))).copied().collect();
    if let (Some(reference), true) = (reference, chosen.is_empty()) {
        let available = entries.iter().map(|entry| label(entry)).collect();
        return Err(Error::NoSuchReference {
            reference: reference.to_owned(),
            place: blobs.place().to_owned(),
            available,
        });
    }
    let mut found: Vec<(String, Result<(Digest, FoundImage)>)> = Vec::new();
    let mut places: HashMap<Digest, usize> = HashMap::new();
    let mut no_image = Error::NoImage { place: blobs.place().to_owned() };
    for group in alternatives(&chosen) {
        let text = label(&group[0]);
        let image = resolve::among(&**blobs, &group, &text, platform).and_then(|resolved| {
            let resolve::Resolved { digest, manifest, raw } = resolved;
            Ok((digest, FoundImage::of_manifest(blobs, digest, &manifest, raw, Vec::new())?))
        });
        let place = match image {
            Ok((digest, image)) => *places.entry(digest).or_insert_with(|| {
                found.push((text, Ok((digest, image))));
                found.len() - 1
            }),
            // artifacts of another kind may stand beside images
            Err(error @ Error::NotAnImage { .. }) => {
                no_image = error;
                continue;
            }
            Err(error) => {
                found.push((text, Err(error)));
                continue;
            }
        };
        if let (_, Ok((_, image))) = &mut found[place] {
            let name = name_of(&group[0]).filter(|name| !image.names.contains(name));
            image.names.extend(name);
        }
    }
    if found.is_empty() {
        return Err(no_image);
    }
    let boxed = |(_, image): (Digest, FoundImage)| Box::new(image) as Box<dyn Image>;
    Ok(found.into_iter().map(|(text, image)| Each { text, image: image.map(boxed) }).collect())
}

/// Brings entries together that offer one image for several platforms: those of one name, and those without a name that
/// all say what they run on.
fn alternatives(entries: &[&Descriptor]) -> Vec<Vec<Descriptor>> {
    let mut groups: Vec<Vec<Descriptor>> = Vec::new();
    let mut by_label: BTreeMap<Option<&String>, usize> = BTreeMap::new();
    let unnamed_are_one =
        entries.iter().filter(|entry| own_name(entry).is_none()).all(|entry| entry.platform.is_some());
    for &entry in entries {
        let name = own_name(entry);
        if name.is_none() && !unnamed_are_one {
            groups.push(vec![entry.clone()]);
            continue;
        }
        let position = *by_label.entry(name).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[position].push(entry.clone());
    }
    groups
}

/// The full name where there is one, or else the layout's own.
fn own_name(entry: &Descriptor) -> Option<&String> {
    entry.annotations.get(CONTAINERD_NAME).or_else(|| entry.annotations.get(REF_NAME))
}

/// The image's name. A tag alone (as skopeo and docker put it) names nothing.
fn name_of(entry: &Descriptor) -> Option<ImageName> {
    let text = own_name(entry)?;
    text.contains([':', '/']).then(|| ImageName::parse(text).ok()).flatten()
}

fn is_called(entry: &Descriptor, text: &str) -> bool {
    let wanted = ImageName::parse(text).ok();
    let mut names = [REF_NAME, CONTAINERD_NAME].into_iter().filter_map(|key| entry.annotations.get(key));
    names.any(|name| name == text || wanted.is_some() && ImageName::parse(name).ok() == wanted)
        || text.parse() == Ok(entry.digest)
}

/// What to call an entry: what [`is_called`] takes.
fn label(entry: &Descriptor) -> String {
    let name = name_of(entry).map(|name| name.to_string());
    name.or_else(|| own_name(entry).cloned()).unwrap_or_else(|| entry.digest.to_string())
}

/// Writes images into a new layout directory.
///
/// # Errors
/// [`Error::Exists`] when there is a layout already; [`Error::NoConfig`] for a root filesystem.
pub fn write_layout(images: &[Named<'_>], directory: &Path) -> Result<()> {
    if directory.join("index.json").exists() {
        return Err(Error::Exists { path: directory.to_owned() });
    }
    // blobs sort before the index, so that it never names what is not there
    write(images, &mut DirectorySink::new(directory)?)
}

/// Writes images as a layout in a tar. Equal images give equal bytes.
///
/// # Errors
/// [`Error::NoConfig`] for a root filesystem.
pub fn write_archive(images: &[Named<'_>], out: impl Write) -> Result<()> {
    let mut sink = TarSink::new(out);
    write(images, &mut sink)?;
    sink.finish()
}

fn write(images: &[Named<'_>], sink: &mut impl Sink) -> Result<()> {
    Plan::for_oci(images)?.write(sink)
}

/// Writes one image, for one platform or several, into a layout directory; one that is there already keeps what it has,
/// but for the names that the image gets.
///
/// # Errors
/// [`Error::NoConfig`] for a root filesystem, [`Error::IndexAnnotation`] when there is one platform only, and whatever is
/// wrong with the layout that is there.
pub fn write_package_layout(package: &Package<'_>, directory: &Path) -> Result<Written> {
    let mut there = Vec::new();
    if directory.join("index.json").exists() {
        check_layout_file(directory)?;
        there = store::index::read(directory)?.manifests;
    }
    let (plan, written) = Plan::of_oci_package(package, there)?;
    let mut sink = DirectorySink::new(directory)?;
    if let Err(error) = plan.write(&mut sink) {
        sink.undo();
        return Err(error);
    }
    Ok(written)
}

/// Writes one image, for one platform or several, as a layout in a tar. Equal images give equal bytes.
///
/// # Errors
/// [`Error::NoConfig`] for a root filesystem, [`Error::IndexAnnotation`] when there is one platform only.
pub fn write_package_archive(package: &Package<'_>, out: impl Write) -> Result<Written> {
    let (plan, written) = Plan::of_oci_package(package, Vec::new())?;
    let mut sink = TarSink::new(out);
    plan.write(&mut sink)?;
    sink.finish()?;
    Ok(written)
}
