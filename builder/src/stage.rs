//! Runs the stages of a plan, each on a thread of its own, instruction by instruction.
//!
//! ```text
//! stage ─► step ─► waits for the stages that it copies from ─► key ─► cache │ a permit, then work ─► next step
//! ```
//!
//! A step waits only for what it needs, and holds a permit only while it works, so that there are as many at work as the
//! build may have. The first failure stops the others.

mod copy;
mod layer;
mod run;
mod schedule;
mod shell;
mod sources;

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use strata_dockerfile::{Kind, Span};
use strata_image::{ChainId, Digest, Image};

use crate::{
    Error, Result,
    build::{Event, Watcher},
    cache::{Cache, CacheMode, LayerBlob, LayerRecord},
    cancel::Cancel,
    cause::Cause,
    context::Context,
    draft::Clock,
    engine::Engine,
    metadata,
    options::{NamedContext, NoCache, Options, RewriteTimestamp},
    plan::{Base, Plan, PlannedStage, PlannedStep},
    squash::squash,
    stack::Stack,
    state::State,
    step::Step,
    vars::{ArgSources, word},
    workdir::{self, Workdir},
};
use schedule::Permits;

/// A build under way.
pub(crate) struct Builder<'a> {
    engine: &'a Engine,
    options: &'a Options,
    cache: &'a Cache,
    plan: &'a Plan,
    epoch: Option<i64>,
    watcher: Mutex<Watcher<'a>>,
    context: OnceLock<Arc<Context>>,
    named: Mutex<BTreeMap<String, Arc<Context>>>,
    /// By number, once they are finished; `None`: the stage failed.
    finished: Vec<OnceLock<Option<State>>>,
    /// The number of the first step of each stage.
    numbers: Vec<usize>,
    total: usize,
    /// Stages whose layers are the image's, or wanted in a cache.
    packed: HashSet<usize>,
    /// Results that are known to be gone.
    gone: &'a HashSet<ChainId>,
    permits: Permits,
    /// Stops every stage once one has failed.
    failed: Cancel,
    ran: AtomicUsize,
    project: String,
}

