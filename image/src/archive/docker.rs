//! Archives as `docker save` writes them, and `docker load`, podman and skopeo read them.
//!
//! ```text
//! of old:   manifest.json   <config>.json   <id>/layer.tar   <id>/VERSION …     a layer may be a link to another's
//! today:    manifest.json   index.json   oci-layout   blobs/sha256/<digest>     also an OCI layout
//! ```
//!
//! `manifest.json` says which images there are; its paths lead anywhere within the archive.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    path::Path,
    sync::Arc,
};

use serde::Deserialize;
use serde_json::Value;

use super::{
    Named, Package, Written,
    oci::resolve,
    sink::TarSink,
    tar_file::{Span, TarFile},
    writer,
};
use crate::{
    Image, Layer,
    blob::{BlobLayer, Blobs},
    compression::Compression,
    config::{keys, null_is_default},
    digest::{DiffId, Digest, Hasher, VerifyError},
    error::{Error, Result},
    found::{FoundImage, parse_config},
    manifest::{Descriptor, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD},
    name::ImageName,
    source::Each,
    store::{self, Intake},
};

/// The largest `manifest.json` read.
const MAX_LIST_BYTES: u64 = MAX_MANIFEST_BYTES;
/// Images of one archive; each may cost a config in memory.
const MAX_IMAGES: usize = 1000;
/// What docker writes for an image without a name.
const NO_NAME: &str = "<none>:<none>";

/// An image of `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    #[serde(default, deserialize_with = "null_is_default")]
    repo_tags: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    layers: Vec<String>,
}

/// Opens all images of an archive, in its order. It may be compressed as a whole.
///
/// Layers are not read, but for compressed ones that have no digest in their name.
pub fn open(path: &Path) -> Result<Vec<Box<dyn Image>>> {
    images(TarFile::open(path)?, None)
}

/// As [`open`], of an archive that is open already. A layer that has to be read, since nothing says its digest, goes into the
/// store at the same time where there is an intake.
pub(crate) fn images(archive: TarFile, intake: Option<&mut Intake<'_>>) -> Result<Vec<Box<dyn Image>>> {
    each(archive, intake)?.into_iter().map(|each| each.image).collect()
}

/// The same, each image for itself.
pub(crate) fn each(archive: TarFile, intake: Option<&mut Intake<'_>>) -> Result<Vec<Each>> {
    let archive = Arc::new(archive);
    let listed = list(&archive)?;
    if listed.is_empty() {
        return Err(Error::NoImage { place: archive.path().to_owned() });
    }
    let manifests = manifests(&archive).unwrap_or_default();
    let mut spans = Spans { archive: &archive, intake, by_digest: HashMap::new(), hashed: HashMap::new() };
    let open = |listed| (label(listed), image(listed, &archive, &manifests, &mut spans));
    let images: Vec<_> = listed.iter().map(open).collect();
    let spans = spans.by_digest;
    let blobs: Arc<dyn Blobs> = Arc::new(DockerBlobs { archive, spans });
    let finish = |image: Unfinished| Box::new(image.finish(&blobs)) as Box<dyn Image>;
    Ok(images.into_iter().map(|(text, image)| Each { text, image: image.map(finish) }).collect())
}

/// What to call an image: its first name, or else its ID.
fn label(listed: &Listed) -> String {
    let name = listed.repo_tags.iter().find(|name| *name != NO_NAME).cloned();
    let id = || digest_in(&listed.config).map(|digest| digest.to_string());
    name.or_else(id).unwrap_or_else(|| listed.config.clone())
}

/// Whether an archive is one of these.
pub(crate) fn recognises(archive: &TarFile) -> bool {
    archive.contains("manifest.json")
}

/// The files that the images of an archive need: what `manifest.json` names, links followed.
pub(crate) fn needed(archive: &TarFile) -> Result<Vec<String>> {
    let names = list(archive)?.into_iter().flat_map(|listed| [vec![listed.config], listed.layers].concat());
    Ok(names.filter_map(|name| archive.target(&name)).collect())
}

