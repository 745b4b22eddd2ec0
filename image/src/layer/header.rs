//! The 512-byte header block: its fields as they stand, numbers in both notations, the checksum.

use bstr::ByteSlice;

use super::Problem;

/// Bytes of a block: everything in a tar is padded to this.
pub(super) const BLOCK: usize = 512;
/// [`BLOCK`], for offsets.
pub(super) const BLOCK_BYTES: u64 = 512;

/// Zeros that follow `size` bytes of data up to the next block.
pub(super) fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK_BYTES
}

/// One header block with a right checksum.
pub(super) struct Header(tar::Header);

impl Header {
    /// Checks the sum over a block; old tars summed signed bytes.
    pub(super) fn new(block: &[u8; BLOCK]) -> Result<Self, Problem> {
        let header = tar::Header::from_byte_slice(block).clone();
        let field = &header.as_old().cksum;
        let expected = number("checksum", field)?;
        // 512 bytes do not come near the ends of 32 bits, which are added up four times as fast as 64
        let unsigned = |bytes: &[u8]| i64::from(bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>());
        let signed = |bytes: &[u8]| i64::from(bytes.iter().map(|&byte| i32::from(byte.cast_signed())).sum::<i32>());
        // the sum is taken as if its own field held spaces
        let spaces = unsigned(&[b' '; 8]);
        let right = unsigned(block) - unsigned(field) + spaces == expected
            || signed(block) - signed(field) + spaces == expected;
        if right { Ok(Self(header)) } else { Err(Problem::Checksum) }
    }

    /// The block itself.
    pub(super) fn as_bytes(&self) -> &[u8; BLOCK] {
        self.0.as_bytes()
    }

    pub(super) fn type_flag(&self) -> u8 {
        self.0.as_old().linkflag[0]
    }

    /// The name, with ustar's prefix before it. GNU's headers keep times where ustar keeps the prefix.
    pub(super) fn name(&self, into: &mut Vec<u8>) {
        into.clear();
        if let Some(ustar) = self.0.as_ustar() {
            let prefix = text(&ustar.prefix);
            if !prefix.is_empty() {
                into.extend_from_slice(prefix);
                into.push(b'/');
            }
        }
        into.extend_from_slice(text(&self.0.as_old().name));
    }

    pub(super) fn link(&self) -> &[u8] {
        text(&self.0.as_old().linkname)
    }

    pub(super) fn mode(&self) -> Result<u32, Problem> {
        let mode = number("mode", &self.0.as_old().mode)? & 0o7777;
        u32::try_from(mode).map_err(|_| Problem::Number("mode"))
    }

    pub(super) fn uid(&self) -> Result<u64, Problem> {
        unsigned("uid", &self.0.as_old().uid)
    }

    pub(super) fn gid(&self) -> Result<u64, Problem> {
        unsigned("gid", &self.0.as_old().gid)
    }

    pub(super) fn size(&self) -> Result<u64, Problem> {
        unsigned("size", &self.0.as_old().size)
    }

    pub(super) fn mtime(&self) -> Result<i64, Problem> {
        number("mtime", &self.0.as_old().mtime)
    }

    /// Owner's and group's name.
    pub(super) fn owner_names(&self) -> (&[u8], &[u8]) {
        match (self.0.as_ustar(), self.0.as_gnu()) {
            (Some(header), _) => (text(&header.uname), text(&header.gname)),
            (_, Some(header)) => (text(&header.uname), text(&header.gname)),
            _ => (&[], &[]),
        }
    }

    /// Major and minor number of a device.
    pub(super) fn device(&self) -> Result<(u32, u32), Problem> {
        let (major, minor) = match (self.0.as_ustar(), self.0.as_gnu()) {
            (Some(header), _) => (&header.dev_major, &header.dev_minor),
            (_, Some(header)) => (&header.dev_major, &header.dev_minor),
            _ => return Ok((0, 0)),
        };
        let part = |field| u32::try_from(number("device number", field)?).map_err(|_| Problem::Number("device number"));
        Ok((part(major)?, part(minor)?))
    }

    /// The fields of an old GNU sparse file.
    pub(super) fn gnu(&self) -> Option<&tar::GnuHeader> {
        self.0.as_gnu()
    }
}

/// A text field: up to the first NUL, or whole.
fn text(field: &[u8]) -> &[u8] {
    field.find_byte(0).map_or(field, |end| &field[..end])
}

/// A numeric field that must not be negative.
pub(super) fn unsigned(name: &'static str, field: &[u8]) -> Result<u64, Problem> {
    u64::try_from(number(name, field)?).map_err(|_| Problem::Number(name))
}

/// A numeric field: octal digits among spaces and NULs, or GNU's base-256, a big-endian two's complement whose topmost
/// bit is only the mark.
pub(super) fn number(name: &'static str, field: &[u8]) -> Result<i64, Problem> {
    let value = match field {
        [first, rest @ ..] if first & 0x80 != 0 => base_256(*first, rest),
        _ => octal(field),
    };
    value.ok_or(Problem::Number(name))
}

fn base_256(first: u8, rest: &[u8]) -> Option<i64> {
    let negative = first & 0x40 != 0;
    let high = i64::from(first & 0x3f) - if negative { 0x40 } else { 0 };
    rest.iter().try_fold(high, |value, &byte| value.checked_mul(256)?.checked_add(i64::from(byte)))
}

fn octal(field: &[u8]) -> Option<i64> {
    let is_filler = |&byte: &u8| byte == b' ' || byte == 0;
    let start = field.iter().position(|byte| !is_filler(byte)).unwrap_or(field.len());
    // the first NUL behind the digits ends them; blanks at the end of the field do too
    let end = field.iter().rposition(|byte| !is_filler(byte)).map_or(start, |last| last + 1);
    let mut value = 0_i64;
    for &digit in &field[start..end] {
        match digit {
            b'0'..=b'7' if value < 1 << 60 => value = value << 3 | i64::from(digit - b'0'),
            0 => break,
            _ => return None,
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        let cases: [(&[u8], Option<i64>); 17] = [
            (b"0000644\0", Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"644\0junk", Some(0o644)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"        ", Some(0)),
            (b"77777777", Some(0o7777_7777)),
            (b"0000648\0", None),
            (b"12 34\0\0\0", None),
            (b"-000001\0", None),
            (&[0x80, 0, 0, 0, 0, 0, 1, 0], Some(256)),
            (&[0xff; 8], Some(-1)),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf1, 0xf0], Some(-3600)),
            (&[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Some(i64::MAX)),
            (&[0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0], None),
            (&[0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], Some(i64::MIN)),
            (&[0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], None),
            (&[0xbf; 12], None),
        ];
        for (field, value) in cases {
            assert_eq!(number("size", field).ok(), value, "{:?}", field.as_bstr());
        }
    }

    #[test]
    fn a_checksum_over_signed_bytes_is_right_too() {
        let mut block = [0_u8; BLOCK];
        block[0] = 0xe9;
        block[148..156].copy_from_slice(format!("{:06o}\0 ", 256 - 23).as_bytes());
        assert!(Header::new(&block).is_ok());
        block[1] = 1;
        assert_eq!(Header::new(&block).err(), Some(Problem::Checksum));
    }

    #[test]
    fn padding_fills_the_last_block() {
        assert_eq!([0, 1, 511, 512, 513].map(padding), [0, 511, 1, 0, 511]);
    }
}
