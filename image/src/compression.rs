//! gzip, zstd, xz and bzip2, recognised by content, never by name; gzip and zstd written on all cores.

mod blocks;

use std::{
    io::{self, BufReader, Read, Write},
    num::NonZero,
    ops::RangeInclusive,
};

use blocks::{BlockWriter, Method};

/// Bytes that [`detect`] needs to tell every format.
pub(crate) const MAGIC: u64 = 6;
/// Bytes of compressed data read at once.
const BUFFER: usize = 64 << 10;
/// The largest zstd window taken, 128 MiB as in zstd's own tool: what a frame asks for is allocated.
const ZSTD_WINDOW_LOG: u32 = 27;
/// Memory that an xz stream may ask for: `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;
/// 365 MB of programs and libraries come to 134 MB, as to 132 MB with `gzip -6` and to 136 MB with `BuildKit`, in half the
/// time of level 6.
const GZIP_LEVEL: u32 = 4;
/// gzip's own; libdeflate goes on to 12, very slowly.
const GZIP_LEVELS: u32 = 9;
/// That of zstd's own tool: the same layer comes to 129 MB, as with `BuildKit` to 131 MB.
const ZSTD_LEVEL: u32 = 3;
/// zstd's highest.
const ZSTD_LEVELS: u32 = 22;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all, or in a way that is not known here.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// The .xz format.
    Xz,
    /// bzip2.
    Bzip2,
}

/// Tells the compression from the first bytes of a stream. It needs six; of a shorter stream, all.
///
/// ```
/// use strata_image::compression::{Compression, detect};
///
/// assert_eq!(detect(b"\x1f\x8b\x08\0\0\0"), Compression::Gzip);
/// assert_eq!(detect(b"etc/motd"), Compression::None);
/// ```
pub fn detect(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, 8, ..] => Compression::Gzip,
        // a frame, or a skippable one, which may stand first
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Bzip2,
        _ => Compression::None,
    }
}

/// Looks at the beginning of a stream and gives the decompressed one: all members of a gzip stream, all frames of a
/// zstd stream, all streams of xz and bzip2. A plain stream comes out as it is.
///
/// # Errors
///
/// Those of the first read. The decompressed stream fails where the data is damaged or ends early, and where it asks
/// for more memory than 128 MiB.
pub fn reader<'a>(mut inner: impl Read + Send + 'a) -> io::Result<(Compression, Box<dyn Read + Send + 'a>)> {
    let mut head = Vec::new();
    inner.by_ref().take(MAGIC).read_to_end(&mut head)?;
    let compression = detect(&head);
    let whole = io::Cursor::new(head).chain(inner);
    let reader: Box<dyn Read + Send + 'a> = match compression {
        Compression::None => Box::new(whole),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(buffered(whole))),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered(whole))?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        Compression::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(buffered(whole), stream))
        }
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(buffered(whole))),
    };
    Ok((compression, reader))
}

fn buffered<R: Read>(inner: R) -> BufReader<R> {
    BufReader::with_capacity(BUFFER, inner)
}

/// How hard to compress, and on how many threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// gzip: 0 (only wrapped) to 9; zstd: 1 to 22. `None` is the one that costs little time for nearly the size of the
    /// formats' own tools: 4 and 3.
    pub level: Option<u32>,
    /// As many as there are cores when it is `None`. The bytes are the same whatever it is.
    pub threads: Option<NonZero<usize>>,
}

impl Compression {
    /// Gives the lowest and the highest level; `None` where there is nothing to choose.
    pub fn levels(self) -> Option<RangeInclusive<u32>> {
        match self {
            Self::Gzip => Some(0..=GZIP_LEVELS),
            Self::Zstd => Some(1..=ZSTD_LEVELS),
            Self::None | Self::Xz | Self::Bzip2 => None,
        }
    }
}

/// A stream that compresses what is written to it; equal bytes at equal levels come out equal. It must be ended by
/// [`Writer::finish`]: dropped before, the stream is incomplete.
pub struct Writer<W: Write>(Encoder<W>);

enum Encoder<W: Write> {
    Plain(W),
    Blocks(Box<BlockWriter<W>>),
}