/// A step on its way.
#[derive(Clone, Copy)]
struct Place<'p> {
    stage: usize,
    planned_stage: &'p PlannedStage,
    planned: &'p PlannedStep,
    number: usize,
    /// In its stage, from 0 for FROM.
    ordinal: usize,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(
        engine: &'a Engine,
        options: &'a Options,
        cache: &'a Cache,
        plan: &'a Plan,
        epoch: Option<i64>,
        watcher: Watcher<'a>,
        gone: &'a HashSet<ChainId>,
    ) -> Self {
        let mut total = 0;
        let mut numbers = Vec::new();
        for stage in &plan.stages {
            numbers.push(total + 1);
            total += stage.as_ref().map_or(0, |stage| 1 + stage.steps.len());
        }
        let mut packed = HashSet::from([plan.target]);
        if options.cache_to.iter().any(|target| target.mode == CacheMode::Max) {
            packed.extend(0..plan.stages.len());
        }
        let mut next = plan.target;
        while let Some(Some(PlannedStage { base: Base::Stage(parent), .. })) = plan.stages.get(next) {
            packed.insert(*parent);
            next = *parent;
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (context, dockerfile) = (options.context.path.display(), options.dockerfile_path.display());
        Self {
            engine,
            options,
            cache,
            plan,
            epoch,
            watcher: Mutex::new(watcher),
            context: OnceLock::new(),
            named: Mutex::default(),
            finished: plan.stages.iter().map(|_| OnceLock::new()).collect(),
            numbers,
            total,
            packed,
            gone,
            permits: Permits::new(options.jobs.unwrap_or(cores)),
            failed: Cancel::default(),
            ran: AtomicUsize::new(0),
            project: format!("{context}\n{dockerfile}"),
        }
    }

    /// Steps that were not in the cache.
    pub(crate) fn ran(&self) -> usize {
        self.ran.load(Ordering::Relaxed)
    }

    /// The time that the build says it is, where it says one.
    pub(crate) fn epoch(&self) -> Option<i64> {
        self.epoch
    }

    /// Replaces the layers above the base by one.
    pub(crate) fn squash(&self, state: &mut State) -> Result<()> {
        let layers: Vec<Digest> =
            state.stack.diff_ids().split_off(state.base_layers).into_iter().map(Digest::from).collect();
        if layers.len() < 2 {
            return Ok(());
        }
        let base = state.stack.base();
        let clock = Clock { now: self.now(), latest: self.latest() };
        let squashed =
            base.below(&self.engine.snapshots).and_then(|below| squash(&self.engine.store, &below, &layers, clock));
        let (digest, size) = squashed.map_err(|cause| self.at_target(cause))?;
        let identity = base.identity_with(digest.into());
        state.squashed(base, layers.len(), self.now().to_string());
        self.push(&mut state.stack, &LayerRecord::new(identity, Some(LayerBlob { digest, size }), String::new()), None);
        Ok(())
    }

    /// A failure that no step has: it is shown at the FROM of the target.
    fn at_target(&self, cause: Cause) -> Error {
        let target = self.plan.stages.get(self.plan.target).and_then(Option::as_ref);
        Error::at(target.map_or_else(Span::default, |stage| stage.from.span), cause)
    }

    fn tell(&self, event: Event<'_>) {
        let mut watcher = self.watcher.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        (*watcher)(event);
    }

    fn go_on(&self) -> Result<(), Cause> {
        if self.options.cancel.is_cancelled() || self.failed.is_cancelled() { Err(Cause::Stopped) } else { Ok(()) }
    }

    /// What new times are cut at.
    fn latest(&self) -> Option<i64> {
        self.epoch.filter(|_| self.options.rewrite_timestamp == RewriteTimestamp::Clamp)
    }

    fn is_no_cache(&self, stage: &PlannedStage) -> bool {
        match &self.options.no_cache {
            NoCache::Nothing => false,
            NoCache::Everything => true,
            NoCache::Stages(names) => names.iter().any(|name| name.eq_ignore_ascii_case(&stage.name)),
        }
    }

    fn stage(&self, index: usize, stage: &PlannedStage) -> Result<State> {
        let place = |planned, ordinal| Place {
            stage: index,
            planned_stage: stage,
            planned,
            number: self.numbers[index] + ordinal,
            ordinal,
        };
        let from = place(&stage.from, 0);
        let mut state = self.watched(from, || self.from(from))?;
        for (ordinal, step) in stage.steps.iter().enumerate() {
            let place = place(step, ordinal + 1);
            self.watched(place, || self.step(place, &mut state))?;
        }
        Ok(state)
    }

    /// Tells of a step's beginning and end.
    fn watched<T>(&self, place: Place<'_>, step: impl FnOnce() -> Result<T>) -> Result<T> {
        let Place { number, planned_stage, planned, .. } = place;
        self.go_on().map_err(|cause| planned.failed(cause))?;
        self.tell(Event::StepStarted {
            number,
            total: self.total,
            stage: &planned_stage.name,
            text: &planned.instruction.original,
        });
        let started = Instant::now();
        let done = step();
        self.tell(match &done {
            Ok(_) => Event::StepDone { number, elapsed: started.elapsed() },
            Err(Error::Cancelled | Error::Evaporated { .. }) => Event::StepStopped { number },
            Err(_) => Event::StepFailed { number },
        });
        done
    }

    fn from(&self, place: Place<'_>) -> Result<State> {
        let stage = place.planned_stage;
        if let Base::Named(name) = &stage.base
            && let Some(NamedContext::Directory(_)) = self.options.named_contexts.get(name)
        {
            return self.directory_base(name, place);
        }
        let state = self.base(&stage.base, stage).map_err(|cause| Error::at(stage.from.span, cause))?;
        if !matches!(stage.base, Base::Scratch | Base::Stage(_)) && !stage.platform.accepts(&state.platform) {
            let name = stage.from.instruction.original.split_whitespace().nth(1).unwrap_or_default();
            self.tell(Event::Note(&format!("{name} is for {}, not for {}", state.platform, stage.platform)));
        }
        Ok(state)
    }

    fn base(&self, base: &Base, stage: &PlannedStage) -> Result<State, Cause> {
        let platform = &stage.platform;
        let of_image = |name: &str, image: &dyn Image| {
            let config = image.config().ok_or_else(|| Cause::NoConfig { name: name.to_owned() })?;
            Ok(State::image(config, Stack::of(image.layers()), platform))
        };
        match base {
            Base::Scratch => Ok(State::scratch(platform.clone())),
            Base::Stage(index) => Ok(self.finished(*index)?.child()),
            Base::Named(name) => match self.options.named_contexts.get(name) {
                Some(NamedContext::Image(image)) => of_image(name, image.as_ref()),
                _ => Err(Cause::NoImage { name: name.clone() }),
            },
            Base::Image(name) => {
                let missing = || Cause::NoImage { name: name.clone() };
                of_image(name, &self.engine.store.find(name)?.ok_or_else(missing)?)
            }
        }
    }

    /// A stage's state at its end, waited for.
    fn finished(&self, index: usize) -> Result<State, Cause> {
        let finished = self.finished.get(index).and_then(|finished| finished.wait().clone());
        finished.ok_or(Cause::Stopped)
    }

    fn step(&self, place: Place<'_>, state: &mut State) -> Result<()> {
        let planned = place.planned;
        let at = |cause| planned.failed(cause);
        match &planned.instruction.kind {
            Kind::Run(run) => {
                let (step, text) = self.prepare_run(run, place, state).map_err(at)?;
                self.layer(place, state, &Step::Run(Box::new(step)), &text)
            }
            Kind::Copy(copy) => self.copy(copy, false, place, state),
            Kind::Add(add) => self.copy(add, true, place, state),
            Kind::Workdir(path) => {
                let text = word(path, planned.escape, &state.vars).map_err(at)?;
                let path = workdir::joined(state.workdir(), &text);
                state.config.working_dir = Some(path.clone());
                let text = format!("WORKDIR {path}");
                if path == "/" {
                    state.record(text, None);
                    return Ok(());
                }
                let step = Workdir { path: path.into(), user: state.user().to_owned() };
                self.layer(place, state, &Step::Draft(Box::new(step)), &text)
            }
            other => {
                let sources =
                    ArgSources { given: &self.options.build_args, global: &self.plan.globals, escape: planned.escape };
                if let Some(text) = metadata::apply(other, state, sources).map_err(at)? {
                    state.record(text, None);
                }
                Ok(())
            }
        }
    }
}
