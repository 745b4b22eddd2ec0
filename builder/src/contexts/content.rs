//! What a stream is, by its first bytes.

use std::io::{self, Cursor, Read};

use strata_image::compression::{self, Compression};

/// Bytes of a tar block.
const BLOCK: usize = 512;

/// A stream, from its first byte on and not compressed.
pub(super) enum Content<'a> {
    /// A tar.
    Tar(Box<dyn Read + Send + 'a>),
    /// Anything that came uncompressed.
    Plain(Box<dyn Read + Send + 'a>),
    /// Something compressed that is no tar.
    Unknown,
}

/// Looks at the first block.
///
/// # Errors
/// Those of reading it, a compressed stream that is damaged there among them.
pub(super) fn recognise<'a>(stream: impl Read + Send + 'a) -> io::Result<Content<'a>> {
    let (compression, mut reader) = compression::reader(stream)?;
    let mut head = Vec::new();
    reader.by_ref().take(BLOCK as u64).read_to_end(&mut head)?;
    let is_tar = head.first_chunk().is_some_and(is_header);
    let whole = Box::new(Cursor::new(head).chain(reader));
    Ok(match compression {
        _ if is_tar => Content::Tar(whole),
        Compression::None => Content::Plain(whole),
        _ => Content::Unknown,
    })
}

/// A header has its checksum in bytes 148 to 155 as octal digits: the sum of all bytes, those eight taken for spaces. A tar of
/// nothing begins with its end, a block of zeros.
fn is_header(block: &[u8; BLOCK]) -> bool {
    if block == &[0; BLOCK] {
        return true;
    }
    let (before, rest) = block.split_at(148);
    let (field, after) = rest.split_at(8);
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    let digits = field.iter().skip_while(|byte| **byte == b' ').take_while(|byte| (b'0'..=b'7').contains(byte));
    let written = digits.fold(0, |value, byte| value * 8 + u64::from(byte - b'0'));
    written == sum(before) + sum(after) + 8 * u64::from(b' ')
}
