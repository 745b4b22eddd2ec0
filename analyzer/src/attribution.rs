//! Which instruction of a Dockerfile made which layer, found in the image's history when nobody remembers the build.
//!
//! History and instructions are matched from the top layer down: RUN by its whole text, COPY, ADD and WORKDIR by their
//! keyword, since their words are written expanded. A stage counts only when all of it matches: the lines of a
//! Dockerfile that has changed since would mislead.

use strata_dockerfile::{Dockerfile, Instruction, Kind, Run, ShellOrExec, Stage};
use strata_image::{History, ImageConfig};

/// What is known about where the layers come from.
pub(crate) struct Attribution {
    /// Index into the Dockerfile's instructions for each layer; `None` for a layer of the base image.
    pub(crate) steps: Vec<Option<usize>>,
    /// Number of layers at the bottom that the Dockerfile did not make.
    pub(crate) base_layers: usize,
}

/// Joins an image's layers to the stage of a Dockerfile that made it; `None` when no stage did.
pub(crate) fn from_history(config: &ImageConfig, file: &Dockerfile) -> Option<Attribution> {
    let history = config.layer_history()?;
    let stages = file.stages().stages;
    (0..stages.len()).rev().find_map(|last| {
        let mut steps = vec![None; history.len()];
        let mut unclaimed = history.len();
        let mut stage = last;
        loop {
            unclaimed = claim(&stages[stage], file, &history[..unclaimed], &mut steps)?;
            match parent(&stages, stage) {
                Some(earlier) => stage = earlier,
                None => break,
            }
        }
        let claimed = steps.iter().any(Option::is_some);
        claimed.then_some(Attribution { steps, base_layers: unclaimed })
    })
}

/// The earlier stage that a stage starts from, if it does.
pub(crate) fn parent(stages: &[Stage<'_>], stage: usize) -> Option<usize> {
    let image = stages[stage].from.image.value.to_ascii_lowercase();
    (0..stage).rev().find(|&earlier| stages[earlier].name.as_ref() == Some(&image))
}

/// The index of an instruction in the file that it is part of.
pub(crate) fn position(file: &Dockerfile, instruction: &Instruction) -> Option<usize> {
    file.instructions.iter().position(|other| other.span == instruction.span)
}

/// Gives the top layers to a stage's instructions and says how many are left; `None` when they do not match.
fn claim(stage: &Stage<'_>, file: &Dockerfile, history: &[&History], steps: &mut [Option<usize>]) -> Option<usize> {
    let mut unclaimed = history.len();
    for instruction in stage.instructions.iter().rev() {
        if !makes_a_layer(&instruction.kind) {
            continue;
        }
        let text = unclaimed.checked_sub(1).and_then(|top| history[top].created_by.as_deref());
        if text.is_some_and(|text| made_by(text, &instruction.kind)) {
            unclaimed -= 1;
            steps[unclaimed] = position(file, instruction);
        } else if !matches!(instruction.kind, Kind::Workdir(_)) {
            // docker's older builder made no layer of a WORKDIR that was there already
            return None;
        }
    }
    Some(unclaimed)
}

fn makes_a_layer(kind: &Kind) -> bool {
    matches!(kind, Kind::Run(_) | Kind::Copy(_) | Kind::Add(_) | Kind::Workdir(_))
}

fn made_by(created_by: &str, kind: &Kind) -> bool {
    let text = created_by.trim().trim_end_matches("# buildkit").trim_end();
    match (kind, text.split_once("#(nop)")) {
        (Kind::Run(run), None) => ran(text, run),
        (Kind::Run(_), Some(_)) => false,
        (kind, noted) => {
            let keyword = match kind {
                Kind::Copy(_) => "COPY ",
                Kind::Add(_) => "ADD ",
                Kind::Workdir(_) => "WORKDIR ",
                _ => return false,
            };
            noted.map_or(text, |(_, rest)| rest.trim_start()).starts_with(keyword)
        }
    }
}

/// Whether history tells of this command: after `RUN`, build arguments (`|1 A=b`) and the shell's own words.
fn ran(text: &str, run: &Run) -> bool {
    if let Some(heredoc) = run.heredocs.first() {
        return text.contains(heredoc.content.trim_end());
    }
    match &run.command {
        ShellOrExec::Shell(command) => {
            let shell = text.strip_suffix(command.value.trim()).and_then(|before| before.strip_suffix(' '));
            let option = shell.and_then(|shell| shell.rsplit(' ').next());
            option.is_some_and(|option| option.starts_with(['-', '/']) && option.ends_with(['c', 'C']))
        }
        ShellOrExec::Exec(words) => {
            let words: Vec<&str> = words.iter().map(|word| word.value.as_str()).collect();
            let before = text.strip_suffix(&words.join(" "));
            before.is_some_and(|before| matches!(before, "" | "RUN ") || before.contains('|'))
        }
    }
}
