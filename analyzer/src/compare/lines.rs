//! Which line of a Dockerfile wrote a step of the history, whether the step made a layer or not.
//!
//! History and instructions are matched from the last step down: RUN by its text, COPY, ADD and WORKDIR by their keyword, since
//! their words are written expanded, and the others by keyword and words. A stage counts only when all of it matches: the lines
//! of a Dockerfile that has changed since would mislead.

use strata_dockerfile::{Dockerfile, Instruction, Kind, Run, ShellOrExec, Stage};
use strata_image::{History, ImageConfig};

use super::history;
use crate::attribution;

/// Where a Dockerfile tells of a step.
pub(super) struct Place {
    /// The first line of the instruction that wrote the step, the first is 1; for a step of the base image that of the FROM.
    pub(super) line: u32,
    pub(super) in_base: bool,
}

/// Gives the place of a step, the first is 0; `None` where no stage of the file wrote this history.
pub(super) fn place(step: usize, config: &ImageConfig, file: &Dockerfile) -> Option<Place> {
    of_steps(step, &config.history, file).or_else(|| of_layers(step, config, file))
}

fn of_steps(step: usize, history: &[History], file: &Dockerfile) -> Option<Place> {
    let texts: Vec<String> =
        history.iter().map(|step| history::instruction(step.created_by.as_deref().unwrap_or_default())).collect();
    let stages = file.stages().stages;
    let claimed = |last| Some((last, claim(&chain(&stages, last), &texts)?));
    let (last, lines) = (0..stages.len()).rev().find_map(claimed)?;
    match *lines.get(step)? {
        Some(line) => Some(Place { line, in_base: false }),
        None => base(&stages, last),
    }
}

/// The same by the steps that made layers, where the history tells of such alone.
fn of_layers(step: usize, config: &ImageConfig, file: &Dockerfile) -> Option<Place> {
    let step = config.history.get(step).filter(|step| !step.empty_layer)?;
    let layer = config.layer_history()?.iter().position(|made| std::ptr::eq(*made, step))?;
    let steps = attribution::from_history(config, file)?.steps;
    if let Some(instruction) = steps[layer] {
        return Some(Place { line: file.instructions.get(instruction)?.lines.0, in_base: false });
    }
    let lowest = file.instructions.get(steps.into_iter().flatten().next()?)?;
    let stages = file.stages().stages;
    let is_in = |stage: &Stage<'_>| stage.instructions.iter().any(|instruction| instruction.span == lowest.span);
    base(&stages, stages.iter().position(is_in)?)
}

/// The FROM of the image that a stage begins with, through the stages that it starts from; `None` where that is nothing.
fn base(stages: &[Stage<'_>], last: usize) -> Option<Place> {
    let bottom = std::iter::successors(Some(last), |&stage| attribution::parent(stages, stage)).last()?;
    let stage = &stages[bottom];
    let is_image = stage.from.image.value != "scratch";
    is_image.then_some(Place { line: stage.from_instruction.lines.0, in_base: true })
}

/// The instructions of a stage and of those that it starts from, the last first.
fn chain<'a>(stages: &[Stage<'a>], last: usize) -> Vec<&'a Instruction> {
    let mut chain = Vec::new();
    let mut next = Some(last);
    while let Some(stage) = next {
        chain.extend(stages[stage].instructions.iter().rev().copied());
        next = attribution::parent(stages, stage);
    }
    chain
}

/// Gives each step the line of its instruction, those of the base at the bottom none; `None` when they do not match.
fn claim(chain: &[&Instruction], texts: &[String]) -> Option<Vec<Option<u32>>> {
    let mut lines = vec![None; texts.len()];
    let mut unclaimed = texts.len();
    for instruction in chain {
        let top = unclaimed.checked_sub(1);
        if let Some(top) = top.filter(|top| tells_of(&texts[*top], instruction)) {
            lines[top] = Some(instruction.lines.0);
            unclaimed = top;
        } else if !matches!(instruction.kind, Kind::Arg(_) | Kind::Workdir(_)) {
            // not every builder wrote down an ARG, or a WORKDIR that was there already
            return None;
        }
    }
    (unclaimed < texts.len()).then_some(lines)
}

/// Whether a step of the history, written as an instruction, can be of this one.
fn tells_of(text: &str, instruction: &Instruction) -> bool {
    let keyword = text.split(' ').next().unwrap_or_default();
    match &instruction.kind {
        Kind::Run(run) => ran(text, run),
        _ if !keyword.eq_ignore_ascii_case(&instruction.keyword.value) => false,
        Kind::Copy(_) | Kind::Add(_) | Kind::Workdir(_) => true,
        _ => has_words(text, &instruction.original),
    }
}

fn ran(text: &str, run: &Run) -> bool {
    if let Some(heredoc) = run.heredocs.first() {
        return text.contains(heredoc.content.trim_end());
    }
    match &run.command {
        ShellOrExec::Shell(command) => ends_in(text, command.value.trim()),
        ShellOrExec::Exec(words) => {
            let words: Vec<&str> = words.iter().map(|word| word.value.as_str()).collect();
            ends_in(text, &words.join(" "))
        }
    }
}

/// Whether a text ends in a command, and not in the middle of a word.
fn ends_in(text: &str, command: &str) -> bool {
    text.strip_suffix(command).is_some_and(|before| before.is_empty() || before.ends_with(' '))
}

/// Whether a text has the words of an instruction, however quotes and brackets stand around them. What a variable becomes
/// nobody knows, so an instruction that has some may say anything; flags are written as what they mean.
fn has_words(text: &str, original: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let is_said = |word: &str| text.contains(&word.to_ascii_lowercase());
    let written = original.split_whitespace().filter(|word| !word.starts_with("--"));
    original.contains('$')
        || written
            .flat_map(|word| word.split(|c: char| !c.is_ascii_alphanumeric()))
            .filter(|word| !word.is_empty())
            .all(is_said)
}
