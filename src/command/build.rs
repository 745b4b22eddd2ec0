//! `build`: executes a Dockerfile.

mod again;
mod agent;
mod cache;
mod docker;
mod fields;
mod grants;
mod input;
mod isolation;
mod limits;
mod outputs;
mod priced;
mod reproducible;
mod shown;

use std::{
    collections::BTreeMap,
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use strata_builder::{Built, Engine, Options, output};
use strata_image::{ImageId, ImageName, manifest::Platform, store::StoredImage};

use self::{docker::DockerArgs, outputs::OutputArgs};
pub(crate) use self::{
    input::{Input, Request, build_args, source_date_epoch},
    shown::Shown,
};
use super::check;
use crate::{
    exit::{Failure, Status},
    look::progress::{self, Mode, Success},
    places::Places,
    signals::Signals,
};

/// Build an image from a Dockerfile, one layer per instruction
///
/// docs/build.md has a table of docker's options, and what changes for who comes from docker.
#[derive(clap::Args, Debug)]
#[command(
    // as for docker, the last of an option that was given twice counts
    args_override_self = true,
    after_help = "Examples:\n  \
                  strata build -t app:1 .\n  \
                  strata build -q -f Dockerfile.dev --build-arg V=2 --target test .\n  \
                  git archive HEAD | strata build -t app -o type=oci,dest=app.tar,compression=zstd -\n  \
                  strata build --cache-from type=local,src=cache --cache-to type=local,dest=cache,mode=max .\n  \
                  strata build --secret id=token,env=TOKEN --ssh default -t app .\n  \
                  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) strata build --verify-reproducible -t app .\n\n\
                  Exit status: 0 built; 1 the Dockerfile has errors, a step failed, or the image is not reproducible;\n\
                  2 the build could not begin; 128+N signal N stopped it."
)]
pub(crate) struct Args {
    #[command(flatten)]
    made: MadeArgs,

    #[command(flatten)]
    outputs: OutputArgs,

    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    shown: ShownArgs,

    #[command(flatten)]
    docker: DockerArgs,
}

/// The options about what comes out.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "What is made")]
#[expect(clippy::option_option, reason = "clap's form of --flag[=BOOL]")]
struct MadeArgs {
    /// Name of the image, NAME[:TAG]; may be given several times
    #[arg(short, long = "tag", value_name = "NAME")]
    tag: Vec<String>,

    /// Label of the image, above those of the Dockerfile
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,

    /// Make one layer of those above the base
    #[arg(long, value_name = "BOOL", require_equals = true, hide_possible_values = true)]
    squash: Option<Option<bool>>,

    /// Write the image ID to a file
    #[arg(long, value_name = "FILE")]
    iidfile: Option<PathBuf>,

    /// Write digests and names to a file, as JSON
    #[arg(long, value_name = "FILE")]
    metadata_file: Option<PathBuf>,

    /// Build twice, with every step run, and name what differs
    #[arg(long)]
    verify_reproducible: bool,
}

/// The options about what is seen.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "What is shown")]
#[expect(clippy::option_option, reason = "clap's form of --flag[=BOOL]")]
struct ShownArgs {
    /// Print the image ID alone
    #[arg(short, long, value_name = "BOOL", require_equals = true, hide_possible_values = true)]
    quiet: Option<Option<bool>>,

    /// How progress is shown, on standard error
    #[arg(long, value_enum, value_name = "HOW", default_value_t, env = "BUILDKIT_PROGRESS", hide_env_values = true)]
    progress: Mode,

    /// Say what the Dockerfile could do better, as `strata check`, and build nothing
    #[arg(long)]
    check: bool,

    /// Say of each step that was not cached what has changed
    #[arg(long)]
    explain_cache: bool,

    /// When a RUN fails, open a shell on the terminal in the state before it
    #[arg(long)]
    debug_shell: bool,
}

impl ShownArgs {
    fn mode(&self) -> Mode {
        if is_on(self.quiet) { Mode::Quiet } else { self.progress }
    }
}

/// Whether `--flag`, or `--flag=true`, was given.
#[expect(clippy::option_option, reason = "clap's form of --flag[=BOOL]")]
fn is_on(switch: Option<Option<bool>>) -> bool {
    switch.is_some_and(|value| value.unwrap_or(true))
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let signals = Signals::watch()?;
    let made = make(args, places, &signals).and_then(|status| {
        // what the build held is let go by now
        args.input.limit_cache(places)?;
        Ok(status)
    });
    made.map_err(|error| {
        let error = signals.failure().map_or(error, Into::into);
        if args.shown.mode() != Mode::Json {
            return error;
        }
        progress::tell_error(&error);
        Failure { status: Status::of_error(&error), source: anyhow::anyhow!("") }.into()
    })
}

