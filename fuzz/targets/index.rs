//! Any bytes as a layer's index in the cache, with a checksum that fits: whatever another process left there, it is an
//! index or it is none, and what is asked of it is answered or refused.
#![no_main]

#[path = "../../analyzer/tests/memory/mod.rs"]
mod memory;

use std::{fs, sync::OnceLock};

use libfuzzer_sys::fuzz_target;
use memory::{Memory, file};
use strata_analyzer::{
    Ledger,
    analysis::Options,
    analyze,
    dive::Dive,
    index::{LayerIndex, content_hash},
};
use strata_image::{Image as _, layer::EntryKind};

/// Of the file: its name and version.
const MAGIC: usize = 16;
/// Bytes of a diff ID, with which the front begins.
const DIFF_ID: usize = 32;

/// What the layer has, whose index this is said to be.
fn layer() -> Memory {
    Memory::new(&[&[file("etc/passwd", b"a:x:0:0::/app:/bin/sh\n"), file("usr/bin/app", b"\x7fELF"), file("a", b"")]])
}

/// How a file begins that this version writes.
fn magic() -> &'static [u8] {
    static BEGIN: OnceLock<Vec<u8>> = OnceLock::new();
    BEGIN.get_or_init(|| {
        let cache = tempfile::tempdir().expect("a folder can be made");
        let image = layer();
        let layer = image.layers()[0].as_ref();
        LayerIndex::cached(layer, Some(cache.path())).expect("the tar is sound");
        let file = fs::read(cache.path().join(layer.diff_id().hex())).expect("it was written");
        file[..MAGIC].to_vec()
    })
}

// a length of two bytes, then so many bytes of the front without its diff ID, then the records
fuzz_target!(|data: &[u8]| {
    let Some((length, data)) = data.split_first_chunk() else { return };
    let (front, records) = data.split_at(usize::from(u16::from_le_bytes(*length)).min(data.len()));
    let image = layer();
    let layer = image.layers()[0].as_ref();
    let lengths = [DIFF_ID + front.len(), records.len()].map(|length| (length as u64).to_le_bytes()).concat();
    let payload = [layer.diff_id().as_bytes(), front, records].concat();
    let whole = [magic(), &lengths, &content_hash(&payload), &payload].concat();

    let cache = tempfile::tempdir().expect("a folder can be made");
    fs::write(cache.path().join(layer.diff_id().hex()), whole).expect("a file can be written");
    let index = LayerIndex::cached(layer, Some(cache.path())).expect("a cache costs time, never an answer");
    assert_eq!(index.diff_id(), layer.diff_id());
    let mut entries = 0;
    for (number, entry) in (0..).zip(index.entries()) {
        let Ok(entry) = entry else { continue };
        assert_eq!(index.get(number).as_ref(), Some(&entry));
        assert!(entry.kind != EntryKind::File || entry.size == index.size(number));
        entries += 1;
    }
    assert!(entries <= index.len());
    for (entry, _) in index.facts().all() {
        let _ = (index.path(entry), index.facts().kept(entry));
    }
    let _ = Dive::of(std::slice::from_ref(&index));
    if let Ok(ledger) = Ledger::fold(&[index]) {
        assert_eq!(ledger.live() + ledger.wasted(), ledger.total());
        let report = analyze(&image, &Options { cache: Some(cache.path()), ..Options::default() });
        assert!(report.is_ok_and(|report| report.total_bytes == ledger.total()));
    }
});
