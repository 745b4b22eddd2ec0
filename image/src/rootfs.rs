//! Exported root filesystems: read from a tar or a directory, written from any image.
//!
//! A root filesystem is an image of one layer and no config.

mod directory;
mod export;

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use export::{export, export_folders, merge};

use crate::{
    Image, Layer, Timestamp,
    archive::tar_file::{STREAM, Slice, Spooled, spool},
    compression,
    config::{History, ImageConfig, RootFs},
    digest::{DiffId, Digest, HashingReader, VerifyingReader},
    error::{Error, Result},
    layer::LayerReader,
    manifest::{OCI_LAYER, Platform},
    name::ImageName,
};

/// Opens a root filesystem: a tar, compressed in any way, or a directory.
///
/// It is read through once, to know its diff ID, and again for its content. A directory is read without following
/// links, and always gives the same tar as long as nothing changes in it; a change between the readings is an error at
/// the end of the second.
pub fn open(path: &Path) -> Result<Box<dyn Image>> {
    let metadata = path.metadata().map_err(Error::io("open", path))?;
    if metadata.is_dir() {
        return Ok(Box::new(RootFilesystem::new(Source::Directory(path.to_owned()))?));
    }
    Ok(Box::new(RootFilesystem::new(Source::Tar(path.to_owned()))?))
}

/// Opens a root filesystem from a stream, by way of a temporary file without a name.
pub fn read(stream: impl Read) -> Result<Box<dyn Image>> {
    of_spooled(spool(stream)?)
}

/// The same of a stream that was taken already.
pub(crate) fn of_spooled(stream: Spooled) -> Result<Box<dyn Image>> {
    Ok(Box::new(RootFilesystem::new(Source::Stream(stream.into_slice()))?))
}

/// Makes the config of an image that has none: its layers, this machine's platform, and how it came here.
pub fn config(image: &dyn Image, created: Timestamp) -> ImageConfig {
    let Platform { os, architecture, variant, .. } = Platform::host();
    let step = History {
        created: Some(created.to_string()),
        comment: Some("imported from a root filesystem".to_owned()),
        ..History::default()
    };
    ImageConfig {
        created: step.created.clone(),
        os,
        architecture,
        variant,
        rootfs: RootFs { diff_ids: image.layers().iter().map(|layer| layer.diff_id()).collect(), ..RootFs::default() },
        history: vec![step],
        ..ImageConfig::default()
    }
}

struct RootFilesystem {
    layer: [Arc<dyn Layer>; 1],
}

impl RootFilesystem {
    /// Reads all of it, entry by entry, so that what is no tar is found out here.
    fn new(source: Source) -> Result<Self> {
        let place = source.place();
        let is_directory = matches!(source, Source::Directory(_));
        let failed = |error| if is_directory { Error::Tar(error) } else { Error::archive(&place)(error) };
        let mut tar = LayerReader::new(HashingReader::new(source.open()?));
        while tar.next_entry().map_err(failed)?.is_some() {}
        let (digest, size) = tar.finish().map_err(failed)?.into_inner().finish();
        if size == 0 {
            return Err(Error::NoImage { place });
        }
        Ok(Self { layer: [Arc::new(RootLayer { source, diff_id: digest.into(), size })] })
    }
}

impl Image for RootFilesystem {
    fn names(&self) -> &[ImageName] {
        &[]
    }

    fn config(&self) -> Option<&ImageConfig> {
        None
    }

    fn raw_config(&self) -> Option<&[u8]> {
        None
    }

    fn raw_manifest(&self) -> Option<&[u8]> {
        None
    }

    fn layers(&self) -> &[Arc<dyn Layer>] {
        &self.layer
    }
}

/// Where a root filesystem is.
enum Source {
    Tar(PathBuf),
    Stream(Slice),
    Directory(PathBuf),
}

impl Source {
    fn place(&self) -> PathBuf {
        match self {
            Self::Tar(path) | Self::Directory(path) => path.clone(),
            Self::Stream(_) => PathBuf::from(STREAM),
        }
    }

    /// Streams the uncompressed tar.
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        let file: Box<dyn Read + Send> = match self {
            Self::Directory(path) => return directory::open(path),
            Self::Tar(path) => Box::new(File::open(path).map_err(Error::io("open", path))?),
            Self::Stream(bytes) => Box::new(bytes.clone()),
        };
        let (_, tar) = compression::reader(file).map_err(Error::read("the root filesystem", self.place()))?;
        Ok(tar)
    }
}

/// The one layer of a root filesystem.
struct RootLayer {
    source: Source,
    diff_id: DiffId,
    size: u64,
}

impl Layer for RootLayer {
    fn diff_id(&self) -> DiffId {
        self.diff_id
    }

    fn media_type(&self) -> &str {
        OCI_LAYER
    }

    fn stored(&self) -> (Digest, u64) {
        (self.diff_id.into(), self.size)
    }

    fn open(&self) -> Result<Box<dyn Read + Send>> {
        let what = format!("the root filesystem {}", self.source.place().display());
        Ok(Box::new(VerifyingReader::new(self.source.open()?, self.diff_id.into(), Some(self.size), what)))
    }

    fn open_stored(&self) -> Result<Box<dyn Read + Send>> {
        self.open()
    }
}
