//! The account of a stack of layers: that no byte is lost, and that a second implementation has the same.
#![allow(clippy::unwrap_used)]

mod conservation;
#[path = "../memory/mod.rs"]
mod memory;
mod naive;
mod second;
