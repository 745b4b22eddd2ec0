//! Where COPY and ADD put things: what a destination means, and how each kind of source gets there.

use std::{collections::HashMap, os::fd::AsFd as _};

use bstr::{BStr, BString, ByteSlice as _};
use rustix::fs::FileType;
use strata_image::Timestamp;

use super::Inline;
use crate::{
    cause::Cause,
    place::{Attributes, Place, Style, reject_whiteouts},
    selection::{NodeKind, Origin, Selection},
    tree::{clean, join, parent},
    unpack::{is_archive, unpack},
};

/// Mode of files that a heredoc makes.
const INLINE_MODE: u32 = 0o644;

/// The destination of one instruction.
pub(super) struct Target<'a> {
    pub(super) place: Place<'a>,
    pub(super) style: Style,
    /// As [`super::destination`] gives it.
    pub(super) destination: &'a BStr,
}

impl Target<'_> {
    fn is_directory(&self) -> bool {
        self.destination.ends_with(b"/") || self.destination.ends_with(b"/.")
    }

    /// Several files cannot become one: each would replace the one before.
    pub(super) fn accepts(&self, selections: &[Selection], inline: usize) -> Result<(), Cause> {
        let files = selections
            .iter()
            .filter(|selection| selection.nodes.first().is_some_and(|node| node.kind != NodeKind::Directory))
            .count();
        let sources = selections.len() + inline;
        if sources < 2 || files + inline == 0 || self.is_directory() {
            return Ok(());
        }
        let real = self.place.resolve(self.destination)?;
        if self.place.kind_at(&real)? == Some(FileType::Directory) {
            return Ok(());
        }
        Err(Cause::ManySources { destination: self.destination.to_string() })
    }

    /// Makes the directories that the destination names and gives where it really is.
    fn open(&mut self) -> Result<BString, Cause> {
        let dirs = if self.is_directory() { clean(self.destination) } else { parent(&clean(self.destination)).into() };
        let real = self.place.resolve(&dirs)?;
        self.place.make_dirs(&real)?;
        self.place.resolve(self.destination)
    }

    /// Where a file called `name` goes: into the destination when it is a directory, else it becomes the destination.
    fn file_target(&mut self, name: &[u8]) -> Result<BString, Cause> {
        let real = self.open()?;
        match self.place.kind_at(&real)? {
            Some(FileType::Directory) => Ok(join(&real, name)),
            Some(_) => Ok(real),
            None => {
                // a dangling link leads to a file in a directory that may not be there
                self.place.make_dirs(parent(&real))?;
                Ok(real)
            }
        }
    }

    pub(super) fn copy(&mut self, origin: &Origin<'_>, selection: &Selection) -> Result<(), Cause> {
        let Some((first, below)) = selection.nodes.split_first() else {
            return Ok(());
        };
        let mut linked = HashMap::new();
        let open = |real: &[u8]| origin.tree().open_file(real).map_err(Cause::read("open", real));
        if first.kind != NodeKind::Directory {
            let target = self.file_target(&selection.name)?;
            return self.place.node(first, &target, || open(&selection.real), &mut linked);
        }
        let real = self.open()?;
        match self.place.kind_at(&real)? {
            Some(FileType::Directory) => {}
            Some(_) => return Err(Cause::DirectoryOverFile { path: real }),
            None => self.place.make_dirs(&real)?,
        }
        for node in below {
            let source = join(&selection.real, &node.path);
            let target = join(&real, &node.path);
            self.place.node(node, &target, || open(&source), &mut linked)?;
        }
        // deepest first: finishing a directory must not be undone by writing into it
        for node in below.iter().rev().filter(|node| node.kind == NodeKind::Directory) {
            self.place.finish(node, &join(&real, &node.path))?;
        }
        // of the source's own metadata the destination takes the time only, whether it was there before or not
        self.place.set_time(&real, first.mtime)
    }

    /// Extracts the source if it is an archive; says whether it was one.
    pub(super) fn extract(&mut self, origin: &Origin<'_>, selection: &Selection) -> Result<bool, Cause> {
        let Some(node) = selection.nodes.first().filter(|node| matches!(node.kind, NodeKind::File { .. })) else {
            return Ok(false);
        };
        let unreadable = Cause::read("read", &selection.real);
        let mut file = origin.tree().open_file(&selection.real).map_err(&unreadable)?;
        if !is_archive(&mut file).map_err(&unreadable)? {
            return Ok(false);
        }
        // --chmod reaches neither what an archive holds nor the directory made for it
        let style = Style { mode: None, ..self.style };
        let real = self.place.resolve(self.destination)?;
        Place::new(self.place.tree().root(), style).make_dirs(&real)?;
        let destination = self.place.tree().open_dir(&real).map_err(Cause::write("open", &real))?;
        unpack(selection.real.as_bstr(), &file, destination.as_fd(), style)?;
        self.place.compare(&file, node);
        Ok(true)
    }

    pub(super) fn inline(&mut self, inline: &Inline, now: Timestamp) -> Result<(), Cause> {
        if inline.name.contains('/') || matches!(inline.name.as_str(), "" | "." | "..") {
            return Err(Cause::HeredocName { name: inline.name.clone() });
        }
        let target = self.file_target(inline.name.as_bytes())?;
        reject_whiteouts(&target)?;
        self.place.clear(&target)?;
        self.place.file(
            &target,
            &mut inline.content.as_bytes(),
            Attributes {
                mode: self.style.mode.unwrap_or(INLINE_MODE),
                owner: self.style.owner.unwrap_or((0, 0)),
                mtime: now,
                capability: None,
            },
        )
    }
}
