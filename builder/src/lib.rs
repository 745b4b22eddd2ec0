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
//! * [`contexts`] opens what a build takes from, and [`remote`] fetches what is not on this machine.
//! * [`output`] takes the image out of the store: archives, layouts, folders.
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
mod below;
pub mod build;
pub mod cache;
mod cancel;
mod cause;
mod content_index;
mod context;
pub mod contexts;
mod copy;
mod draft;
mod engine;
mod epoch;
mod error;
mod explain;
mod fractions;
mod golang;
mod inputs;
mod key;
mod metadata;
pub mod options;
pub mod output;
mod owner;
mod place;
mod plan;
mod port;
pub mod remote;
pub mod reproduce;
mod run;
mod selection;
pub mod slim;
mod sources;
mod squash;
mod stack;
mod stage;
mod state;
mod step;
mod tree;
mod unpack;
mod vars;
mod workdir;

pub use build::{Built, Event, Watcher, build};
pub use cancel::Cancel;
pub use context::ignored_by;
pub use engine::Engine;
pub use error::{Error, Result};
pub use options::Options;
