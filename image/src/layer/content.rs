//! How far the content of the current entry is read.

use super::{header::padding, sparse::Segment};

/// What is left of the current entry's content.
#[derive(Default)]
pub(super) struct Content {
    /// Bytes given, and the size of the whole.
    position: u64,
    size: u64,
    /// Stored runs; a plain file is a single one. Those before `next` are done.
    segments: Vec<Segment>,
    next: usize,
    /// Stored bytes not yet consumed, and the zeros behind them.
    pub(super) stored: u64,
    pub(super) padding: u64,
}

/// Bytes that come next, alike and in one run.
pub(super) enum Run {
    /// They are in the stream.
    Stored(u64),
    /// They are zeros; none at the end of the content.
    Hole(u64),
}

impl Content {
    /// Begins a plain file of `size` bytes.
    pub(super) fn begin(&mut self, size: u64) {
        self.segments.clear();
        self.segments.push(Segment { offset: 0, length: size });
        (self.position, self.size, self.next) = (0, size, 0);
        (self.stored, self.padding) = (size, padding(size));
    }

    /// Begins a sparse file of `size` bytes whose checked segments have `stored` bytes.
    pub(super) fn begin_sparse(&mut self, segments: Vec<Segment>, size: u64, stored: u64) {
        self.begin(stored);
        (self.segments, self.size) = (segments, size);
    }

    /// The size, where the whole content is still to come and is stored as it is.
    pub(super) fn unread(&self) -> Option<u64> {
        let is_whole = self.position == 0 && self.segments.len() == 1 && self.stored == self.size;
        is_whole.then_some(self.size)
    }

    pub(super) fn run(&mut self) -> Run {
        while let Some(segment) = self.segments.get(self.next) {
            if self.position < segment.offset {
                return Run::Hole(segment.offset - self.position);
            }
            let left = segment.offset + segment.length - self.position;
            if left > 0 {
                return Run::Stored(left);
            }
            self.next += 1;
        }
        Run::Hole(self.size - self.position)
    }

    /// Stored bytes were consumed.
    pub(super) fn advance(&mut self, count: u64) {
        self.stored -= count;
        self.position += count;
    }

    /// Zeros were given.
    pub(super) fn advance_hole(&mut self, count: u64) {
        self.position += count;
    }
}
