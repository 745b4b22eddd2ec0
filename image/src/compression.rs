//! gzip, zstd, xz and bzip2, recognised by content, never by name.

use std::io::{self, BufReader, Read, Write};

/// Bytes that [`detect`] needs to tell every format.
pub(crate) const MAGIC: u64 = 6;
/// Bytes of compressed data read at once.
const BUFFER: usize = 64 << 10;
/// The largest zstd window taken, 128 MiB as in zstd's own tool: what a frame asks for is allocated.
const ZSTD_WINDOW_LOG: u32 = 27;
/// Memory that an xz stream may ask for: `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;
/// Levels at which size no longer falls much for the time: those that the formats' own tools choose.
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;

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

/// A stream that compresses what is written to it; equal bytes at equal levels come out equal. It must be ended by
/// [`Writer::finish`]: dropped before, the stream is incomplete.
pub struct Writer<W: Write>(Encoder<W>);

enum Encoder<W: Write> {
    Plain(W),
    Gzip(flate2::write::GzEncoder<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

/// Begins a compressed stream: plain, gzip (levels 0 to 9) or zstd (levels 1 to 22, with checksum); `None` is the level
/// of the format's own tool.
///
/// # Errors
///
/// `Unsupported` for xz and bzip2, in which no image is stored; those of setting up the compressor.
///
/// ```
/// use std::io::{Read, Write};
/// use strata_image::compression::{self, Compression};
///
/// let mut writer = compression::writer(Compression::Zstd, None, Vec::new())?;
/// writer.write_all(b"hello")?;
/// let (found, mut reader) = compression::reader(std::io::Cursor::new(writer.finish()?))?;
/// assert_eq!(found, Compression::Zstd);
/// assert_eq!(std::io::read_to_string(&mut reader)?, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn writer<W: Write>(compression: Compression, level: Option<u32>, inner: W) -> io::Result<Writer<W>> {
    Ok(Writer(match compression {
        Compression::None => Encoder::Plain(inner),
        Compression::Gzip => {
            let level = flate2::Compression::new(level.unwrap_or(GZIP_LEVEL).min(9));
            Encoder::Gzip(flate2::write::GzEncoder::new(inner, level))
        }
        Compression::Zstd => {
            let level = level.and_then(|level| i32::try_from(level).ok()).unwrap_or(ZSTD_LEVEL);
            let mut encoder = zstd::stream::write::Encoder::new(inner, level)?;
            encoder.include_checksum(true)?;
            Encoder::Zstd(encoder)
        }
        Compression::Xz | Compression::Bzip2 => return Err(io::ErrorKind::Unsupported.into()),
    }))
}

impl<W: Write> Writer<W> {
    /// Ends the compressed stream and gives the one below back, not flushed.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            Encoder::Plain(inner) => Ok(inner),
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Encoder::Plain(inner) => inner.write(bytes),
            Encoder::Gzip(encoder) => encoder.write(bytes),
            Encoder::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Encoder::Plain(inner) => inner.flush(),
            Encoder::Gzip(encoder) => encoder.flush(),
            Encoder::Zstd(encoder) => encoder.flush(),
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
                let mut encoder = writer(compression, None, Vec::new()).unwrap();
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
            assert!(writer(compression, None, Vec::new()).is_err());
        }
    }

    #[test]
    fn a_zstd_frame_with_an_absurd_window_is_refused() {
        // a window of 1 GiB: exponent 20 over the smallest of 1 KiB
        let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 20 << 3], b"\x01\0\0".as_slice()].concat();
        assert!(decompressed(&frame).is_err());
    }
}
