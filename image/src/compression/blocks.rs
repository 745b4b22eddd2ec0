//! Compression on several threads, whose bytes do not depend on how many there are.
//!
//! ```text
//! written ─► blocks of 2 MiB ─┬─► thread ─┬─► their members, in order ─► the writer below
//!                             └─► thread ─┘
//! ```
//!
//! Every block becomes a member of a gzip stream (RFC 1952, 2.2), or a frame of a zstd stream (RFC 8878, 3), complete by
//! itself: both formats say that any number of them, one behind the other, are one stream. What a block is compressed to
//! depends on its bytes and on the level alone. The threads only compress; reading, hashing and writing go on in the
//! caller's meanwhile.

use std::{
    collections::VecDeque,
    io::{self, Write},
    num::NonZero,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
};

/// Bytes that are compressed by themselves. Part of what makes equal layers equal bytes: a change of it changes the digest
/// of every layer that is written afterwards. Larger blocks gain less than 1 %, and each thread holds two.
const BLOCK: usize = 2 << 20;
/// Threads at most: with 16, and a block waiting for each, 100 MiB are not reached.
const MAX_THREADS: usize = 16;

/// How one block is compressed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Method {
    /// A gzip member, of libdeflate's levels 0 to 9.
    Gzip(i32),
    /// A zstd frame with checksum, of levels 1 to 22.
    Zstd(i32),
}

/// What compresses: it keeps its tables from block to block, and nothing else.
enum Compressor {
    Gzip(libdeflater::Compressor),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Compressor {
    fn new(method: Method) -> io::Result<Self> {
        match method {
            Method::Gzip(level) => {
                let level = libdeflater::CompressionLvl::new(level).map_err(|_| io::ErrorKind::InvalidInput)?;
                Ok(Self::Gzip(libdeflater::Compressor::new(level)))
            }
            Method::Zstd(level) => {
                let mut compressor = zstd::bulk::Compressor::new(level)?;
                compressor.include_checksum(true)?;
                Ok(Self::Zstd(compressor))
            }
        }
    }

    /// Makes the member of a block.
    fn compress(&mut self, buffers: &mut Buffers) -> io::Result<()> {
        let Buffers { block, member, size } = buffers;
        let bound = match self {
            Self::Gzip(compressor) => compressor.gzip_compress_bound(block.len()),
            Self::Zstd(_) => zstd::zstd_safe::compress_bound(block.len()),
        };
        if member.len() < bound {
            *member = vec![0; bound];
        }
        *size = match self {
            Self::Gzip(compressor) => compressor.gzip_compress(block, member).map_err(io::Error::other)?,
            Self::Zstd(compressor) => compressor.compress_to_buffer(block, member.as_mut_slice())?,
        };
        Ok(())
    }
}

/// A block and its member. The memory is used again and again.
#[derive(Default)]
struct Buffers {
    block: Vec<u8>,
    /// As long as the longest member could be, so that it is not cleared each time.
    member: Vec<u8>,
    /// Bytes of it that are the member.
    size: usize,
}

/// A block for a thread, and where it answers.
struct Job {
    buffers: Buffers,
    answer: Sender<io::Result<Buffers>>,
}

/// Writes blocks compressed, in their order.
pub(super) struct BlockWriter<W: Write> {
    inner: W,
    method: Method,
    threads: usize,
    filling: Buffers,
    /// Whether anything was compressed: a stream has a member even when it is empty.
    has_begun: bool,
    /// Compresses in the caller's thread where that is the only one.
    own: Option<Compressor>,
    pool: Option<Pool>,
    /// Blocks that threads have, the oldest first.
    pending: VecDeque<Receiver<io::Result<Buffers>>>,
    spare: Vec<Buffers>,
}

impl<W: Write> BlockWriter<W> {
    /// `threads` is a wish: as many as there are cores when it is `None`.
    pub(super) fn new(method: Method, threads: Option<NonZero<usize>>, inner: W) -> Self {
        let threads = threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
        Self {
            inner,
            method,
            threads: threads.min(MAX_THREADS),
            filling: Buffers::default(),
            has_begun: false,
            own: None,
            pool: None,
            pending: VecDeque::new(),
            spare: Vec::new(),
        }
    }

