//! Where COPY and ADD put things: what a destination means, and how each kind of source gets there.

use std::{collections::HashMap, fs::File, path::Path, sync::Arc};

use bstr::{BStr, BString, ByteSlice as _};
use strata_image::Timestamp;

use super::Inline;
use crate::{
    cause::Cause,
    draft::{Attributes, Content},
    place::{Place, Style, reject_whiteouts},
    remote::http::Fetched,
    selection::{Node, NodeKind, Origin, Selection},
    tree::{clean, join, parent},
    unpack::{is_archive, unpack},
};

/// Mode of files that a heredoc makes.
const INLINE_MODE: u32 = 0o644;

/// Mode of files that a URL gave.
const DOWNLOAD_MODE: u32 = 0o600;

/// The destination of one instruction.
pub(super) struct Target<'p, 'd> {
    pub(super) place: Place<'p, 'd>,
    /// As [`super::destination`] gives it.
    pub(super) destination: &'p BStr,
}

impl Target<'_, '_> {
    fn is_directory(&self) -> bool {
        self.destination.ends_with(b"/") || self.destination.ends_with(b"/.")
    }

    /// Several files cannot become one: each would replace the one before.
    pub(super) fn accepts<'s>(
        &self,
        selections: impl Iterator<Item = &'s Selection>,
        inline: usize,
    ) -> Result<(), Cause> {
        let selections: Vec<&Selection> = selections.collect();
        let files = selections
            .iter()
            .filter(|selection| !selection.parents)
            .filter(|selection| selection.nodes.first().is_some_and(|node| node.kind != NodeKind::Directory))
            .count();
        let sources = selections.len() + inline;
        if sources < 2 || files + inline == 0 || self.is_directory() {
            return Ok(());
        }
        let real = self.place.resolve(self.destination)?;
        if self.place.look(&real)?.is_some_and(|found| found.is_directory()) {
            return Ok(());
        }
        Err(Cause::ManySources { destination: self.destination.to_string() })
    }

    /// Makes the directories that the destination names and gives where it really is.
    fn open(&mut self) -> Result<BString, Cause> {
        let dirs = if self.is_directory() { clean(self.destination) } else { parent(&clean(self.destination)).into() };
        let real = self.place.resolve(&dirs)?;
        self.place.make_directories(&real)?;
        self.place.resolve(self.destination)
    }

    /// The same for a destination that is a directory whatever it looks like.
    fn open_directory(&mut self) -> Result<BString, Cause> {
        let real = self.open()?;
        match self.place.look(&real)? {
            Some(found) if found.is_directory() => {}
            Some(_) => return Err(Cause::DirectoryOverFile { path: real }),
            None => self.place.make_directories(&real)?,
        }
        Ok(real)
    }

    /// Where a file called `name` goes: into the destination when it is a directory, else it becomes the destination.
    fn file_target(&mut self, name: &[u8]) -> Result<BString, Cause> {
        let real = self.open()?;
        match self.place.look(&real)? {
            Some(found) if found.is_directory() => Ok(join(&real, name)),
            Some(_) => Ok(real),
            None => {
                // a dangling link leads to a file in a directory that may not be there
                self.place.make_directories(parent(&real))?;
                Ok(real)
            }
        }
    }

    pub(super) fn copy(&mut self, origin: &Arc<Origin>, selection: &Selection) -> Result<(), Cause> {
        if selection.parents {
            let real = self.open_directory()?;
            return self.copy_below(origin, selection, &selection.nodes, &real);
        }
        let Some((first, below)) = selection.nodes.split_first() else {
            return Ok(());
        };
        if first.kind != NodeKind::Directory {
            let target = self.file_target(&selection.name)?;
            return self.place.node(first, &target, origin, &selection.real, &mut HashMap::new());
        }
        let real = self.open_directory()?;
        self.copy_below(origin, selection, below, &real)?;
        // of the source's own metadata the destination takes the time only, whether it was there before or not
        self.place.set_time(&real, first.mtime)
    }

    fn copy_below(
        &mut self,
        origin: &Arc<Origin>,
        selection: &Selection,
        nodes: &[Node],
        destination: &[u8],
    ) -> Result<(), Cause> {
        let mut linked = HashMap::new();
        for node in nodes {
            let source = join(&selection.real, &node.path);
            self.place.node(node, &join(destination, &node.path), origin, &source, &mut linked)?;
        }
        // deepest first: finishing a directory must not be undone by writing into it
        let directories = nodes.iter().rev().filter(|node| node.kind == NodeKind::Directory && !node.is_parent);
        for node in directories {
            self.place.finish(node, &join(destination, &node.path))?;
        }
        Ok(())
    }

    /// Extracts the source if it is an archive; says whether it was one.
    pub(super) fn extract(
        &mut self,
        origin: &Arc<Origin>,
        selection: &Selection,
        partial: &Path,
    ) -> Result<bool, Cause> {
        let Some(node) = selection.nodes.first().filter(|node| matches!(node.kind, NodeKind::File { .. })) else {
            return Ok(false);
        };
        let unreadable = Cause::read("read", &selection.real);
        let mut file = origin.tree().open_file(&selection.real).map_err(&unreadable)?;
        if !is_archive(&mut file).map_err(&unreadable)? {
            return Ok(false);
        }
        self.unpack(selection.real.as_bstr(), &file, partial)?;
        self.place.draft().compare(&file, node.stamp);
        Ok(true)
    }

    /// Puts a file that a URL gave there, or what it holds when it is an archive and that is wanted.
    pub(super) fn download(&mut self, fetched: &Fetched, extract: bool, partial: &Path) -> Result<(), Cause> {
        let mut file = fetched.open().map_err(|error| Cause::Remote(Box::new(error)))?;
        let name = BStr::new(&fetched.name);
        if extract && is_archive(&mut file).map_err(Cause::read("read", name))? {
            return self.unpack(name, &file, partial);
        }
        let target = self.file_target(name)?;
        reject_whiteouts(&target)?;
        self.place.must_not_be_directory(&target)?;
        let style = self.place.style();
        let attributes = Attributes {
            mode: style.mode_of(DOWNLOAD_MODE, false),
            owner: style.owner.unwrap_or((0, 0)),
            mtime: fetched.modified.unwrap_or(Timestamp::EPOCH),
            capability: None,
        };
        let content = Content::Spooled { file: Arc::new(file), offset: 0 };
        self.place.file(&target, fetched.size, content, attributes)
    }

    fn unpack(&mut self, name: &BStr, file: &File, partial: &Path) -> Result<(), Cause> {
        // --chmod reaches neither what an archive holds nor the directory made for it
        let style = Style { mode: None, ..self.place.style().clone() };
        let real = self.place.resolve(self.destination)?;
        self.place.within(b"", style.clone()).make_directories(&real)?;
        unpack(name, file, &mut self.place.within(&real, style), partial)
    }

    pub(super) fn inline(&mut self, inline: &Inline) -> Result<(), Cause> {
        if inline.name.contains('/') || matches!(inline.name.as_str(), "" | "." | "..") {
            return Err(Cause::HeredocName { name: inline.name.clone() });
        }
        let target = self.file_target(inline.name.as_bytes())?;
        reject_whiteouts(&target)?;
        self.place.must_not_be_directory(&target)?;
        let style = self.place.style();
        let attributes = Attributes {
            mode: style.mode_of(INLINE_MODE, false),
            owner: style.owner.unwrap_or((0, 0)),
            mtime: self.place.now(),
            capability: None,
        };
        let content = inline.content.as_bytes().to_vec();
        self.place.file(&target, content.len() as u64, Content::Bytes(content), attributes)
    }
}
