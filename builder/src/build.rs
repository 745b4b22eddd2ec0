//! One build: parse, plan, run or take from the cache, commit, tag.

use std::{collections::HashSet, time::Duration};

use strata_dockerfile::Diagnostic;
use strata_image::{
    Digest, Image, ImageConfig, ImageId, Timestamp,
    manifest::{Descriptor, Platform},
    store::StoredImage,
};

use crate::{
    Error, Result,
    cache::{Cache, Records},
    cause::Cause,
    engine::Engine,
    epoch,
    options::{NamedContext, Options},
    plan::{self, Asked, Base},
    remote::Fetcher,
    stage::Builder,
    state::State,
};

/// What a build tells while it runs. Steps run at the same time, so that events of several are mixed; each names its step.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A warning about the Dockerfile.
    Diagnostic(&'a Diagnostic),
    /// A step begins.
    StepStarted {
        /// From 1, in the order of the file.
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
    /// The step was not in the cache.
    StepMissed {
        /// As in `StepStarted`.
        number: usize,
        /// What of its inputs is not as it was when the step was last seen, each a sentence.
        reasons: &'a [String],
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
    /// The step failed.
    StepFailed {
        /// As in `StepStarted`.
        number: usize,
    },
    /// The step was stopped, by no fault of its own: another one failed, the build was stopped, or it begins again.
    StepStopped {
        /// As in `StepStarted`.
        number: usize,
    },
    /// A shell takes the terminal, or gives it back.
    Shell {
        /// Of the step that failed, as in `StepStarted`.
        number: usize,
        /// Whether it takes it.
        begins: bool,
    },
    /// Anything a person should know once.
    Note(&'a str),
}

/// Takes the events of a build, one at a time.
pub type Watcher<'w> = &'w mut (dyn FnMut(Event<'_>) + Send);

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
pub fn build(engine: &Engine, options: &Options, progress: Watcher<'_>) -> Result<Built> {
    let put = |config: &ImageConfig, layers: &[Descriptor]| {
        let id = engine.store.put_image(config, layers, &options.names)?;
        Ok((id, ()))
    };
    let records = (!options.cache_to.is_empty()).then(Records::default);
    Ok(make(engine, options, records, progress, &put)?.0)
}

/// The same, for an image that has no name and that the store does not list: it is there as long as its caller holds the
/// lock of a writer. Builds that share `records` find in the cache what the first of them found.
pub(crate) fn build_unlisted(
    engine: &Engine,
    options: &Options,
    records: &Records,
    progress: Watcher<'_>,
) -> Result<(Built, StoredImage)> {
    let put = |config: &ImageConfig, layers: &[Descriptor]| {
        let image = engine.store.put_unlisted(config, layers)?;
        Ok((image.image_id(), image))
    };
    make(engine, options, Some(records.clone()), progress, &put)
}

/// Puts an image into the store, by its config and its layers.
type Put<'p, P> = &'p dyn Fn(&ImageConfig, &[Descriptor]) -> Result<(ImageId, P)>;

fn make<P>(
    engine: &Engine,
    options: &Options,
    records: Option<Records>,
    progress: Watcher<'_>,
    put: Put<'_, P>,
) -> Result<(Built, P)> {
    let parsed = strata_dockerfile::parse(&options.dockerfile);
    if parsed.has_errors() {
        return Err(Error::Dockerfile { diagnostics: parsed.diagnostics });
    }
    for warning in &parsed.diagnostics {
        progress(Event::Diagnostic(warning));
    }

    engine.recover()?;
    let _lock = engine.store.shared_lock()?;
    let cache = Cache::open(&engine.cache, &options.cache_from, records)?;
    let platform = options.platform.clone().unwrap_or_else(Platform::host);
    let asked = Asked {
        target: options.target.as_deref(),
        build_args: &options.build_args,
        named: options.named_contexts.keys().map(String::as_str).collect(),
        platform: &platform,
    };
    let mut plan = plan::make(&parsed.file, &asked, &mut |base| triggers(engine, options, base))?;
    let fetcher = Fetcher::of_steps(engine, options, &cache);
    let (epoch, options) = epoch::settle(&parsed.file, &mut plan.globals, options, &fetcher)?;
    let options = &*options;
    let mut gone = HashSet::new();
    loop {
        let builder = Builder::new(engine, options, &cache, &plan, epoch, &mut *progress, &gone);
        match builder.run() {
            // each round finds at least one more result gone, and runs its step
            Err(Error::Evaporated { identity }) if !gone.contains(&identity) => {
                drop(builder);
                gone.insert(identity);
            }
            Err(error) => return Err(error),
            Ok(state) => {
                let layers: Vec<Digest> = state.stack.diff_ids().into_iter().map(Digest::from).collect();
                let built = finish(engine, options, &builder, state, put)?;
                cache.export(&options.cache_to, &engine.store, &layers)?;
                return Ok(built);
            }
        }
    }
}

fn finish<P>(
    engine: &Engine,
    options: &Options,
    builder: &Builder<'_>,
    mut state: State,
    put: Put<'_, P>,
) -> Result<(Built, P)> {
    let epoch = builder.epoch();
    if options.squash {
        builder.squash(&mut state)?;
    }
    let mut config = state.finish(epoch.map(epoch_text).as_deref());
    if !options.labels.is_empty() {
        let labels = config.config.get_or_insert_default().labels.get_or_insert_default();
        labels.extend(options.labels.clone());
    }
    // a base image of `--build-context` may lie elsewhere
    engine.store.bring(state.stack.layers())?;
    let (id, put) = put(&config, &state.stack.descriptors())?;
    let State { layer_steps, base_layers, .. } = state;
    Ok((Built { id, layer_steps, base_layers, ran: builder.ran() }, put))
}

/// The ONBUILD triggers of an image of the store, or of one that the build was given.
fn triggers(engine: &Engine, options: &Options, base: &Base) -> Result<Vec<String>, Cause> {
    let of = |name: &str, image: &dyn Image| {
        let config = image.config().ok_or_else(|| Cause::NoConfig { name: name.to_owned() })?;
        Ok(config.config.as_ref().and_then(|config| config.on_build.clone()).unwrap_or_default())
    };
    match base {
        Base::Image(name) => {
            let image = engine.store.find(name)?;
            of(name, &image.ok_or_else(|| Cause::NoImage { name: name.clone() })?)
        }
        Base::Named(name) => match options.named_contexts.get(name) {
            Some(NamedContext::Image(image)) => of(name, image.as_ref()),
            _ => Ok(Vec::new()),
        },
        Base::Scratch | Base::Stage(_) => Ok(Vec::new()),
    }
}

fn epoch_text(seconds: i64) -> String {
    Timestamp { seconds, nanoseconds: 0 }.to_string()
}
