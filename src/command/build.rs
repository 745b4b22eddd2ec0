//! `build`: executes a Dockerfile.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use strata_analyzer::size_text;
use strata_builder::{Built, Engine, Event, Options};
use strata_image::ImageName;

use crate::{
    exit::{Failure, Status},
    look::{progress::Progress, snippet},
    places::Places,
};

/// Build an image from a Dockerfile, one layer per instruction
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  strata build -t app:1 .\n  strata build -q -f Dockerfile.dev --build-arg V=2 --target test ."
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) input: Input,

    /// Name of the image, NAME[:TAG]; may be given several times
    #[arg(short, long = "tag", value_name = "NAME")]
    tag: Vec<String>,

    /// Print the image ID alone
    #[arg(short, long)]
    quiet: bool,
}

/// What is built: shared by `build` and `slim`.
#[derive(clap::Args, Debug)]
pub(crate) struct Input {
    /// Folder whose files COPY and ADD may use
    #[arg(value_name = "CONTEXT")]
    context: PathBuf,

    /// The Dockerfile [default: Dockerfile of the context; - reads standard input]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Value of an ARG; without =VALUE it is taken from the environment
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    build_args: Vec<String>,

    /// Stop at this stage
    #[arg(long, value_name = "STAGE")]
    target: Option<String>,

    /// Run every step, whatever the cache holds
    #[arg(long)]
    no_cache: bool,
}

impl Input {
    /// Reads the Dockerfile and makes the builder's options.
    pub(crate) fn options(&self, names: Vec<ImageName>) -> Result<Options> {
        let metadata = std::fs::metadata(&self.context)
            .with_context(|| format!("cannot use {} as context", self.context.display()))?;
        if !metadata.is_dir() {
            bail!("cannot use {} as context: it is not a folder", self.context.display());
        }
        let dockerfile_path = self.dockerfile_path();
        Ok(Options {
            context: self.context.clone(),
            dockerfile: match &self.file {
                Some(file) => read_dockerfile(file)?,
                None => read_dockerfile_inside(&self.context, &dockerfile_path)?,
            },
            dockerfile_path,
            target: self.target.clone(),
            build_args: build_args(&self.build_args)?,
            names,
            no_cache: self.no_cache,
            epoch: source_date_epoch()?,
        })
    }

    /// `-f` is seen from where the command runs, as docker does; without it the context's `Dockerfile`, or else `dockerfile`.
    fn dockerfile_path(&self) -> PathBuf {
        if let Some(file) = &self.file {
            return file.clone();
        }
        let usual = self.context.join("Dockerfile");
        let lower = self.context.join("dockerfile");
        if !usual.exists() && lower.exists() { lower } else { usual }
    }
}

/// Opens a file of a context that others may have made: a link leads nowhere outside, as for docker, and a pipe is not
/// waited for. What `-f` names is the caller's own choice, and may be both.
fn open_inside(context: &Path, path: &Path) -> std::io::Result<File> {
    let root = File::open(context)?;
    let name = path.file_name().unwrap_or_default();
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = File::from(openat2(root, name, flags, Mode::empty(), resolve)?);
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

/// Dockerfiles above this are rejected before they are held in memory; the largest of real projects are below 1 MiB.
const MAX_DOCKERFILE: u64 = 16 << 20;

/// Reads a Dockerfile that the caller names, `-` from standard input.
pub(crate) fn read_dockerfile(path: &Path) -> Result<Vec<u8>> {
    if path == Path::new("-") {
        return read_limited(path, Ok(std::io::stdin()));
    }
    read_limited(path, File::open(path))
}

/// Reads the Dockerfile that stands at `path`, in the folder `context`, which others may have made.
pub(crate) fn read_dockerfile_inside(context: &Path, path: &Path) -> Result<Vec<u8>> {
    read_limited(path, open_inside(context, path))
}

fn read_limited(path: &Path, opened: std::io::Result<impl Read>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = opened.and_then(|file| file.take(MAX_DOCKERFILE + 1).read_to_end(&mut bytes));
    read.with_context(|| format!("cannot read the Dockerfile {}\nhint: name another with -f FILE", path.display()))?;
    if bytes.len() as u64 > MAX_DOCKERFILE {
        bail!("the Dockerfile {} is larger than {MAX_DOCKERFILE} bytes", path.display());
    }
    Ok(bytes)
}

fn build_args(given: &[String]) -> Result<BTreeMap<String, String>> {
    let mut args = BTreeMap::new();
    for arg in given {
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (arg.as_str(), std::env::var(arg).ok()),
        };
        if name.is_empty() {
            bail!("--build-arg {arg:?} has no name\nhint: write --build-arg NAME=VALUE");
        }
        if let Some(value) = value {
            args.insert(name.to_owned(), value);
        }
    }
    Ok(args)
}

