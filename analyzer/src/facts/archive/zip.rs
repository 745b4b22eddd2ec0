//! Zip archives read from their beginning, without the directory at their end (PKWARE's APPNOTE.TXT, sections 4.3.7 and
//! 4.3.9).

use std::io::{self, BufRead, BufReader, Read};

use super::Members;

/// Signatures of a member, and of what comes after the last one.
const MEMBER: &[u8; 4] = b"PK\x03\x04";
const DIRECTORY: &[u8; 4] = b"PK\x01\x02";
/// Of an archive without members.
const END: &[u8; 4] = b"PK\x05\x06";
const DESCRIPTOR: &[u8; 4] = b"PK\x07\x08";
/// The member's sizes come behind it.
const SIZES_FOLLOW: u16 = 1 << 3;
const ENCRYPTED: u16 = 1;
/// What a size of more than 32 bits is written as: the true one is elsewhere.
const WIDE: u32 = u32::MAX;

/// Reads the members in the order in which they stand.
pub(super) fn read(bytes: impl Read, members: &mut Members) -> io::Result<()> {
    let mut input = BufReader::new(bytes);
    loop {
        let mut signature = [0; 4];
        input.read_exact(&mut signature)?;
        match &signature {
            MEMBER => member(&mut input, members)?,
            DIRECTORY | END => return Ok(()),
            _ => return Err(invalid()),
        }
    }
}

fn member(input: &mut impl BufRead, members: &mut Members) -> io::Result<()> {
    let mut header = [0; 26];
    input.read_exact(&mut header)?;
    members.spend(30)?;
    let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let long = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (flags, method, stored) = (short(2), short(4), long(14));
    skip(input, u64::from(short(22)) + u64::from(short(24)))?;
    if flags & ENCRYPTED != 0 {
        return Err(invalid());
    }
    let sizes_follow = flags & SIZES_FOLLOW != 0;
    match method {
        // without its size nobody can tell where it ends
        0 if !sizes_follow && stored != WIDE => members.member(&mut input.by_ref().take(stored.into()))?,
        8 => members.member(&mut flate2::bufread::DeflateDecoder::new(&mut *input))?,
        _ => return Err(invalid()),
    }
    if sizes_follow { descriptor(input) } else { Ok(()) }
}

/// CRC and sizes, with or without a signature, of 32 or 64 bits: whichever the next signature follows.
fn descriptor(input: &mut impl BufRead) -> io::Result<()> {
    let mut first = [0; 4];
    input.read_exact(&mut first)?;
    let with_signature = &first == DESCRIPTOR;
    skip(input, if with_signature { 12 } else { 8 })?;
    // a buffer of one byte still tells a signature from a size
    if input.fill_buf()?.first() != Some(&b'P') {
        skip(input, 8)?;
    }
    Ok(())
}

fn skip(input: &mut impl Read, bytes: u64) -> io::Result<()> {
    let skipped = io::copy(&mut input.take(bytes), &mut io::sink())?;
    if skipped == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}
