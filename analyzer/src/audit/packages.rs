//! The packages that cost most: each counted once for every stack of layers in which it came, and not again in the images
//! that go on from there.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use strata_image::view::View;

use super::PackageRow;
use crate::{
    Packages,
    packages::{Manager, Package},
};

/// What a stack of layers has installed.
#[derive(Default)]
pub(super) struct Installed {
    packages: Arc<Packages>,
    /// What the packages were read from: path, and where the bytes are.
    from: Vec<(Vec<u8>, usize, usize)>,
    /// Images that have exactly these, and are not counted yet.
    images: u64,
}

/// Kept contents, by path: as [`crate::packages::kept`] gives them.
type Kept<'a> = [(Vec<u8>, &'a [u8])];

impl Installed {
    /// The packages that kept contents tell of: those of the stack below where nothing came or went.
    pub(super) fn of(kept: &Kept<'_>, below: &Self) -> Self {
        // the contents stand where they stand as long as a stack has their layers
        let from: Vec<_> = kept.iter().map(|(path, text)| (path.clone(), text.as_ptr().addr(), text.len())).collect();
        let packages = if from == below.from { Arc::clone(&below.packages) } else { Arc::new(Packages::told_by(kept)) };
        Self { packages, from, images: 0 }
    }

    pub(super) fn packages(&self) -> Arc<Packages> {
        Arc::clone(&self.packages)
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.packages, &other.packages)
    }
}

/// The packages so far, by manager and name.
#[derive(Default)]
pub(super) struct Sums {
    by_name: BTreeMap<(Manager, String), Sum>,
}

#[derive(Default)]
struct Sum {
    versions: BTreeSet<String>,
    stacks: u64,
    images: u64,
    bytes: u64,
}

impl Sums {
    /// Counts what came with the layers from number `since` on.
    pub(super) fn came(&mut self, installed: &Installed, below: &Installed, view: &View, since: usize) {
        if installed.is_same(below) {
            return;
        }
        let known: HashSet<_> = below.packages.list().iter().map(identity).collect();
        let new: Vec<(usize, &Package)> = installed
            .packages
            .list()
            .iter()
            .enumerate()
            .filter(|(_, package)| !known.contains(&identity(package)))
            .collect();
        let measured = if new.iter().any(|(_, package)| package.size.is_none()) {
            measure(&installed.packages, view, since)
        } else {
            HashMap::new()
        };
        for (_, package) in new {
            let sum = self.by_name.entry((package.manager, package.name.clone())).or_default();
            sum.versions.insert(package.version.clone());
            sum.stacks += 1;
            let bytes = package.size.or_else(|| measured.get(&std::ptr::from_ref(package)).copied());
            sum.bytes = sum.bytes.saturating_add(bytes.unwrap_or_default());
        }
    }

    /// Counts an image that has what `below` has, or more.
    pub(super) fn image(&mut self, installed: &Installed, below: &mut Installed) {
        if installed.is_same(below) {
            below.images += 1;
        } else {
            self.have(installed, 1);
        }
    }

    /// Ends a stack: no image will go on from it.
    pub(super) fn end(&mut self, installed: &Installed, below: &mut Installed) {
        if installed.is_same(below) {
            below.images += installed.images;
        } else {
            self.have(installed, installed.images);
        }
    }

    fn have(&mut self, installed: &Installed, images: u64) {
        let mut last = None;
        for package in installed.packages.list() {
            let name = (package.manager, &package.name);
            if images > 0 && last != Some(name) {
                self.by_name.entry((package.manager, package.name.clone())).or_default().images += images;
            }
            last = Some(name);
        }
    }

    /// The `top` that cost most, in order of manager and name where they cost the same.
    pub(super) fn rows(self, top: usize) -> Vec<PackageRow> {
        let mut rows: Vec<PackageRow> = self
            .by_name
            .into_iter()
            .map(|((manager, name), sum)| PackageRow {
                manager,
                name,
                versions: sum.versions.into_iter().collect(),
                bytes: sum.bytes,
                stacks: sum.stacks,
                images: sum.images,
            })
            .collect();
        rows.sort_by_key(|row| Reverse(row.bytes));
        rows.truncate(top);
        rows
    }
}

/// What makes two packages one.
fn identity(package: &Package) -> (Manager, &str, &str, &[u8]) {
    // a system's package is told of in one file with all others
    (package.manager, &package.name, &package.version, &package.place)
}

/// Content bytes of the files that came, by package: for managers that do not say what they install.
fn measure(packages: &Packages, view: &View, since: usize) -> HashMap<*const Package, u64> {
    let mut bytes: HashMap<*const Package, u64> = HashMap::new();
    view.files_since(u32::try_from(since).unwrap_or(u32::MAX), &mut |node| {
        if let Some(owner) = packages.owner(node.path.as_bytes()) {
            *bytes.entry(std::ptr::from_ref(owner)).or_default() += node.meta.size;
        }
    });
    bytes
}
