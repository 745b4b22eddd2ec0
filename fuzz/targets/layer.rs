//! Any bytes as a layer's tar: it is read without a panic and in bounded memory, and what was read is the same after it was
//! written and read again.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use strata_image::layer::{Entry, LayerReader, LayerWriter};

/// Content that is kept of one input; a sparse file may claim far more.
const MAX_CONTENT: u64 = 1 << 16;

fuzz_target!(|tar: &[u8]| {
    let Some(entries) = read(tar) else { return };
    let mut writer = LayerWriter::new(Vec::new());
    for (entry, content) in &entries {
        assert!(!entry.path.components().any(|name| name == b".." || name == b"." || name.is_empty()));
        if writer.append(entry, content.as_slice()).is_err() {
            return;
        }
    }
    let written = writer.finish().expect("a vector takes every byte");
    assert_eq!(read(&written).as_deref(), Some(entries.as_slice()));
});

/// All entries with their contents; `None` for what is no layer, or has too much in it.
fn read(tar: &[u8]) -> Option<Vec<(Entry, Vec<u8>)>> {
    let mut reader = LayerReader::new(tar);
    let mut entries = Vec::new();
    let mut left = MAX_CONTENT;
    while let Some(mut entry) = reader.next_entry().ok()? {
        // where it stood is not what it is, and the writer keeps whole seconds
        entry.mtime.nanoseconds = 0;
        (entry.header_offset, entry.data_offset) = (0, 0);
        let mut content = Vec::new();
        if reader.by_ref().take(left + 1).read_to_end(&mut content).ok()? as u64 > left {
            return None;
        }
        left -= content.len() as u64;
        entries.push((entry, content));
    }
    reader.finish().ok()?;
    Some(entries)
}
