//! Findings of the upper layers of an image alone, at the cost of what these layers have.
//!
//! Many images stand on the same layers. What was found there is the same for all of them; so who looks at many images
//! asks for what upper layers made or killed, and what the lower layers have is looked up where that decides: whether a
//! content is there already, and under which path.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use strata_image::{
    layer::LayerPath,
    view::{InodeId, View},
};

use crate::{
    Ledger,
    facts::Fact,
    index::{ContentHash, LayerIndex},
};

/// The contents of live files of some layers, 16 bytes each, by the first bytes of their hash.
pub(crate) struct LowerContents {
    files: Vec<(u64, InodeId)>,
}

/// The file that had a content before all others, and its path.
pub(super) type First = (InodeId, Vec<u8>);

/// What lower layers have of what upper ones ask for.
pub(crate) struct Lower {
    /// How many layers they are.
    pub(super) layers: usize,
    /// How many live files of theirs have a content.
    pub(super) counts: HashMap<ContentHash, u32>,
    /// Which of their files had a content of an upper file first.
    pub(super) first: HashMap<ContentHash, First>,
    /// Every path of a file of an upper layer; of those below `usr` also the rest.
    paths: HashSet<Vec<u8>>,
}

impl LowerContents {
    /// Notes the files that a view of these layers shows.
    pub(crate) fn of(indexes: &[Arc<LayerIndex>], view: &View) -> Self {
        let mut files = Vec::new();
        view.files(&mut |inode, size| {
            let content = indexes.get(inode.layer as usize).and_then(|index| index.hash(inode.entry));
            files.extend(content.filter(|_| size > 0).map(|content| (head(content), inode)));
        });
        files.sort_unstable();
        Self { files }
    }

    /// The files that may have a content.
    fn like(&self, content: &ContentHash) -> impl Iterator<Item = InodeId> {
        let head = head(content);
        let start = self.files.partition_point(|(other, _)| *other < head);
        self.files[start..].iter().take_while(move |(other, _)| *other == head).map(|(_, inode)| *inode)
    }
}

fn head(content: &ContentHash) -> u64 {
    content.iter().take(8).fold(0, |head, &byte| head << 8 | u64::from(byte))
}

impl Lower {
    /// Looks up what the layers from number `layers` on ask for; `None` where only a walk through the whole finds it: a file
    /// below has several names, or another one than its entry says, or is of an archive above.
    pub(crate) fn of(ledger: &Ledger, layers: usize, contents: &LowerContents) -> Option<Self> {
        let since = u32::try_from(layers).ok()?;
        let killed: HashSet<InodeId> = ledger
            .dead()
            .iter()
            .filter(|dead| dead.killer >= layers && dead.creator() < layers)
            .map(|dead| dead.inode)
            .collect();
        let live = |content: &ContentHash| -> Vec<InodeId> {
            let is_it = |inode: &InodeId| ledger.content(*inode) == Some(content) && !killed.contains(inode);
            contents.like(content).filter(is_it).collect()
        };
        let mut lower = Self { layers, counts: HashMap::new(), first: HashMap::new(), paths: HashSet::new() };
        let mut own: HashSet<ContentHash> = HashSet::new();
        ledger.view().paths_since(since, &mut |inode, path| {
            own.extend(ledger.content(inode));
            lower.paths.extend(path.as_bytes().strip_prefix(b"usr/").map(<[u8]>::to_vec));
            lower.paths.insert(path.as_bytes().to_vec());
        });
        for content in own {
            for inode in live(&content) {
                let path = ledger.indexes()[inode.layer as usize].path(inode.entry)?;
                let node = ledger.view().get(&LayerPath::new(&path).ok()?)?;
                if node.inode != inode || node.links != 1 {
                    return None;
                }
                *lower.counts.entry(content).or_default() += 1;
                let path = || (inode, node.path.as_bytes().to_vec());
                let first = lower.first.entry(content).or_insert_with(path);
                if inode < first.0 {
                    *first = path();
                }
            }
        }
        for (_, fact) in ledger.indexes()[layers..].iter().flat_map(|index| index.facts().all()) {
            let Fact::Archive(archive) = fact else { continue };
            // where it was unpacked may be below
            if archive.members.iter().any(|member| !live(&member.hash).is_empty()) {
                return None;
            }
        }
        Some(lower)
    }

    /// Whether a file that a package names can be of an upper layer.
    pub(super) fn may_be_above(&self, file: &[u8]) -> bool {
        self.paths.contains(file)
    }
}
