//! What a layer speaks of, and whether it can be taken at its word.

use std::collections::HashSet;

use strata_image::layer::{Change, EntryKind, LayerPath};

/// The paths of a layer's entries.
#[derive(Default)]
pub(super) struct Touched {
    /// Each with whether it is a directory.
    pub(super) added: Vec<(LayerPath, bool)>,
    pub(super) removed: Vec<LayerPath>,
    /// Every directory above those, those that are added, and those that are made opaque.
    parents: HashSet<Vec<u8>>,
}

impl Touched {
    pub(super) fn take(&mut self, change: &Change<'_>) {
        match change {
            Change::Add(entry) => self.add(&entry.path, entry.kind == EntryKind::Directory),
            Change::Whiteout(path) => self.remove(path, false),
            Change::Opaque(path) => self.remove(path, true),
            Change::Nothing => {}
        }
    }

    fn add(&mut self, path: &LayerPath, is_directory: bool) {
        self.above(path.as_bytes());
        if is_directory {
            // one that was something else before it was a directory has lost what was in it
            self.parents.insert(path.as_bytes().to_vec());
        }
        self.added.push((path.clone(), is_directory));
    }

    fn remove(&mut self, path: &LayerPath, opaque: bool) {
        self.above(path.as_bytes());
        if opaque {
            self.parents.insert(path.as_bytes().to_vec());
        }
        self.removed.push(path.clone());
    }

    fn above(&mut self, mut path: &[u8]) {
        while let Some(slash) = path.iter().rposition(|&byte| byte == b'/') {
            path = &path[..slash];
            if self.parents.contains(path) {
                return;
            }
            self.parents.insert(path.to_vec());
        }
    }

    /// Whether no path of the layer goes through a symlink of those below it, or through something that the layer itself
    /// puts there.
    pub(super) fn is_literal(&self, is_symlink: impl Fn(&[u8]) -> bool) -> bool {
        let is_parent =
            |(path, is_directory): &(LayerPath, bool)| !is_directory && self.parents.contains(path.as_bytes());
        !self.added.iter().any(is_parent) && !self.parents.iter().any(|parent| is_symlink(parent))
    }
}
