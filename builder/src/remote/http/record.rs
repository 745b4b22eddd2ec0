//! What a URL gave last.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use strata_image::Digest;
use ureq::http::{HeaderMap, header};

use super::text;

/// Version of the records' form.
const SCHEMA: u32 = 1;

/// A record is a few hundred bytes; what is larger is not one.
const RECORD_LIMIT: u64 = 64 * 1024;

/// A body, and by what the server can tell whether it still has the same.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    schema: u32,
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) etag: Option<String>,
    /// As the server wrote it, which is how it wants it back.
    pub(super) last_modified: Option<String>,
}

impl Record {
    pub(super) fn new(digest: Digest, size: u64) -> Self {
        Self { schema: SCHEMA, digest, size, etag: None, last_modified: None }
    }

    /// Reads a record; a damaged one is as good as none.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        if file.metadata().ok()?.len() > RECORD_LIMIT {
            return None;
        }
        let record: Self = serde_json::from_reader(io::BufReader::new(file)).ok()?;
        (record.schema == SCHEMA).then_some(record)
    }

    pub(super) fn write(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut out, self)?;
        out.flush()
    }

    /// Takes over what an answer says about the version of the file. A 304 need not repeat it.
    pub(super) fn take_validators(&mut self, headers: &HeaderMap) {
        for (field, name) in [(&mut self.etag, header::ETAG), (&mut self.last_modified, header::LAST_MODIFIED)] {
            if let Some(value) = text(headers, &name) {
                *field = Some(value);
            }
        }
    }
}
