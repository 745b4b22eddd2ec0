//! Two tars side by side, to the last byte. Nothing is kept but what has no partner yet.

use std::io::{self, BufReader, Read};

use strata_image::{
    Layer,
    layer::{EntryKind, LayerReader},
};

use super::{
    entries::{Item, LayerDiff, Pairing},
    header::HeaderFacts,
    what::{Set, What},
};
use crate::{Error, Result, error::in_layer, path_text};

/// Bytes that a tar is filled to a multiple of, where its writer fills it.
const RECORD: u64 = 20 * 512;
/// Two blocks of zeros end a tar.
const END: u64 = 2 * 512;

/// Streams both layers and gives what differs.
pub(super) fn compare(a: &dyn Layer, b: &dyn Layer, mut pairing: Pairing<'_>, counts: Set) -> Result<LayerDiff> {
    let (mut tar_a, mut tar_b) = (Tar::open(a)?, Tar::open(b)?);
    pairing.read(|| tar_a.next(), || tar_b.next())?;
    let ends = (tar_a.finish()?, tar_b.finish()?);
    let (mut diff, differs) = pairing.finish();
    // two tars of other lengths that are filled to a record end the same way
    let has_other_end = ends.0 != ends.1 && !(ends.0.is_filled && ends.1.is_filled);
    // the diff IDs differ, so something does: what no entry shows stands between them
    if counts.has(What::Padding) && (has_other_end || !differs) {
        diff.whole.push(What::Padding);
    }
    Ok(diff)
}

/// A layer as it is read.
struct Tar<'a> {
    layer: &'a dyn Layer,
    reader: LayerReader<BufReader<Counting>>,
    /// Where the last entry ended.
    end: u64,
}

impl<'a> Tar<'a> {
    fn open(layer: &'a dyn Layer) -> Result<Self> {
        let stream = layer.open().map_err(in_layer(layer.diff_id()))?;
        Ok(Self { layer, reader: LayerReader::new(Counting { stream, count: 0 }).keep_raw(), end: 0 })
    }

    fn next(&mut self) -> Result<Option<Item>> {
        let diff_id = self.layer.diff_id();
        let Some(entry) = self.reader.next_entry().map_err(in_layer(diff_id))? else {
            return Ok(None);
        };
        self.end = self.reader.entry_end();
        let header = self.reader.raw().map(|raw| Box::new(HeaderFacts::of(raw)));
        let mut content = None;
        if entry.kind == EntryKind::File {
            let mut hasher = blake3::Hasher::new();
            let failed = |source| Error::Content { layer: diff_id, path: path_text(entry.path.as_bytes()), source };
            hasher.update_reader(&mut self.reader).map_err(failed)?;
            content = Some(*hasher.finalize().as_bytes());
        }
        Ok(Some(Item { entry, content, header }))
    }

    /// Verifies the digest; gives what stands behind the last entry.
    fn finish(self) -> Result<End> {
        let Counting { count, .. } = self.reader.finish().map_err(in_layer(self.layer.diff_id()))?.into_inner();
        let bytes = count.saturating_sub(self.end);
        let is_filled = count.is_multiple_of(RECORD) && (END..END + RECORD).contains(&bytes);
        Ok(End { bytes, is_filled })
    }
}

/// What stands behind the last entry of a tar.
#[derive(PartialEq)]
struct End {
    bytes: u64,
    /// Whether it is as much as fills the last record, and no more.
    is_filled: bool,
}

/// Counts what is read.
struct Counting {
    stream: Box<dyn Read + Send>,
    count: u64,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}
