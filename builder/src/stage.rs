//! Runs the stages of a plan, instruction by instruction.

mod layer;

use std::{cell::OnceCell, collections::BTreeMap, rc::Rc, time::Instant};

use strata_dockerfile::{self as dockerfile, Kind, Network};
use strata_image::{Image as _, manifest::Platform};
use strata_runtime::process;

use crate::{
    Error, Result,
    arguments::Arguments,
    build::{Event, Options},
    cache::Cache,
    cause::Cause,
    context::Context,
    copy::{self, Copy},
    engine::Engine,
    metadata,
    plan::{Base, Plan, PlannedStage, PlannedStep},
    run::{Run, command_line, history_text},
    sources::Sources,
    stack::Stack,
    state::State,
    vars::{ArgSources, proxy_lines, word},
    workdir::{self, Workdir},
};

/// A build under way.
pub(crate) struct Builder<'a> {
    engine: &'a Engine,
    options: &'a Options,
    cache: &'a Cache,
    plan: &'a Plan,
    platform: Platform,
    progress: &'a mut dyn FnMut(Event<'_>),
    context: Option<Rc<Context>>,
    /// Finished stages, by number.
    states: BTreeMap<usize, State>,
    number: usize,
    total: usize,
    ran: usize,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(
        engine: &'a Engine,
        options: &'a Options,
        cache: &'a Cache,
        plan: &'a Plan,
        platform: Platform,
        progress: &'a mut dyn FnMut(Event<'_>),
    ) -> Self {
        let total = plan.stages.iter().flatten().map(|stage| 1 + stage.steps.len()).sum();
        Self {
            engine,
            options,
            cache,
            plan,
            platform,
            progress,
            context: None,
            states: BTreeMap::new(),
            number: 0,
            total,
            ran: 0,
        }
    }

    /// Steps that were not in the cache.
    pub(crate) fn ran(&self) -> usize {
        self.ran
    }

    /// Runs every needed stage; gives the target's state.
    pub(crate) fn run(&mut self) -> Result<State> {
        let plan = self.plan;
        let mut last = State::scratch(self.platform.clone());
        for (index, stage) in plan.stages.iter().enumerate() {
            let Some(stage) = stage else { continue };
            last = self.stage(stage)?;
            if index == plan.target {
                return Ok(last);
            }
            self.states.insert(index, last.clone());
        }
        Ok(last)
    }

    fn stage(&mut self, stage: &PlannedStage) -> Result<State> {
        let started = self.start(stage, &stage.from);
        let mut state = self.base(&stage.base).map_err(|cause| Error::at(stage.from.span, cause))?;
        if let Base::Image(name) = &stage.base
            && !self.platform.accepts(&state.platform)
        {
            let note = format!("{name} is for {}, not for {}", state.platform, self.platform);
            (self.progress)(Event::Note(&note));
        }
        self.done(started);
        for step in &stage.steps {
            let started = self.start(stage, step);
            self.step(step, &mut state)?;
            self.done(started);
        }
        Ok(state)
    }

    fn start(&mut self, stage: &PlannedStage, step: &PlannedStep) -> Instant {
        self.number += 1;
        (self.progress)(Event::StepStarted {
            number: self.number,
            total: self.total,
            stage: &stage.name,
            text: &step.instruction.original,
        });
        Instant::now()
    }

    fn done(&mut self, started: Instant) {
        (self.progress)(Event::StepDone { number: self.number, elapsed: started.elapsed() });
    }

    fn base(&self, base: &Base) -> Result<State, Cause> {
        match base {
            Base::Scratch => Ok(State::scratch(self.platform.clone())),
            Base::Stage(index) => Ok(self.finished(*index).child()),
            Base::Image(name) => {
                let missing = || Cause::NoImage { name: name.clone() };
                let image = self.engine.store.find(name)?.ok_or_else(missing)?;
                let config = image.config().ok_or_else(|| Cause::NoConfig { name: name.clone() })?;
                Ok(State::image(config, Stack::of(image.layers()), &self.platform))
            }
        }
    }

    /// The plan needs only earlier stages, which are all finished.
    fn finished(&self, index: usize) -> State {
        self.states.get(&index).cloned().unwrap_or_else(|| State::scratch(self.platform.clone()))
    }

    fn step(&mut self, planned: &PlannedStep, state: &mut State) -> Result<()> {
        let at = |cause| planned.failed(cause);
        match &planned.instruction.kind {
            Kind::Run(run) => {
                let (step, text) = self.prepare_run(run, state).map_err(at)?;
                self.layer(planned, state, &step, &text)
            }
            Kind::Copy(copy) => self.copy(copy, false, planned, state),
            Kind::Add(add) => self.copy(add, true, planned, state),
            Kind::Workdir(path) => {
                let text = word(path, planned.escape, &state.vars).map_err(at)?;
                let path = workdir::joined(state.workdir(), &text);
                state.config.working_dir = Some(path.clone());
                let text = format!("WORKDIR {path}");
                if path == "/" {
                    state.record(text, None);
                    return Ok(());
                }
                let step = Workdir { path: path.into(), user: state.user().to_owned(), epoch: self.options.epoch };
                self.layer(planned, state, &step, &text)
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

    fn prepare_run(&self, run: &dockerfile::Run, state: &State) -> Result<(Run, String), Cause> {
        let unsupported = |feature: &str| Err(Cause::Unsupported { feature: feature.to_owned() });
        if !run.mounts.is_empty() {
            return unsupported("RUN --mount");
        }
        if run.security.as_ref().is_some_and(|security| security.value != "sandbox") {
            return unsupported("RUN --security");
        }
        if !run.device.is_empty() {
            return unsupported("RUN --device");
        }
        let (args, script) = command_line(run, &state.shell());
        let text = history_text(&args, state);
        let step = Run {
            args,
            env: state.vars.lines(),
            proxies: proxy_lines(&self.options.build_args),
            cwd: state.workdir().to_owned(),
            user: state.user().to_owned(),
            network: match run.network.as_ref().map(|network| network.value) {
                Some(Network::None) => process::Network::None,
                Some(Network::Default | Network::Host) | None => process::Network::Host,
            },
            script,
        };
        Ok((step, text))
    }

    fn copy(&mut self, copy: &dockerfile::Copy, extract: bool, planned: &PlannedStep, state: &mut State) -> Result<()> {
        let at = |cause| planned.failed(cause);
        let arguments = Arguments::expand(copy, extract, planned.escape, &state.vars).map_err(at)?;
        let text = arguments.text(extract);
        let context;
        let sources = match &planned.copies_from {
            _ if arguments.words.is_empty() => None,
            None => {
                context = self.context()?;
                Some(Sources::Context(&context))
            }
            Some(base) => Some(Sources::Stack {
                stack: match base {
                    Base::Stage(index) => self.finished(*index).stack,
                    Base::Scratch | Base::Image(_) => self.base(base).map_err(at)?.stack,
                },
                snapshots: &self.engine.snapshots,
                cache: self.cache,
            }),
        };
        let step = Copy {
            extract,
            sources,
            words: arguments.words,
            selected: OnceCell::new(),
            inline: arguments.inline,
            destination: copy::destination(state.workdir(), &arguments.destination),
            chown: arguments.chown,
            chmod: arguments.chmod.as_deref().map(copy::parse_mode).transpose().map_err(at)?,
            epoch: self.options.epoch,
        };
        self.layer(planned, state, &step, &text)
    }

    fn context(&mut self) -> Result<Rc<Context>> {
        if let Some(context) = &self.context {
            return Ok(Rc::clone(context));
        }
        let context = Rc::new(Context::open(&self.options.context, &self.options.dockerfile_path)?);
        self.context = Some(Rc::clone(&context));
        Ok(context)
    }
}
