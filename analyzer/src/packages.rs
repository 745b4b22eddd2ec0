//! The packages of an image, and which of them a file belongs to: of dpkg, apk, rpm, pip and npm.
//!
//! ```text
//! kept contents of layers ─► those that the image shows ─► packages: name, version, architecture, size, files
//!                                                             └──► owner of a path
//! ```
//!
//! Everything comes from the layers' indexes, so that an image that was seen before is not read again. What a database
//! claims is not checked: a hand-written one may name files that another package has.

mod dpkg;
mod installed;
mod paths;
mod python;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, OnceLock},
};

use serde::Serialize;
use strata_image::{
    layer::LayerPath,
    view::{InodeId, View},
};

use crate::{Ledger, facts::Fact, index::LayerIndex};
pub(crate) use dpkg::Relations;
use paths::Paths;

/// Packages of one image: all that Debian or Fedora have are some 70,000. A database of 32 MiB can claim millions of a few bytes,
/// each of which takes some two hundred here.
pub const MAX_PACKAGES: usize = 1 << 17;

/// Who keeps account of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manager {
    /// Debian's and its descendants', also as distroless images keep it.
    Dpkg,
    /// Alpine's.
    Apk,
    /// Fedora's, Red Hat's, SUSE's and others'.
    Rpm,
    /// Python's: what has a `.dist-info` or `.egg-info`.
    Pip,
    /// Node's: what lies in a `node_modules`.
    Npm,
}

/// Writes the word that reports use, such as `dpkg`.
impl fmt::Display for Manager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Dpkg => "dpkg",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
            Self::Pip => "pip",
            Self::Npm => "npm",
        })
    }
}

/// An installed package.
#[derive(Clone, Debug, PartialEq)]
pub struct Package {
    /// Who installed it.
    pub manager: Manager,
    /// Its name, as its manager writes it.
    pub name: String,
    /// Its version, with epoch and release where there are any.
    pub version: String,
    /// Its architecture; `None` where the manager does not say.
    pub arch: Option<String>,
    /// Bytes that it says it has installed; `None` where the manager does not say.
    pub size: Option<u64>,
    /// Paths that it owns, relative to the root, as it names them: a directory may be a symlink in the image. Of npm, the
    /// directory that holds everything.
    pub files: Vec<Vec<u8>>,
    /// Where it is told of, relative to the root: a pip or npm package may be there several times.
    pub place: Vec<u8>,
    /// What dpkg says about other packages.
    pub(crate) relations: Option<Box<Relations>>,
}

impl Package {
    fn new(manager: Manager, name: &[u8], version: &[u8], place: &[u8]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        Self {
            manager,
            name: text(name),
            version: text(version),
            arch: None,
            size: None,
            files: Vec::new(),
            place: place.to_vec(),
            relations: None,
        }
    }
}

/// Writes name, version and manager, such as `make 4.3 (dpkg)`.
impl fmt::Display for Package {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} ({})", self.name, self.version, self.manager)
    }
}

/// All packages of an image.
#[derive(Debug, Default)]
pub struct Packages {
    list: Vec<Package>,
    /// The database that told of one too many.
    cut_at: Option<Vec<u8>>,
    owners: OnceLock<HashMap<Vec<u8>, u32>>,
}

impl Packages {
    /// Finds the packages of what an image shows, in order of manager, name, version and place: at most [`MAX_PACKAGES`].
    pub fn of(ledger: &Ledger) -> Self {
        Self::told_by(&kept(ledger))
    }

    /// Finds the packages that kept contents tell of.
    pub(crate) fn told_by(kept: &[(Vec<u8>, &[u8])]) -> Self {
        let mut list = Vec::new();
        let mut cut_at = None;
        let mut paths = Paths::told_by(kept);
        let content = |path: &[u8]| {
            let at = kept.binary_search_by(|(other, _)| other.as_slice().cmp(path)).ok()?;
            Some(kept[at].1)
        };
        for (path, text) in kept {
            let (directory, name) = split(path);
            let mut take = |packages: &mut dyn Iterator<Item = Package>| {
                list.extend(packages.take(MAX_PACKAGES - list.len()));
                packages.next().is_none()
            };
            let is_whole = match name {
                b"status" => take(&mut dpkg::installed(path, text, &content, &mut paths)),
                _ if directory == b"var/lib/dpkg/status.d" && !name.ends_with(b".md5sums") => {
                    take(&mut dpkg::distroless(path, text, &content, &mut paths).into_iter())
                }
                b"installed" => take(&mut installed::apk(path, text, &mut paths)),
                b"rpmdb.sqlite" | b"Packages.db" | b"Packages" => {
                    take(&mut installed::rpm(path, text, &content, &mut paths))
                }
                b"METADATA" | b"PKG-INFO" => take(&mut python::installed(path, text, &content, &mut paths).into_iter()),
                b"package.json" => take(&mut installed::npm(path, text).into_iter()),
                _ => true,
            };
            if !is_whole {
                cut_at = Some(path.clone());
                break;
            }
        }
        list.sort_by(|a, b| {
            (a.manager, &a.name, &a.version, &a.place).cmp(&(b.manager, &b.name, &b.version, &b.place))
        });
        Self { list, cut_at, owners: OnceLock::new() }
    }

