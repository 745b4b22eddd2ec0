//! Shares the dead inodes out among the exact rules: the first one that claims an inode has it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use strata_image::{layer::WHITEOUT_PREFIX, view::InodeId};

use super::{Claim, Hit, Hits, Rule, Subject, rules};
use crate::{
    index::ContentHash,
    ledger::{Dead, Kind},
};

/// A rule about dead inodes.
pub(super) trait Exact: Rule {
    /// Says whether, and as what, the inode is this rule's.
    fn claims(&self, death: &Death<'_>) -> Option<Claim>;
}

/// A dead inode, and what layers say about its end.
pub(super) struct Death<'a> {
    pub(super) dead: &'a Dead,
    pub(super) subject: &'a Subject<'a>,
    /// Its number in the ledger.
    number: usize,
    ends: &'a Ends,
}

/// In which order the rules are asked. The special come before the general; the last three take all that is left.
const ORDER: &[&dyn Exact] = &[
    &rules::DuplicateEntry,
    &rules::BaseFile,
    &rules::PackageDatabase,
    &rules::RecreatedFile,
    &rules::MovedFile,
    &rules::OpaqueDirectory,
    &rules::TypeChange,
    &rules::RewrittenFile,
    &rules::OverwrittenFile,
    &rules::DeletedDirectory,
    &rules::DeletedFile,
];

/// Gives every dead inode that has bytes to a rule; gives those that a suppression is about, each with its number.
pub(super) fn share_out(subject: &Subject<'_>, hits: &mut Hits<'_>) -> HashMap<InodeId, usize> {
    let ends = Ends::of(subject);
    let mut accepted = HashMap::new();
    for (number, dead) in asked(subject) {
        let death = Death { dead, subject, number, ends: &ends };
        let claimed = ORDER.iter().find_map(|rule| Some((*rule, rule.claims(&death)?)));
        if let Some((rule, claim)) = claimed {
            let hit = Hit {
                kind: claim.kind,
                creator: Some(dead.creator()),
                killer: Some(dead.killer),
                bytes: dead.bytes,
                is_tree: claim.tree.is_some(),
                file: claim.tree.as_ref().map(|_| dead.path.as_bytes().to_vec()),
                path: claim.tree.unwrap_or_else(|| dead.path.as_bytes().to_vec()),
                other: claim.other,
                package: None,
            };
            accepted.extend(hits.add(rule, hit).map(|number| (dead.inode, number)));
        }
    }
    accepted
}

/// The dead that are asked about, by number: those that have bytes.
fn asked<'a>(subject: &Subject<'a>) -> impl Iterator<Item = (usize, &'a Dead)> {
    let since = subject.since();
    subject.ledger.dead().iter().enumerate().filter(move |(_, dead)| dead.bytes > 0 && dead.killer >= since)
}

impl Death<'_> {
    /// The top-most directory above the file that the killer removed; `None` when it removed the file itself.
    pub(super) fn removed_directory(&self) -> Option<&[u8]> {
        let removed = self.ends.removed.get(&self.dead.killer)?;
        parents(self.dead.path.as_bytes()).find(|parent| removed.contains(*parent))
    }

    /// The top-most directory above the file that the killer made opaque.
    pub(super) fn opaque_directory(&self) -> Option<&[u8]> {
        let opaque = self.ends.opaque.get(&self.dead.killer)?;
        parents(self.dead.path.as_bytes()).find(|parent| opaque.contains(*parent))
    }

    /// Where the killer put the same content, when it put it elsewhere.
    pub(super) fn moved_to(&self) -> Option<&[u8]> {
        self.ends.moved.get(&self.number).map(Vec::as_slice)
    }

    /// Whether the killer or a later layer wrote the same content there again.
    pub(super) fn is_recreated(&self) -> bool {
        self.ends.recreated.contains(&self.number)
    }
}

/// The directories above a path, from the top.
fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &path[..at])
}

/// What the layers' own entries say about deaths.
#[derive(Default)]
struct Ends {
    /// For each killer the paths that its whiteouts name, and those that it made opaque.
    removed: HashMap<usize, HashSet<Vec<u8>>>,
    opaque: HashMap<usize, HashSet<Vec<u8>>>,
    /// By the death's number.
    moved: HashMap<usize, Vec<u8>>,
    recreated: HashSet<usize>,
}

