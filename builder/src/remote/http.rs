//! Files by http(s), kept and asked for again only when they changed.
//!
//! ```text
//! record of the URL ─ none ─► GET ─────────────────────────────► 200: body to disk, hashed on its way ─► record
//!        └─ there ─► GET, If-None-Match: ETag ─► 304, or the same ETag: the body of the cache
//! ```
//!
//! A body lies in the cache under its digest, and gets there only when it is whole and, where there is a checksum, the one
//! that was asked for. With a checksum that the cache has for the URL, no server is asked at all.

mod cancelled;
mod checksum;
mod client;
mod name;
mod record;
mod roots;

use std::{
    fs::{self, File},
    io::{self, Read, Seek as _, Write as _},
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::fmt::rfc2822;
use strata_image::{
    Digest, Timestamp,
    digest::{HashingWriter, VerifyingReader},
};
use tempfile::NamedTempFile;
use ureq::http::{HeaderMap, StatusCode, header};

use super::{Fetcher, RemoteError, address::redacted};
use crate::cache::note_use;
pub use checksum::Checksum;
use client::{Client, Response};
pub use name::file_name;
use record::Record;

/// Bytes that are read and written at a time.
const CHUNK: usize = 128 * 1024;

/// A file that a URL gave.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// What the file is called, by its URL; see [`file_name`].
    pub name: String,
    /// Its digest.
    pub digest: Digest,
    /// Its length.
    pub size: u64,
    /// `Last-Modified`; `None` when the server does not say: the file that ADD makes is of 1970 then, as in `BuildKit`.
    pub modified: Option<Timestamp>,
    /// Whether nothing had to be downloaded.
    pub from_cache: bool,
    /// Where it lies in the cache.
    path: PathBuf,
    /// The same, whatever happens to the cache meanwhile.
    file: Arc<File>,
    /// For messages.
    url: String,
}

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that came.
    pub received: u64,
    /// Bytes that are to come in all, when the server says so.
    pub total: Option<u64>,
}

impl Fetched {
    /// Opens the file, having verified that it is still what it was.
    ///
    /// # Errors
    /// A cache that was damaged: the file is removed then, so that the next build fetches it again.
    pub fn open(&self) -> Result<File, RemoteError> {
        let failed = || RemoteError::local("read", &self.path);
        // opened anew, to have an offset of its own
        let mut file = File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd())).map_err(failed())?;
        let mut verified = VerifyingReader::new(&file, self.digest, Some(self.size), self.url.as_str());
        if let Err(error) = io::copy(&mut verified, &mut io::sink()) {
            // the error that is told is that of reading
            let _ = fs::remove_file(&self.path);
            return Err(failed()(error));
        }
        file.rewind().map_err(failed())?;
        Ok(file)
    }
}

/// Gives the file of a URL: as the cache has it when the server, or the checksum, says that it is the same.
///
/// Redirects are followed, ten at most. User and password of the URL are not sent where one leads. There is no limit to the
/// size: the body goes to disk as it comes.
///
/// # Errors
/// A URL that is none, a server that answers anything but success, a body that does not come to its end, and one that is not
/// of the checksum.
pub fn fetch(
    fetcher: &Fetcher,
    url: &str,
    checksum: Option<Checksum>,
    watch: &mut dyn FnMut(Progress),
) -> Result<Fetched, RemoteError> {
    let cache = Cache::of(&fetcher.cache, url);
    let expected = checksum.map(Checksum::digest);
    let known = cache.known();
    if let Some((record, body)) = &known
        && expected == Some(record.digest)
    {
        return Ok(cache.fetched(record, body, true));
    }
    // with a checksum that the cache does not have, what it has is of no use
    let known = known.filter(|_| expected.is_none());
    let client = Client::new(fetcher, url)?;
    cancelled::watched(client.agent(), &fetcher.cancel, || {
        let response = client.get(known.as_ref().map(|(record, _)| record))?;
        match known {
            Some((mut record, body)) if is_unchanged(&response, &record) => {
                record.take_validators(&response.headers);
                cache.put_record(fetcher, &record)?;
                Ok(cache.fetched(&record, &body, true))
            }
            _ if response.status == StatusCode::OK => {
                let (record, body) = cache.download(fetcher, response, expected, watch)?;
                Ok(cache.fetched(&record, &body, false))
            }
            _ => Err(RemoteError::Status { url: redacted(url), status: response.status.to_string() }),
        }
    })
    .unwrap_or_else(|| Err(RemoteError::Cancelled { url: redacted(url) }))
}

/// Whether what the cache has is still what the server has. Some servers know no conditional requests, and say the same `ETag`
/// again; a weak one promises less than the same bytes.
fn is_unchanged(response: &Response, record: &Record) -> bool {
    response.status == StatusCode::NOT_MODIFIED
        || response.status == StatusCode::OK
            && record.etag.as_deref().is_some_and(|etag| {
                !etag.starts_with("W/") && text(&response.headers, &header::ETAG).as_deref() == Some(etag)
            })
}

