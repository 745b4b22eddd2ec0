//! The contents of archives, by their hashes: to find out whether an archive lies beside what was unpacked of it.
//!
//! ```text
//! chunks ─► channel ─► a thread: gunzip, … ─► tar │ zip │ deb ─► hash of each member
//! ```
//!
//! Archives are hostile: what unpacks to more than the budget, nests or breaks off is read as far as it goes, and says so.

mod ar;
mod zip;

use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::JoinHandle,
};

use strata_image::{
    compression,
    layer::{EntryKind, LayerReader},
};

use super::{Archive, Member};
use crate::index::ContentHasher;

/// Members that are looked at: more than any wheel, jar or source archive has.
const MAX_MEMBERS: usize = 100_000;
/// Archives up to this size are read at their end, in place.
const SMALL: u64 = 1 << 20;
/// Chunks that wait for the thread: 1 MiB.
const WAITING: usize = 8;

/// The form of an archive, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A tar, however compressed.
    Tar,
    /// A zip, or what is one: wheels, jars.
    Zip,
    /// A Debian package.
    Deb,
}

impl Form {
    pub(super) fn of(path: &[u8]) -> Option<Self> {
        let name = path.rsplit(|&byte| byte == b'/').next()?;
        let ends = |suffixes: &[&[u8]]| {
            suffixes.iter().any(|suffix| {
                name.len() > suffix.len() && name[name.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
            })
        };
        if ends(&[
            b".tar",
            b".tgz",
            b".tar.gz",
            b".tar.xz",
            b".txz",
            b".tar.bz2",
            b".tbz2",
            b".tbz",
            b".tar.zst",
            b".tzst",
        ]) {
            Some(Self::Tar)
        } else if ends(&[b".zip", b".whl", b".jar", b".war", b".egg", b".nupkg"]) {
            Some(Self::Zip)
        } else if ends(&[b".deb"]) {
            Some(Self::Deb)
        } else {
            None
        }
    }
}

/// An archive as it streams by.
pub(super) enum Unpacking {
    /// It is small, and waits until it is whole.
    Small { form: Form, budget: u64, bytes: Vec<u8> },
    /// A thread reads it.
    Large { sender: SyncSender<Vec<u8>>, thread: JoinHandle<Unpacked> },
}

/// What came of it.
#[derive(Default)]
pub(super) struct Unpacked {
    pub(super) archive: Archive,
    /// Bytes that were unpacked: what it took of the budget.
    pub(super) bytes: u64,
}

impl Unpacking {
    /// Begins to unpack no more than `budget` bytes; `None` when there can be no thread.
    pub(super) fn begin(form: Form, size: u64, budget: u64) -> Option<Self> {
        if size <= SMALL {
            return Some(Self::Small { form, budget, bytes: Vec::new() });
        }
        let (sender, receiver) = sync_channel(WAITING);
        let chunks = Chunks { receiver, chunk: Vec::new(), at: 0 };
        let thread = std::thread::Builder::new().name("archive".to_owned()).spawn(move || read(form, chunks, budget));
        Some(Self::Large { sender, thread: thread.ok()? })
    }

    pub(super) fn take(&mut self, chunk: &[u8]) {
        match self {
            Self::Small { bytes, .. } => bytes.extend_from_slice(chunk),
            // a thread that has seen enough is gone
            Self::Large { sender, .. } => drop(sender.send(chunk.to_vec())),
        }
    }

    pub(super) fn finish(self) -> Unpacked {
        match self {
            Self::Small { form, budget, bytes } => read(form, bytes.as_slice(), budget),
            Self::Large { sender, thread } => {
                drop(sender);
                thread.join().unwrap_or_default()
            }
        }
    }
}

struct Chunks {
    receiver: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            match self.receiver.recv() {
                Ok(chunk) => (self.chunk, self.at) = (chunk, 0),
                Err(_) => return Ok(0),
            }
        }
        let count = buffer.len().min(self.chunk.len() - self.at);
        buffer[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

fn read(form: Form, bytes: impl Read + Send, budget: u64) -> Unpacked {
    let mut members = Members { left: budget, ..Members::default() };
    let is_whole = match form {
        Form::Tar => members.tar(bytes),
        Form::Zip => zip::read(bytes, &mut members),
        Form::Deb => ar::read(bytes, &mut members),
    };
    let archive = Archive { is_whole: is_whole.is_ok(), members: members.members };
    Unpacked { bytes: budget - members.left, archive }
}

/// The members so far, and what of the budget is left.
#[derive(Default)]
struct Members {
    members: Vec<Member>,
    left: u64,
}

impl Members {
    /// Reads a tar, compressed or not.
    fn tar(&mut self, bytes: impl Read + Send) -> io::Result<()> {
        let (_, unpacked) = compression::reader(bytes)?;
        // headers count too, so that an endless archive of empty files ends
        let mut reader = LayerReader::new(unpacked.take(self.left.saturating_mul(2)));
        while let Some(entry) = reader.next_entry().map_err(io::Error::other)? {
            self.spend(512)?;
            if entry.kind == EntryKind::File && entry.size > 0 {
                if entry.size > self.left {
                    return Err(too_much());
                }
                self.member(&mut reader)?;
            }
        }
        Ok(())
    }

    /// Hashes one member to its end.
    fn member(&mut self, content: &mut impl Read) -> io::Result<()> {
        if self.members.len() == MAX_MEMBERS {
            return Err(too_much());
        }
        let mut hasher = ContentHasher::default();
        io::copy(&mut content.take(self.left + 1), &mut hasher)?;
        let (hash, size) = hasher.finish();
        self.spend(size)?;
        if size > 0 {
            self.members.push(Member { hash, size });
        }
        Ok(())
    }

    fn spend(&mut self, bytes: u64) -> io::Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or_else(too_much)?;
        Ok(())
    }
}

fn too_much() -> io::Error {
    io::Error::other("more than an archive is looked at")
}
