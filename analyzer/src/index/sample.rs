//! What gzip would make of a layer that is stored as it is: a sample of its blocks is compressed to see.
//!
//! That takes a pass of its own, which only an image with suggestions needs, and once in the layer's life: what came of it is kept
//! beside the index, as `<cache>/<64 hex digits of the diff ID>.gzip`:
//!
//! ```text
//! magic (16) │ bytes of the sample (u64, little endian) │ bytes that they became (u64) │ BLAKE3 of both (32)
//! ```

use std::{
    fs::File,
    io::{self, Read, Write},
    num::NonZero,
    path::Path,
};

use strata_image::{
    Layer,
    compression::{self, Compression, Effort},
};

use super::cache;

/// Bytes of a block that is compressed: gzip sees no further than half of it.
const BLOCK: u64 = 64 << 10;
/// Of so many blocks one is compressed, or of more: a layer that is read at the speed of memory is then not held up by gzip.
const EVERY: u64 = 8;
/// Blocks of a layer that are compressed: 8 MiB, a tenth of a second.
const MAX_BLOCKS: u64 = 128;
/// The number is the format's version.
const MAGIC: &[u8; 16] = b"strata-sample 1\n";
/// More bytes than such a file has.
const MAX_BYTES: u64 = 100;

/// Bytes of a layer, and what gzip made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) whole: u64,
    pub(crate) compressed: u64,
}

impl Sample {
    /// Takes what the cache has of a layer; else compresses blocks of it, and puts what came of it there. A cache that cannot
    /// be read or written costs time, never an answer.
    ///
    /// # Errors
    /// When the layer cannot be read.
    pub(crate) fn cached(layer: &dyn Layer, cache: Option<&Path>) -> io::Result<Self> {
        let name = cache::sample_name(layer.diff_id());
        if let Some(sample) = cache.and_then(|directory| Self::load(&directory.join(&name))) {
            return Ok(sample);
        }
        let sample = Self::take(layer)?;
        if let Some(directory) = cache {
            // only the next one would have gained by a failure
            let _ = cache::put(directory, &name, &[&sample.encode()]);
        }
        Ok(sample)
    }

    fn take(layer: &dyn Layer) -> io::Result<Self> {
        let every = (layer.stored().1 / BLOCK / MAX_BLOCKS).max(EVERY);
        let mut tar = layer.open().map_err(io::Error::other)?;
        let effort = Effort { threads: NonZero::new(1), ..Effort::default() };
        let mut writer = compression::writer(Compression::Gzip, effort, Counted(0))?;
        let mut whole = 0;
        loop {
            let taken = io::copy(&mut tar.by_ref().take(BLOCK), &mut writer)?;
            whole += taken;
            let passed = io::copy(&mut tar.by_ref().take(BLOCK * (every - 1)), &mut io::sink())?;
            if taken < BLOCK || passed < BLOCK * (every - 1) {
                break;
            }
        }
        Ok(Self { whole, compressed: writer.finish()?.0 })
    }

    fn encode(self) -> Vec<u8> {
        let numbers = [self.whole.to_le_bytes(), self.compressed.to_le_bytes()].concat();
        [MAGIC, numbers.as_slice(), blake3::hash(&numbers).as_bytes()].concat()
    }

    /// `None` for what [`Sample::encode`] did not write.
    fn load(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let mut bytes = Vec::new();
        (&file).take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
        let (whole, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
        let (compressed, _) = rest.split_first_chunk()?;
        let sample = Self { whole: u64::from_le_bytes(*whole), compressed: u64::from_le_bytes(*compressed) };
        if sample.encode() != bytes {
            return None;
        }
        cache::note_use(&file, &file.metadata().ok()?);
        Some(sample)
    }
}

/// Counts what is written.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_is_kept_is_taken_whole_and_its_use_is_noted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sample");
        let sample = Sample { whole: 1 << 40, compressed: 7 };
        let bytes = sample.encode();
        for damaged in [&bytes[1..], &bytes[..bytes.len() - 1], &[bytes.as_slice(), b"x"].concat()] {
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(Sample::load(&path), None);
        }
        std::fs::write(&path, &bytes).unwrap();
        File::open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(Sample::load(&path), Some(sample));
        assert_ne!(path.metadata().unwrap().modified().unwrap(), SystemTime::UNIX_EPOCH);
    }
}