fn make(args: &Args, places: &Places, signals: &Signals) -> Result<Status> {
    let notes = args.docker.notes()?;
    args.outputs.check(is_on(args.shown.quiet).then_some("the image ID of -q"))?;
    let request = args.request(places, signals)?;
    let options = &request.options;
    if args.shown.check {
        return check::check(&request, check::Format::Text, places);
    }
    let engine = args.input.isolation.engine(places)?;
    let mut shown = Shown::new(&request, args.shown.mode(), args.shown.explain_cache, signals)?;
    for note in notes.into_iter().chain(args.input.cache.notes()).chain(args.input.isolation.notes(&engine)?) {
        shown.note(&note);
    }
    if let Some(shell) = args.shell_hint() {
        shown.advise(shell);
    }
    let checked = check::before_build(options, places)?;
    shown.check(checked.diagnostics, checked.failure.as_deref())?;
    let (built, ids) = build_all(args, &engine, options, &mut shown)?;
    let written = args.outputs.write(&engine, built.id, &ids, &options.names, &options.cancel)?;
    let left_out: u64 = written.iter().map(|written| written.devices_left_out).sum();
    if left_out > 0 {
        shown.note(&format!("devices are not written to a folder, they would be this machine's: {left_out} left out"));
    }
    if let Some(path) = &args.made.iidfile {
        record(path, &built.id.to_string())?;
    }
    if let Some(path) = &args.made.metadata_file {
        record(path, &format!("{}\n", serde_json::to_string_pretty(&output::metadata(&written))?))?;
    }
    let (id, names) = (built.id.to_string(), options.names.iter().map(ToString::to_string).collect::<Vec<_>>());
    let image = image(&engine, &built)?;
    shown.warn();
    if args.shown.mode() != Mode::Quiet {
        for line in priced::lines(&checked.size, options, &built, &image, places)? {
            shown.note(&line);
        }
    }
    let bytes = super::stored_bytes(&image);
    shown.succeed(&Success { id: &id, names: &names, bytes });
    if is_on(args.shown.quiet) {
        anstream::println!("{id}");
    }
    Ok(Status::Yes)
}

impl Args {
    /// How to look into the state before a step, for who has not asked for that yet.
    fn shell_hint(&self) -> Option<String> {
        if self.shown.debug_shell {
            return None;
        }
        if self.input.reads_stdin() || self.outputs.has_stdout() {
            let needs = "with --debug-shell, and the terminal for standard input and output,";
            return Some(format!("{needs} the build opens a shell in the state before this step"));
        }
        let command = again::with("--debug-shell", std::env::args_os())?;
        Some(format!("a shell in the state before this step: {command}"))
    }

    fn request(&self, places: &Places, signals: &Signals) -> Result<Request> {
        let names = self.made.tag.iter().map(|name| ImageName::parse(name)).collect::<Result<_, _>>()?;
        let mut request = self.input.request(places, names, signals.cancel())?;
        request.options.labels = labels(&self.made.labels)?;
        let has_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        if self.shown.debug_shell && !has_terminal {
            bail!("--debug-shell needs a terminal\nhint: leave it out where nobody types");
        }
        request.options.debug_shell = self.shown.debug_shell;
        request.options.squash = is_on(self.made.squash);
        request.options.rewrite_timestamp = self.outputs.rewrite_timestamp()?;
        Ok(request)
    }
}

/// Writes a file that says what was built.
fn record(path: &Path, text: &str) -> Result<()> {
    super::output(Some(path), |out| Ok(out.write_all(text.as_bytes())?))
}

fn image(engine: &Engine, built: &Built) -> Result<StoredImage> {
    let gone = || format!("another command removed the image {} as soon as it was built", built.id);
    engine.store.find(&built.id.to_string())?.with_context(gone)
}

/// Builds for every platform that was asked for; gives what has the names, this machine's where it is among them, and all IDs.
fn build_all(args: &Args, engine: &Engine, options: &Options, shown: &mut Shown<'_>) -> Result<(Built, Vec<ImageId>)> {
    let platforms = args.input.platforms();
    if platforms.len() < 2 {
        let built = build(args, engine, options, shown)?;
        let id = built.id;
        return Ok((built, vec![id]));
    }
    let host = Platform::host();
    let named = platforms.iter().position(|platform| platform.accepts(&host)).unwrap_or_default();
    let mut ids = Vec::new();
    let mut first = None;
    for (index, platform) in platforms.iter().enumerate() {
        shown.note(&format!("building for {platform}"));
        let names = if index == named { options.names.clone() } else { Vec::new() };
        let options = Options { platform: Some(platform.clone()), names, ..options.clone() };
        let built = build(args, engine, &options, shown)?;
        ids.push(built.id);
        if index == named {
            first = Some(built);
        }
    }
    Ok((first.context("no platform was built for")?, ids))
}

/// Builds once, or twice where that is to be compared.
fn build(args: &Args, engine: &Engine, options: &Options, shown: &mut Shown<'_>) -> Result<Built> {
    if !args.made.verify_reproducible {
        return shown.build(|progress| strata_builder::build(engine, options, progress));
    }
    let (built, differences) = reproducible::build(engine, options, shown)?;
    if !differences.is_empty() {
        let source = anyhow::anyhow!("built twice, and the images differ:\n{}", differences.join("\n"));
        return Err(Failure { status: Status::No, source }.into());
    }
    shown.note("built twice: the images are equal");
    Ok(built)
}

/// `NAME=VALUE`; a name alone has an empty value, as for docker.
fn labels(given: &[String]) -> Result<BTreeMap<String, String>> {
    let pair = |label: &String| match label.split_once('=').unwrap_or((label, "")) {
        ("", _) => bail!("--label {label:?} has no name\nhint: write --label NAME=VALUE"),
        (name, value) => Ok((name.to_owned(), value.to_owned())),
    };
    given.iter().map(pair).collect()
}
