//! What can go wrong in a build, and whose fault it is: the Dockerfile's, a step's, or the environment's.

use std::{io, path::PathBuf};

use strata_dockerfile::{Diagnostic, Span, edit::EditError, ignore::IgnoreError};
use strata_image::ChainId;

use crate::{cache::CacheError, cause::Cause, contexts::ContextError, remote::RemoteError};

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
        /// Whether `Options::debug_shell` opens a shell in the state before it.
        has_shell: bool,
        /// Why, in full.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// `SOURCE_DATE_EPOCH` is no time.
    #[error("invalid SOURCE_DATE_EPOCH: {text}: {reason}")]
    Epoch {
        /// Its value.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It was stopped before its end.
    #[error("the build was stopped")]
    Cancelled,
    /// What an earlier build left unpacked is gone; the build begins again by itself.
    #[error("the result of an earlier step is gone")]
    #[doc(hidden)]
    Evaporated {
        /// What stood for it.
        identity: ChainId,
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
    /// The context, or its Dockerfile.
    #[error(transparent)]
    Contexts(#[from] ContextError),
    /// A source that is not on this machine.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The edits of the suggestions cannot be applied.
    #[error("cannot apply the suggested edits")]
    Edits {
        /// Where they meet.
        #[from]
        source: EditError,
    },
    /// An output that cannot be read or written.
    #[error(transparent)]
    Output(#[from] crate::output::OutputError),
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
            Cause::Build(error) => *error,
            Cause::Stopped => Self::Cancelled,
            Cause::Evaporated { identity } => Self::Evaporated { identity },
            cause => Self::Step {
                message: cause.to_string(),
                span: part.unwrap_or(span),
                hint: cause.hint(),
                has_shell: cause.has_shell(),
                source: cause.into_source(),
            },
        }
    }
}
