//! Digests of bytes that flow: hashed on their way out, verified on their way in.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

use super::Digest;

/// Hashes bytes as they come.
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Starts with no bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Gives the digest of all bytes added.
    pub fn finish(self) -> Digest {
        Digest::from_bytes(self.0.finalize().into())
    }
}

impl Write for Hasher {
    /// Adds bytes; never fails.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hashes and counts what is written through it.
#[derive(Debug)]
pub struct HashingWriter<W> {
    inner: W,
    hasher: Hasher,
    written: u64,
}

impl<W: Write> HashingWriter<W> {
    /// Wraps a writer.
    pub fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::new(), written: 0 }
    }

    /// Gives the writer back, with the digest and the number of the bytes that it took. Flushes nothing.
    pub fn finish(self) -> (W, Digest, u64) {
        (self.inner, self.hasher.finish(), self.written)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..taken]);
        self.written += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Hashes and counts what is read through it.
#[derive(Debug)]
pub struct HashingReader<R> {
    inner: R,
    hasher: Hasher,
    read: u64,
}

impl<R: Read> HashingReader<R> {
    /// Wraps a reader.
    pub fn new(inner: R) -> Self {
        Self { inner, hasher: Hasher::new(), read: 0 }
    }

    /// Gives the reader back.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// Gives the digest and the number of the bytes that came through.
    pub fn finish(self) -> (Digest, u64) {
        (self.hasher.finish(), self.read)
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..got]);
        self.read += got as u64;
        Ok(got)
    }
}

/// Bytes that are not what their name promised. Comes out of a [`VerifyingReader`] inside an [`io::Error`] of kind
/// [`io::ErrorKind::InvalidData`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The content is another one.
    #[error("{what}: the content should have digest {expected} but has {found}")]
    Digest {
        /// What was read, and where.
        what: String,
        /// The digest that was promised.
        expected: Digest,
        /// The digest of what was there.
        found: Digest,
    },
    /// There are too few or too many bytes; nothing was read beyond the promised number.
    #[error("{what}: {expected} bytes were promised but there are {}{found}", if found > expected { "at least " } else { "" })]
    Size {
        /// What was read, and where.
        what: String,
        /// The number of bytes that was promised.
        expected: u64,
        /// The number of bytes that were there, or one of them too many.
        found: u64,
    },
}

impl VerifyError {
    /// Wraps it as reading needs it.
    fn into_io(self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self)
    }
}

/// Reads through, and turns the end of the stream into an error when the bytes were not those that were promised.
///
/// Whoever reads to the end (to `Ok(0)`) has verified bytes; whoever stops earlier has not.
#[derive(Debug)]
pub struct VerifyingReader<R> {
    inner: R,
    what: String,
    expected: Digest,
    size: Option<u64>,
    hasher: Option<Hasher>,
    seen: u64,
}

impl<R: Read> VerifyingReader<R> {
    /// Wraps a reader of bytes whose digest, and size where it is known, were promised. `what` names them in errors.
    pub fn new(inner: R, expected: Digest, size: Option<u64>, what: impl Into<String>) -> Self {
        Self { inner, what: what.into(), expected, size, hasher: Some(Hasher::new()), seen: 0 }
    }

    fn wrong_size(&self, expected: u64) -> io::Error {
        VerifyError::Size { what: self.what.clone(), expected, found: self.seen }.into_io()
    }

    fn verify(&mut self) -> io::Result<()> {
        if let Some(size) = self.size.filter(|&size| size != self.seen) {
            return Err(self.wrong_size(size));
        }
        // a second read at the end finds the hasher gone: the stream was verified already
        let Some(found) = self.hasher.take().map(Hasher::finish) else {
            return Ok(());
        };
        if found == self.expected {
            return Ok(());
        }
        Err(VerifyError::Digest { what: self.what.clone(), expected: self.expected, found }.into_io())
    }
}

impl<R: Read> Read for VerifyingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let got = self.inner.read(buffer)?;
        if got == 0 {
            return self.verify().map(|()| 0);
        }
        self.seen += got as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..got]);
        }
        match self.size {
            Some(size) if self.seen > size => Err(self.wrong_size(size)),
            _ => Ok(got),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(bytes: &[u8], expected: Digest, size: Option<u64>) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        VerifyingReader::new(bytes, expected, size, "the blob").read_to_end(&mut out)?;
        Ok(out)
    }

    fn problem(error: &io::Error) -> &VerifyError {
        error.get_ref().unwrap().downcast_ref().unwrap()
    }

    #[test]
    fn bytes_as_promised_come_through() {
        assert_eq!(read(b"abc", Digest::of(b"abc"), Some(3)).unwrap(), b"abc");
        assert_eq!(read(b"", Digest::of(b""), None).unwrap(), b"");
    }

    #[test]
    fn another_digest_is_an_error_that_names_the_blob() {
        let error = read(b"abd", Digest::of(b"abc"), Some(3)).unwrap_err();
        assert!(matches!(problem(&error), VerifyError::Digest { .. }));
        assert!(error.to_string().starts_with("the blob: "), "{error}");
    }

    #[test]
    fn a_lie_about_the_size_is_an_error() {
        for (size, found) in [(2, 3), (4, 3), (0, 3), (1 << 63, 3)] {
            let error = read(b"abc", Digest::of(b"abc"), Some(size)).unwrap_err();
            let VerifyError::Size { expected, found: seen, .. } = problem(&error) else { panic!("{error}") };
            assert_eq!((*expected, *seen), (size, found));
        }
    }

    #[test]
    fn reading_stops_soon_after_the_promised_size() {
        let mut reader = VerifyingReader::new(io::repeat(0), Digest::of(b""), Some(10), "endless");
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
        assert!(matches!(problem(&error), VerifyError::Size { expected: 10, .. }));
    }

    #[test]
    fn an_empty_buffer_is_not_the_end() {
        let mut reader = VerifyingReader::new(&b"abc"[..], Digest::of(b"abc"), None, "x");
        assert_eq!(reader.read(&mut []).unwrap(), 0);
        assert_eq!(io::read_to_string(&mut reader).unwrap(), "abc");
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn a_hashing_writer_knows_what_went_through() {
        let mut writer = HashingWriter::new(Vec::new());
        writer.write_all(b"ab").unwrap();
        writer.write_all(b"c").unwrap();
        assert_eq!(writer.finish(), (b"abc".to_vec(), Digest::of(b"abc"), 3));
    }
}
