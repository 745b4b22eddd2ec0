//! Puts a proved rewrite in the place of the Dockerfile, and of the ignore file: both, or neither. Of several that were proved
//! at once from the same files one is written, and the others find that these are not what was built. Nobody writes while
//! another builds: a context holds no half-written file, and both files are of one time.

use std::{
    collections::BTreeSet,
    fs::{File, Permissions},
    io::{ErrorKind, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use rustix::fs::{FlockOperation, flock};
use strata_builder::slim::Rewrite;
use tempfile::NamedTempFile;

/// The mode of an ignore file that was not there.
const NEW_FILE_MODE: u32 = 0o644;

/// Replaces both files whole; `built` is the Dockerfile that the proof started from. All that can fail but the last
/// renaming is done before the first one, and that is undone when the other fails.
pub(super) fn replace(dockerfile: &Path, built: &[u8], rewrite: &Rewrite) -> Result<()> {
    let ignore = rewrite.ignore.as_ref();
    replace_both(
        &Change { path: dockerfile, before: Some(built), after: &rewrite.source },
        ignore.map(|file| Change { path: &file.path, before: file.before.as_deref(), after: &file.bytes }).as_ref(),
    )
}

/// A file, what is in it, and what shall be.
struct Change<'a> {
    path: &'a Path,
    before: Option<&'a [u8]>,
    after: &'a [u8],
}

fn replace_both(source: &Change<'_>, ignore: Option<&Change<'_>>) -> Result<()> {
    let real = |change: &Change<'_>| std::fs::canonicalize(change.path).unwrap_or_else(|_| change.path.to_owned());
    let paths: Vec<PathBuf> = [Some(source), ignore].into_iter().flatten().map(real).collect();
    let _locks = Locks::take(paths.iter().map(|path| folder(path)), FlockOperation::LockExclusive);
    let source = Prepared::new(source)?;
    let Some(ignore) = ignore else {
        return source.place().map(|_| ());
    };
    let ignore = Prepared::new(ignore)?;
    let placed = source.place()?;
    if let Err(error) = ignore.place() {
        placed.undo().with_context(|| format!("{error:#}, and the old file cannot be put back"))?;
        return Err(error);
    }
    Ok(())
}

/// Keeps others from writing the Dockerfile and the ignore file while both are read and built from.
pub(super) fn keep(dockerfile: &Path, context: &Path) -> Locks {
    Locks::take([folder(dockerfile), context].into_iter(), FlockOperation::LockShared)
}

/// Locks of folders; given back when dropped.
pub(super) struct Locks(Vec<File>);

impl Locks {
    /// Takes them in one order for all who do. Where a folder cannot be locked, that the files are compared before they are
    /// written must do.
    fn take<'a>(folders: impl Iterator<Item = &'a Path>, operation: FlockOperation) -> Self {
        let folders: BTreeSet<PathBuf> = folders.filter_map(|folder| folder.canonicalize().ok()).collect();
        let opened = folders.iter().filter_map(|folder| File::open(folder).ok());
        Self(opened.filter(|file| flock(file, operation).is_ok()).collect())
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        for file in &self.0 {
            // to close it is not enough: a process that was started meanwhile may have the descriptor for a moment
            let _ = flock(file, FlockOperation::Unlock);
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new content beside its place.
struct Prepared {
    path: PathBuf,
    /// What is there now.
    old: Option<Vec<u8>>,
    new: NamedTempFile,
}

/// A new content in its place.
struct Placed {
    path: PathBuf,
    old: Option<Vec<u8>>,
}

impl Prepared {
    /// Keeps the file's mode; a symbolic link is followed, as an editor does. What is there must be what was built: the
    /// user may have changed it since, and a link of a foreign context leads elsewhere than the build, which stays
    /// inside, has followed it.
    fn new(&Change { path, before: built, after: content }: &Change<'_>) -> Result<Self> {
        let failed = || format!("cannot rewrite {}", path.display());
        let (path, permissions, old) = match std::fs::canonicalize(path) {
            Ok(real) => {
                let permissions = std::fs::metadata(&real).with_context(failed)?.permissions();
                let old = std::fs::read(&real).with_context(failed)?;
                (real, permissions, Some(old))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                (path.to_owned(), Permissions::from_mode(NEW_FILE_MODE), None)
            }
            Err(error) => return Err(error).with_context(failed),
        };
        if old.as_deref() != built {
            bail!("{} is not what was built: it is left as it was", path.display());
        }
        let prepare = || -> std::io::Result<NamedTempFile> {
            let mut file = NamedTempFile::new_in(folder(&path))?;
            file.write_all(content)?;
            file.as_file().set_permissions(permissions)?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        let new = prepare().with_context(failed)?;
        Ok(Self { path, old, new })
    }

    fn place(self) -> Result<Placed> {
        self.new.persist(&self.path).with_context(|| format!("cannot rewrite {}", self.path.display()))?;
        Ok(Placed { path: self.path, old: self.old })
    }
}

impl Placed {
    fn undo(self) -> Result<()> {
        match self.old {
            Some(old) => {
                let now = std::fs::read(&self.path).with_context(|| format!("cannot read {}", self.path.display()))?;
                let back = Change { path: &self.path, before: Some(&now), after: &old };
                Prepared::new(&back)?.place().map(|_| ())
            }
            None => std::fs::remove_file(&self.path).with_context(|| format!("cannot remove {}", self.path.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_was_placed_can_be_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let (there, new) = (dir.path().join("there"), dir.path().join("new"));
        std::fs::write(&there, "old").unwrap();
        std::fs::set_permissions(&there, Permissions::from_mode(0o640)).unwrap();
        for path in [&there, &new] {
            let old = std::fs::read(path).ok();
            let change = Change { path, before: old.as_deref(), after: b"content" };
            let placed = Prepared::new(&change).unwrap().place().unwrap();
            assert_eq!(std::fs::read(path).unwrap(), b"content");
            placed.undo().unwrap();
        }
        assert_eq!(std::fs::read(&there).unwrap(), b"old");
        assert_eq!(std::fs::metadata(&there).unwrap().permissions().mode() & 0o7777, 0o640);
        assert!(!new.exists());
    }

    #[test]
    fn a_file_that_is_not_what_was_built_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "changed").unwrap();
        for before in [Some(&b"built"[..]), None] {
            assert!(Prepared::new(&Change { path: &file, before, after: b"content" }).is_err());
        }
        assert_eq!(std::fs::read(&file).unwrap(), b"changed");
    }

    #[test]
    fn of_several_at_once_one_writes_both_files() {
        let dir = tempfile::tempdir().unwrap();
        let (source, ignore) = (dir.path().join("Dockerfile"), dir.path().join("deeper/.dockerignore"));
        std::fs::create_dir(dir.path().join("deeper")).unwrap();
        for _ in 0..20 {
            std::fs::write(&source, "old").unwrap();
            let _ = std::fs::remove_file(&ignore);
            let write = |content: &str| {
                let change = |path, before| Change { path, before, after: content.as_bytes() };
                replace_both(&change(&source, Some(b"old")), Some(&change(&ignore, None))).is_ok()
            };
            let written = std::thread::scope(|scope| {
                let started: Vec<_> = ["a", "b", "c"].map(|content| scope.spawn(move || write(content))).into();
                started.into_iter().map(|one| one.join().unwrap()).filter(|written| *written).count()
            });
            assert_eq!(written, 1);
            assert_eq!(std::fs::read(&source).unwrap(), std::fs::read(&ignore).unwrap());
        }
    }
}
