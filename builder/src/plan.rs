//! The plan: which stages are needed, on what each stands, and the steps of each with the triggers of its base in front.
//!
//! From the target backwards through FROM and COPY --from; a stage that nothing needs is not looked at, nor is its base.

use std::collections::BTreeMap;

use strata_dockerfile::{Dockerfile, Instruction, Kind, Span, Spanned, Stage, suggest::nearest};
use strata_image::manifest::Platform;

use crate::{
    Error, Result,
    cause::Cause,
    contexts::name_key,
    vars::{ArgSources, Vars, declare, platform_args, word},
};

/// Needed stages in the order of the file.
#[derive(Debug)]
pub(crate) struct Plan {
    /// By the stage's number; `None`: not needed.
    pub(crate) stages: Vec<Option<PlannedStage>>,
    pub(crate) target: usize,
    /// What a bare `ARG NAME` takes: platform arguments and global ARGs.
    pub(crate) globals: Vars,
}

/// A needed stage.
#[derive(Debug)]
pub(crate) struct PlannedStage {
    /// Its name, or `stage-N`.
    pub(crate) name: String,
    pub(crate) base: Base,
    /// For what its FROM wants images to be.
    pub(crate) platform: Platform,
    pub(crate) from: PlannedStep,
    pub(crate) steps: Vec<PlannedStep>,
}

/// What a stage, or a COPY, starts from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Base {
    Scratch,
    Stage(usize),
    /// What `--build-context` calls so.
    Named(String),
    /// A name of the store.
    Image(String),
}

/// An instruction in its place.
#[derive(Clone, Debug)]
pub(crate) struct PlannedStep {
    pub(crate) instruction: Instruction,
    /// Of the file that it stands in.
    pub(crate) escape: char,
    /// Number of the instruction in the Dockerfile; `None` for a trigger of a base.
    pub(crate) index: Option<usize>,
    /// Where a failure is shown: a trigger fails at its FROM.
    pub(crate) span: Span,
    /// Of COPY --from.
    pub(crate) copies_from: Option<Base>,
    /// For each `--mount` of RUN, what its `from=` names.
    pub(crate) mounts_from: Vec<Option<Base>>,
}

impl PlannedStep {
    /// The error of a step; parts of a trigger are nowhere in the Dockerfile.
    pub(crate) fn failed(&self, cause: Cause) -> Error {
        let cause = match self.index {
            Some(_) => cause,
            None => cause.unplaced().1,
        };
        Error::at(self.span, cause)
    }
}

/// Tells the ONBUILD triggers of an image, of the store or one that the build was given.
pub(crate) type Triggers<'t> = &'t mut dyn FnMut(&Base) -> Result<Vec<String>, Cause>;

/// What a plan is made from, beside the file.
pub(crate) struct Asked<'a> {
    pub(crate) target: Option<&'a str>,
    pub(crate) build_args: &'a BTreeMap<String, String>,
    /// Names of `--build-context`.
    pub(crate) named: Vec<&'a str>,
    pub(crate) platform: &'a Platform,
}

/// Makes the plan of a Dockerfile without errors.
pub(crate) fn make(file: &Dockerfile, asked: &Asked<'_>, triggers: Triggers<'_>) -> Result<Plan> {
    let cut = file.stages();
    let (target, target_name) = find_target(&cut.stages, asked.target)?;
    let globals = global_args(&cut.global_args, file.escape, asked.build_args, asked.platform, &target_name)?;
    let mut planner = Planner { file, stages: cut.stages, globals: &globals, asked, triggers, planned: Vec::new() };
    planner.planned.resize_with(planner.stages.len(), || None);
    planner.need(target)?;
    let stages = planner.planned;
    Ok(Plan { stages, target, globals })
}

