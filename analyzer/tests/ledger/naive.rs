//! A second account of a stack of layers, as naive as can be: a map from paths to names, from which every rule of the
//! image-spec and of overlayfs takes and to which it adds. It shares no code with the ledger.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// What an entry of a layer says.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    File { path: String, size: u64, content: char },
    Directory(String),
    Symlink { path: String, target: String },
    HardLink { path: String, target: String },
    Fifo(String),
    Whiteout(String),
    Opaque(String),
}

/// A regular file that nobody sees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dead {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) creator: usize,
    pub(crate) killer: usize,
    pub(crate) kind: &'static str,
}

/// The stack so far.
#[derive(Default)]
pub(crate) struct Account {
    names: BTreeMap<String, Name>,
    inodes: Vec<Inode>,
    names_given: usize,
    pub(crate) dead: Vec<Dead>,
    pub(crate) total: u64,
}

/// Where a path leads: an inode, which layer said so, and when the path came to be.
#[derive(Clone, Copy)]
struct Name {
    inode: usize,
    layer: usize,
    since: usize,
}

struct Inode {
    what: What,
    creator: usize,
}

#[derive(Clone, PartialEq)]
enum What {
    File { size: u64, content: char },
    Directory,
    Symlink(String),
    Fifo,
}

/// The stack is none: an entry cannot be applied.
#[derive(Debug)]
pub(crate) struct Impossible;

impl Account {
    /// Puts a layer on top.
    pub(crate) fn layer(&mut self, number: usize, entries: &[Entry]) -> Result<(), Impossible> {
        self.removals(number, entries)?;
        for entry in entries {
            match entry {
                Entry::File { path, size, content } => {
                    self.total += size;
                    let inode = self.inode(What::File { size: *size, content: *content }, number);
                    self.add(path, inode, number)?;
                }
                Entry::Directory(path) => {
                    let inode = self.inode(What::Directory, number);
                    self.add(path, inode, number)?;
                }
                Entry::Symlink { path, target } => {
                    let inode = self.inode(What::Symlink(target.clone()), number);
                    self.add(path, inode, number)?;
                }
                Entry::Fifo(path) => {
                    let inode = self.inode(What::Fifo, number);
                    self.add(path, inode, number)?;
                }
                Entry::HardLink { path, target } => {
                    let (parent, name) = split(target);
                    let parent = self.follow(parent, &BTreeSet::new())?.ok_or(Impossible)?;
                    let inode = self.names.get(&join(&parent, name)).ok_or(Impossible)?.inode;
                    if self.inodes[inode].what == What::Directory {
                        return Err(Impossible);
                    }
                    self.add(path, inode, number)?;
                }
                Entry::Whiteout(_) | Entry::Opaque(_) => {}
            }
        }
        Ok(())
    }

    /// The live paths and what they are, and for all names of a file the first of them.
    pub(crate) fn live(&self) -> Vec<String> {
        let mut firsts: BTreeMap<usize, &str> = BTreeMap::new();
        let mut lines = Vec::new();
        for (path, name) in &self.names {
            let mut line = path.clone();
            match &self.inodes[name.inode].what {
                What::File { size, .. } => {
                    let first = firsts.entry(name.inode).or_insert(path);
                    write!(line, " {size} ({first})").unwrap();
                }
                What::Directory => line.push('/'),
                What::Symlink(target) => write!(line, " -> {target}").unwrap(),
                What::Fifo => line.push('|'),
            }
            lines.push(line);
        }
        lines
    }

