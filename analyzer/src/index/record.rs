//! One entry as bytes.

use bstr::BString;
use strata_image::{
    Timestamp,
    layer::{Entry, EntryKind, LayerPath},
};

/// The tag: the kind in the low bits, and what is as in the entry before.
const KIND: u8 = 0b111;
const SAME_DIRECTORY: u8 = 1 << 3;
const SAME_OWNER: u8 = 1 << 4;
const NANOSECONDS: u8 = 1 << 5;

/// What the entries before say for the next one.
#[derive(Default)]
struct Before {
    directory: Vec<u8>,
    /// Of directories, and of everything else: the two most often differ in the mode, and come by turns.
    owners: [Owner; 2],
    seconds: i64,
}

#[derive(Clone, Copy, Default, PartialEq)]
struct Owner {
    mode: u16,
    uid: u64,
    gid: u64,
    xattrs: u32,
}

/// Writes the entries of one block.
#[derive(Default)]
pub(super) struct Encoder(Before);

impl Encoder {
    /// Appends an entry; `xattrs` is the number of its set of attributes.
    pub(super) fn encode(&mut self, entry: &Entry, xattrs: u32, out: &mut Vec<u8>) {
        let before = &mut self.0;
        let path = entry.path.as_bytes();
        let (directory, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        let kind = match &entry.kind {
            EntryKind::File => 0,
            EntryKind::HardLink(_) => 1,
            EntryKind::Symlink(_) => 2,
            EntryKind::Directory => 3,
            EntryKind::CharDevice { .. } => 4,
            EntryKind::BlockDevice { .. } => 5,
            EntryKind::Fifo => 6,
        };
        let owner = Owner {
            mode: u16::try_from(entry.mode & 0o7777).unwrap_or_default(),
            uid: entry.uid,
            gid: entry.gid,
            xattrs,
        };
        let known = &mut before.owners[usize::from(kind == 3)];
        let mut tag = kind;
        for (bit, holds) in [
            (SAME_DIRECTORY, before.directory == directory),
            (SAME_OWNER, *known == owner),
            (NANOSECONDS, entry.mtime.nanoseconds != 0),
        ] {
            tag |= if holds { bit } else { 0 };
        }
        out.push(tag);
        if tag & SAME_DIRECTORY == 0 {
            let shared = before.directory.iter().zip(directory).take_while(|(a, b)| a == b).count();
            number(shared as u64, out);
            text(&directory[shared..], out);
            before.directory.clear();
            before.directory.extend_from_slice(directory);
        }
        text(name, out);
        if tag & SAME_OWNER == 0 {
            out.extend_from_slice(&owner.mode.to_le_bytes());
            for value in [owner.uid, owner.gid, u64::from(owner.xattrs)] {
                number(value, out);
            }
            *known = owner;
        }
        let seconds = entry.mtime.seconds.wrapping_sub(before.seconds);
        // zigzag: small differences are small numbers, whatever their sign
        number((seconds << 1 ^ seconds >> 63).cast_unsigned(), out);
        before.seconds = entry.mtime.seconds;
        if tag & NANOSECONDS != 0 {
            number(u64::from(entry.mtime.nanoseconds), out);
        }
        match &entry.kind {
            EntryKind::HardLink(target) => text(target.as_bytes(), out),
            EntryKind::Symlink(target) => text(target, out),
            &EntryKind::CharDevice { major, minor } | &EntryKind::BlockDevice { major, minor } => {
                number(u64::from(major), out);
                number(u64::from(minor), out);
            }
            EntryKind::File | EntryKind::Directory | EntryKind::Fifo => {}
        }
    }
}

/// Seven bits a byte, the low ones first; the last byte has no high bit.
fn number(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn text(bytes: &[u8], out: &mut Vec<u8>) {
    number(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Reads the entries of one block.
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
    before: Before,
    /// The directory, checked once for all that is in it.
    parent: LayerPath,
}

/// What a record says, without its content and attributes.
pub(super) struct Meaning<'a> {
    pub(super) directory: &'a [u8],
    pub(super) name: &'a [u8],
    parent: &'a LayerPath,
    kind: u8,
    owner: Owner,
    mtime: Timestamp,
    /// The target of a link, or the numbers of a device.
    text: &'a [u8],
    device: (u32, u32),
}

impl<'a> Decoder<'a> {
    pub(super) fn new(block: &'a [u8]) -> Self {
        Self { rest: block, before: Before::default(), parent: LayerPath::root() }
    }

    /// The next record; `None` when it is malformed, or not there.
    pub(super) fn record(&mut self) -> Option<Meaning<'_>> {
        let tag = self.take(1)?[0];
        let kind = tag & KIND;
        if tag & SAME_DIRECTORY == 0 {
            let shared =
                usize::try_from(self.number()?).ok().filter(|&shared| shared <= self.before.directory.len())?;
            let rest = self.text()?;
            self.before.directory.truncate(shared);
            self.before.directory.extend_from_slice(rest);
            self.parent = LayerPath::new(&self.before.directory).ok()?;
        }
        let name = self.text()?;
        let class = usize::from(kind == 3);
        if tag & SAME_OWNER == 0 {
            let mode = self.take(2)?;
            let mode = u16::from_le_bytes([mode[0], mode[1]]);
            let (uid, gid, xattrs) = (self.number()?, self.number()?, u32::try_from(self.number()?).ok()?);
            self.before.owners[class] = Owner { mode, uid, gid, xattrs };
        }
        let seconds = self.number()?;
        let difference = (seconds >> 1).cast_signed() ^ -(seconds & 1).cast_signed();
        self.before.seconds = self.before.seconds.wrapping_add(difference);
        let nanoseconds = if tag & NANOSECONDS == 0 { 0 } else { u32::try_from(self.number()?).ok()? };
        let (mut text, mut device) = (&b""[..], (0, 0));
        match kind {
            1 | 2 => text = self.text()?,
            4 | 5 => device = (u32::try_from(self.number()?).ok()?, u32::try_from(self.number()?).ok()?),
            0 | 3 | 6 => {}
            _ => return None,
        }
        Some(Meaning {
            directory: &self.before.directory,
            name,
            parent: &self.parent,
            kind,
            owner: self.before.owners[class],
            mtime: Timestamp { seconds: self.before.seconds, nanoseconds },
            text,
            device,
        })
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(head)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }
}

impl Meaning<'_> {
    /// The path, as it was.
    pub(super) fn path(&self) -> Vec<u8> {
        if self.directory.is_empty() { self.name.to_vec() } else { [self.directory, b"/", self.name].concat() }
    }

    pub(super) fn is_file(&self) -> bool {
        self.kind == 0
    }

    /// The number of the set of attributes.
    pub(super) fn xattrs(&self) -> usize {
        self.owner.xattrs as usize
    }

    /// Makes an entry this one, without size and attributes, in the memory that it has.
    pub(super) fn write_to(&self, entry: &mut Entry) -> strata_image::Result<()> {
        let (major, minor) = self.device;
        entry.path.set_child(self.parent, self.name)?;
        entry.kind = match self.kind {
            0 => EntryKind::File,
            1 => EntryKind::HardLink(LayerPath::new(self.text)?),
            2 => EntryKind::Symlink(BString::from(self.text)),
            3 => EntryKind::Directory,
            4 => EntryKind::CharDevice { major, minor },
            5 => EntryKind::BlockDevice { major, minor },
            _ => EntryKind::Fifo,
        };
        entry.mode = u32::from(self.owner.mode);
        (entry.uid, entry.gid) = (self.owner.uid, self.owner.gid);
        entry.mtime = self.mtime;
        Ok(())
    }
}