fn find_target(stages: &[Stage<'_>], target: Option<&str>) -> Result<(usize, String)> {
    let last = stages.len().saturating_sub(1);
    let Some(target) = target.filter(|target| !target.is_empty()) else {
        let name = stages.last().and_then(|stage| stage.name.clone());
        return Ok((last, name.unwrap_or_else(|| "default".to_owned())));
    };
    let wanted = target.to_ascii_lowercase();
    if let Some(index) = stages.iter().rposition(|stage| stage.name.as_deref() == Some(&wanted)) {
        return Ok((index, wanted));
    }
    let names: Vec<&str> = stages.iter().filter_map(|stage| stage.name.as_deref()).collect();
    let suggestion = nearest(&wanted, &names).map(str::to_owned);
    Err(Error::UnknownTarget { target: target.to_owned(), suggestion })
}

/// Global ARGs see the platform arguments and each other.
fn global_args(
    decls: &[&Instruction],
    escape: char,
    given: &BTreeMap<String, String>,
    platform: &Platform,
    target_name: &str,
) -> Result<Vars> {
    let mut builtin = platform_args(&Platform::host(), platform, target_name);
    for (name, value) in given {
        if builtin.lookup(name).is_some() {
            builtin.set(name, value.clone());
        }
    }
    let mut vars = builtin.clone();
    let sources = ArgSources { given, global: &builtin, escape };
    for instruction in decls {
        let Kind::Arg(decls) = &instruction.kind else {
            continue;
        };
        for decl in decls {
            let declared = declare(decl, sources, &vars).map_err(|cause| Error::at(instruction.span, cause))?;
            if let Some(value) = declared.value {
                vars.set(&declared.name, value);
            }
        }
    }
    Ok(vars)
}

struct Planner<'a> {
    file: &'a Dockerfile,
    stages: Vec<Stage<'a>>,
    globals: &'a Vars,
    asked: &'a Asked<'a>,
    triggers: Triggers<'a>,
    planned: Vec<Option<PlannedStage>>,
}

impl Planner<'_> {
    /// Plans a stage and, before it, every stage that it needs: only earlier ones can be.
    fn need(&mut self, index: usize) -> Result<()> {
        if self.planned[index].is_some() {
            return Ok(());
        }
        let stage = self.stages[index].clone();
        let image_span = stage.from.image.span;
        let platform = self.platform(&stage).map_err(|cause| Error::at(image_span, cause))?;
        let base = self.base(index, &stage).map_err(|cause| Error::at(image_span, cause))?;
        if let Base::Stage(parent) = base {
            self.need(parent)?;
        }
        let triggers = match &base {
            Base::Scratch => Vec::new(),
            Base::Stage(parent) => own_triggers(&self.stages[*parent]),
            image => (self.triggers)(image).map_err(|cause| Error::at(image_span, cause))?,
        };
        let mut steps = Vec::new();
        for trigger in triggers {
            steps.push(trigger_step(&trigger, image_span).map_err(|cause| Error::at(image_span, cause))?);
        }
        steps.extend(stage.instructions.iter().map(|instruction| self.step(instruction)));
        for step in &mut steps {
            self.look_up(index, step)?;
        }
        self.planned[index] = Some(PlannedStage {
            name: stage.name.clone().unwrap_or_else(|| format!("stage-{index}")),
            base,
            platform,
            from: self.step(stage.from_instruction),
            steps,
        });
        Ok(())
    }

    /// Finds what the `--from` and the mounts of a step name, and plans the stages among it.
    fn look_up(&mut self, index: usize, step: &mut PlannedStep) -> Result<()> {
        let (copies_from, mounts) = match &step.instruction.kind {
            Kind::Copy(copy) => (copy.from.clone(), Vec::new()),
            Kind::Run(run) => (None, run.mounts.iter().map(|mount| mount.from().cloned()).collect()),
            _ => return Ok(()),
        };
        if let Some(from) = copies_from {
            step.copies_from = Some(self.from(index, step, &from)?);
        }
        for from in mounts {
            let base = from.map(|from| self.from(index, step, &from)).transpose()?;
            step.mounts_from.push(base);
        }
        Ok(())
    }

    fn from(&mut self, index: usize, step: &PlannedStep, from: &Spanned<String>) -> Result<Base> {
        let span = if step.index.is_some() { from.span } else { step.span };
        let base = self.copy_from(index, &from.value).map_err(|cause| Error::at(span, cause))?;
        if let Base::Stage(other) = base {
            self.need(other)?;
        }
        Ok(base)
    }

    fn step(&self, instruction: &Instruction) -> PlannedStep {
        PlannedStep {
            instruction: instruction.clone(),
            escape: self.file.escape,
            index: self
                .file
                .instructions
                .iter()
                .position(|other| std::ptr::eq(other, instruction) || other.span == instruction.span),
            span: instruction.span,
            copies_from: None,
            mounts_from: Vec::new(),
        }
    }

    /// The platform of a stage: the build's, or what its FROM says, which can be the machine's.
    fn platform(&self, stage: &Stage<'_>) -> Result<Platform, Cause> {
        let Some(asked) = &stage.from.platform else {
            return Ok(self.asked.platform.clone());
        };
        let text = word(asked, self.file.escape, self.globals)?;
        let known = [self.asked.platform.clone(), Platform::host()];
        known.into_iter().find(|platform| is_platform(&text, platform)).ok_or_else(|| Cause::Unsupported {
            feature: format!("FROM --platform={text}, another platform than the build's and this machine's,"),
        })
    }

    fn base(&self, index: usize, stage: &Stage<'_>) -> Result<Base, Cause> {
        let escape = self.file.escape;
        let name = word(&stage.from.image, escape, self.globals)?;
        if name.is_empty() {
            return Err(Cause::BlankBase { text: stage.from.image.value.clone() });
        }
        if let Some(named) = self.named_context(&name) {
            return Ok(named);
        }
        if let Some(earlier) = self.named_before(index, &name) {
            return Ok(Base::Stage(earlier));
        }
        if name == "scratch" {
            return Ok(Base::Scratch);
        }
        Ok(Base::Image(name))
    }

    /// What `--build-context` names goes before stages and images.
    fn named_context(&self, name: &str) -> Option<Base> {
        let key = name_key(name)?;
        self.asked.named.contains(&key.as_str()).then_some(Base::Named(key))
    }

    fn named_before(&self, index: usize, name: &str) -> Option<usize> {
        let name = name.to_ascii_lowercase();
        self.stages[..index].iter().rposition(|stage| stage.name.as_deref() == Some(&name))
    }

    fn copy_from(&self, index: usize, name: &str) -> Result<Base, Cause> {
        if name.contains('$') {
            return Err(Cause::VariableInFrom);
        }
        if let Some(named) = self.named_context(name) {
            return Ok(named);
        }
        if let Ok(number) = name.parse::<usize>() {
            if number >= index {
                return Err(Cause::StageIndex { name: name.to_owned() });
            }
            return Ok(Base::Stage(number));
        }
        if let Some(earlier) = self.named_before(index, name) {
            return Ok(Base::Stage(earlier));
        }
        let lower = name.to_ascii_lowercase();
        let is_named = |stage: &Stage<'_>| stage.name.as_deref() == Some(&lower);
        if is_named(&self.stages[index]) {
            return Err(Cause::OwnStage { name: name.to_owned() });
        }
        if self.stages[index..].iter().any(is_named) {
            return Err(Cause::LaterStage { name: name.to_owned() });
        }
        if name == "scratch" {
            return Ok(Base::Scratch);
        }
        Ok(Base::Image(name.to_owned()))
    }
}