    /// The database, relative to the root, from which on packages are left out, since they are more than [`MAX_PACKAGES`].
    pub fn cut_at(&self) -> Option<&[u8]> {
        self.cut_at.as_deref()
    }

    /// The packages.
    pub fn list(&self) -> &[Package] {
        &self.list
    }

    /// The package that a path of the image, relative to its root, belongs to. Where `/bin` is `/usr/bin`, a package may
    /// name either.
    pub fn owner(&self, path: &[u8]) -> Option<&Package> {
        let owners = self.owners.get_or_init(|| self.owners());
        let found = owners.get(path).or_else(|| owners.get(path.strip_prefix(b"usr/")?)).or_else(|| {
            let module = module(path)?;
            owners.get(module)
        });
        self.list.get(*found? as usize)
    }

    fn owners(&self) -> HashMap<Vec<u8>, u32> {
        let mut owners = HashMap::new();
        for (number, package) in self.list.iter().enumerate() {
            let Ok(number) = u32::try_from(number) else {
                break;
            };
            for file in &package.files {
                owners.entry(file.clone()).or_insert(number);
            }
        }
        owners
    }
}

/// The directory of the innermost npm package around a path.
pub(crate) fn module(path: &[u8]) -> Option<&[u8]> {
    const MODULES: &[u8] = b"node_modules/";
    let at = path.windows(MODULES.len()).rposition(|window| window == MODULES)?;
    if at > 0 && path[at - 1] != b'/' {
        return None;
    }
    let start = at + MODULES.len();
    let names = if path.get(start) == Some(&b'@') { 2 } else { 1 };
    let mut slashes = path[start..].iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| start + at);
    Some(slashes.nth(names - 1).map_or(path, |end| &path[..end]))
}

/// Kept contents of files that the image shows, by path.
pub(crate) fn kept(ledger: &Ledger) -> Vec<(Vec<u8>, &[u8])> {
    kept_in(ledger.indexes(), ledger.view())
}

/// The same, of some layers and what they show.
pub(crate) fn kept_in<'a>(indexes: &'a [Arc<LayerIndex>], view: &View) -> Vec<(Vec<u8>, &'a [u8])> {
    shown(indexes, view).into_iter().map(|(path, _, text)| (path, text)).collect()
}

/// The same, with the inodes.
pub(crate) fn shown<'a>(indexes: &'a [Arc<LayerIndex>], view: &View) -> Vec<(Vec<u8>, InodeId, &'a [u8])> {
    let mut kept = Vec::new();
    let mut others = HashSet::new();
    for (layer, index) in indexes.iter().enumerate() {
        let facts = index.facts();
        for (entry, _) in facts.all().filter(|(_, fact)| matches!(fact, Fact::Kept { .. })) {
            let inode = InodeId { layer: u32::try_from(layer).unwrap_or(u32::MAX), entry };
            let path = index.path(entry).and_then(|path| LayerPath::new(&path).ok());
            let is_live = |path: &LayerPath| view.get(path).is_some_and(|node| node.inode == inode);
            match path.filter(is_live) {
                Some(path) => kept.extend(facts.kept(entry).map(|text| (path.as_bytes().to_vec(), inode, text))),
                None => {
                    others.insert(inode);
                }
            }
        }
    }
    kept.extend(shown_elsewhere(view, others).into_iter().filter_map(|(path, inode)| {
        let text = indexes.get(inode.layer as usize)?.facts().kept(inode.entry)?;
        Some((path, inode, text))
    }));
    kept.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    kept
}

/// Which of these inodes, not found at the paths of their entries, the image shows under others: written through a
/// symlink, or the name that they had first is gone.
fn shown_elsewhere(view: &View, mut inodes: HashSet<InodeId>) -> Vec<(Vec<u8>, InodeId)> {
    let mut is_any_live = false;
    if !inodes.is_empty() {
        view.files(&mut |inode, _| is_any_live |= inodes.contains(&inode));
    }
    let mut shown = Vec::new();
    if is_any_live {
        view.walk(&mut |node| {
            if inodes.remove(&node.inode) {
                shown.push((node.path.as_bytes().to_vec(), node.inode));
            }
        });
    }
    shown
}

/// Gives the kept content of a path.
type Content<'a> = dyn Fn(&[u8]) -> Option<&'a [u8]> + 'a;

/// A path's directory and name.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}
