//! The layer tar codec: archives of every kind built from bytes, hostile ones, and what the writer makes.
#![allow(missing_docs, clippy::unwrap_used)]

mod formats;
mod hostile;
mod properties;
mod raw;
mod second_readers;
mod writer;
