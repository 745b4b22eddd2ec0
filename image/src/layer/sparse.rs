//! Sparse files: which bytes of a file are stored, in the four notations of GNU tar.
//!
//! ```text
//!  old GNU (type S)  four pairs in the header, then blocks of 21
//!  PAX 0.0           a record for each number
//!  PAX 0.1           one record, numbers with commas between
//!  PAX 1.0           decimal lines before the content, padded to a block
//! ```

use super::{
    Problem,
    header::{BLOCK, unsigned},
    pax::{SparseRecords, decimal},
    reader::{MAX_SPARSE_SEGMENTS, MAX_SPARSE_SIZE},
};

/// A run of bytes of a file that is stored; what lies between runs reads as zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// Where the map of a sparse file stands.
pub(super) enum Map {
    /// In the records that were read.
    Known(Vec<Segment>),
    /// PAX 1.0: at the beginning of the content.
    InContent,
}

impl SparseRecords {
    /// The map that the records describe; `None` for a plain file. Versions that nobody wrote are an error: their
    /// content would be taken for the file's.
    pub(super) fn map(&self) -> Result<Option<Map>, Problem> {
        match (self.major, self.minor) {
            (Some(1), Some(0)) => Ok(Some(Map::InContent)),
            (None, None) if self.map.is_none() && self.pairs.is_empty() => Ok(None),
            (None, None) | (Some(0), Some(0 | 1)) => {
                let numbers = match &self.map {
                    Some(map) => map.split(|&byte| byte == b',').map(number).collect::<Result<Vec<u64>, _>>()?,
                    None => self.pairs.clone(),
                };
                pairs(&numbers).map(|segments| Some(Map::Known(segments)))
            }
            _ => Err(Problem::SparseMap),
        }
    }
}

fn number(text: &[u8]) -> Result<u64, Problem> {
    decimal(text).flatten().ok_or(Problem::SparseMap)
}

fn pairs(numbers: &[u64]) -> Result<Vec<Segment>, Problem> {
    let (pairs, []) = numbers.as_chunks::<2>() else {
        return Err(Problem::SparseMap);
    };
    Ok(pairs.iter().map(|&[offset, length]| Segment { offset, length }).collect())
}

/// Reads the pairs of an old GNU header or of one of its extension blocks. An empty pair ends them.
pub(super) fn push_old(segments: &mut Vec<Segment>, headers: &[tar::GnuSparseHeader]) -> Result<(), Problem> {
    for header in headers.iter().take_while(|header| header.offset[0] != 0) {
        if segments.len() == MAX_SPARSE_SEGMENTS {
            return Err(Problem::SparseSegments);
        }
        let (offset, length) =
            (unsigned("sparse offset", &header.offset)?, unsigned("sparse length", &header.numbytes)?);
        segments.push(Segment { offset, length });
    }
    Ok(())
}

/// The pairs of a block that extends an old GNU header, and whether another such block follows.
pub(super) fn push_extension(segments: &mut Vec<Segment>, block: &[u8; BLOCK]) -> Result<bool, Problem> {
    let mut extension = tar::GnuExtSparseHeader::new();
    extension.as_mut_bytes().copy_from_slice(block);
    push_old(segments, extension.sparse())?;
    Ok(extension.is_extended())
}

/// Gathers the decimal lines of a PAX 1.0 map as its blocks come in.
#[derive(Default)]
pub(super) struct DecimalMap {
    numbers: Vec<u64>,
    line: Vec<u8>,
}

impl DecimalMap {
    /// Takes a block; gives the map when it is complete. What follows the last line in its block is padding.
    pub(super) fn push(&mut self, block: &[u8; BLOCK]) -> Result<Option<Vec<Segment>>, Problem> {
        for &byte in block {
            match byte {
                b'\n' => {
                    self.numbers.push(number(&self.line)?);
                    self.line.clear();
                    if let [count, rest @ ..] = self.numbers.as_slice() {
                        let count = usize::try_from(*count).unwrap_or(usize::MAX);
                        if count > MAX_SPARSE_SEGMENTS {
                            return Err(Problem::SparseSegments);
                        }
                        if rest.len() == 2 * count {
                            return pairs(rest).map(Some);
                        }
                    }
                }
                digit if digit.is_ascii_digit() && self.line.len() < 20 => self.line.push(digit),
                _ => return Err(Problem::SparseMap),
            }
        }
        Ok(None)
    }
}

/// Checks that the segments are in order, lie within the file and need exactly the bytes that are stored.
pub(super) fn check(segments: &[Segment], size: u64, stored: u64) -> Result<(), Problem> {
    if size > MAX_SPARSE_SIZE {
        return Err(Problem::SparseSize(size));
    }
    let mut end = 0;
    let mut sum = 0;
    for segment in segments {
        if segment.offset < end {
            return Err(Problem::SparseMap);
        }
        end = segment.offset.checked_add(segment.length).ok_or(Problem::SparseMap)?;
        sum += segment.length; // not beyond `end`, which did not overflow
    }
    if end > size || sum != stored {
        return Err(Problem::SparseMap);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ordered_maps_that_fit_are_taken() {
        let segment = |offset, length| Segment { offset, length };
        let cases: [(&[Segment], u64, u64, bool); 9] = [
            (&[], 10, 0, true),
            (&[segment(0, 4), segment(4, 2), segment(10, 0)], 10, 6, true),
            (&[segment(2, 4)], 10, 4, true),
            (&[segment(2, 4)], 10, 5, false),
            (&[segment(2, 4)], 5, 4, false),
            (&[segment(4, 2), segment(0, 4)], 10, 6, false),
            (&[segment(0, 4), segment(3, 2)], 10, 6, false),
            (&[segment(u64::MAX, 2)], 10, 2, false),
            (&[], MAX_SPARSE_SIZE + 1, 0, false),
        ];
        for (segments, size, stored, fits) in cases {
            assert_eq!(check(segments, size, stored).is_ok(), fits, "{segments:?} {size} {stored}");
        }
    }

    #[test]
    fn an_absurd_number_of_segments_is_an_error_before_they_are_read() {
        let mut block = [0; BLOCK];
        block[..8].copy_from_slice(b"9999999\n");
        assert_eq!(DecimalMap::default().push(&block), Err(Problem::SparseSegments));
    }
}
