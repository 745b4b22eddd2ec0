//! Puts a proved rewrite in the place of the Dockerfile, and of the ignore file: both, or neither.

use std::{
    fs::Permissions,
    io::{ErrorKind, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use strata_builder::slim::Rewrite;
use tempfile::NamedTempFile;

/// The mode of an ignore file that was not there.
const NEW_FILE_MODE: u32 = 0o644;

/// Replaces both files whole; `built` is the Dockerfile that the proof started from. All that can fail but the last
/// renaming is done before the first one, and that is undone when the other fails.
pub(super) fn replace(dockerfile: &Path, built: &[u8], rewrite: &Rewrite) -> Result<()> {
    let source = Prepared::new(dockerfile, Some(built), &rewrite.source)?;
    let Some(ignore) = &rewrite.ignore else {
        return source.place().map(|_| ());
    };
    let ignore = Prepared::new(&ignore.path, ignore.before.as_deref(), &ignore.bytes)?;
    let placed = source.place()?;
    if let Err(error) = ignore.place() {
        placed.undo().with_context(|| format!("{error:#}, and the old file cannot be put back"))?;
        return Err(error);
    }
    Ok(())
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
    fn new(path: &Path, built: Option<&[u8]>, content: &[u8]) -> Result<Self> {
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
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let prepare = || -> std::io::Result<NamedTempFile> {
            let mut file = NamedTempFile::new_in(folder)?;
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
                Prepared::new(&self.path, Some(&now), &old)?.place().map(|_| ())
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
            let placed = Prepared::new(path, old.as_deref(), b"content").unwrap().place().unwrap();
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
        assert!(Prepared::new(&file, Some(b"built"), b"content").is_err());
        assert!(Prepared::new(&file, None, b"content").is_err());
        assert_eq!(std::fs::read(&file).unwrap(), b"changed");
    }
}
