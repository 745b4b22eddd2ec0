//! Debian packages: an `ar` archive with a tar of the files in it (deb(5)).

use std::io::{self, BufRead, BufReader, Read};

use super::Members;

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: usize = 60;

/// Reads the members of `data.tar.*`.
pub(super) fn read(bytes: impl Read + Send, members: &mut Members) -> io::Result<()> {
    let mut input = BufReader::new(bytes);
    let mut magic = [0; MAGIC.len()];
    input.read_exact(&mut magic)?;
    if &magic != MAGIC {
        return Err(io::ErrorKind::InvalidData.into());
    }
    while !input.fill_buf()?.is_empty() {
        members.spend(HEADER as u64)?;
        let mut header = [0; HEADER];
        input.read_exact(&mut header)?;
        let size = std::str::from_utf8(&header[48..58]).ok().and_then(|size| size.trim_end().parse::<u64>().ok());
        let size = size.ok_or(io::ErrorKind::InvalidData)?;
        if header.starts_with(b"data.tar") {
            return members.tar(input.take(size));
        }
        // contents begin at even offsets
        io::copy(&mut input.by_ref().take(size + size % 2), &mut io::sink())?;
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}
