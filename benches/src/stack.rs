//! Images of any size, streamed to the disk: each layer as a tar of its own, for the peers, and all of them as the archive
//! that `docker save` writes.

use std::{
    fs::{self, File},
    io::{BufWriter, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Result;
use strata_image::{
    DiffId, Digest, History, Image, ImageConfig, ImageName, Layer, Timestamp,
    archive::{Named, docker},
    canonical,
    config::RootFs,
    digest::HashingWriter,
    layer::{Entry, EntryKind, LayerPath, LayerWriter},
    manifest::OCI_LAYER,
};

/// Begins the modification times: an image's files differ in it.
const FIRST_SECOND: i64 = 1_700_000_000;
/// Seconds in which all files were changed last: three years.
const SECONDS: u64 = 100_000_000;

/// An image on the disk.
pub struct Stack {
    /// The archive.
    pub archive: PathBuf,
    /// The tars of its layers, bottom first.
    pub layers: Vec<PathBuf>,
}

/// Writes the entries of one layer.
pub struct LayerMaker {
    tar: LayerWriter<HashingWriter<BufWriter<File>>>,
    files: u64,
    content: Vec<u8>,
}

impl LayerMaker {
    /// Adds a regular file of `size` bytes; no two have the same content.
    ///
    /// # Errors
    /// When the disk is full, or the path no path.
    pub fn file(&mut self, path: &str, size: u64) -> Result<()> {
        self.files += 1;
        // one of some years, whatever the number says beside that of the file
        let mtime = Timestamp { seconds: FIRST_SECOND + i64::try_from(self.files % SECONDS)?, ..Timestamp::EPOCH };
        let entry = Entry { size, mtime, ..Entry::new(LayerPath::new(path.as_bytes())?, EntryKind::File) };
        let numbers = path.bytes().cycle().zip((self.files..).flat_map(u64::to_le_bytes));
        self.content.clear();
        self.content.extend(numbers.map(|(letter, digit)| letter ^ digit).take(usize::try_from(size.min(1 << 20))?));
        let content = Repeat { block: &self.content, left: size };
        Ok(self.tar.append(&entry, content)?)
    }

    /// Adds a directory.
    ///
    /// # Errors
    /// When the disk is full, or the path no path.
    pub fn directory(&mut self, path: &str) -> Result<()> {
        let mtime = Timestamp { seconds: FIRST_SECOND, ..Timestamp::EPOCH };
        let entry = Entry { mtime, ..Entry::new(LayerPath::new(path.as_bytes())?, EntryKind::Directory) };
        Ok(self.tar.append(&entry, std::io::empty())?)
    }

    /// Removes a path of the layers below.
    ///
    /// # Errors
    /// When the disk is full, or the path no path.
    pub fn whiteout(&mut self, path: &str) -> Result<()> {
        Ok(self.tar.whiteout(&LayerPath::new(path.as_bytes())?)?)
    }
}

/// A block of content again and again.
struct Repeat<'a> {
    block: &'a [u8],
    left: u64,
}

impl Read for Repeat<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let count = buffer.len().min(self.block.len()).min(left);
        buffer[..count].copy_from_slice(&self.block[..count]);
        self.left -= count as u64;
        Ok(count)
    }
}

impl Stack {
    /// Makes an image of `layers` layers in a folder; `fill` writes each of them by its number.
    ///
    /// # Errors
    /// When the disk is full, or `fill` fails.
    pub fn make(folder: &Path, layers: u32, mut fill: impl FnMut(u32, &mut LayerMaker) -> Result<()>) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let mut made: Vec<Arc<dyn Layer>> = Vec::new();
        let mut paths = Vec::new();
        for number in 0..layers {
            let path = folder.join(format!("{number}.tar"));
            made.push(layer(&path, number, |maker| fill(number, maker))?);
            paths.push(path);
        }
        let image = Made::of(made)?;
        let archive = folder.join("image.tar");
        let names = vec![ImageName::parse("bench:1")?];
        docker::write(&[Named { image: &image, names }], BufWriter::with_capacity(1 << 20, File::create(&archive)?))?;
        Ok(Self { archive, layers: paths })
    }
}

/// Writes one layer to a file; layers of different numbers have different contents.
pub(crate) fn layer(
    path: &Path,
    number: u32,
    fill: impl FnOnce(&mut LayerMaker) -> Result<()>,
) -> Result<Arc<dyn Layer>> {
    let out = HashingWriter::new(BufWriter::with_capacity(1 << 20, File::create(path)?));
    let mut maker = LayerMaker { tar: LayerWriter::new(out), files: u64::from(number) << 32, content: Vec::new() };
    fill(&mut maker)?;
    let (out, digest, size) = maker.tar.finish()?.finish();
    out.into_inner()?;
    Ok(Arc::new(FileLayer { path: path.to_owned(), digest, size }))
}

/// An image of layers on the disk.
pub(crate) struct Made {
    config: ImageConfig,
    raw_config: Vec<u8>,
    layers: Vec<Arc<dyn Layer>>,
}

impl Made {
    pub(crate) fn of(layers: Vec<Arc<dyn Layer>>) -> Result<Self> {
        let history = (0..layers.len())
            .map(|number| History { created_by: Some(format!("RUN make {number}")), ..History::default() })
            .collect();
        let config = ImageConfig {
            architecture: "amd64".to_owned(),
            os: "linux".to_owned(),
            rootfs: RootFs {
                kind: "layers".to_owned(),
                diff_ids: layers.iter().map(|layer| layer.diff_id()).collect(),
            },
            history,
            ..ImageConfig::default()
        };
        Ok(Self { raw_config: canonical::to_vec(&config)?, config, layers })
    }
}

impl Image for Made {
    fn names(&self) -> &[ImageName] {
        &[]
    }

    fn config(&self) -> Option<&ImageConfig> {
        Some(&self.config)
    }

    fn raw_config(&self) -> Option<&[u8]> {
        Some(&self.raw_config)
    }

    fn raw_manifest(&self) -> Option<&[u8]> {
        None
    }

    fn layers(&self) -> &[Arc<dyn Layer>] {
        &self.layers
    }
}

struct FileLayer {
    path: PathBuf,
    digest: Digest,
    size: u64,
}

impl Layer for FileLayer {
    fn diff_id(&self) -> DiffId {
        self.digest.into()
    }

    fn media_type(&self) -> &str {
        OCI_LAYER
    }

    fn stored(&self) -> (Digest, u64) {
        (self.digest, self.size)
    }

    fn open(&self) -> strata_image::Result<Box<dyn Read + Send>> {
        match File::open(&self.path) {
            Ok(file) => Ok(Box::new(file)),
            // the first read says what is wrong
            Err(error) => Ok(Box::new(Failed(Some(error)))),
        }
    }

    fn open_stored(&self) -> strata_image::Result<Box<dyn Read + Send>> {
        self.open()
    }
}

struct Failed(Option<std::io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(self.0.take().unwrap_or_else(|| std::io::ErrorKind::Other.into()))
    }
}
