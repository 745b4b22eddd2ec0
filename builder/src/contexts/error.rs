//! Why there is no context, or no Dockerfile in it.

use std::{
    io,
    path::{Path, PathBuf},
};

use bstr::BString;
use strata_image::layer::TarError;

use super::dockerfile::{DOCKERFILES, MAX_DOCKERFILE};
use crate::remote::RemoteError;

/// A context cannot be opened, or has no Dockerfile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// Something that is not there, or cannot be read.
    #[error("cannot use {name} as context")]
    Unusable {
        /// How it was named, without credentials.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// A file, or what a server gave, that is of no use.
    #[error("cannot use {name} as context: it is no folder, no tar, and no text")]
    NotAnArchive {
        /// How it was named, without credentials.
        name: String,
    },
    /// An archive that cannot be read to its end.
    #[error("cannot unpack the context {name}")]
    Archive {
        /// How it was named, without credentials.
        name: String,
        /// Why not.
        source: TarError,
    },
    /// An entry of an archive that cannot be.
    #[error("cannot unpack {path:?} of the context {name}")]
    Entry {
        /// How the archive was named, without credentials.
        name: String,
        /// The entry.
        path: BString,
        /// Why not.
        source: io::Error,
    },
    /// An archive that nobody would build with.
    #[error("the context {name} has more than {limit} {what}")]
    TooLarge {
        /// How it was named, without credentials.
        name: String,
        /// How many there may be.
        limit: u64,
        /// Of what.
        what: &'static str,
    },
    /// The build was stopped meanwhile.
    #[error("unpacking the context {name} was stopped")]
    Cancelled {
        /// How it was named, without credentials.
        name: String,
    },
    /// A context without any of the names that Dockerfiles have.
    #[error("the context {name} has no {}", DOCKERFILES.join(", no "))]
    NoDockerfile {
        /// How it was named, without credentials.
        name: String,
    },
    /// A Dockerfile that cannot be read.
    #[error("cannot read the Dockerfile {name}")]
    Dockerfile {
        /// Where it is.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// A Dockerfile that nobody wrote.
    #[error("the Dockerfile {name} is larger than {MAX_DOCKERFILE} bytes")]
    DockerfileTooLarge {
        /// Where it is.
        name: String,
    },
    /// A Dockerfile is named that the context itself takes the place of.
    #[error("the Dockerfile that -f names cannot be had beside the context {name}")]
    TwoDockerfiles {
        /// How it was named, without credentials.
        name: String,
    },
    /// What `--build-context` gives is not to be understood.
    #[error("invalid build context {text:?}: {reason}")]
    Named {
        /// As given, without credentials.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No image of the store is called so.
    #[error("{name}: no such image in the store")]
    NoImage {
        /// As given.
        name: String,
    },
    /// A remote source.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// An image.
    #[error(transparent)]
    Image(#[from] strata_image::Error),
    /// A file of our own.
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

impl ContextError {
    /// For `map_err` on a call that works on our own files.
    pub(super) fn local(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Local { operation, path, source }
    }

    /// What a person could do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoDockerfile { .. } | Self::Dockerfile { .. } => Some("name another with -f FILE".to_owned()),
            Self::NoImage { name } => Some(format!(
                "there are no registries yet: bring it in with `strata load -i ARCHIVE` or `strata import ROOTFS.tar {name}`"
            )),
            Self::Remote(error) => error.hint(),
            _ => None,
        }
    }
}
