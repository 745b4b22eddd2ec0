//! What is known about the image: read once, never changed.

use std::sync::Arc;

use anyhow::Result;
use strata_analyzer::{
    Analysis, Finding, Tree,
    analysis::{self, LayerLine, Options},
    findings::{Place, Suppressed},
    index::LayerIndex,
    path_text,
    tree::{Death, Version},
};
use strata_image::{
    Image,
    layer::{Entry, EntryKind},
    view::InodeId,
};

/// The image in all that can be asked of it without its contents.
pub(super) struct Model {
    pub(super) name: String,
    pub(super) analysis: Analysis,
    pub(super) tree: Tree,
    indexes: Vec<Arc<LayerIndex>>,
}

impl Model {
    /// Reads the layers' indexes and folds them once, for the account, the tree and the analysis.
    pub(super) fn load(image: &dyn Image, name: &str, options: &Options<'_>) -> Result<Self> {
        let indexes = LayerIndex::all(image.layers(), options.cache)?;
        let (ledger, tree) = Tree::fold(&indexes)?;
        let analysis = analysis::with_ledger(image, &ledger, options)?;
        Ok(Self { name: name.to_owned(), analysis, tree, indexes })
    }

    /// The entry that made an inode; `None` for a directory that no entry made.
    pub(super) fn entry(&self, inode: InodeId) -> Option<Entry> {
        self.indexes.get(inode.layer as usize)?.get(inode.entry)
    }

    /// Mode and owners as `ls -ln` writes them.
    pub(super) fn attributes(&self, version: Option<&Version>) -> String {
        let Some(inode) = version.and_then(|version| version.inode) else { return String::new() };
        match self.entry(inode) {
            Some(entry) => format!("{} {}:{}", mode(&entry), entry.uid, entry.gid),
            None => "drwxr-xr-x 0:0".to_owned(),
        }
    }

    /// Where a symlink leads.
    pub(super) fn target(&self, version: &Version) -> Option<Vec<u8>> {
        match self.entry(version.inode?)?.kind {
            EntryKind::Symlink(target) => Some(target.to_vec()),
            _ => None,
        }
    }

    pub(super) fn layer(&self, layer: usize) -> Option<&LayerLine> {
        self.analysis.layers.get(layer)
    }

    /// The exact rule's finding that a dead file belongs to.
    ///
    /// A finding lists its largest paths alone: where the file is not among them, the finding is known only when it is
    /// the single one between these layers.
    pub(super) fn finding(&self, path: &[u8], death: &Death) -> Option<Told<'_>> {
        let path = path_text(path);
        let between: Vec<Told<'_>> = self
            .findings()
            .filter(|Told { finding, .. }| {
                finding.exact && finding.creator == Some(death.creator) && finding.killer == Some(death.killer)
            })
            .collect();
        let named = between.iter().find(|told| told.is_about(&path));
        named.copied().or_else(|| (between.len() == 1).then(|| between[0]))
    }

    /// Advice about what the image shows there.
    pub(super) fn advice(&self, path: &[u8]) -> impl Iterator<Item = Told<'_>> {
        let path = path_text(path);
        self.findings().filter(move |told| !told.finding.exact && told.is_about(&path))
    }

    /// All findings, those that are suppressed last.
    fn findings(&self) -> impl Iterator<Item = Told<'_>> {
        let told = self.analysis.findings.iter().map(|finding| Told { finding, suppressed: None });
        let suppressed = self.analysis.suppressed.iter();
        told.chain(suppressed.map(|suppressed| Told { finding: &suppressed.finding, suppressed: Some(suppressed) }))
    }
}

/// A finding; where it is suppressed, by whom and why.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) finding: &'a Finding,
    pub(super) suppressed: Option<&'a Suppressed>,
}

impl Told<'_> {
    fn is_about(&self, path: &str) -> bool {
        self.finding.paths.iter().any(|place| covers(place, path))
    }
}

/// Whether a place is that path or a directory above it.
fn covers(place: &Place, path: &str) -> bool {
    path.strip_prefix(place.path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn mode(entry: &Entry) -> String {
    let kind = match entry.kind {
        EntryKind::Directory => 'd',
        EntryKind::Symlink(_) => 'l',
        EntryKind::CharDevice { .. } => 'c',
        EntryKind::BlockDevice { .. } => 'b',
        EntryKind::Fifo => 'p',
        _ => '-',
    };
    let bit = |mask: u32, letter: char| if entry.mode & mask == 0 { '-' } else { letter };
    let last = |execute: u32, special: u32, both: char, alone: char| match (
        entry.mode & execute != 0,
        entry.mode & special != 0,
    ) {
        (true, true) => both,
        (false, true) => alone,
        (true, false) => 'x',
        (false, false) => '-',
    };
    [
        kind,
        bit(0o400, 'r'),
        bit(0o200, 'w'),
        last(0o100, 0o4000, 's', 'S'),
        bit(0o040, 'r'),
        bit(0o020, 'w'),
        last(0o010, 0o2000, 's', 'S'),
        bit(0o004, 'r'),
        bit(0o002, 'w'),
        last(0o001, 0o1000, 't', 'T'),
    ]
    .into_iter()
    .collect()
}
