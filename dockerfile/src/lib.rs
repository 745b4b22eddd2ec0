//! Reads Dockerfiles as BuildKit does, with a byte span for every word.
//!
//! ```text
//! bytes ─► lines ─► logical lines ─► statements ─► instructions ─► stages
//!          BOM,     continuations,   keyword,      typed flags,
//!          CRLF     comments         flags, args   JSON, pairs, heredocs
//! ```
//!
//! Reading never stops at the first problem: [`parse`] gives what could be understood and all
//! [`Diagnostic`]s. Nothing is expanded while reading; [`expand`] does that when a step's environment
//! is known. [`edit`] changes the source at spans and leaves every other byte alone.
//!
//! The crate does no I/O: it takes bytes and gives values.
//!
//! ```
//! let source = b"FROM busybox AS base\nRUN echo a && \\\n    # why\n    echo b\n";
//! let parsed = strata_dockerfile::parse(source);
//! assert!(parsed.diagnostics.is_empty());
//!
//! let stages = parsed.file.stages();
//! let run = stages.stages[0].instructions[0];
//! assert_eq!(run.original, "RUN echo a &&     echo b");
//! assert_eq!(run.lines, (2, 4));
//! assert_eq!(&source[run.keyword.span.range()], b"RUN");
//! ```

pub mod ast;
pub mod check;
pub mod diagnostic;
mod directive;
pub mod duration;
pub mod edit;
pub mod exclude;
pub mod expand;
mod file;
pub mod glob;
mod heredoc;
pub mod ignore;
mod instruction;
mod joined;
mod lines;
mod logical;
pub mod mode;
pub mod mount;
pub mod parents;
pub mod span;
pub mod suggest;

pub use ast::{
    ArgDecl, Copy, CopySource, Dockerfile, From, Healthcheck, Heredoc, Instruction, Kind, Network, Onbuild, Pair, Run,
    Script, ShellOrExec, Stage, Stages,
};
pub use diagnostic::{Diagnostic, Severity};
pub use file::{Parsed, parse, parse_trigger};
pub use span::{Span, Spanned};
