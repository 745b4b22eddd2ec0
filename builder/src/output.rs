//! What leaves the store after a build: `-o type=docker|oci|tar|local,…`, as `BuildKit` writes it.
//!
//! ```text
//! image in the store ─┬─► layers compressed as asked ─► docker archive, OCI archive or layout
//!                     └─► merged root filesystem ─────► tar, folder
//! ```
//!
//! A file appears whole or not at all. What is written depends on the image and on the [`Output`] alone, not on what was
//! written or built before.
//!
//! ```
//! use strata_builder::output::{Destination, Form, Output};
//!
//! let output: Output = "type=oci,dest=app.tar,compression=zstd".parse()?;
//! assert!(matches!(output.form, Form::Oci { .. }));
//! assert_eq!(output.destination, Destination::Path("app.tar".into()));
//!
//! let typo = "type=oci,dest=app.tar,compresion=zstd".parse::<Output>().unwrap_err();
//! assert_eq!(typo.hint().as_deref(), Some("did you mean compression?"));
//! # Ok::<(), strata_builder::output::OutputError>(())
//! ```

mod error;
mod file;
mod local;
mod metadata;
mod parse;
mod stop;

use std::path::PathBuf;

use strata_image::{
    Digest, Image, ImageId, ImageName, Store,
    archive::{Annotation, Package, docker, oci},
    compression::Compression,
    layer::LayerPath,
    manifest::{CREATED, Descriptor, Platform},
    recompress::{self, Request},
    rootfs,
    store::StoredImage,
};

pub use error::OutputError;
pub use metadata::metadata;

use crate::{Error, Result, cancel::Cancel, options::RewriteTimestamp};
use stop::Stoppable;

/// One `-o`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// What is written.
    pub form: Form,
    /// Where.
    pub destination: Destination,
    /// The names that the image gets there (`name=`), unless the build gives it others.
    pub names: Vec<ImageName>,
    /// What `rewrite-timestamp=` says; for [`Options`](crate::Options), since times are part of layers.
    pub rewrite_timestamp: Option<RewriteTimestamp>,
}

/// What is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nothing: the image is in the store.
    Stored,
    /// What `docker load` takes.
    Docker(Layers),
    /// An OCI layout, in a tar or as a directory (`tar=false`).
    Oci {
        /// How layers and documents are.
        layers: Layers,
        /// A directory rather than a tar.
        is_directory: bool,
    },
    /// The merged root filesystem as a tar.
    Tar(Split),
    /// The merged root filesystem as files that belong to the caller.
    Local {
        /// Where several platforms go.
        split: Split,
        /// What happens to files that are there and not in the image.
        stale: Stale,
    },
}

/// How the layers of an image are written, and what its documents say beside what they must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers {
    /// How they are compressed: gzip, as with `BuildKit`, unless something else is asked for.
    pub request: Request,
    /// In order.
    pub annotations: Vec<Annotation>,
}

impl Default for Layers {
    fn default() -> Self {
        let request = Request { compression: Compression::Gzip, effort: <_>::default(), force: false };
        Self { request, annotations: Vec::new() }
    }
}

/// Whether each platform has a folder of its own, `linux_amd64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// When there are several.
    #[default]
    Several,
    /// `platform-split=true`: even when there is one.
    Always,
    /// `platform-split=false`: there must be one only.
    Never,
}

/// What happens to files of a folder that are not in the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stale {
    /// `mode=copy`: they stay.
    #[default]
    Stays,
    /// `mode=delete`: they go.
    Goes,
}

/// Where an output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// It stays in the store.
    Store,
    /// Standard output. Whoever calls makes sure that it is no terminal.
    Stdout,
    /// A file or a folder.
    Path(PathBuf),
}

/// What came of an output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// The manifest, or the index of several platforms, as it was written; a root filesystem has none.
    pub descriptor: Option<Descriptor>,
    /// The config's digest: the image ID; several platforms, and a root filesystem, have none.
    pub config: Option<Digest>,
    /// The names that the image has there.
    pub names: Vec<ImageName>,
    /// Devices that a folder does not get: they would be a way to the machine's.
    pub devices_left_out: u64,
}