/// Triggers that a stage leaves for those that build on it: its own only, as those of its base have run.
fn own_triggers(stage: &Stage<'_>) -> Vec<String> {
    stage
        .instructions
        .iter()
        .filter_map(|instruction| match &instruction.kind {
            Kind::Onbuild(onbuild) => Some(onbuild.trigger.clone()),
            _ => None,
        })
        .collect()
}

/// Reads the text of a trigger as the one instruction that it must be.
fn trigger_step(trigger: &str, span: Span) -> Result<PlannedStep, Cause> {
    match strata_dockerfile::parse_trigger(trigger) {
        Ok(instruction) => {
            Ok(PlannedStep { instruction, escape: '\\', index: None, span, copies_from: None, mounts_from: Vec::new() })
        }
        Err(diagnostics) => Err(Cause::Trigger {
            trigger: trigger.to_owned(),
            reason: diagnostics
                .iter()
                .filter(|diagnostic| diagnostic.is_error())
                .map(|diagnostic| diagnostic.message.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

fn is_platform(text: &str, platform: &Platform) -> bool {
    let mut parts = text.split('/');
    let matches = |part: Option<&str>, own: &str| part.is_none_or(|part| part.eq_ignore_ascii_case(own));
    let (os, architecture, variant) = (parts.next(), parts.next(), parts.next());
    let architecture = architecture.map(|architecture| match architecture {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    });
    parts.next().is_none()
        && matches(os, &platform.os)
        && matches(architecture, &platform.architecture)
        && variant.is_none_or(|variant| {
            platform.variant.as_deref() == Some(variant) || (platform.architecture == "arm64" && variant == "v8")
        })
}

#[cfg(test)]
mod tests;