fn list(archive: &TarFile) -> Result<Vec<Listed>> {
    let bytes = archive.read("manifest.json", MAX_LIST_BYTES)?;
    let unreadable =
        |source| Error::Document { place: format!("manifest.json of {}", archive.path().display()), source };
    let mut images: Vec<Value> = serde_json::from_slice(&bytes).map_err(unreadable)?;
    if images.len() > MAX_IMAGES {
        return Err(Error::TooMany { what: "images", place: archive.path().to_owned(), limit: MAX_IMAGES });
    }
    // some writers do not know docker's spelling, and docker does not mind
    for image in &mut images {
        keys::rename(image, &["Config", "RepoTags", "Layers"]);
    }
    serde_json::from_value(Value::Array(images)).map_err(unreadable)
}

/// The manifests of an archive of today by the digest of their config. `manifest.json` decides what is in the archive;
/// these only tell under which digest it is known elsewhere.
fn manifests(archive: &TarFile) -> Result<HashMap<Digest, resolve::Resolved>> {
    let index = archive.read("index.json", MAX_MANIFEST_BYTES)?;
    let index = store::index::parse(&index, "index.json")?;
    let found = resolve::all(archive, &index.manifests)?;
    Ok(found.into_iter().map(|found| (found.manifest.config.digest, found)).collect())
}

/// An image whose layers are known by their descriptors.
struct Unfinished {
    names: Vec<ImageName>,
    raw_config: Vec<u8>,
    config: crate::ImageConfig,
    raw_manifest: Option<Vec<u8>>,
    layers: Vec<Descriptor>,
}

impl Unfinished {
    fn finish(self, blobs: &Arc<dyn Blobs>) -> FoundImage {
        let layers = self.layers.iter().zip(&self.config.rootfs.diff_ids);
        let layers = layers
            .map(|(layer, &diff_id)| Arc::new(BlobLayer::new(Arc::clone(blobs), layer, diff_id)) as Arc<dyn Layer>)
            .collect();
        let Self { names, raw_config, config, raw_manifest, .. } = self;
        FoundImage { names, raw_config, config, raw_manifest, layers }
    }
}

fn image(
    listed: &Listed,
    archive: &TarFile,
    manifests: &HashMap<Digest, resolve::Resolved>,
    spans: &mut Spans<'_, '_>,
) -> Result<Unfinished> {
    let raw_config = archive.read(&listed.config, MAX_CONFIG_BYTES)?;
    let place = format!("{} of {}", listed.config, archive.path().display());
    let id = Digest::of(&raw_config);
    if let Some(expected) = digest_in(&listed.config).filter(|&expected| expected != id) {
        let error = VerifyError::Digest { what: listed.config.clone(), expected, found: id };
        return Err(Error::read(&listed.config, archive.path())(io::Error::new(io::ErrorKind::InvalidData, error)));
    }
    let config = parse_config(&raw_config, &place)?;
    let diff_ids = &config.rootfs.diff_ids;
    if diff_ids.len() != listed.layers.len() {
        return Err(Error::LayerCount { place, layers: listed.layers.len(), diff_ids: diff_ids.len() });
    }
    let layers: Vec<_> =
        listed.layers.iter().zip(diff_ids).map(|(name, &diff_id)| spans.layer(name, diff_id)).collect::<Result<_>>()?;
    let names = listed.repo_tags.iter().filter(|name| *name != NO_NAME).map(|name| ImageName::parse(name));
    let names = names.collect::<Result<_, _>>()?;
    let raw_manifest = manifests.get(&id).filter(|found| same_layers(&found.manifest.layers, &layers));
    Ok(Unfinished { names, raw_manifest: raw_manifest.map(|found| found.raw.clone()), raw_config, config, layers })
}

fn same_layers(a: &[Descriptor], b: &[Descriptor]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a.digest, a.size) == (b.digest, b.size))
}

