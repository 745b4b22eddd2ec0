//! Says which bytes of an image are wasted, who made them and who killed them; proposes how to save them; and compares
//! any two images.
//!
//! ```text
//! layers ─► index (one per diff ID, cached) ─► ledger ─► analysis ─► JSON, tables
//!       └─► facts, packages ──────────────────────┤
//!                                                ├─────► findings: what costs bytes, by rule, and what to do
//!                                                ├─────► suggest: an edit of the Dockerfile, priced in bytes
//!                                                ├─────► compare: two ledgers' views, path by path
//!                                                └─────► audit: many images, and what they share
//! ```
//!
//! Everything here works on any platform without privileges, reads an image wherever it stands, prints nothing, and is
//! a pure function of the image's bytes: equal input gives equal reports.
//!
//! ```
//! use strata_analyzer::{analysis, analyze, compare};
//! use strata_fixtures::stack::Stack;
//!
//! // 500 bytes written in one layer and removed in the next
//! let wasteful = Stack::parse("app:1", "a:100 tmp/b:500 / -tmp")?;
//! let report = analyze(&wasteful, &analysis::Options::default())?;
//! assert_eq!((report.total_bytes, report.wasted_bytes), (600, 500));
//! assert_eq!(report.waste[0].path, "/tmp/b");
//! assert_eq!((report.waste[0].creator, report.waste[0].killer), (0, 1));
//!
//! let slim = Stack::parse("app:2", "a:100")?;
//! assert!(compare(&wasteful, &slim, &compare::Options::default())?.equal);
//! # anyhow::Ok(())
//! ```

pub mod analysis;
mod attribution;
pub mod audit;
pub mod checks;
pub mod compare;
pub mod dive;
mod error;
pub mod facts;
pub mod findings;
pub mod gate;
pub mod index;
pub mod ledger;
mod markup;
pub mod packages;
mod page;
mod path_text;
pub mod report;
pub mod settings;
mod size_text;
pub mod suggest;
mod text_diff;
pub mod tree;

pub use analysis::{Analysis, analyze};
pub use compare::{Comparison, compare};
pub use error::{Error, Result};
pub use findings::{Finding, RULES};
pub use ledger::Ledger;
pub use packages::Packages;
pub use path_text::path_text;
pub use size_text::size_text;
pub use tree::Tree;
