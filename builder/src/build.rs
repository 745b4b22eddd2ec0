//! One build: parse, plan, run or take from the cache, commit, tag.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use strata_dockerfile::Diagnostic;
use strata_image::{Image as _, ImageId, ImageName, Store, Timestamp, manifest::Platform};

use crate::{Error, Result, cache::Cache, cause::Cause, engine::Engine, plan, stage::Builder};

/// What to build.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The directory that COPY and ADD take from. It is opened only when a step needs it.
    pub context: PathBuf,
    /// The Dockerfile's bytes.
    pub dockerfile: Vec<u8>,
    /// Where the Dockerfile is: `<this>.dockerignore` beside it replaces the context's `.dockerignore`. Empty when it is in no file.
    pub dockerfile_path: PathBuf,
    /// The stage to build; the last one by default. Case does not matter.
    pub target: Option<String>,
    /// Values of ARGs.
    pub build_args: BTreeMap<String, String>,
    /// Names that the image gets.
    pub names: Vec<ImageName>,
    /// Runs every step, whatever the cache says.
    pub no_cache: bool,
    /// `SOURCE_DATE_EPOCH`: seconds for `created` of config and history, and for directories that steps make.
    pub epoch: Option<i64>,
}

/// What a build tells while it runs.
#[derive(Debug)]
pub enum Event<'a> {
    /// A warning about the Dockerfile.
    Diagnostic(&'a Diagnostic),
    /// A step begins.
    StepStarted {
        /// From 1.
        number: usize,
        /// Of all stages that are built.
        total: usize,
        /// Name of the stage, or `stage-N`.
        stage: &'a str,
        /// The instruction, continuations joined.
        text: &'a str,
    },
    /// The step's layer was there already.
    StepCached {
        /// As in `StepStarted`.
        number: usize,
    },
    /// The step's process said something.
    Output {
        /// As in `StepStarted`.
        number: usize,
        /// On stderr.
        stderr: bool,
        /// What it said, as it came.
        bytes: &'a [u8],
    },
    /// The step is done.
    StepDone {
        /// As in `StepStarted`.
        number: usize,
        /// How long it took.
        elapsed: Duration,
    },
    /// Anything a person should know once.
    Note(&'a str),
}

/// What a build made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The image.
    pub id: ImageId,
    /// For each layer of the image, bottom first, the number of the instruction in the Dockerfile that made it; `None` for layers
    /// of the base image and of its triggers.
    pub layer_steps: Vec<Option<usize>>,
    /// Layers that belong to the base image.
    pub base_layers: usize,
    /// Steps that ran rather than being found in the cache.
    pub ran: usize,
}

/// Builds an image and puts it into the store. An unchanged Dockerfile and context give the same image ID: what was made
/// before keeps the time at which it was made.
///
/// # Errors
/// [`Error::Dockerfile`] with all diagnostics when the file has errors, [`Error::Step`] with the place when a step fails, and
/// what the context, the store or the kernel refuse.
pub fn build(engine: &Engine, options: &Options, progress: &mut dyn FnMut(Event<'_>)) -> Result<Built> {
    let parsed = strata_dockerfile::parse(&options.dockerfile);
    if parsed.has_errors() {
        return Err(Error::Dockerfile { diagnostics: parsed.diagnostics });
    }
    for warning in &parsed.diagnostics {
        progress(Event::Diagnostic(warning));
    }

    engine.recover()?;
    let _lock = engine.store.shared_lock()?;
    let cache = Cache::open(&engine.cache)?;
    let platform = Platform::host();
    let plan = plan::make(&parsed.file, options.target.as_deref(), &options.build_args, &platform, &mut |name| {
        triggers(&engine.store, name)
    })?;
    let mut builder = Builder::new(engine, options, &cache, &plan, platform, progress);
    let state = builder.run()?;
    let epoch = options.epoch.map(epoch_text);
    let config = state.finish(epoch.as_deref());
    let id = engine.store.put_image(&config, &state.stack.descriptors(), &options.names)?;
    Ok(Built { id, layer_steps: state.layer_steps, base_layers: state.base_layers, ran: builder.ran() })
}

fn triggers(store: &Store, name: &str) -> Result<Vec<String>, Cause> {
    let image = store.find(name)?.ok_or_else(|| Cause::NoImage { name: name.to_owned() })?;
    let config = image.config().ok_or_else(|| Cause::NoConfig { name: name.to_owned() })?;
    let container = config.config.as_ref();
    Ok(container.and_then(|config| config.on_build.clone()).unwrap_or_default())
}

fn epoch_text(seconds: i64) -> String {
    Timestamp { seconds, nanoseconds: 0 }.to_string()
}
