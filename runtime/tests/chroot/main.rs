//! Processes apart by `chroot(2)` alone, as in a container without privileges. They need root and a static busybox; where
//! either is missing the tests say so and pass.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod inside;
mod lifecycle;
mod loans;
mod powerless;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../process/rootfs.rs"]
mod rootfs;
mod tree;
