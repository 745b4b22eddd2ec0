//! Asks the advisory rules: about every file that the image shows, in one walk, and then about the whole.

use std::collections::{HashMap, HashSet};

use bstr::ByteSlice;
use strata_image::{
    layer::LayerPath,
    view::{InodeId, NodeKind},
};

use super::{Claim, Hit, Hits, Rule, Subject, rules};
use crate::{facts::Fact, index::ContentHash, ledger::Repeated, packages::Package};

/// A rule about what the image shows, or about the image as a whole.
pub(super) trait Advisory: Rule {
    /// Says whether [`Advisory::claims`] may claim anything that stands in a directory. It is asked once for all that does,
    /// so that few rules are asked about each file.
    fn looks_in(&self, directory: &Directory<'_>) -> bool {
        let _ = directory;
        false
    }

    /// Says whether, and as what, a file is this rule's.
    fn claims(&self, file: &LiveFile<'_>, subject: &Subject<'_>) -> Option<Claim> {
        let _ = (file, subject);
        None
    }

    /// Finds what shows only in the whole.
    fn look(&self, whole: &Whole<'_>, hits: &mut Hits<'_>) {
        let _ = (whole, hits);
    }
}

/// Where a file stands.
#[derive(Clone, Copy)]
pub(super) struct Directory<'a> {
    /// Relative, with a slash at its end; empty for the root.
    pub(super) path: &'a [u8],
    /// Bytes of somebody's home in it, where the first directory whose name begins with a dot is below that.
    home: Option<usize>,
}

/// A regular file with content, under the first of its names.
pub(super) struct LiveFile<'a> {
    /// Relative.
    pub(super) path: &'a [u8],
    /// The last component of it.
    pub(super) name: &'a [u8],
    /// The rest of it.
    pub(super) directory: Directory<'a>,
    pub(super) size: u64,
    pub(super) facts: &'a [(u32, Fact)],
}

/// What the walk found out.
pub(super) struct Whole<'a> {
    pub(super) subject: &'a Subject<'a>,
    /// How many live files have a content, of those that several may have, or that are in an archive.
    pub(super) counts: HashMap<ContentHash, u32>,
}

impl Whole<'_> {
    /// Adds the files of a package that the image shows.
    pub(super) fn add_package(
        &self,
        rule: &'static dyn Rule,
        kind: &'static str,
        package: &Package,
        hits: &mut Hits<'_>,
    ) {
        let name = package.to_string();
        for file in &package.files {
            if self.subject.lower.is_some_and(|lower| !lower.may_be_above(file)) {
                continue;
            }
            let view = self.subject.ledger.view();
            let node = LayerPath::new(file).ok().and_then(|path| {
                let merged = || LayerPath::new(&[b"usr/", file.as_slice()].concat()).ok();
                view.get(&path).or_else(|| view.get(&merged()?))
            });
            if let Some(node) = node.filter(|node| node.meta.kind == NodeKind::File && node.meta.size > 0) {
                let hit = hit(Claim::file(kind), node.path.as_bytes(), node.meta.size, node.inode);
                hits.add(rule, Hit { package: Some(name.clone()), ..hit });
            }
        }
    }
}

/// Gives every live file to all the rules that claim it.
pub(super) fn claim(subject: &Subject<'_>, hits: &mut Hits<'_>) {
    let homes = homes(subject);
    let mut asked = Asked::default();
    each_file(subject, &mut |path, size, inode| {
        let (directory, name) = path.split_at(path.rfind_byte(b'/').map_or(0, |slash| slash + 1));
        asked.turn_to(directory, &homes);
        let facts = subject.ledger.indexes()[inode.layer as usize].facts().slice(inode.entry);
        let directory = Directory { path: directory, home: asked.home };
        let file = LiveFile { path, name, directory, size, facts };
        debug_assert!(
            rules::ADVISORY.iter().all(|rule| rule.looks_in(&directory) || rule.claims(&file, subject).is_none()),
            "a rule claims what it did not want to look at: {}",
            path.as_bstr()
        );
        for rule in &asked.rules {
            if let Some(claim) = rule.claims(&file, subject) {
                hits.add(*rule, hit(claim, path, size, inode));
            }
        }
    });
}

/// Gives the whole to all rules.
pub(super) fn look(whole: &Whole<'_>, hits: &mut Hits<'_>) {
    for rule in rules::ADVISORY {
        rule.look(whole, hits);
    }
}

/// How many live files have a content, of those that several may have, or that are in an archive.
pub(super) fn counts(subject: &Subject<'_>) -> HashMap<ContentHash, u32> {
    if let Some(lower) = subject.lower {
        let mut counts = lower.counts.clone();
        each_file(subject, &mut |_, _, inode| {
            if let Some(content) = subject.ledger.content(inode) {
                *counts.entry(*content).or_default() += 1;
            }
        });
        return counts;
    }
    let members = members(subject);
    let mut counts = HashMap::new();
    let may_repeat = |content: &ContentHash| subject.repeated.is_some_and(|repeated| repeated.may_hold(content));
    if subject.repeated.is_none_or(Repeated::is_none) && members.is_empty() {
        return counts;
    }
    subject.ledger.view().files(&mut |inode, size| {
        let counted = |content: &&ContentHash| may_repeat(content) || members.contains(*content);
        if let Some(content) = subject.ledger.content(inode).filter(counted).filter(|_| size > 0) {
            *counts.entry(*content).or_default() += 1;
        }
    });
    counts
}