    /// What this layer takes from those below, before it adds anything; where each entry leads is found before any of
    /// them acts.
    fn removals(&mut self, layer: usize, entries: &[Entry]) -> Result<(), Impossible> {
        let own: BTreeSet<&str> = entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Directory(path) => Some(path.as_str()),
                _ => None,
            })
            .collect();
        let mut found = Vec::new();
        for entry in entries {
            match entry {
                Entry::Whiteout(path) => {
                    let (parent, name) = split(path);
                    if let Some(parent) = self.follow(parent, &own)? {
                        found.push((join(&parent, name), "whiteout"));
                    }
                }
                Entry::Opaque(path) => found.extend(self.follow(path, &own)?.map(|path| (path, "opaque"))),
                _ => {}
            }
        }
        for (path, kind) in found {
            let mut gone = self.below(&path);
            if kind == "whiteout" && self.names.contains_key(&path) {
                gone.insert(0, path);
            }
            for path in gone {
                self.remove(&path, layer, kind);
            }
        }
        Ok(())
    }

    fn inode(&mut self, what: What, creator: usize) -> usize {
        self.inodes.push(Inode { what, creator });
        self.inodes.len() - 1
    }

    fn what(&self, path: &str) -> Option<&What> {
        if path.is_empty() { Some(&What::Directory) } else { Some(&self.inodes[self.names.get(path)?.inode].what) }
    }

    /// Where a directory's path leads through the symlinks on it; nowhere if there is no such directory, or if the path
    /// goes through a symlink in whose place this layer puts a directory of its `own`.
    fn follow(&self, path: &str, own: &BTreeSet<&str>) -> Result<Option<String>, Impossible> {
        let mut way = Way::new(path);
        while let Some(next) = way.next() {
            match self.what(&next) {
                Some(What::Directory) => way.at = next,
                Some(What::Symlink(_)) if !way.is_led && own.contains(next.as_str()) => return Ok(None),
                Some(What::Symlink(target)) => way.lead(target)?,
                _ => return Ok(None),
            }
        }
        Ok(Some(way.at))
    }

    /// Gives a path to an inode; what is missing on the way there becomes a directory.
    fn add(&mut self, path: &str, inode: usize, layer: usize) -> Result<(), Impossible> {
        let (parent, name) = split(path);
        let mut way = Way::new(parent);
        // the inode that is to be linked may lose its last name on the way
        let held = Name { inode, layer, since: 0 };
        self.names.insert("\0".to_owned(), held);
        while let Some(next) = way.next() {
            match self.what(&next) {
                Some(What::Directory) => way.at = next,
                Some(What::Symlink(target)) => way.lead(&target.clone())?,
                _ => {
                    let directory = self.inode(What::Directory, layer);
                    self.put(&next, directory, layer);
                    way.at = next;
                }
            }
        }
        self.put(&join(&way.at, name), inode, layer);
        self.names.remove("\0");
        Ok(())
    }

    fn put(&mut self, path: &str, inode: usize, layer: usize) {
        let new = self.inodes[inode].what.clone();
        let Some(old) = self.names.get(path).copied() else {
            self.names_given += 1;
            self.names.insert(path.to_owned(), Name { inode, layer, since: self.names_given });
            return;
        };
        let was = self.inodes[old.inode].what.clone();
        let kind = match (&was, &new) {
            _ if old.layer == layer => "duplicate-entry",
            (What::File { size: was, content: of }, What::File { size, content })
                if was == size && (*size == 0 || of == content) =>
            {
                "rewrite"
            }
            (_, What::File { .. }) => "overwrite",
            _ => "type-change",
        };
        if was == What::Directory && new != What::Directory {
            for below in self.below(path) {
                let is_own = self.names[&below].layer == layer;
                self.remove(&below, layer, if is_own { "duplicate-entry" } else { "type-change" });
            }
        }
        self.names.insert(path.to_owned(), Name { inode, layer, ..old });
        self.lost(old.inode, path, layer, kind);
    }

    fn remove(&mut self, path: &str, layer: usize, kind: &'static str) {
        if let Some(name) = self.names.remove(path) {
            self.lost(name.inode, path, layer, kind);
        }
    }

    /// An inode lost a name: it is dead if that was the last.
    fn lost(&mut self, inode: usize, path: &str, killer: usize, kind: &'static str) {
        let Inode { what: What::File { size, .. }, creator } = self.inodes[inode] else { return };
        if self.names.values().all(|name| name.inode != inode) {
            self.dead.push(Dead { path: path.to_owned(), size, creator, killer, kind });
        }
    }

    /// All paths below one, directories before what is in them, in the order in which they came to be.
    fn below(&self, path: &str) -> Vec<String> {
        let is_in = |name: &str| name != "\0" && !name.is_empty() && split(name).0 == path;
        let mut children: Vec<_> = self.names.iter().filter(|(name, _)| is_in(name)).collect();
        children.sort_by_key(|(_, name)| name.since);
        children.into_iter().flat_map(|(name, _)| [vec![name.clone()], self.below(name)].concat()).collect()
    }
}

/// A walk along a path.
struct Way {
    at: String,
    rest: Vec<String>,
    symlinks: usize,
    /// Whether a symlink was followed.
    is_led: bool,
}

impl Way {
    fn new(path: &str) -> Self {
        Self { at: String::new(), rest: parts(path), symlinks: 0, is_led: false }
    }

    /// The path of the next component that has a name.
    fn next(&mut self) -> Option<String> {
        while !self.rest.is_empty() {
            match self.rest.remove(0).as_str() {
                "." => {}
                ".." => self.at = split(&self.at).0.to_owned(),
                name => return Some(join(&self.at, name)),
            }
        }
        None
    }

    fn lead(&mut self, target: &str) -> Result<(), Impossible> {
        self.symlinks += 1;
        self.is_led = true;
        if self.symlinks > 40 {
            return Err(Impossible);
        }
        if target.starts_with('/') {
            self.at.clear();
        }
        self.rest.splice(0..0, parts(target));
        Ok(())
    }
}

fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}
