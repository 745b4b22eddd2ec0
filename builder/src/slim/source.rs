//! The files that a rewrite may change: the Dockerfile, and the ignore file beside it or in the context.

use std::{
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::FileType;
use strata_analyzer::suggest::{self, Files, Found};
use strata_image::layer::LayerPath;

use crate::{Error, Result, context::Context, engine::Engine, options::Options, tree::kind};

/// The context of a build, with its ignore file.
pub(super) struct Source {
    files: Shown,
    /// Where the ignore file is, or would be.
    pub(super) ignore_path: PathBuf,
    ignore_name: String,
    ignore: Option<Vec<u8>>,
}

struct Shown(Context);

/// Shows nothing: what a context holds is no part of a report.
impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown")
    }
}

impl Files for Shown {
    fn look_up(&self, path: &[u8]) -> Option<Found> {
        let stat = self.0.tree().lstat(path).ok().flatten().filter(|_| self.0.shows(path))?;
        Some(match kind(&stat) {
            FileType::Directory => Found::Directory,
            FileType::RegularFile => Found::File(u64::try_from(stat.st_size).unwrap_or_default()),
            _ => Found::Other,
        })
    }
}

impl Source {
    /// Opens the context; `None` where there is none, which a build without COPY does not mind.
    pub(super) fn open(engine: &Engine, options: &Options) -> Result<Option<Self>> {
        let (directory, dockerfile) = (&options.context, &options.dockerfile_path);
        let files = match Context::open(directory, dockerfile, &engine.cache) {
            Ok(context) => Shown(context),
            Err(Error::Context { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let (ignore_path, ignore) = Context::ignore_file(directory, dockerfile)?;
        let ignore_name = name_in(&directory.path, &ignore_path);
        Ok(Some(Self { files, ignore_path, ignore_name, ignore }))
    }

    /// Whether a file on this machine is one of the context, and not ignored.
    pub(super) fn shows(&self, options: &Options, file: &Path) -> bool {
        let inside = |folder: &Path| file.strip_prefix(folder).ok().map(Path::to_owned);
        let inside = inside(&options.context.path).or_else(|| {
            // written in another way
            let (folder, file) = (options.context.path.canonicalize().ok()?, file.canonicalize().ok()?);
            file.strip_prefix(folder).ok().map(Path::to_owned)
        });
        let path = inside.and_then(|inside| LayerPath::new(inside.as_os_str().as_bytes()).ok());
        path.is_some_and(|path| !path.is_root() && self.files.look_up(path.as_bytes()).is_some())
    }

    /// As the analyzer sees it.
    pub(super) fn context(&self) -> suggest::Context<'_> {
        suggest::Context { files: &self.files, ignore_name: &self.ignore_name, ignore: self.ignore.as_deref() }
    }
}

/// The Dockerfile's name as a diff shows it.
pub(super) fn dockerfile_name(options: &Options) -> String {
    if options.dockerfile_path.as_os_str().is_empty() {
        return "Dockerfile".to_owned();
    }
    name_in(&options.context.path, &options.dockerfile_path)
}

/// A file as seen from the context, where one `patch` reaches all that are in it; else its name alone.
fn name_in(context: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(context).ok().filter(|inside| !inside.as_os_str().is_empty());
    inside.unwrap_or_else(|| file.file_name().unwrap_or_default().as_ref()).to_string_lossy().into_owned()
}