/// What the archives of all layers have in them.
fn members<'a>(subject: &Subject<'a>) -> HashSet<&'a ContentHash> {
    let facts = subject.ledger.indexes().iter().flat_map(|index| index.facts().all());
    let archives = facts.filter_map(|(_, fact)| match fact {
        Fact::Archive(archive) => Some(archive),
        _ => None,
    });
    archives.flat_map(|archive| archive.members.iter().map(|member| &member.hash)).collect()
}

/// The rules that are asked about the files of one directory.
#[derive(Default)]
struct Asked {
    directory: Option<Vec<u8>>,
    home: Option<usize>,
    rules: Vec<&'static dyn Advisory>,
}

impl Asked {
    /// Asks the rules whether they look in a directory, unless it is the one of the file before.
    fn turn_to(&mut self, path: &[u8], homes: &HashSet<Vec<u8>>) {
        if self.directory.as_deref() == Some(path) {
            return;
        }
        let directory = Directory { path, home: home(path, homes) };
        self.home = directory.home;
        self.rules.clear();
        self.rules.extend(rules::ADVISORY.iter().filter(|rule| rule.looks_in(&directory)));
        let known = self.directory.get_or_insert_default();
        known.clear();
        known.extend_from_slice(path);
    }
}

/// A live file as a rule claims it.
pub(super) fn hit(claim: Claim, path: &[u8], size: u64, inode: InodeId) -> Hit {
    Hit {
        kind: claim.kind,
        creator: Some(inode.layer as usize),
        killer: None,
        bytes: claim.bytes.unwrap_or(size),
        is_tree: claim.tree.is_some(),
        file: claim.tree.as_ref().map(|_| path.to_vec()),
        path: claim.tree.unwrap_or_else(|| path.to_vec()),
        other: claim.other,
        package: None,
    }
}

/// Visits every live file that has content and is asked about, once, under the first of its names: path, size, inode.
pub(super) fn each_file(subject: &Subject<'_>, visit: &mut dyn FnMut(&[u8], u64, InodeId)) {
    if let Some(lower) = subject.lower {
        let since = u32::try_from(lower.layers).unwrap_or(u32::MAX);
        subject.ledger.view().files_since(since, &mut |node| {
            if node.meta.size > 0 {
                visit(node.path.as_bytes(), node.meta.size, node.inode);
            }
        });
        return;
    }
    let mut linked = HashSet::<InodeId>::new();
    subject.ledger.view().walk(&mut |node| {
        let is_file = node.meta.kind == NodeKind::File && node.meta.size > 0;
        if is_file && (node.links == 1 || linked.insert(node.inode)) {
            visit(node.path.as_bytes(), node.meta.size, node.inode);
        }
    });
}

/// Where users keep their caches: root's home, and those of `etc/passwd` that are not the system's own directories.
fn homes(subject: &Subject<'_>) -> HashSet<Vec<u8>> {
    let mut homes = HashSet::from([b"root".to_vec()]);
    for (path, text) in subject.kept {
        if path != b"etc/passwd" {
            continue;
        }
        let home = |line: &[u8]| line.split(|&byte| byte == b':').nth(5).map(<[u8]>::to_vec);
        let directories = text.split(|&byte| byte == b'\n').filter_map(home);
        homes.extend(directories.filter_map(|home| {
            let home = LayerPath::new(&home).ok()?;
            (!home.is_root()).then(|| home.as_bytes().to_vec())
        }));
    }
    homes
}

/// How long a home is in a path, when the first directory in that whose name begins with a dot is below it.
fn home(directory: &[u8], homes: &HashSet<Vec<u8>>) -> Option<usize> {
    let at = directory.find(b"/.")?;
    let home = &directory[..at];
    let is_below_home = home.strip_prefix(b"home/").is_some_and(|user| !user.contains(&b'/'));
    (is_below_home || homes.contains(home)).then_some(at)
}

impl<'a> Directory<'a> {
    /// Splits the path at the first name that begins with a dot below somebody's home: the home, and the rest.
    pub(super) fn in_home(&self) -> Option<(&'a [u8], &'a [u8])> {
        self.home.map(|length| (&self.path[..length], &self.path[length + 1..]))
    }
}

/// The part of a path up to and with a directory, when it lies below that.
pub(super) fn below<'p>(path: &'p [u8], directory: &str) -> Option<&'p [u8]> {
    let directory = directory.as_bytes();
    let is_below = path.starts_with(directory) && path.get(directory.len()) == Some(&b'/');
    is_below.then(|| &path[..directory.len()])
}

/// The part of a path up to and with the first of its directories that has one of these names; and what follows.
pub(super) fn up_to<'p>(path: &'p [u8], names: &[&str]) -> Option<(&'p [u8], &'p [u8])> {
    let mut start = 0;
    while let Some(length) = path[start..].find_byte(b'/') {
        let end = start + length;
        if names.iter().any(|name| name.as_bytes() == &path[start..end]) {
            return Some((&path[..end], &path[end + 1..]));
        }
        start = end + 1;
    }
    None
}
