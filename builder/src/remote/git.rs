//! Git repositories, by the `git` command.
//!
//! ```text
//! Source ─ resolve: ls-remote ─► Commit ─ checkout: fetch, without history ─► bare repository of the cache
//!                                                                                       │ read-tree, submodules
//!                                                                                       ▼
//!                                                                               Checkout in <partial>
//! ```
//!
//! The same commit gives the same tree, whoever checks it out and when: modes are 0644 and 0755 whatever the umask is, and
//! times are that of the commit (`BuildKit` leaves the time of the checkout there).

mod command;
mod repository;
mod source;
mod tree;

use std::{
    fmt, fs,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::io::Errno;
use tempfile::TempDir;

use super::{Fetcher, RemoteError};
use crate::tree::{Tree, open_root};
use command::Git;
use repository::Repository;
pub use source::Source;

/// A commit of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// All its hex digits.
    id: String,
    /// The full name that led to it, under which the server gives it.
    reference: Option<String>,
}

impl Commit {
    /// Its object name, in full: what cache keys are made of.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Source {
    /// Everything that the files of a checkout depend on, for a cache key: the commit, and what of it is taken. Relative
    /// submodules depend on the repository, and the `.git` that is kept also on the name of the commit.
    pub fn identity(&self, commit: &Commit, keeps_git: bool) -> [String; 6] {
        let keeps_git = self.keeps_git(keeps_git);
        let remote = if self.submodules || keeps_git { self.remote.clone() } else { String::new() };
        let name = commit.reference.clone().filter(|_| keeps_git).unwrap_or_default();
        [commit.id.clone(), self.subdir.clone(), self.submodules.to_string(), keeps_git.to_string(), remote, name]
    }

    /// Whether a `.git` is kept, when the caller says what the source does not.
    fn keeps_git(&self, otherwise: bool) -> bool {
        self.keep_git_dir.unwrap_or(otherwise) && self.subdir.is_empty()
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// A commit's files.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// The directory that was asked for.
    pub path: PathBuf,
    /// Seconds since 1970 of the commit; every file has them too.
    pub time: i64,
    /// Removes the files once nobody needs them.
    pub guard: Arc<TempDir>,
}

/// Finds the commit that a source means, most often without fetching anything.
///
/// # Errors
/// A server that cannot be asked, a name that it does not know, and a commit that is not the one that was asked for.
pub fn resolve(fetcher: &Fetcher, source: &Source) -> Result<Commit, RemoteError> {
    let git = Git::new(fetcher, source);
    let pinned = source.commit.as_deref();
    let commit = match (source.reference.as_deref(), pinned) {
        (None, Some(pinned)) if source::is_full_id(pinned) => Commit { id: pinned.to_owned(), reference: None },
        (None, Some(pinned)) => Commit { id: Repository::open(&git)?.find(pinned)?, reference: None },
        (Some(id), _) if source::is_full_id(id) => Commit { id: id.to_owned(), reference: None },
        (reference, _) => repository::ask(&git, reference)?,
    };
    match pinned.filter(|pinned| !commit.id.starts_with(pinned)) {
        None => Ok(commit),
        Some(pinned) => Err(RemoteError::CommitMismatch {
            repository: source.to_string(),
            expected: pinned.to_owned(),
            found: commit.id,
        }),
    }
}

/// Gives the time of a commit, in seconds since 1970, without checking it out.
///
/// # Errors
/// Those of fetching.
pub fn time(fetcher: &Fetcher, source: &Source, commit: &Commit) -> Result<i64, RemoteError> {
    let git = Git::new(fetcher, source);
    let repository = Repository::open(&git)?;
    repository.fetch(commit)?;
    repository.time(commit)
}

/// Checks a commit out into a new directory of the fetcher's `partial`.
///
/// `keeps_git` leaves a `.git` there, of this one commit, unless a subdirectory is asked for, whose history would be that of
/// something else; the source's own wish goes before it. There are no credentials in it.
///
/// # Errors
/// Those of fetching; a subdirectory that is none, or that a symbolic link is on the way to.
pub fn checkout(fetcher: &Fetcher, source: &Source, commit: &Commit, keeps_git: bool) -> Result<Checkout, RemoteError> {
    let git = Git::new(fetcher, source);
    let repository = Repository::open(&git)?;
    repository.fetch(commit)?;
    fs::create_dir_all(&fetcher.partial).map_err(RemoteError::local("make", &fetcher.partial))?;
    let dir = tempfile::Builder::new().prefix("git-").tempdir_in(&fetcher.partial);
    let guard = Arc::new(dir.map_err(RemoteError::local("make a directory in", &fetcher.partial))?);
    let keeps_git = source.keeps_git(keeps_git);
    let time = repository.time(commit)?;
    let root = guard.path().join("tree");
    repository.check_out(commit, guard.path(), &root, keeps_git)?;
    tree::settle(&root, time, keeps_git).map_err(RemoteError::local("set the times below", &root))?;
    let path = subdirectory(source, &root)?;
    Ok(Checkout { path, time, guard })
}

/// The part of a tree that was asked for. The repository made the tree: a link in the way could lead anywhere on this machine
/// (CVE-2026-33748).
fn subdirectory(source: &Source, root: &Path) -> Result<PathBuf, RemoteError> {
    let opened = open_root(root).map_err(RemoteError::local("open", root))?;
    let found = Tree::new(opened.as_fd()).open_dir(source.subdir.as_bytes());
    let reason = match found.map_err(|error| Errno::from_io_error(&error)) {
        Ok(_) => return Ok(root.join(&source.subdir)),
        Err(Some(Errno::NOENT)) => "is not in the repository",
        Err(Some(Errno::LOOP)) => "leads through a symbolic link",
        Err(_) => "is not a directory",
    };
    Err(RemoteError::Subdirectory { repository: source.to_string(), subdir: source.subdir.clone(), reason })
}
