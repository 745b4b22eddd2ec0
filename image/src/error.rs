//! What can go wrong with images: each variant names the operation and the object.

use std::{io, path::PathBuf};

use crate::{
    digest::{Digest, DigestError, ImageId},
    manifest::Platform,
    name::{ImageName, NameError},
};

/// The result of working with images.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with images, their archives and the store.
///
/// Content that is not what its digest promised comes out of readers as an [`io::Error`] that holds a
/// [`VerifyError`](crate::digest::VerifyError), here the source of [`Error::Io`] and [`Error::Read`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A system call failed on a path.
    #[error("cannot {operation} {path}")]
    Io {
        /// What was tried: `open`, `read`, `create` and so on.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// An object inside an archive, layout or store cannot be read to its end, or is not what it was promised to be.
    #[error("cannot read {what} of {place}")]
    Read {
        /// The object: `layer sha256:…`, `manifest.json`.
        what: String,
        /// The archive, layout or store.
        place: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A layer cannot be taken into the store: it cannot be read to its end, or is not the one that its image names.
    #[error("cannot store layer {layer}")]
    Layer {
        /// Its digest, or its file in the archive.
        layer: String,
        /// Why not.
        source: io::Error,
    },
    /// Something cannot be written to the stream that the caller gave.
    #[error("cannot write {what}")]
    Write {
        /// The object: `layer sha256:…`, `index.json`.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// A JSON document is not what it should be.
    #[error("{place} is not a valid document")]
    Document {
        /// Which document, and where.
        place: String,
        /// What the JSON reader says, with line and column.
        source: serde_json::Error,
    },
    /// A document of ours cannot be written as JSON.
    #[error("the {what} cannot be written as JSON")]
    Serialize {
        /// Which document.
        what: &'static str,
        /// What the JSON writer says.
        source: serde_json::Error,
    },
    /// A document can be read as a manifest and as an index (CVE-2021-41190).
    #[error("{place} could be a manifest or an index: it has `manifests` beside `layers` or `config`")]
    AmbiguousDocument {
        /// Which document, and where.
        place: String,
    },
    /// A manifest or index of another schema.
    #[error("{place} has schemaVersion {version}, only 2 is supported")]
    SchemaVersion {
        /// Which document, and where.
        place: String,
        /// The version that it names.
        version: u32,
    },
    /// An OCI layout of another version.
    #[error("{place} is of layout version {version:?}, only 1.0.0 is supported")]
    LayoutVersion {
        /// The `oci-layout` file.
        place: String,
        /// The version that it names.
        version: String,
    },
    /// A document is not of the kind that its media type says.
    #[error("{place} is not what its media type {media_type:?} says")]
    MediaType {
        /// Which document, and where.
        place: String,
        /// The media type.
        media_type: String,
    },
    /// A manifest leads to no image config: it is an artifact of another kind.
    #[error("{place} is no container image: its config is {media_type:?}")]
    NotAnImage {
        /// Which manifest, and where.
        place: String,
        /// The config's media type.
        media_type: String,
    },
    /// Something is larger than anything of its kind can sensibly be.
    #[error("{what} has {size} bytes, more than the {limit} allowed")]
    TooLarge {
        /// The object, and where it is.
        what: String,
        /// Its bytes, or the number at which reading stopped.
        size: u64,
        /// The most that is read.
        limit: u64,
    },
    /// There is more of something than can sensibly be.
    #[error("{place} has more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// Where.
        place: PathBuf,
        /// The most that is read.
        limit: usize,
    },
    /// A config and the manifest beside it do not have the same number of layers.
    #[error("{place} has {layers} layers, but its config names {diff_ids}")]
    LayerCount {
        /// Which image, and where.
        place: String,
        /// Layers of the manifest.
        layers: usize,
        /// Diff IDs of the config.
        diff_ids: usize,
    },
    /// A blob that a document names is not there.
    #[error("{place} has no blob {digest}")]
    MissingBlob {
        /// The blob.
        digest: Digest,
        /// The archive, layout or store.
        place: PathBuf,
    },
    /// A file that must be in an archive or layout is not there.
    #[error("{place} has no {name}")]
    MissingEntry {
        /// The file, as it was looked for.
        name: String,
        /// The archive or layout.
        place: PathBuf,
    },
    /// A file of an archive or layout is a link that leads nowhere, or not a file.
    #[error("{name} of {place} is not a regular file")]
    Irregular {
        /// The file.
        name: String,
        /// The archive or layout.
        place: PathBuf,
    },
    /// No image has the name that was asked for.
    #[error("{place} has no image {reference:?}")]
    NoSuchReference {
        /// The name.
        reference: String,
        /// The archive or layout.
        place: PathBuf,
        /// The names that there are.
        available: Vec<String>,
    },
    /// There are several images, and none was asked for.
    #[error("{place} holds several images, and none of them was named")]
    SeveralImages {
        /// The archive or layout.
        place: PathBuf,
        /// What names it with its transport, `oci:PATH`: with `:` and one of the names behind it, it names an image.
        named: String,
        /// The names that there are.
        available: Vec<String>,
    },
    /// There is no image at all.
    #[error("{place} holds no image")]
    NoImage {
        /// The archive or layout.
        place: PathBuf,
    },
    /// There is something already where a layout should be written.
    #[error("{path} is an image layout already")]
    Exists {
        /// The directory.
        path: PathBuf,
    },
    /// No image is for the platform that was asked for.
    #[error("{place} has no image for {platform}")]
    NoPlatform {
        /// The index, and where.
        place: String,
        /// What was asked for.
        platform: Box<Platform>,
        /// The platforms that there are.
        available: Vec<String>,
    },
    /// An image without config cannot be written in a form that needs one.
    #[error("a root filesystem has no config and cannot be written as {form}")]
    NoConfig {
        /// The form.
        form: &'static str,
    },
    /// An image for several platforms cannot be written in a form that knows one only.
    #[error("{form} holds an image for one platform, not for {platforms}")]
    SeveralPlatforms {
        /// The form.
        form: &'static str,
        /// How many there are.
        platforms: usize,
    },
    /// There is an annotation for an index, and no index.
    #[error("an image for one platform has no index that could have the annotation {key:?}")]
    IndexAnnotation {
        /// Its name.
        key: String,
    },
    /// A text names no image in any way known.
    #[error("no image {text:?}: {}", tried.join(", and "))]
    NotFound {
        /// The text.
        text: String,
        /// What was tried, a clause each.
        tried: Vec<String>,
        /// Names of images that look like it, the most alike first.
        near: Vec<String>,
    },
    /// Images cannot be read from there yet.
    #[error("{text:?}: images of registries cannot be read yet")]
    Registry {
        /// The text.
        text: String,
    },
    /// The store has no such image.
    #[error("no such image: {text}")]
    NoSuchImage {
        /// The name or ID that was asked for.
        text: String,
    },
    /// The head of an ID fits several images.
    #[error("the ID {text} fits {} images", candidates.len())]
    AmbiguousId {
        /// The head of an ID.
        text: String,
        /// The IDs that it fits.
        candidates: Vec<ImageId>,
    },
    /// An image that several names point to is not removed by its ID unless that is forced.
    #[error("image {id} has {} names and must be forced to go", names.len())]
    InUse {
        /// The image.
        id: ImageId,
        /// Its names.
        names: Vec<ImageName>,
    },
    /// A name with a digest was given where only a tag makes sense.
    #[error("{name} has a digest, an image can only be given a tag")]
    NotATag {
        /// The name.
        name: ImageName,
    },
    /// Other processes use the store.
    #[error("the store {store} is in use by another process")]
    Busy {
        /// The store's root.
        store: PathBuf,
    },
    /// A path is no archive of images and no layout.
    #[error("{path} holds no images: it is neither a docker archive, nor an OCI archive or layout")]
    NotAnArchive {
        /// The path.
        path: PathBuf,
    },
    /// A file is no tar.
    #[error("{path} is no image: neither an archive, a layout nor a root filesystem")]
    Unrecognised {
        /// The file.
        path: PathBuf,
    },
    /// The tar of an archive or of a root filesystem cannot be read.
    #[error("cannot read the archive {path}")]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where in it.
        source: Box<crate::layer::TarError>,
    },
    /// A layer's tar cannot be read or written.
    #[error(transparent)]
    Tar(#[from] crate::layer::TarError),
    /// Text is not a digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// Text is not an image's name.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Error {
    /// For `map_err` on a system call that has a path.
    pub(crate) fn io(operation: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { operation, path, source }
    }

    /// For `map_err` on the tar of an archive or of a root filesystem.
    pub(crate) fn archive(path: impl Into<PathBuf>) -> impl FnOnce(crate::layer::TarError) -> Self {
        let path = path.into();
        move |error| {
            if error.is_no_tar() {
                Self::Unrecognised { path }
            } else {
                Self::Archive { path, source: Box::new(error) }
            }
        }
    }

    /// For `map_err` on reading an object of an archive, layout or store.
    pub(crate) fn read(what: impl Into<String>, place: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let (what, place) = (what.into(), place.into());
        move |source| Self::Read { what, place, source }
    }

    /// For `map_err` on writing to a stream.
    pub(crate) fn write(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Write { what, source }
    }
}
