//! An image whose layers are stored in another way: the same image ID, other blobs.
//!
//! ```text
//! dyn Image ─► recompress::image ─► dyn Image ─► an archive, a layout, a registry
//! ```
//!
//! What a layer becomes depends on how it is stored in the image at hand, and on what is asked; never on what was written
//! before. A plain layer is compressed as asked. One that is compressed already stays as it is, since its digest may be
//! known elsewhere, unless another form is forced on it; one in the form that is asked for is never compressed again.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    sync::Arc,
};

use crate::{
    Image, ImageConfig, Layer,
    archive::tar_file::{Slice, Span, temporary_file},
    compression::{self, Compression, Effort},
    digest::{DiffId, Digest, HashingWriter},
    error::{Error, Result},
    manifest::{OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD, layer_compression},
    name::ImageName,
};

/// Bytes read or written with one system call.
const BUFFER: usize = 256 << 10;

/// How layers should be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// [`Compression::None`], [`Compression::Gzip`] or [`Compression::Zstd`].
    pub compression: Compression,
    /// For what is compressed.
    pub effort: Effort,
    /// Whether layers that are compressed in another form get this one.
    pub force: bool,
}

/// An image with some of its layers stored in another way.
pub struct Recompressed<'a> {
    image: &'a dyn Image,
    layers: Vec<Arc<dyn Layer>>,
    is_changed: bool,
}

/// Brings the layers of an image into the form that is asked for.
///
/// New blobs go to temporary files without a name, as large as they are; memory does not grow with them.
///
/// # Errors
/// Those of reading the layers, which are verified on the way, and of the temporary files.
pub fn image<'a>(image: &'a dyn Image, request: &Request) -> Result<Recompressed<'a>> {
    let mut layers: Vec<Arc<dyn Layer>> = Vec::new();
    let mut is_changed = false;
    for layer in image.layers() {
        if is_wanted(&**layer, request) {
            layers.push(Arc::clone(layer));
            continue;
        }
        is_changed = true;
        let earlier = layers.iter().zip(image.layers()).find(|(_, other)| other.stored() == layer.stored());
        // a layer may stand in a stack twice
        let new = match earlier {
            Some((new, _)) => Arc::clone(new),
            None => Arc::new(Spooled::new(Arc::clone(layer), request)?),
        };
        layers.push(new);
    }
    Ok(Recompressed { image, layers, is_changed })
}

fn is_wanted(layer: &dyn Layer, request: &Request) -> bool {
    let stored = stored_form(layer);
    stored == request.compression || stored != Compression::None && !request.force
}

/// How a layer is stored: plain whatever its media type says when its bytes are those of the diff ID.
fn stored_form(layer: &dyn Layer) -> Compression {
    if layer.stored().0 == layer.diff_id().into() {
        return Compression::None;
    }
    layer_compression(layer.media_type())
}

impl Image for Recompressed<'_> {
    fn names(&self) -> &[ImageName] {
        self.image.names()
    }

    fn config(&self) -> Option<&ImageConfig> {
        self.image.config()
    }

    fn raw_config(&self) -> Option<&[u8]> {
        self.image.raw_config()
    }

    /// Gives the image's own manifest as long as it leads to the same blobs.
    fn raw_manifest(&self) -> Option<&[u8]> {
        if self.is_changed { None } else { self.image.raw_manifest() }
    }

    fn layers(&self) -> &[Arc<dyn Layer>] {
        &self.layers
    }
}

/// A layer in its new form, in a temporary file that nobody else can write to.
struct Spooled {
    original: Arc<dyn Layer>,
    media_type: &'static str,
    file: Arc<File>,
    digest: Digest,
    size: u64,
}

impl Spooled {
    fn new(original: Arc<dyn Layer>, request: &Request) -> Result<Self> {
        let what = format!("layer {}", original.diff_id());
        let media_type = match request.compression {
            Compression::Gzip => OCI_LAYER_GZIP,
            Compression::Zstd => OCI_LAYER_ZSTD,
            _ => OCI_LAYER,
        };
        let out = HashingWriter::new(BufWriter::with_capacity(BUFFER, temporary_file()?));
        let failed = |source| Error::write(format!("{what} to a temporary file"))(source);
        let mut writer = compression::writer(request.compression, request.effort, out).map_err(failed)?;
        io::copy(&mut BufReader::with_capacity(BUFFER, original.open()?), &mut writer).map_err(failed)?;
        let (mut out, digest, size) = writer.finish().map_err(failed)?.finish();
        out.flush().map_err(failed)?;
        let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        Ok(Self { original, media_type, file: Arc::new(file), digest, size })
    }
}

impl Layer for Spooled {
    fn diff_id(&self) -> DiffId {
        self.original.diff_id()
    }

    fn media_type(&self) -> &str {
        self.media_type
    }

    fn stored(&self) -> (Digest, u64) {
        (self.digest, self.size)
    }

    fn open(&self) -> Result<Box<dyn Read + Send>> {
        self.original.open()
    }

    /// Streams what was hashed while it was written; the file has no name, so that it cannot have changed since.
    fn open_stored(&self) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(Slice::new(Arc::clone(&self.file), Span { start: 0, size: self.size })))
    }
}