/// Paths at which one killer has one content, by file name.
type Arrived = BTreeMap<Vec<u8>, VecDeque<Vec<u8>>>;

/// The dead of one content, by path, and who killed them.
#[derive(Default)]
struct Alike<'a> {
    by_path: HashMap<&'a [u8], Vec<usize>>,
    killers: HashSet<usize>,
}

impl Ends {
    fn of(subject: &Subject<'_>) -> Self {
        let ledger = subject.ledger;
        let mut ends = Self::default();
        let mut alike: HashMap<&ContentHash, Alike<'_>> = HashMap::new();
        let mut copied_up = HashSet::new();
        for (number, dead) in asked(subject) {
            match dead.kind {
                Kind::Whiteout => {
                    ends.removed.entry(dead.killer).or_default();
                    if let Some(content) = ledger.content(dead.inode) {
                        let alike = alike.entry(content).or_default();
                        alike.by_path.entry(dead.path.as_bytes()).or_default().push(number);
                        alike.killers.insert(dead.killer);
                    }
                }
                Kind::Opaque => drop(ends.opaque.entry(dead.killer).or_default()),
                Kind::Rewrite => copied_up.extend(dead.by),
                _ => {}
            }
        }
        for (&killer, removed) in &mut ends.removed {
            removed.extend(ledger.indexes()[killer].whiteouts());
        }
        for (&killer, opaque) in &mut ends.opaque {
            opaque.extend(ledger.indexes()[killer].opaques());
        }
        if !alike.is_empty() {
            ends.find_again(subject, &alike, &copied_up);
        }
        ends
    }

    /// Looks for the contents of removed files in the layers that removed them and above.
    fn find_again(
        &mut self,
        subject: &Subject<'_>,
        alike: &HashMap<&ContentHash, Alike<'_>>,
        copied_up: &HashSet<InodeId>,
    ) {
        let ledger = subject.ledger;
        // where a killer put a content, by file name: each place explains one removed file
        let mut arrived: HashMap<(usize, ContentHash), Arrived> = HashMap::new();
        let first = alike.values().flat_map(|alike| &alike.killers).min().copied().unwrap_or_default();
        for (layer, index) in ledger.indexes().iter().enumerate().skip(first) {
            for entry in 0..u32::try_from(index.len()).unwrap_or(u32::MAX) {
                let Some((content, dead)) = index.hash(entry).and_then(|hash| alike.get_key_value(hash)) else {
                    continue;
                };
                let Some(path) = index.path(entry) else {
                    continue;
                };
                if file_name(&path).starts_with(WHITEOUT_PREFIX) {
                    continue;
                }
                let here = dead.by_path.get(path.as_slice()).map(Vec::as_slice).unwrap_or_default();
                self.recreated.extend(here.iter().filter(|&&number| ledger.dead()[number].killer <= layer));
                let layer_number = u32::try_from(layer).unwrap_or(u32::MAX);
                let is_copy = copied_up.contains(&InodeId { layer: layer_number, entry });
                if dead.killers.contains(&layer) && !is_copy {
                    let places = arrived.entry((layer, **content)).or_default();
                    places.entry(file_name(&path).to_vec()).or_default().push_back(path);
                }
            }
        }
        let mut numbers: Vec<usize> =
            alike.values().flat_map(|alike| alike.by_path.values().flatten().copied()).collect();
        numbers.sort_unstable();
        for number in numbers {
            let dead = &ledger.dead()[number];
            if self.recreated.contains(&number) {
                continue;
            }
            let Some(places) = ledger.content(dead.inode).and_then(|content| arrived.get_mut(&(dead.killer, *content)))
            else {
                continue;
            };
            let name = file_name(dead.path.as_bytes()).to_vec();
            let name = if places.contains_key(&name) { Some(name) } else { places.keys().next().cloned() };
            if let Some(name) = name
                && let Some(queue) = places.get_mut(&name)
            {
                self.moved.extend(queue.pop_front().map(|path| (number, path)));
                if queue.is_empty() {
                    places.remove(&name);
                }
            }
        }
    }
}

fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}
