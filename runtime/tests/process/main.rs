//! Containers, seen from inside and from outside. They need root and a static busybox; where either is missing
//! the tests say so and pass.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod attacks;
mod failures;
mod inside;
mod lifecycle;
mod limits;
mod mounts;
mod rootfs;
mod sandbox;
mod users;
