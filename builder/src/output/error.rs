//! What can be wrong with a `-o`.

use std::{io, path::PathBuf};

use strata_image::name::NameError;

/// An output that cannot be read or cannot be written. What to do about it is its [`hint`](Self::hint).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The text is no list of `key=value`.
    #[error("output {text:?}: {reason}")]
    Syntax {
        /// The text.
        text: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// There is no `type=`.
    #[error("output {text:?} has no type")]
    NoType {
        /// The text.
        text: String,
    },
    /// There is no such type.
    #[error("there is no output type {name:?}")]
    UnknownType {
        /// As given.
        name: String,
        /// The one that was probably meant.
        suggestion: Option<&'static str>,
    },
    /// Images cannot be pushed yet.
    #[error("output {text:?}: images cannot be pushed yet")]
    Push {
        /// As given.
        text: String,
    },
    /// The type has no such key.
    #[error("output type {form} has no option {key:?}")]
    UnknownKey {
        /// The type.
        form: &'static str,
        /// As given.
        key: String,
        /// The one that was probably meant.
        suggestion: Option<&'static str>,
    },
    /// A key has a value that it cannot have.
    #[error("{key}={value} is not possible: {expected}")]
    Value {
        /// The key.
        key: String,
        /// As given.
        value: String,
        /// What it can be, or why not this.
        expected: String,
    },
    /// A name in `name=` is none.
    #[error("name={text} is not possible")]
    Name {
        /// As given.
        text: String,
        /// Why not.
        source: NameError,
    },
    /// `dest=` is missing where it is needed.
    #[error("output type {form} needs dest=")]
    NoDestination {
        /// The type.
        form: &'static str,
    },
    /// An option that speaks of a file, of an image that goes into none.
    #[error("{key} needs dest=: without it the image stays in the store, as it is")]
    NoFile {
        /// The key.
        key: String,
    },
    /// A folder cannot go to standard output.
    #[error("output type {form} makes a folder, which cannot go to standard output")]
    FolderToStdout {
        /// The type.
        form: &'static str,
    },
    /// Several platforms do not fit.
    #[error("{form} holds one platform, not {platforms}")]
    SeveralPlatforms {
        /// Where they do not fit.
        form: &'static str,
        /// How many there are.
        platforms: usize,
    },
    /// `mode=delete` on the root of the machine.
    #[error("mode=delete would remove everything in {path}")]
    DeletesAll {
        /// The folder.
        path: PathBuf,
    },
    /// A file or a folder of the output cannot be written.
    #[error("cannot {operation} {path}")]
    Write {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something inside a folder that is written cannot be.
    #[error("cannot {operation} {path} in {folder}")]
    Inside {
        /// What was tried.
        operation: &'static str,
        /// On what, from the folder.
        path: String,
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl OutputError {
    /// Says what to do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoType { .. } => "write type=docker, type=oci, type=tar or type=local before it".to_owned(),
            Self::UnknownType { suggestion: Some(near), .. } | Self::UnknownKey { suggestion: Some(near), .. } => {
                format!("did you mean {near}?")
            }
            Self::UnknownType { suggestion: None, .. } => "the types are docker, oci, tar and local".to_owned(),
            Self::Push { .. } => {
                "write type=oci,dest=FILE, and copy that with `skopeo copy oci-archive:FILE docker://NAME`".to_owned()
            }
            Self::NoDestination { .. } | Self::NoFile { .. } => "add dest=PATH".to_owned(),
            Self::FolderToStdout { .. } => "name a folder with dest=PATH, or take a type that makes a file".to_owned(),
            Self::SeveralPlatforms { .. } => "take type=oci, or build one platform at a time".to_owned(),
            Self::DeletesAll { .. } => "name a folder of its own".to_owned(),
            _ => return None,
        };
        Some(hint)
    }

    pub(super) fn write(operation: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { operation, path, source }
    }
}
