//! Snapshots through their public interface, copied and on whatever overlay this machine has.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

mod copy;
mod diff;
mod hostile;
mod keep;
mod layers;
mod namespace;
mod unpack;
mod view;
mod workshop;