fn source_date_epoch() -> Result<Option<i64>> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Err(_) => Ok(None),
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => {
            let seconds = text.parse().ok().filter(|&seconds: &i64| seconds >= 0);
            Ok(Some(seconds.with_context(|| format!("invalid SOURCE_DATE_EPOCH: {text}"))?))
        }
    }
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let names = args.tag.iter().map(|name| ImageName::parse(name)).collect::<Result<Vec<_>, _>>()?;
    let options = args.input.options(names)?;
    let engine = places.engine()?;
    let built = watched(&options, args.quiet, |progress| strata_builder::build(&engine, &options, progress))?;
    if args.quiet {
        anstream::println!("{}", built.id);
    } else {
        summarize(&engine, &options, &built)?;
    }
    Ok(Status::Yes)
}

/// Runs something that builds, with its progress shown; its failures are shown as snippets and end with status 1.
pub(crate) fn watched<T>(
    options: &Options,
    quiet: bool,
    build: impl FnOnce(&mut dyn FnMut(Event<'_>)) -> strata_builder::Result<T>,
) -> Result<T> {
    let name = options.dockerfile_path.display().to_string();
    let text = String::from_utf8_lossy(&options.dockerfile);
    let source = || snippet::Source { name: &name, text: &text };
    let mut progress = Progress::new(source(), quiet);
    let outcome = build(&mut |event| progress.show(&event));
    progress.finish();
    outcome.map_err(|error| explain(error, &source()))
}

fn explain(error: strata_builder::Error, source: &snippet::Source<'_>) -> anyhow::Error {
    use strata_builder::Error;
    let message = match &error {
        Error::Dockerfile { diagnostics } => {
            for diagnostic in diagnostics {
                snippet::print(source, diagnostic);
            }
            format!("{} cannot be built", source.name)
        }
        Error::Step { message, span, hint, source: cause } => {
            let causes =
                std::iter::successors(cause.as_deref().map(|cause| cause as &dyn std::error::Error), |cause| {
                    cause.source()
                });
            let message = causes.fold(message.clone(), |message, cause| format!("{message}: {cause}"));
            snippet::print_failure(source, &message, *span, hint.as_deref());
            "the build stopped at this step".to_owned()
        }
        _ => return error.into(),
    };
    Failure { status: Status::No, source: anyhow::anyhow!(message) }.into()
}

fn summarize(engine: &Engine, options: &Options, built: &Built) -> Result<()> {
    let names = options.names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let stored = engine.store.find(&built.id.to_string())?;
    let bytes = stored.map_or(0, |image| super::stored_bytes(&image));
    let named = if names.is_empty() { String::new() } else { format!("{names}  ") };
    anstream::eprintln!("built {named}{}  {}", built.id, size_text(bytes));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::build_args;

    #[test]
    fn a_build_arg_without_a_value_comes_from_the_environment_or_is_absent() {
        let args = build_args(&["A=1".into(), "B=".into(), "STRATA_TEST_UNSET".into(), "A=2=3".into()]).unwrap();
        let pairs: Vec<_> = args.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("A", "2=3"), ("B", "")]);
    }

    #[test]
    fn a_build_arg_needs_a_name() {
        assert!(build_args(&["=x".into()]).is_err());
    }
}
