//! Packages that came, went or have another version.

use std::collections::BTreeMap;

use serde::Serialize;

use super::side::Side;
use crate::packages::{Manager, Packages};

/// A package that differs. Of pip and npm several versions may be there side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PackageDiff {
    /// Who installed it.
    pub manager: Manager,
    /// Its name, as its manager writes it.
    pub name: String,
    /// The versions that the first image has, in the order of their text; empty where it has none.
    pub a: Vec<String>,
    /// The versions that the second image has.
    pub b: Vec<String>,
    /// Bytes that they say they have installed in the first image; `None` where they do not say.
    pub bytes_a: Option<u64>,
    /// The same in the second.
    pub bytes_b: Option<u64>,
}

/// What one image has of a package.
#[derive(Default)]
struct Installed {
    versions: Vec<String>,
    bytes: Option<u64>,
}

/// Gives the packages that differ, by manager and name.
pub(super) fn compare(a: &Side, b: &Side) -> Vec<PackageDiff> {
    let (mut of_a, mut of_b) = (by_name(a), by_name(b));
    let mut keys: Vec<(Manager, String)> = of_a.keys().chain(of_b.keys()).cloned().collect();
    keys.sort_unstable();
    keys.dedup();
    let mut differing = Vec::new();
    for key in keys {
        let (a, b) = (of_a.remove(&key).unwrap_or_default(), of_b.remove(&key).unwrap_or_default());
        if a.versions != b.versions {
            let (manager, name) = key;
            let (bytes_a, bytes_b) = (a.bytes, b.bytes);
            differing.push(PackageDiff { manager, name, a: a.versions, b: b.versions, bytes_a, bytes_b });
        }
    }
    differing
}

fn by_name(side: &Side) -> BTreeMap<(Manager, String), Installed> {
    let mut found: BTreeMap<(Manager, String), Installed> = BTreeMap::new();
    for package in Packages::of(&side.ledger).list() {
        let installed = found.entry((package.manager, package.name.clone())).or_default();
        installed.versions.push(package.version.clone());
        if let Some(size) = package.size {
            // a database may claim anything
            installed.bytes = Some(installed.bytes.unwrap_or_default().saturating_add(size));
        }
    }
    for installed in found.values_mut() {
        installed.versions.sort_unstable();
        installed.versions.dedup();
    }
    found
}
