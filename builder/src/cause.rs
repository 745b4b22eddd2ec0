//! Why a step failed. The stage that runs the step adds where: the span of the instruction or of a word of it.

use std::{error::Error as _, io};

use bstr::BString;
use strata_dockerfile::{Diagnostic, Span, exclude::BadExclude, expand::ExpandError, glob::BadPattern, mode::BadMode};
use strata_image::ChainId;
use strata_runtime::process::ExecFailure;

use crate::remote::RemoteError;

/// Everything a step can fail with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    /// A cause that is known to lie in a part of the instruction.
    #[error("{source}")]
    At { span: Span, source: Box<Cause> },
    /// What was never packed is gone, and its step must run again.
    #[error("the result of an earlier step is gone")]
    Evaporated { identity: ChainId },
    #[error("the build was stopped")]
    Stopped,
    #[error("{feature} is not supported yet")]
    Unsupported { feature: String },
    #[error("failed to process {text:?}")]
    Expand { text: String, source: ExpandError },
    #[error("base name ({text}) should not be blank")]
    BlankBase { text: String },
    #[error("{name}: no such image in the store")]
    NoImage { name: String },
    #[error("{name} is a root filesystem without a config")]
    NoConfig { name: String },
    #[error("{name}: invalid stage index {name}")]
    StageIndex { name: String },
    #[error("stage {name:?} needs to be defined before current stage")]
    LaterStage { name: String },
    #[error("circular dependency: stage {name:?} copies from itself")]
    OwnStage { name: String },
    #[error(
        "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround"
    )]
    VariableInFrom,
    #[error("{text:?} is not a valid value of {what}: {reason}")]
    Value { what: &'static str, text: String, reason: String },
    #[error("the trigger {trigger:?} of the base cannot be used: {reason}")]
    Trigger { trigger: String, reason: String },

    #[error("\"/{path}\": not found")]
    NotFound {
        path: BString,
        /// The ignore file and the line of it that hides the path.
        ignored: Option<(String, u32)>,
    },
    #[error("{0}")]
    Pattern(#[from] BadPattern),
    #[error("{0}")]
    Exclude(#[from] BadExclude),
    #[error("{0}")]
    Mode(#[from] BadMode),
    #[error("{}", .0.message)]
    Mount(Box<Diagnostic>),
    #[error("{what} is not allowed")]
    NotAllowed { what: &'static str },
    #[error("secret {id}: not found")]
    NoSecret { id: String },
    #[error("no SSH key {id:?} forwarded from the client")]
    NoSsh { id: String },
    #[error("cannot copy to non-directory: /{path}")]
    DirectoryOverFile { path: BString },
    #[error("cannot replace to directory /{path} with file")]
    FileOverDirectory { path: BString },
    #[error("/{path}: not a directory")]
    NotDirectory { path: BString },
    #[error("with more than one source file, the destination {destination:?} must be a directory and end with a /")]
    ManySources { destination: String },
    #[error("the name /{path} would be a whiteout in the layer")]
    WhiteoutName { path: BString },
    #[error("a heredoc's name {name:?} cannot be a file name")]
    HeredocName { name: String },
    #[error("too many levels of symbolic links in /{path}")]
    SymlinkLoop { path: BString },
    #[error("cannot {operation} /{path} in the image")]
    Write { operation: &'static str, path: BString, source: io::Error },
    #[error("cannot {operation} /{path} of the sources")]
    Read { operation: &'static str, path: BString, source: io::Error },
    #[error("cannot extract the archive /{archive}")]
    Archive { archive: BString, source: strata_image::Error },
    #[error("the archive /{archive} has more than {limit} entries")]
    ArchiveEntries { archive: BString, limit: u64 },
    #[error("cannot extract /{path} of the archive /{archive}")]
    ArchiveEntry { archive: BString, path: BString, source: Box<Cause> },

    #[error("process {command:?} did not complete successfully: exit code: {code}")]
    Exit { command: String, code: i32 },
    #[error("process {command:?} was killed by signal {signal}")]
    Signal { command: String, signal: i32 },
    #[error("process {command:?} did not complete successfully: exit code: {code}")]
    NotExecuted { command: String, code: i32, source: strata_runtime::Error },
    #[error("process {command:?} could not be started")]
    Start { command: String, source: strata_runtime::Error },
    #[error("cannot make a layer of what the step did")]
    Layer { source: strata_runtime::Error },
    #[error("cannot {operation}")]
    Host { operation: &'static str, source: io::Error },
    #[error("cannot resolve {text:?}")]
    User { text: String, source: strata_runtime::Error },
    #[error(transparent)]
    Runtime(strata_runtime::Error),
    #[error(transparent)]
    Image(strata_image::Error),
    #[error(transparent)]
    Cache(#[from] crate::cache::CacheError),
    #[error("{0}")]
    Remote(Box<RemoteError>),
    /// An error of the build that a step met.
    #[error("{0}")]
    Build(Box<crate::Error>),
}

impl From<strata_runtime::Error> for Cause {
    fn from(error: strata_runtime::Error) -> Self {
        Self::Runtime(error)
    }
}

impl From<strata_image::Error> for Cause {
    fn from(error: strata_image::Error) -> Self {
        Self::Image(error)
    }
}

impl Cause {
    /// For `map_err` on a call that reads from the sources.
    pub(crate) fn read<E: Into<io::Error>>(operation: &'static str, path: &[u8]) -> impl Fn(E) -> Self {
        move |source| Self::Read { operation, path: path.into(), source: source.into() }
    }

    /// For `map_err` on a call that works on the step's root filesystem.
    pub(crate) fn write<E: Into<io::Error>>(operation: &'static str, path: &[u8]) -> impl Fn(E) -> Self {
        move |source| Self::Write { operation, path: path.into(), source: source.into() }
    }

    /// Says where in the instruction the cause lies, unless that is known already.
    pub(crate) fn at(self, span: Span) -> Self {
        match self {
            Self::At { .. } => self,
            source => Self::At { span, source: Box::new(source) },
        }
    }

    /// The cause by itself, with its place where that is known.
    pub(crate) fn unplaced(self) -> (Option<Span>, Self) {
        match self {
            Self::At { span, source } => (Some(span), *source),
            cause => (None, cause),
        }
    }

    /// What a person could do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NoImage { name } => Some(format!(
                "there are no registries yet: bring it in with `strata load -i ARCHIVE` or `strata import ROOTFS.tar {name}`"
            )),
            Self::NotFound { ignored: Some((file, line)), .. } => {
                Some(format!("line {line} of {file} excludes it from the context"))
            }
            Self::Write { source, .. } if source.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => {
                Some(
                    "an owner that this user cannot give: it needs subordinate ids (/etc/subuid, /etc/subgid)"
                        .to_owned(),
                )
            }
            Self::NotAllowed { what } => Some(format!("give it with --allow {what}")),
            Self::NoSecret { id } => Some(format!("give it with --secret id={id},src=FILE")),
            Self::NoSsh { id } => Some(format!("give it with --ssh {id}")),
            Self::Mount(diagnostic) => diagnostic.help.clone(),
            Self::Remote(error) => error.hint(),
            Self::ArchiveEntry { source, .. } => source.hint(),
            Self::NotExecuted { source: strata_runtime::Error::Exec { cause, .. }, .. } => {
                emulation(cause).map(str::to_owned)
            }
            _ => None,
        }
    }

    /// Whether it is a process that failed, and not that there was none.
    pub(crate) fn has_shell(&self) -> bool {
        matches!(self, Self::Exit { .. } | Self::Signal { .. } | Self::NotExecuted { .. })
    }

    /// The reason below the message, when there is one.
    pub(crate) fn into_source(self) -> Option<Box<dyn std::error::Error + Send + Sync>> {
        match self {
            Self::Expand { source, .. } => Some(Box::new(source)),
            Self::Write { source, .. } | Self::Read { source, .. } | Self::Host { source, .. } => {
                Some(Box::new(source))
            }
            Self::Archive { source, .. } => Some(Box::new(source)),
            Self::ArchiveEntry { source, .. } => Some(source),
            Self::Remote(error) => error.source().map(|source| source.to_string().into()),
            Self::Layer { source }
            | Self::Start { source, .. }
            | Self::NotExecuted { source, .. }
            | Self::User { source, .. } => Some(Box::new(source)),
            _ => None,
        }
    }
}

/// What makes programs for another processor run, where that is what fails.
fn emulation(cause: &ExecFailure) -> Option<&'static str> {
    match cause {
        ExecFailure::Architecture { .. } => Some(
            "programs for another processor need an interpreter in the kernel's binfmt_misc: install qemu-user-static",
        ),
        ExecFailure::MissingEmulator { .. } => {
            Some("register the interpreter with the flag F, as qemu-user-static does: it need not be in the image then")
        }
        _ => None,
    }
}
