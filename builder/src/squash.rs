//! `--squash`: the layers above the base become one, which says what they say together.

use std::{fs::File, sync::Arc};

use bstr::{BStr, BString};
use rustix::fs::{FileType, makedev};
use strata_image::{
    Digest, Store,
    layer::{CAPABILITY, Change, Entry, EntryKind, LayerReader},
};

use crate::{
    below::Below,
    cause::Cause,
    draft::{Attributes, Clock, Content, Draft},
    tree::join,
};

/// Packs what layers of the store, bottom first, change of what is below; gives the new layer's digest and size.
pub(crate) fn squash(store: &Store, below: &Below, layers: &[Digest], clock: Clock) -> Result<(Digest, u64), Cause> {
    let mut draft = Draft::new(below, clock);
    for layer in layers {
        apply(&mut draft, store, layer)?;
    }
    let mut blob = store.blob()?;
    draft.pack(None, &mut blob)?;
    Ok(blob.commit()?)
}

fn apply(draft: &mut Draft<'_>, store: &Store, layer: &Digest) -> Result<(), Cause> {
    let failed = |error: strata_image::layer::TarError| Cause::Image(error.into());
    let blob = File::open(store.blob_path(layer))
        .map_err(|source| Cause::Host { operation: "open a layer to squash", source })?;
    let blob = Arc::new(blob);
    let mut reader = LayerReader::new(store.get(layer)?);
    // their times are set once everything is in them
    let mut directories: Vec<(BString, Attributes)> = Vec::new();
    while let Some(entry) = reader.next_entry().map_err(failed)? {
        match entry.change().map_err(failed)? {
            Change::Whiteout(path) => draft.remove(path.as_bytes())?,
            Change::Opaque(path) => {
                for name in draft.names(path.as_bytes())? {
                    draft.remove(&join(path.as_bytes(), &name))?;
                }
            }
            Change::Add(entry) => add(draft, entry, &blob, &mut directories)?,
            Change::Nothing => {}
        }
    }
    reader.finish().map_err(failed)?;
    for (path, attributes) in directories {
        if draft.lookup(&path)?.is_some_and(|found| found.is_directory()) {
            draft.set_directory(&path, attributes)?;
        }
    }
    Ok(())
}

fn add(
    draft: &mut Draft<'_>,
    entry: &Entry,
    blob: &Arc<File>,
    directories: &mut Vec<(BString, Attributes)>,
) -> Result<(), Cause> {
    let path = entry.path.as_bytes();
    let attributes = Attributes {
        mode: entry.mode,
        owner: (entry.uid, entry.gid),
        mtime: entry.mtime,
        capability: entry.xattrs.get(BStr::new(CAPABILITY)).cloned(),
    };
    let there = draft.lookup(path)?;
    let is_directory = there.as_ref().is_some_and(crate::below::Found::is_directory);
    if there.is_some() && !(is_directory && entry.kind == EntryKind::Directory) {
        draft.remove(path)?;
    }
    match &entry.kind {
        EntryKind::Directory => {
            directories.push((path.into(), attributes.clone()));
            if is_directory { draft.set_directory(path, attributes) } else { draft.make_directory(path, attributes) }
        }
        EntryKind::File => {
            let content = Content::Spooled { file: Arc::clone(blob), offset: entry.data_offset };
            draft.file(path, entry.size, content, attributes)
        }
        EntryKind::HardLink(existing) => draft.hard_link(existing.as_bytes(), path),
        EntryKind::Symlink(target) => draft.symlink(path, target, attributes),
        EntryKind::Fifo => draft.special(path, FileType::Fifo, 0, attributes),
        EntryKind::CharDevice { major, minor } => {
            draft.special(path, FileType::CharacterDevice, makedev(*major, *minor), attributes)
        }
        EntryKind::BlockDevice { major, minor } => {
            draft.special(path, FileType::BlockDevice, makedev(*major, *minor), attributes)
        }
    }
}