/// Begins a compressed stream: plain, gzip, or zstd with checksum. A level above the highest is the highest.
///
/// gzip and zstd are written in blocks that are compressed at the same time, in a few MiB a thread; `inner` gets all bytes
/// in the caller's thread.
///
/// # Errors
///
/// `Unsupported` for xz and bzip2, in which no image is stored.
///
/// ```
/// use std::io::{Read, Write};
/// use strata_image::compression::{self, Compression, Effort};
///
/// let mut writer = compression::writer(Compression::Zstd, Effort::default(), Vec::new())?;
/// writer.write_all(b"hello")?;
/// let (found, mut reader) = compression::reader(std::io::Cursor::new(writer.finish()?))?;
/// assert_eq!(found, Compression::Zstd);
/// assert_eq!(std::io::read_to_string(&mut reader)?, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn writer<W: Write>(compression: Compression, effort: Effort, inner: W) -> io::Result<Writer<W>> {
    let level = |default: u32, highest: u32| {
        i32::try_from(effort.level.unwrap_or(default).min(highest)).map_err(|_| io::ErrorKind::InvalidInput)
    };
    let method = match compression {
        Compression::None => return Ok(Writer(Encoder::Plain(inner))),
        Compression::Gzip => Method::Gzip(level(GZIP_LEVEL, GZIP_LEVELS)?),
        // zstd's level 0 is its default under another name
        Compression::Zstd => Method::Zstd(level(ZSTD_LEVEL, ZSTD_LEVELS)?.max(1)),
        Compression::Xz | Compression::Bzip2 => return Err(io::ErrorKind::Unsupported.into()),
    };
    Ok(Writer(Encoder::Blocks(Box::new(BlockWriter::new(method, effort.threads, inner)))))
}

impl<W: Write> Writer<W> {
    /// Ends the compressed stream and gives the one below back, not flushed.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            Encoder::Plain(inner) => Ok(inner),
            Encoder::Blocks(blocks) => blocks.finish(),
        }
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Encoder::Plain(inner) => inner.write(bytes),
            Encoder::Blocks(blocks) => blocks.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Encoder::Plain(inner) => inner.flush(),
            Encoder::Blocks(blocks) => blocks.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use Compression::{Bzip2, Gzip, Xz, Zstd};

    fn compressed(compression: Compression, data: &[u8]) -> Vec<u8> {
        match compression {
            Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            _ => {
                let mut encoder = writer(compression, Effort::default(), Vec::new()).unwrap();
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    fn decompressed(data: &[u8]) -> io::Result<(Compression, Vec<u8>)> {
        let (compression, mut reader) = reader(data)?;
        let mut plain = Vec::new();
        reader.read_to_end(&mut plain)?;
        Ok((compression, plain))
    }

    #[test]
    fn every_format_is_recognised_and_read_to_its_last_member() {
        let data = b"a layer ".repeat(10_000);
        for compression in [Compression::None, Gzip, Zstd, Xz, Bzip2] {
            let one = compressed(compression, &data);
            assert_eq!(decompressed(&one).unwrap(), (compression, data.clone()));
            assert_eq!(decompressed(&one.repeat(3)).unwrap(), (compression, data.repeat(3)));
        }
    }

    #[test]
    fn skippable_zstd_frames_are_skipped() {
        let skippable =
            [b"\x52\x2a\x4d\x18\x03\0\0\0abc".as_slice(), &compressed(Zstd, b"x"), b"\x50\x2a\x4d\x18\0\0\0\0"];
        assert_eq!(decompressed(&skippable.concat()).unwrap(), (Zstd, b"x".to_vec()));
    }

    #[test]
    fn a_stream_that_ends_early_is_an_error() {
        let data: Vec<u8> = (0..50_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for compression in [Gzip, Zstd, Xz, Bzip2] {
            let whole = compressed(compression, &data);
            for length in [whole.len() / 2, whole.len() - 1] {
                assert!(decompressed(&whole[..length]).is_err(), "{compression:?} {length}");
            }
        }
    }

    #[test]
    fn damage_is_an_error() {
        let data = b"a layer ".repeat(10_000);
        for compression in [Gzip, Zstd, Xz, Bzip2] {
            let mut damaged = compressed(compression, &data);
            let middle = damaged.len() / 2;
            damaged[middle] ^= 0x55;
            assert!(decompressed(&damaged).is_err(), "{compression:?}");
        }
        let garbage_behind = [compressed(Gzip, b"x"), b"garbage".to_vec()].concat();
        assert!(decompressed(&garbage_behind).is_err());
    }

    #[test]
    fn short_and_empty_streams_are_plain() {
        for data in [b"".as_slice(), b"\x1f", b"\x1f\x8b", b"BZh"] {
            assert_eq!(decompressed(data).unwrap(), (Compression::None, data.to_vec()));
        }
    }

    #[test]
    fn writing_is_deterministic_and_refuses_what_images_do_not_use() {
        for compression in [Gzip, Zstd] {
            assert_eq!(compressed(compression, b"same"), compressed(compression, b"same"));
        }
        // no time, no name, no system: RFC 1952's header says nothing of where it was made
        assert_eq!(compressed(Gzip, b"same")[3..8], [0; 5]);
        for compression in [Xz, Bzip2] {
            assert!(writer(compression, Effort::default(), Vec::new()).is_err());
        }
    }

    #[test]
    fn a_zstd_frame_with_an_absurd_window_is_refused() {
        // a window of 1 GiB: exponent 20 over the smallest of 1 KiB
        let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 20 << 3], b"\x01\0\0".as_slice()].concat();
        assert!(decompressed(&frame).is_err());
    }
}
