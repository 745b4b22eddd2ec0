//! Executes Dockerfiles, one layer per instruction, and proves that rewritten ones do the same.
//!
//! ```text
//! Dockerfile ─► plan: needed stages ─► steps ─► key ── hit ─► layer from the store ────────────────┐
//!                                                │ miss                                             ▼
//! context, stages, images ─► selections ─────────┴──► prepare ─► run ─► diff ─► blob ─► record ─► image
//! ```
//!
//! * [`build()`] makes an image of a Dockerfile. What a build tells on the way comes as [`Event`]s; nothing is printed.
//! * [`cache`] is what earlier builds left: an unchanged build runs nothing and gives the same image ID.
//! * [`slim`] rewrites a Dockerfile to waste less and proves that the result is the same.
//!
//! Every path inside a root filesystem and inside a context is reached through a descriptor of its root.
//!
//! ```
//! use strata_builder::{Engine, Options, build};
//! use strata_image::{ImageName, Store};
//! use strata_runtime::snapshot::Snapshots;
//!
//! let dir = tempfile::tempdir()?;
//! let root = dir.path().join("root");
//! let engine = Engine {
//!     store: Store::open(&root)?,
//!     snapshots: Snapshots::open(&root)?,
//!     cache: root.join("cache"),
//!     analysis: root.join("analysis"),
//! };
//! let options = Options {
//!     dockerfile: b"FROM scratch\nLABEL made.by=strata\nCMD [\"/app\"]\n".to_vec(),
//!     names: vec![ImageName::parse("app:1")?],
//!     ..Options::default()
//! };
//! let built = build(&engine, &options, &mut |_event| {})?;
//! assert!(engine.store.find("app:1")?.is_some());
//! assert_eq!(built, build(&engine, &options, &mut |_event| {})?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arguments;
pub mod build;
pub mod cache;
mod cause;
mod context;
mod copy;
mod engine;
mod error;
mod golang;
mod key;
mod metadata;
mod place;
mod plan;
mod port;
mod run;
mod selection;
pub mod slim;
mod sources;
mod stack;
mod stage;
mod state;
mod step;
mod tree;
mod unpack;
mod vars;
mod workdir;

pub use build::{Built, Event, Options, build};
pub use engine::Engine;
pub use error::{Error, Result};