/// Writes an image that was built for one platform or several, its parts in the store, as an output asks.
///
/// `names` are those that the build gives it; without any, the output's own count. `cancel` stops it at once: files that are not
/// whole are removed, and what was at their place stays. A folder keeps the files that it got so far.
///
/// # Errors
/// [`Error::Cancelled`], [`OutputError`] for what cannot be written in this form, and whatever reading the store and writing refuse.
pub fn write(
    store: &Store,
    images: &[ImageId],
    names: &[ImageName],
    output: &Output,
    cancel: &Cancel,
) -> Result<Written> {
    let stored: Vec<StoredImage> = images.iter().map(|id| stored(store, id)).collect::<Result<_>>()?;
    let names = if names.is_empty() { output.names.clone() } else { names.to_vec() };
    if output.form == Form::Stored {
        return keep(store, &stored, names);
    }
    let images: Vec<_> = stored.iter().map(|image| Stoppable::new(image, cancel)).collect();
    // a reader that was stopped says anything
    write_out(&images, names, output, cancel)
        .map_err(|error| if cancel.is_cancelled() { Error::Cancelled } else { error })
}

fn write_out(images: &[Stoppable<'_>], names: Vec<ImageName>, output: &Output, cancel: &Cancel) -> Result<Written> {
    match &output.form {
        Form::Stored => Ok(Written::default()),
        Form::Docker(layers) => archive(images, names, layers, |package| {
            file::whole(&output.destination, cancel, |out| Ok(docker::write_package(package, out)?))
        }),
        Form::Oci { layers, is_directory } => archive(images, names, layers, |package| match &output.destination {
            Destination::Path(directory) if *is_directory => Ok(oci::write_package_layout(package, directory)?),
            destination => file::whole(destination, cancel, |out| Ok(oci::write_package_archive(package, out)?)),
        }),
        Form::Tar(split) => {
            let folders = folders(images, *split)?;
            file::whole(&output.destination, cancel, |out| Ok(rootfs::export_folders(&folders, out)?))?;
            Ok(Written::default())
        }
        Form::Local { split, stale } => {
            let Destination::Path(folder) = &output.destination else {
                return Err(OutputError::NoDestination { form: "local" }.into());
            };
            let devices_left_out = local::write(folder, &folders(images, *split)?, *stale)?;
            Ok(Written { devices_left_out, ..Written::default() })
        }
    }
}

fn stored(store: &Store, id: &ImageId) -> Result<StoredImage> {
    let text = id.to_string();
    store.find(&text)?.ok_or_else(|| strata_image::Error::NoSuchImage { text }.into())
}

/// Gives the image its names where it is.
fn keep(store: &Store, images: &[StoredImage], names: Vec<ImageName>) -> Result<Written> {
    let [image] = images else {
        return Err(OutputError::SeveralPlatforms { form: "the store", platforms: images.len() }.into());
    };
    for name in &names {
        store.tag(&image.image_id(), name)?;
    }
    let manifest = image.manifest();
    let size = image.raw_manifest().unwrap_or_default().len() as u64;
    let mut descriptor = Descriptor::new(manifest.media_type(), image.manifest_digest(), size);
    descriptor.platform = image.config().and_then(Platform::of);
    let created = image.config().and_then(|config| config.created.clone());
    descriptor.annotations.extend(created.map(|created| (CREATED.to_owned(), created)));
    let config = Some(manifest.config.digest);
    Ok(Written { descriptor: Some(descriptor), config, names, devices_left_out: 0 })
}

fn archive(
    images: &[Stoppable<'_>],
    names: Vec<ImageName>,
    layers: &Layers,
    write: impl FnOnce(&Package<'_>) -> Result<strata_image::archive::Written>,
) -> Result<Written> {
    let recompressed: Vec<_> =
        images.iter().map(|image| Ok(recompress::image(image, &layers.request)?)).collect::<Result<_>>()?;
    let package = Package {
        images: recompressed.iter().map(|image| image as &dyn Image).collect(),
        names,
        annotations: layers.annotations.clone(),
    };
    let written = write(&package)?;
    Ok(Written {
        descriptor: Some(written.descriptor),
        config: written.config,
        names: package.names,
        devices_left_out: 0,
    })
}

/// Gives each image the folder where its root is.
fn folders<'i>(images: &'i [Stoppable<'_>], split: Split) -> Result<Vec<(LayerPath, &'i dyn Image)>> {
    let is_split = match split {
        Split::Several => images.len() > 1,
        Split::Always => true,
        Split::Never if images.len() > 1 => {
            return Err(OutputError::SeveralPlatforms { form: "one folder", platforms: images.len() }.into());
        }
        Split::Never => false,
    };
    let folder = |image: &Stoppable<'_>| {
        let platform = image.config().and_then(Platform::of).unwrap_or_else(Platform::host);
        let name = platform.to_string().replace('/', "_");
        LayerPath::new(name.as_bytes()).map_err(|error| Error::from(strata_image::Error::from(error)))
    };
    let place = |image: &Stoppable<'_>| if is_split { folder(image) } else { Ok(LayerPath::root()) };
    images.iter().map(|image| Ok((place(image)?, image as &'i dyn Image))).collect()
}
