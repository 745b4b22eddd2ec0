//! What is compared of one path, whether it is of a merged root filesystem or of a layer's tar.

use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};
use strata_image::{
    Timestamp,
    layer::{Entry, EntryKind},
    view::{Meta, NodeKind},
};

use super::what::{Set, What};
use crate::index::ContentHash;

/// The type of a path, with what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Type<'a> {
    File,
    HardLink(&'a BStr),
    Symlink(&'a BStr),
    Directory,
    CharDevice(u32, u32),
    BlockDevice(u32, u32),
    Fifo,
}

/// One path, without its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) kind: Type<'a>,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) mtime: Timestamp,
    pub(super) xattrs: &'a BTreeMap<BString, Vec<u8>>,
    pub(super) content: Option<&'a ContentHash>,
}

impl<'a> Facts<'a> {
    /// Of a path that an image shows.
    pub(super) fn shown(meta: Meta<'a>, content: Option<&'a ContentHash>) -> Self {
        let kind = match meta.kind {
            NodeKind::File => Type::File,
            NodeKind::Symlink(target) => Type::Symlink(target),
            NodeKind::Directory => Type::Directory,
            NodeKind::CharDevice { major, minor } => Type::CharDevice(major, minor),
            NodeKind::BlockDevice { major, minor } => Type::BlockDevice(major, minor),
            NodeKind::Fifo => Type::Fifo,
        };
        let Meta { mode, uid, gid, mtime, xattrs, .. } = meta;
        Self { kind, mode, uid, gid, mtime, xattrs, content }
    }

    /// Of an entry of a tar.
    pub(super) fn written(entry: &'a Entry, content: Option<&'a ContentHash>) -> Self {
        let kind = match &entry.kind {
            EntryKind::File => Type::File,
            EntryKind::HardLink(target) => Type::HardLink(target.as_bytes().as_bstr()),
            EntryKind::Symlink(target) => Type::Symlink(target.as_bstr()),
            EntryKind::Directory => Type::Directory,
            &EntryKind::CharDevice { major, minor } => Type::CharDevice(major, minor),
            &EntryKind::BlockDevice { major, minor } => Type::BlockDevice(major, minor),
            EntryKind::Fifo => Type::Fifo,
        };
        let &Entry { mode, uid, gid, mtime, ref xattrs, .. } = entry;
        Self { kind, mode, uid, gid, mtime, xattrs, content }
    }

    /// What differs between the two, but for the names that share the inode.
    pub(super) fn differences(&self, other: &Self) -> Set {
        let mut found = Set::default();
        match (self.kind, other.kind) {
            (Type::File, Type::File) => found.insert_if(What::Content, self.content != other.content),
            (Type::Symlink(a), Type::Symlink(b)) => found.insert_if(What::Link, a != b),
            (Type::HardLink(a), Type::HardLink(b)) => found.insert_if(What::Hardlinks, a != b),
            // one name more of a file that is there, or a file of its own
            (Type::File, Type::HardLink(_)) | (Type::HardLink(_), Type::File) => found.insert(What::Hardlinks),
            (Type::CharDevice(..), Type::CharDevice(..)) | (Type::BlockDevice(..), Type::BlockDevice(..)) => {
                found.insert_if(What::Device, self.kind != other.kind);
            }
            (a, b) => found.insert_if(What::Type, a != b),
        }
        // Linux gives every symlink 0777, whatever a tar says
        let has_mode = [self, other].iter().all(|facts| !matches!(facts.kind, Type::Symlink(_)));
        found.insert_if(What::Mode, has_mode && self.mode != other.mode);
        found.insert_if(What::Uid, self.uid != other.uid);
        found.insert_if(What::Gid, self.gid != other.gid);
        found.insert_if(What::Mtime, self.mtime != other.mtime);
        found.insert_if(What::Xattrs, self.xattrs != other.xattrs);
        found
    }

    /// A hash of type, content and target.
    pub(super) fn sign(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.type_word().as_bytes()).update(b"\0");
        match self.kind {
            Type::Symlink(target) | Type::HardLink(target) => hasher.update(target),
            Type::CharDevice(major, minor) | Type::BlockDevice(major, minor) => {
                hasher.update(&major.to_le_bytes()).update(&minor.to_le_bytes())
            }
            Type::File | Type::Directory | Type::Fifo => hasher.update(self.content.map_or(&[], |hash| &hash[..])),
        };
        *hasher.finalize().as_bytes()
    }

    /// The word of reports for its type.
    pub(super) fn type_word(&self) -> &'static str {
        match self.kind {
            Type::File => "file",
            Type::HardLink(_) => "hard-link",
            Type::Symlink(_) => "symlink",
            Type::Directory => "directory",
            Type::CharDevice(..) => "char-device",
            Type::BlockDevice(..) => "block-device",
            Type::Fifo => "fifo",
        }
    }
}