    /// Ends the stream and gives the writer below back, not flushed.
    pub(super) fn finish(mut self) -> io::Result<W> {
        if !self.filling.block.is_empty() || !self.has_begun {
            // what fits one block needs no thread
            if self.has_begun { self.dispatch()? } else { self.compress_here()? }
        }
        while !self.pending.is_empty() {
            self.take_oldest()?;
        }
        Ok(self.inner)
    }

    fn dispatch(&mut self) -> io::Result<()> {
        self.has_begun = true;
        if self.pool.is_none() && self.threads > 1 {
            self.pool = Some(Pool::new(self.method, self.threads)?);
        }
        let Some(pool) = &self.pool else {
            return self.compress_here();
        };
        let (answer, receiver) = mpsc::channel();
        let buffers = std::mem::take(&mut self.filling);
        pool.jobs.send(Job { buffers, answer }).map_err(|_| stopped())?;
        self.pending.push_back(receiver);
        // one more than can be worked on, so that no thread waits for the next
        if self.pending.len() > self.threads {
            self.take_oldest()?;
        }
        self.filling = self.spare.pop().unwrap_or_default();
        Ok(())
    }

    fn compress_here(&mut self) -> io::Result<()> {
        self.has_begun = true;
        let compressor = match &mut self.own {
            Some(compressor) => compressor,
            None => self.own.insert(Compressor::new(self.method)?),
        };
        compressor.compress(&mut self.filling)?;
        self.inner.write_all(&self.filling.member[..self.filling.size])?;
        self.filling.block.clear();
        Ok(())
    }

    fn take_oldest(&mut self) -> io::Result<()> {
        let Some(oldest) = self.pending.pop_front() else {
            return Ok(());
        };
        let mut buffers = oldest.recv().map_err(|_| stopped())??;
        self.inner.write_all(&buffers.member[..buffers.size])?;
        buffers.block.clear();
        self.spare.push(buffers);
        Ok(())
    }
}

impl<W: Write> Write for BlockWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.filling.block.len() == BLOCK {
            self.dispatch()?;
        }
        let block = &mut self.filling.block;
        let taken = bytes.len().min(BLOCK - block.len());
        if block.capacity() == 0 && !bytes.is_empty() && self.has_begun {
            block.reserve_exact(BLOCK);
        }
        block.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Flushes what is compressed. A block that is not full stays: where a stream is flushed must not change its bytes.
    fn flush(&mut self) -> io::Result<()> {
        while !self.pending.is_empty() {
            self.take_oldest()?;
        }
        self.inner.flush()
    }
}

fn stopped() -> io::Error {
    io::Error::other("a thread that compresses has stopped")
}

/// Threads that compress. They end when it is dropped, and are waited for.
struct Pool {
    jobs: Sender<Job>,
    _threads: Threads,
}

struct Threads(Vec<JoinHandle<()>>);

impl Pool {
    fn new(method: Method, threads: usize) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let mut handles = Threads(Vec::new());
        for _ in 0..threads {
            let compressor = Compressor::new(method)?;
            let queue = Arc::clone(&queue);
            match thread::Builder::new().name("compress".to_owned()).spawn(move || work(compressor, &queue)) {
                Ok(handle) => handles.0.push(handle),
                // fewer do the same, only later
                Err(_) if !handles.0.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Self { jobs, _threads: handles })
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        for thread in self.0.drain(..) {
            // one that panicked has left its block unanswered, which was an error there
            let _ = thread.join();
        }
    }
}

fn work(mut compressor: Compressor, queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { mut buffers, answer }) = job else {
            return;
        };
        let outcome = compressor.compress(&mut buffers).map(|()| buffers);
        // nobody waits for it where the stream was given up
        let _ = answer.send(outcome);
    }
}
