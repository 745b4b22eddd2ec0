//! Any bytes as the databases of package managers, one file behind the other: every path that a package owns is a path,
//! owners are found again, what is told is bounded by what is there, and images with and without the databases compare.
#![no_main]

#[path = "../../analyzer/tests/memory/mod.rs"]
mod memory;

use std::collections::BTreeMap;

use bstr::ByteSlice as _;
use libfuzzer_sys::fuzz_target;
use memory::{Memory, file};
use strata_analyzer::{Ledger, Packages, analysis::Options, analyze, compare, index::LayerIndex};
use strata_image::{Image as _, layer::LayerPath};

/// Where databases stand; each file begins with the letter of its place, `a` for the first.
const PATHS: [&str; 16] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/info/one.list",
    "var/lib/dpkg/info/two:amd64.list",
    "var/lib/apt/extended_states",
    "var/lib/dpkg/status.d/one",
    "var/lib/dpkg/status.d/one.md5sums",
    "lib/apk/db/installed",
    "etc/apk/world",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/python3/site-packages/one.dist-info/METADATA",
    "usr/lib/python3/site-packages/one.dist-info/RECORD",
    "usr/lib/python3/site-packages/two.egg-info/PKG-INFO",
    "app/node_modules/one/package.json",
    "app/node_modules/one/node_modules/@two/three/package.json",
    "app/node_modules/.package-lock.json",
    "etc/passwd",
];
/// What stands between two of them.
const NEXT: &[u8] = b"\n--\n";
/// Bytes of paths that a byte of what is kept of a database, or of its own path, is good for; and the directory of what
/// npm has.
const PATHS_OF_A_BYTE: usize = 8 + 1;

fuzz_target!(|data: &[u8]| {
    let mut databases = BTreeMap::new();
    for part in data.split_str(NEXT) {
        let Some((&letter, content)) = part.split_first() else { continue };
        databases.insert(PATHS[usize::from(letter.wrapping_sub(b'a')) % PATHS.len()], content);
    }
    let owned = [("usr/bin/one", b"1".as_slice()), ("lib/libtwo.so", b"2"), ("app/node_modules/one/index.js", b"3")];
    let files: Vec<_> = owned.iter().map(|(path, content)| file(path, content)).collect();
    let told: Vec<_> = databases.iter().map(|(path, content)| file(path, content)).collect();
    let image = Memory::new(&[&files, &told]);

    let indexes = LayerIndex::all(image.layers(), None).expect("the tars are sound");
    let ledger = Ledger::fold(&indexes).expect("so are their entries");
    let packages = Packages::of(&ledger);
    let order = |package: &strata_analyzer::packages::Package| {
        (package.manager, package.name.clone(), package.version.clone(), package.place.clone())
    };
    assert!(packages.list().is_sorted_by_key(order));
    let mut bytes = 0;
    for path in packages.list().iter().flat_map(|package| &package.files) {
        let cleaned = LayerPath::new(path).expect("it is a path");
        assert!(!cleaned.is_root() && cleaned.as_bytes() == path);
        assert!(packages.owner(path).is_some_and(|owner| owner.files.contains(path)));
        bytes += path.len();
    }
    let there: usize = databases.keys().zip(0..).map(|(path, entry)| path.len() + kept(&indexes[1], entry)).sum();
    assert!(bytes <= PATHS_OF_A_BYTE * there, "{bytes} bytes of paths of {there}");

    let report = analyze(&image, &Options::default()).expect("it was read");
    assert_eq!(report.packages.len(), packages.list().len());
    assert_eq!(report.live_bytes + report.wasted_bytes, report.total_bytes);
    let half: Vec<_> = databases.iter().step_by(2).map(|(path, content)| file(path, content)).collect();
    let other = Memory::new(&[&files, &half]);
    let options = compare::Options::default();
    let differs = databases.len() > half.len();
    assert_eq!(compare(&image, &other, &options).expect("both were read").equal, !differs);
    assert!(compare(&image, &image, &options).expect("it was read").equal);
});

fn kept(index: &LayerIndex, entry: u32) -> usize {
    index.facts().kept(entry).map_or(0, <[u8]>::len)
}
