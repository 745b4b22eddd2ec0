//! Any bytes as the content of a file, whose name the first byte chooses: what they say keeps within the file, comes
//! back from the cache as it was, and the analysis of an image that overwrites the file adds up.
#![no_main]

#[path = "../../analyzer/tests/memory/mod.rs"]
mod memory;

use libfuzzer_sys::fuzz_target;
use memory::{Memory, file, unreadable};
use strata_analyzer::{
    analysis::Options,
    analyze,
    facts::Fact,
    gate::Baseline,
    index::{LayerIndex, content_hash},
};
use strata_image::Image as _;

/// A name for each form that contents are read in.
const PATHS: [&str; 12] = [
    "usr/bin/app",
    "srv/a.tar",
    "srv/a.tar.gz",
    "srv/a.whl",
    "srv/a.deb",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "app/node_modules/a/package.json",
    "app/package-lock.json",
    "root/.ssh/id_rsa",
    "app/.env",
    "app/account.json",
    "app/a.p12",
];
/// Bytes that the archives of a layer may unpack to, as documented, and what each of their own adds.
const UNPACKED: (u64, u64) = (1 << 30, 20);
/// What is kept of each byte at most.
const KEPT: u64 = 8;

fuzz_target!(|data: &[u8]| {
    let Some((&name, content)) = data.split_first() else { return };
    let path = PATHS[usize::from(name) % PATHS.len()];
    let image = Memory::new(&[
        &[file(path, content), file("copy", content)],
        &[file(path, &content[content.len() / 2..]), file("etc/passwd", b"a:x:0:0::/app:/bin/sh\n")],
    ]);

    let cache = tempfile::tempdir().expect("a folder can be made");
    let layer = image.layers()[0].as_ref();
    let index = LayerIndex::cached(layer, Some(cache.path())).expect("the tar is sound");
    let again = LayerIndex::cached(unreadable(layer).as_ref(), Some(cache.path())).expect("it is in the cache");
    assert_eq!(index, again);
    assert_eq!(index.hash(0), Some(&content_hash(content)));
    for entry in 0..2 {
        assert_eq!(index.facts().kept(entry), again.facts().kept(entry));
        index.facts().of(entry).for_each(|fact| keeps_within(fact, content.len() as u64));
    }

    let report = analyze(&image, &Options { cache: Some(cache.path()), ..Options::default() }).expect("it was read");
    let size = content.len() as u64;
    assert_eq!(report.live_bytes + report.wasted_bytes, report.total_bytes);
    assert_eq!(report.wasted_bytes, size);
    let dead: u64 = report.findings.iter().filter(|finding| finding.exact).map(|finding| finding.bytes).sum();
    assert_eq!(dead, size);
    let json = serde_json::to_vec(&report).expect("a report can be written");
    assert_eq!(Baseline::read(json.as_slice()).expect("it is a report"), Baseline::from(&report));
});

fn keeps_within(fact: &Fact, size: u64) {
    match fact {
        Fact::Elf(elf) => assert!(elf.symbols + elf.debug <= size),
        Fact::Zeros(bytes) => assert!(*bytes <= size),
        Fact::Archive(archive) => {
            let bytes: u64 = archive.members.iter().map(|member| member.size).sum();
            assert!(archive.members.iter().all(|member| member.size > 0) && bytes <= UNPACKED.0 + UNPACKED.1 * size);
        }
        Fact::Secret(_) => {}
        Fact::Kept { length, .. } => assert!(u64::from(*length) <= KEPT * size),
    }
}
