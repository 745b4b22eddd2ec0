//! Builds of real Dockerfiles on a busybox base, in a store of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

mod attacks;
mod cache;
mod crash;
mod directory_base;
mod mounts;
mod plan;
mod slim;
mod slim_caches;
mod slim_copy;
mod slim_ignore;
mod stages;
mod transfer;
mod workshop;
