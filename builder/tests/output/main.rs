//! What leaves the store after a build.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod archives;
mod folders;
mod hostile;
mod made;
