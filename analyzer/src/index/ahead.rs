//! Reads ahead in a thread of its own: what a stream costs (reading, decompressing, verifying) and what is made of its
//! bytes (parsing, hashing contents) go on at the same time.
//!
//! ```text
//! thread: stream ─► chunks of 256 KiB ═► reader          eight of them go round
//!             └───── the same memory again ◄─┘
//! ```

use std::{
    io::{self, BufRead, Read},
    sync::mpsc::{self, Receiver, Sender},
    thread::{self, JoinHandle},
};

/// Bytes of a chunk: long enough that handing it over costs nothing beside them.
const CHUNK: usize = 256 << 10;
/// Chunks that go round: one is filled, one is read, and the others wait, so that neither side waits for the other's delays.
const CHUNKS: usize = 8;

/// Gives a stream's bytes, which a thread reads.
pub(super) struct Ahead {
    current: Chunk,
    position: usize,
    /// Gone when there is nothing more to come.
    thread: Option<Reading>,
}

/// Bytes, of which the first `filled` were read.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    filled: usize,
}

struct Reading {
    chunks: Receiver<io::Result<Chunk>>,
    spare: Sender<Chunk>,
    handle: JoinHandle<()>,
}

impl Ahead {
    /// Begins to read.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(super) fn new(stream: Box<dyn Read + Send>) -> io::Result<Self> {
        let (filled, chunks) = mpsc::channel();
        let (spare, free) = mpsc::channel();
        for _ in 0..CHUNKS {
            // the other end is there
            let _ = spare.send(Chunk::default());
        }
        let work = move || read(stream, &free, &filled);
        let handle = thread::Builder::new().name("read ahead".to_owned()).spawn(work)?;
        Ok(Self { current: Chunk::default(), position: 0, thread: Some(Reading { chunks, spare, handle }) })
    }

    /// Takes the next chunk; an empty one is the end.
    fn advance(&mut self) -> io::Result<()> {
        let Some(thread) = &self.thread else { return Ok(()) };
        let used = std::mem::take(&mut self.current);
        self.position = 0;
        // nobody takes it when the last chunk is filled already
        let _ = thread.spare.send(used);
        let chunk = thread.chunks.recv().unwrap_or_else(|_| Err(io::Error::other("the thread that reads has stopped")));
        match chunk {
            Ok(chunk) if chunk.filled > 0 => self.current = chunk,
            Ok(_) => self.stop(),
            Err(error) => {
                self.stop();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Ends the thread, if it has not ended, and waits for it.
    fn stop(&mut self) {
        if let Some(Reading { chunks, spare, handle }) = self.thread.take() {
            drop((chunks, spare));
            // one that panicked has sent no chunk, which was an error
            let _ = handle.join();
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = if buffer.is_empty() { &[] } else { self.fill_buf()? };
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Ahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position == self.current.filled {
            self.advance()?;
        }
        Ok(&self.current.bytes[self.position..self.current.filled])
    }

    fn consume(&mut self, count: usize) {
        self.position += count;
    }
}

fn read(mut stream: Box<dyn Read + Send>, free: &Receiver<Chunk>, filled: &Sender<io::Result<Chunk>>) {
    while let Ok(mut chunk) = free.recv() {
        let read = chunk.fill(&mut stream);
        let is_last = chunk.filled == 0 || read.is_err();
        // bytes before an error come first
        let sent = match read {
            Err(error) if chunk.filled == 0 => filled.send(Err(error)),
            Err(error) => filled.send(Ok(chunk)).and_then(|()| filled.send(Err(error))),
            Ok(()) => filled.send(Ok(chunk)),
        };
        if is_last || sent.is_err() {
            return;
        }
    }
}

impl Chunk {
    /// Reads until it is full, or the stream at its end.
    fn fill(&mut self, stream: &mut dyn Read) -> io::Result<()> {
        self.filled = 0;
        // only the first time anything is cleared
        self.bytes.resize(CHUNK, 0);
        while self.filled < CHUNK {
            match stream.read(&mut self.bytes[self.filled..]) {
                Ok(0) => break,
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn all_bytes_come_in_order_and_then_no_more() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 7 * CHUNK + 5] {
            let bytes: Vec<u8> = (0..length).map(|number| number.to_le_bytes()[1]).collect();
            let mut ahead = Ahead::new(Box::new(io::Cursor::new(bytes.clone()))).unwrap();
            let mut read = Vec::new();
            ahead.read_to_end(&mut read).unwrap();
            assert!(read == bytes, "{length}");
            assert_eq!(ahead.read(&mut [0; 8]).unwrap(), 0);
        }
    }

    #[test]
    fn an_error_comes_behind_the_bytes_before_it() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::InvalidData, "damaged"))
            }
        }
        let stream = io::Cursor::new(vec![7; CHUNK + 9]).chain(Fails);
        let mut ahead = Ahead::new(Box::new(stream)).unwrap();
        let mut read = Vec::new();
        let error = ahead.read_to_end(&mut read).unwrap_err();
        assert_eq!(
            (read.len(), error.kind(), error.to_string().as_str()),
            (CHUNK + 9, io::ErrorKind::InvalidData, "damaged")
        );
    }

    #[test]
    fn one_that_is_given_up_stops_reading() {
        let mut ahead = Ahead::new(Box::new(io::repeat(1))).unwrap();
        ahead.read_exact(&mut [0; 100]).unwrap();
        // waits for the thread, which would never end by itself
        drop(ahead);
    }
}
