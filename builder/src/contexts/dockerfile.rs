//! Which file of a context is its Dockerfile, and how it is read.

use std::{
    fs::File,
    io::{self, Read},
    os::{fd::AsFd as _, unix::ffi::OsStrExt as _},
    path::{Path, PathBuf},
};

use bstr::BString;

use super::{ContextError, Opened, Origin, STANDARD_INPUT};
use crate::tree::{Tree, components, file_name, join, open_root, parent};

/// The names that a Dockerfile may have, the first of them first: Docker's own, the one that Docker takes in its stead, and
/// that of buildah and podman. A project that has several is built as docker builds it.
pub const DOCKERFILES: [&str; 3] = ["Dockerfile", "dockerfile", "Containerfile"];

/// Dockerfiles above this, in bytes, are rejected before they are held in memory; the largest of real projects are below
/// 1 MiB.
pub const MAX_DOCKERFILE: u64 = 16 << 20;

/// A Dockerfile that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dockerfile {
    /// What it says.
    pub bytes: Vec<u8>,
    /// Where it is, for `<this>.dockerignore` beside it; empty when it is in no file. In what was unpacked there is no link on
    /// the way.
    pub path: PathBuf,
    /// What to call it in messages.
    pub name: String,
}

impl Opened {
    /// Reads the Dockerfile of the context: the one that `-f` names, or else the first of [`DOCKERFILES`] that is there.
    ///
    /// `-` is standard input. Any other `-f` is seen from where the command runs when the context is a folder, as for docker; in everything else it is a path
    /// inside. Inside the context a link leads nowhere outside, and a pipe is not waited for.
    ///
    /// # Errors
    /// A Dockerfile that is not there, cannot be read, or is larger than [`MAX_DOCKERFILE`]; one that is named beside one that
    /// is the context; standard input for both.
    pub fn dockerfile(&self, named: Option<&Path>, stdin: &mut dyn Read) -> Result<Dockerfile, ContextError> {
        match (&self.origin, named) {
            (_, Some(file)) if file == Path::new("-") => {
                if self.name == STANDARD_INPUT {
                    return Err(ContextError::TwoDockerfiles { name: self.name.clone() });
                }
                let bytes = read_limited(STANDARD_INPUT, stdin)?;
                Ok(Dockerfile { bytes, path: PathBuf::new(), name: STANDARD_INPUT.to_owned() })
            }
            (Origin::Dockerfile(bytes), None) => {
                Ok(Dockerfile { bytes: bytes.clone(), path: PathBuf::new(), name: "Dockerfile".to_owned() })
            }
            (Origin::Dockerfile(_), Some(_)) => Err(ContextError::TwoDockerfiles { name: self.name.clone() }),
            (Origin::Folder, Some(file)) => {
                let name = file.display().to_string();
                let opened = File::open(file).map_err(unreadable(&name))?;
                Ok(Dockerfile { bytes: read_limited(&name, opened)?, path: file.to_owned(), name })
            }
            (Origin::Unpacked, Some(file)) => self.read_inside(file.as_os_str().as_bytes()),
            (_, None) => {
                let root = self.root()?;
                let tree = Tree::new(root.as_fd());
                // what is no file is found too, and told of when it is read
                let is_there = |name: &str| matches!(tree.lstat(name.as_bytes()), Ok(Some(_)));
                match DOCKERFILES.into_iter().find(|name| is_there(name)) {
                    Some(name) => self.read_inside(name.as_bytes()),
                    None => Err(ContextError::NoDockerfile { name: self.name.clone() }),
                }
            }
        }
    }

    fn root(&self) -> Result<std::os::fd::OwnedFd, ContextError> {
        open_root(&self.directory.path).map_err(|source| ContextError::Unusable { name: self.name.clone(), source })
    }

    fn read_inside(&self, file: &[u8]) -> Result<Dockerfile, ContextError> {
        let inside = components(file).fold(BString::default(), |path, name| join(&path, name));
        let path_of = |real: &[u8]| self.directory.path.join(std::ffi::OsStr::from_bytes(real));
        let name = match self.origin {
            Origin::Folder => path_of(&inside).display().to_string(),
            _ => inside.to_string(),
        };
        let root = self.root()?;
        let tree = Tree::new(root.as_fd());
        let resolve = |path: &[u8]| tree.resolve(path).map_err(|cause| unreadable(&name)(io::Error::other(cause)));
        let found = resolve(&inside)?.path;
        // the ignore file stands beside the name, not beside what the name is a link to
        let place = join(&resolve(parent(&inside))?.path, file_name(&inside));
        let opened = tree.open_file(&found).map_err(unreadable(&name))?;
        Ok(Dockerfile { bytes: read_limited(&name, opened)?, path: path_of(&place), name })
    }
}

pub(super) fn read_limited(name: &str, from: impl Read) -> Result<Vec<u8>, ContextError> {
    let mut bytes = Vec::new();
    from.take(MAX_DOCKERFILE + 1).read_to_end(&mut bytes).map_err(unreadable(name))?;
    if bytes.len() as u64 > MAX_DOCKERFILE {
        return Err(ContextError::DockerfileTooLarge { name: name.to_owned() });
    }
    Ok(bytes)
}

fn unreadable(name: &str) -> impl Fn(io::Error) -> ContextError {
    move |source| ContextError::Dockerfile { name: name.to_owned(), source }
}