/// Where the records of URLs are.
pub(super) fn urls(cache: &Path) -> PathBuf {
    cache.join("http").join("urls")
}

/// Where what they gave is, under its digest.
pub(super) fn bodies(cache: &Path) -> PathBuf {
    cache.join("http").join("bodies")
}

/// The body that a record tells of.
pub(super) fn body_of(cache: &Path, record: &Path) -> Option<PathBuf> {
    Some(bodies(cache).join(Record::read(record)?.digest.hex()))
}

/// What the cache has of one URL.
struct Cache<'a> {
    bodies: PathBuf,
    url: &'a str,
    record: PathBuf,
}

impl<'a> Cache<'a> {
    fn of(cache: &Path, url: &'a str) -> Self {
        let record = urls(cache).join(blake3::hash(url.as_bytes()).to_hex().as_str());
        Self { bodies: bodies(cache), url, record }
    }

    fn body(&self, digest: Digest) -> PathBuf {
        self.bodies.join(digest.hex())
    }

    /// The record and the body that it tells of.
    fn known(&self) -> Option<(Record, Arc<File>)> {
        let record = Record::read(&self.record)?;
        let body = File::open(self.body(record.digest)).ok()?;
        if let Ok(file) = File::open(&self.record) {
            note_use(&file);
        }
        let metadata = body.metadata().ok()?;
        (metadata.is_file() && metadata.len() == record.size).then(|| (record, Arc::new(body)))
    }

    fn put_record(&self, fetcher: &Fetcher, record: &Record) -> Result<(), RemoteError> {
        let failed = || RemoteError::local("write", &self.record);
        let mut file = partial(fetcher)?;
        record.write(&mut file).map_err(failed())?;
        place(file, &self.record).map(drop)
    }

    /// Writes a body beside its place, hashes it on the way, and lets the cache have it once it is known to be right.
    fn download(
        &self,
        fetcher: &Fetcher,
        mut response: Response,
        expected: Option<Digest>,
        watch: &mut dyn FnMut(Progress),
    ) -> Result<(Record, Arc<File>), RemoteError> {
        let mut writer = HashingWriter::new(partial(fetcher)?);
        let mut chunk = vec![0; CHUNK];
        let mut received = 0;
        loop {
            let broken = |source: io::Error| RemoteError::Http { url: redacted(self.url), source: source.into() };
            let length = response.body.read(&mut chunk).map_err(broken)?;
            if length == 0 {
                break;
            }
            writer.write_all(&chunk[..length]).map_err(RemoteError::local("write to", &fetcher.partial))?;
            received += length as u64;
            watch(Progress { received, total: response.length });
        }
        // a connection that was shut because of this ends like one whose end is the body's
        if fetcher.cancel.is_cancelled() {
            return Err(RemoteError::Cancelled { url: redacted(self.url) });
        }
        let (file, digest, size) = writer.finish();
        if let Some(expected) = expected.filter(|expected| *expected != digest) {
            return Err(RemoteError::DigestMismatch { url: redacted(self.url), found: digest, expected });
        }
        let body = place(file, &self.body(digest))?;
        let mut record = Record::new(digest, size);
        record.take_validators(&response.headers);
        self.put_record(fetcher, &record)?;
        Ok((record, Arc::new(body)))
    }

    fn fetched(&self, record: &Record, body: &Arc<File>, from_cache: bool) -> Fetched {
        Fetched {
            name: file_name(self.url),
            digest: record.digest,
            size: record.size,
            modified: record.last_modified.as_deref().and_then(http_date),
            from_cache,
            path: self.body(record.digest),
            file: body.clone(),
            url: redacted(self.url),
        }
    }
}

fn partial(fetcher: &Fetcher) -> Result<NamedTempFile, RemoteError> {
    let create = || {
        fs::create_dir_all(&fetcher.partial)?;
        NamedTempFile::new_in(&fetcher.partial)
    };
    create().map_err(RemoteError::local("create a file in", &fetcher.partial))
}

/// Gives a file that is whole its place.
fn place(file: NamedTempFile, path: &Path) -> Result<File, RemoteError> {
    let place = || {
        file.as_file().sync_data()?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        Ok::<_, io::Error>(file.persist(path)?)
    };
    place().map_err(RemoteError::local("write", path))
}

/// A header's value, when it is text.
fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// `Wed, 21 Oct 2015 07:28:00 GMT`: RFC 9110's date, which is also one of RFC 2822.
fn http_date(text: &str) -> Option<Timestamp> {
    let parser = rfc2822::DateTimeParser::new();
    parser.parse_timestamp(text).ok().map(|time| Timestamp::from_seconds(time.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http_are_read() {
        for (text, seconds) in [
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(1_445_412_480)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(http_date(text), seconds.map(Timestamp::from_seconds), "{text}");
        }
    }
}
