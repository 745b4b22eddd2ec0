//! What can go wrong with a remote source. No message has credentials in it.

use std::{io, path::PathBuf};

use strata_image::Digest;

/// A remote source cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// A text that is no URL of the kind that it looks like.
    #[error("{url:?} cannot be used: {reason}")]
    Url {
        /// The URL, without credentials.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A checksum that is not `sha256:` and 64 hex digits.
    #[error("unsupported checksum {text:?}: {reason}")]
    Checksum {
        /// As it was given.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The bytes are not those of the checksum. Nothing of them is kept.
    #[error("{url}: digest mismatch {found}: {expected}")]
    DigestMismatch {
        /// The URL, without credentials.
        url: String,
        /// What came.
        found: Digest,
        /// What was to come.
        expected: Digest,
    },
    /// The server answered, with something else than the file.
    #[error("{url}: invalid response status {status}")]
    Status {
        /// The URL, without credentials.
        url: String,
        /// Code and, where it has a usual one, reason: `404 Not Found`.
        status: String,
    },
    /// No answer, or only a part of one.
    #[error("cannot fetch {url}")]
    Http {
        /// The URL, without credentials.
        url: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A proxy that cannot be used.
    #[error("the proxy {proxy:?} cannot be used: {reason}")]
    Proxy {
        /// The proxy's URL, without credentials.
        proxy: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The `git` command cannot be run.
    #[error("cannot run git, which {repository} is fetched with")]
    NoGit {
        /// The repository, without credentials.
        repository: String,
        /// Why.
        source: io::Error,
    },
    /// The `git` command failed.
    #[error("cannot {operation} {repository}: {message}")]
    Git {
        /// What was tried.
        operation: &'static str,
        /// The repository, without credentials.
        repository: String,
        /// The end of what git said.
        message: String,
    },
    /// The repository has nothing of that name.
    #[error("repository {repository} does not contain ref {reference}")]
    NoReference {
        /// The repository, without credentials.
        repository: String,
        /// A branch, a tag or a commit.
        reference: String,
    },
    /// What the name leads to is another commit than the one that was asked for.
    #[error("{repository}: expected checksum to match {expected}, got {found}")]
    CommitMismatch {
        /// The repository, without credentials.
        repository: String,
        /// The commit, or the head of one, that was asked for.
        expected: String,
        /// The commit that is there.
        found: String,
    },
    /// The part of a repository that was asked for cannot be used.
    #[error("{repository}: the subdirectory {subdir:?} {reason}")]
    Subdirectory {
        /// The repository, without credentials.
        repository: String,
        /// The path inside the repository.
        subdir: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The build was stopped meanwhile.
    #[error("fetching {url} was stopped")]
    Cancelled {
        /// The URL, without credentials.
        url: String,
    },
    /// A file of the cache, or one on its way there.
    #[error("cannot {operation} {}", path.display())]
    Local {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl RemoteError {
    /// For `map_err` on a call that works on files of this machine.
    pub(crate) fn local<E: Into<io::Error>>(
        operation: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| Self::Local { operation, path, source: source.into() }
    }

    /// What a person could do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::DigestMismatch { found, .. } => {
                Some(format!("if the file may have changed, give it --checksum={found}"))
            }
            Self::Http { source, .. } if source.to_string().contains("certificate") => {
                Some("SSL_CERT_FILE names a file with the certificates that are trusted".to_owned())
            }
            Self::NoGit { .. } => Some("install git".to_owned()),
            Self::Git { message, .. }
                if message.contains("Authentication failed") || message.contains("could not read Username") =>
            {
                Some("give a token as the secret GIT_AUTH_TOKEN".to_owned())
            }
            Self::Git { message, .. } if message.contains("Permission denied (publickey") => {
                Some("give the build an SSH agent with --ssh default".to_owned())
            }
            Self::Status { status, .. } if status.starts_with("401") || status.starts_with("403") => {
                Some("the server wants to know who asks: user and password may stand in the URL".to_owned())
            }
            _ => None,
        }
    }
}
