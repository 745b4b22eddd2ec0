//! The commands that a benchmark runs.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Result;

/// The program that is measured: `STRATA`, or the one that was built with the benchmark.
///
/// # Errors
/// When the benchmark does not know where it is.
pub fn strata() -> Result<PathBuf> {
    match env::var_os("STRATA") {
        Some(path) => Ok(path.into()),
        None => Ok(env::current_exe()?.with_file_name("strata")),
    }
}

/// A command of these words and those.
pub fn words<T: AsRef<OsStr>>(head: &[&str], tail: impl IntoIterator<Item = T>) -> Vec<OsString> {
    head.iter().map(OsString::from).chain(tail.into_iter().map(|word| word.as_ref().to_owned())).collect()
}

/// `tar tf` of several tars, one after the other.
pub fn tar_tf(tars: &[PathBuf]) -> Vec<OsString> {
    words(&["sh", "-c", "for layer; do tar tf \"$layer\" || exit; done", "sh"], tars)
}

/// Removes a folder if it is there.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Which of a benchmark's cases its arguments ask for: those whose names contain one of them; all without any.
pub fn is_asked_for(name: &str) -> bool {
    let mut parts = env::args().skip(1).peekable();
    parts.peek().is_none() || parts.any(|part| name.contains(&part))
}
