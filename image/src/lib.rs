//! What a container image is.
//!
//! ```text
//!  store ──────────┐                                      ┌─► store
//!  docker archive ─┤                                      ├─► docker archive
//!  OCI layout ─────┼─► dyn Image ─► config, dyn Layer… ───┼─► OCI layout, OCI archive
//!  OCI archive ────┤                   │                  └─► root filesystem
//!  root filesystem ┘                   └─► entries ─► merged view
//! ```
//!
//! An [`Image`] is a config and a stack of [`Layer`]s, wherever they stand; [`source::open`] finds one by what a person
//! writes. A layer is a tar of changes, read and written by [`layer`]; [`view`] folds a stack of them into what a
//! container would see. The [`Store`] keeps images as an OCI layout that other tools read as it stands.
//!
//! Nothing in here needs root, uses the network or prints. Whatever is read may be hostile: sizes are bounded, digests
//! are verified at the end of each read, and raw bytes are kept, so that no digest is computed from something rewritten.
//!
//! ```
//! use strata_image::{config::{ImageConfig, RootFs}, digest::DiffId, manifest::{Descriptor, OCI_LAYER}, Image, ImageName, Store};
//!
//! let root = tempfile::tempdir()?;
//! let store = Store::open(root.path())?;
//! let tar = [0; 1024]; // an empty layer
//! let layer = Descriptor::new(OCI_LAYER, store.put(&tar)?, tar.len() as u64);
//! let config = ImageConfig {
//!     architecture: "amd64".into(),
//!     os: "linux".into(),
//!     rootfs: RootFs { diff_ids: vec![DiffId::of(&tar)], ..RootFs::default() },
//!     ..ImageConfig::default()
//! };
//! let id = store.put_image(&config, &[layer], &[ImageName::parse("app:1")?])?;
//!
//! let image = store.find("app:1")?.expect("it was just put there");
//! assert_eq!(image.id(), Some(id));
//! assert_eq!(image.layers().len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod archive;
mod blob;
pub mod canonical;
pub mod compression;
pub mod config;
pub mod digest;
mod error;
mod found;
pub mod layer;
pub mod manifest;
pub mod name;
pub mod recompress;
pub mod rootfs;
pub mod source;
pub mod store;
pub mod time;
pub mod view;

use std::{io::Read, sync::Arc};

pub use config::{ContainerConfig, Healthcheck, History, ImageConfig};
pub use digest::{ChainId, DiffId, Digest, ImageId};
pub use error::{Error, Result};
pub use manifest::Manifest;
pub use name::ImageName;
pub use store::Store;
pub use time::Timestamp;

/// A tar of changes, wherever it stands.
pub trait Layer: Send + Sync {
    /// Gives the digest of the uncompressed tar.
    fn diff_id(&self) -> DiffId;

    /// Gives the media type as stored.
    fn media_type(&self) -> &str;

    /// Gives digest and size of the bytes as stored, perhaps compressed.
    fn stored(&self) -> (Digest, u64);

    /// Streams the uncompressed tar; the last read fails when the bytes do not have the promised diff ID.
    fn open(&self) -> Result<Box<dyn Read + Send>>;

    /// Streams the bytes as stored; the last read fails when they do not have the promised digest and size.
    fn open_stored(&self) -> Result<Box<dyn Read + Send>>;

    /// Gives the nanoseconds of a regular file's modification time that the tar leaves out, where they are known
    /// otherwise: 0 says that they are not.
    fn fraction(&self, _path: &[u8]) -> u32 {
        0
    }
}

/// An image, wherever it stands.
pub trait Image: Send + Sync {
    /// Gives the names that it has there (`app:1`); there may be none.
    fn names(&self) -> &[ImageName];

    /// Gives the config; `None` for a root filesystem, which has none.
    fn config(&self) -> Option<&ImageConfig>;

    /// Gives the config's bytes as found: their digest is the image's ID.
    fn raw_config(&self) -> Option<&[u8]>;

    /// Gives the OCI or Docker manifest as found, when the source has one.
    fn raw_manifest(&self) -> Option<&[u8]>;

    /// Gives the layers, bottom first.
    fn layers(&self) -> &[Arc<dyn Layer>];

    /// Gives the digest of the config; `None` for a root filesystem.
    fn id(&self) -> Option<ImageId> {
        self.raw_config().map(ImageId::of)
    }
}
