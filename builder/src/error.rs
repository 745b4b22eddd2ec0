//! What can go wrong in a build, and whose fault it is: the Dockerfile's, a step's, or the environment's.

use std::{io, path::PathBuf};

use strata_dockerfile::{Diagnostic, Span, edit::EditError, ignore::IgnoreError};

use crate::{cache::CacheError, cause::Cause};

/// An error of a build or of a proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The Dockerfile has errors; all of its diagnostics are here, for snippets.
    #[error("the Dockerfile has errors")]
    Dockerfile {
        /// Errors and warnings, in the order of the file.
        diagnostics: Vec<Diagnostic>,
    },
    /// A step failed.
    #[error("{message}")]
    Step {
        /// What happened, as a person should read it first.
        message: String,
        /// The whole instruction, or the word of it that is wrong.
        span: Span,
        /// What could be done about it.
        hint: Option<String>,
        /// Why, in full.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// No stage has the name that was asked for.
    #[error("target stage {target:?} could not be found")]
    UnknownTarget {
        /// As asked for.
        target: String,
        /// The stage that was probably meant.
        suggestion: Option<String>,
    },
    /// The context cannot be read.
    #[error("cannot {operation} {}", path.display())]
    Context {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The ignore file is larger than one that is read, 1 MiB.
    #[error("{} is larger than {limit} bytes", path.display())]
    IgnoreFileTooLarge {
        /// The ignore file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// A pattern of the ignore file is wrong.
    #[error("{}", path.display())]
    IgnoreFile {
        /// The ignore file.
        path: PathBuf,
        /// The line and what is wrong with it.
        source: IgnoreError,
    },
    /// The build cache.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The edits of the suggestions cannot be applied.
    #[error("cannot apply the suggested edits")]
    Edits {
        /// Where they meet.
        #[from]
        source: EditError,
    },
    /// The store, or an image in it.
    #[error(transparent)]
    Image(#[from] strata_image::Error),
    /// The kernel side.
    #[error(transparent)]
    Runtime(#[from] strata_runtime::Error),
    /// The analysis or comparison of a built image.
    #[error(transparent)]
    Analyzer(#[from] strata_analyzer::Error),
}

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure in an instruction, at the part of it that the cause names. What the store or the kernel side refuses by itself stays their error.
    pub(crate) fn at(span: Span, cause: Cause) -> Self {
        let (part, cause) = cause.unplaced();
        match cause {
            Cause::Runtime(error) => Self::Runtime(error),
            Cause::Image(error) => Self::Image(error),
            Cause::Cache(error) => Self::Cache(error),
            cause => Self::Step {
                message: cause.to_string(),
                span: part.unwrap_or(span),
                hint: cause.hint(),
                source: cause.into_source(),
            },
        }
    }
}