/// The digest that a path promises: `blobs/sha256/<hex>`, `<hex>.json`, `<hex>.tar`.
fn digest_in(path: &str) -> Option<Digest> {
    let name = path.rsplit('/').next()?;
    let hex = name.strip_suffix(".json").unwrap_or(name);
    format!("sha256:{hex}").parse().ok()
}

/// Where the layers of an archive lie, by the digest of their bytes.
struct Spans<'a, 's> {
    archive: &'a TarFile,
    intake: Option<&'a mut Intake<'s>>,
    by_digest: HashMap<Digest, Span>,
    /// Layers that had to be read, by where they lie: many images may share one.
    hashed: HashMap<u64, Digest>,
}

impl Spans<'_, '_> {
    fn layer(&mut self, name: &str, diff_id: DiffId) -> Result<Descriptor> {
        let span = self.archive.find(name)?;
        let compression = self.archive.compression(span)?;
        let digest = match (name.starts_with("blobs/").then(|| digest_in(name)).flatten(), compression) {
            (Some(digest), _) => digest,
            (None, Compression::None) => diff_id.into(),
            (None, _) => self.hash(name, span, diff_id)?,
        };
        self.by_digest.insert(digest, span);
        Ok(Descriptor::new(media_type(compression), digest, span.size))
    }

    fn hash(&mut self, name: &str, span: Span, diff_id: DiffId) -> Result<Digest> {
        if let Some(&digest) = self.hashed.get(&span.start) {
            return Ok(digest);
        }
        let mut stored = self.archive.slice(span);
        let digest = if let Some(intake) = &mut self.intake {
            intake.stream(name, stored, diff_id)?
        } else {
            let mut hasher = Hasher::new();
            io::copy(&mut stored, &mut hasher).map_err(Error::read(name, self.archive.path()))?;
            hasher.finish()
        };
        self.hashed.insert(span.start, digest);
        Ok(digest)
    }
}

/// The media type of a layer by how it is compressed; xz and bzip2, which docker reads and OCI does not know, in the
/// same form.
fn media_type(compression: Compression) -> String {
    match compression {
        Compression::None => OCI_LAYER.to_owned(),
        Compression::Gzip => OCI_LAYER_GZIP.to_owned(),
        Compression::Zstd => OCI_LAYER_ZSTD.to_owned(),
        Compression::Xz => format!("{OCI_LAYER}+xz"),
        Compression::Bzip2 => format!("{OCI_LAYER}+bzip2"),
    }
}

/// Layers of an archive by their digests, wherever they lie.
#[derive(Debug)]
struct DockerBlobs {
    archive: Arc<TarFile>,
    spans: HashMap<Digest, Span>,
}

impl Blobs for DockerBlobs {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>> {
        match self.spans.get(digest) {
            Some(&span) => Ok(Box::new(self.archive.slice(span))),
            None => Err(Error::MissingBlob { digest: *digest, place: self.archive.path().to_owned() }),
        }
    }

    fn place(&self) -> &Path {
        self.archive.path()
    }
}

/// Writes an archive of images as `docker save` does today: an OCI layout with a `manifest.json`.
///
/// Layers are written as they are stored when they are plain or gzip; others are decompressed, since not every docker
/// reads them. Equal images give equal bytes.
///
/// # Errors
/// [`Error::NoConfig`] for a root filesystem.
pub fn write(images: &[Named<'_>], out: impl Write) -> Result<()> {
    let plan = writer::Plan::for_docker(images)?;
    let mut sink = TarSink::new(out);
    plan.write(&mut sink)?;
    sink.finish()
}

/// Writes one image for one platform, its layers as they are stored: whoever asks for zstd has a docker that reads it
/// (version 23 and later). Otherwise as [`write()`].
///
/// # Errors
/// [`Error::NoConfig`] for a root filesystem, [`Error::SeveralPlatforms`], and [`Error::IndexAnnotation`].
pub fn write_package(package: &Package<'_>, out: impl Write) -> Result<Written> {
    let (plan, written) = writer::Plan::of_docker_package(package)?;
    let mut sink = TarSink::new(out);
    plan.write(&mut sink)?;
    sink.finish()?;
    Ok(written)
}
