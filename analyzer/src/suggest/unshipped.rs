//! RUNs of stages that are no part of the image: chaining them saves it nothing, which is said rather than left open.

use strata_dockerfile::{Instruction, Kind, ShellOrExec, Stage};

use super::{CHAIN_RUNS, Recipe, Suggestion, enumerate, shell};
use crate::attribution::{parent, position};

/// One refusal for each such stage with a RUN that only removes something, after another RUN.
pub(super) fn find(recipe: &Recipe<'_>) -> Vec<Suggestion> {
    let stages = recipe.file.stages().stages;
    let shipped = shipped(recipe, &stages);
    let unshipped = stages.iter().enumerate().filter(|(number, _)| !shipped.contains(number));
    unshipped.filter_map(|(number, stage)| refusal(number, stage)).collect()
}

/// The stages that layers of the image come from, and those that they start from.
fn shipped(recipe: &Recipe<'_>, stages: &[Stage<'_>]) -> Vec<usize> {
    let has_layer = |stage: &Stage<'_>| {
        let mut indexes = stage.instructions.iter().filter_map(|instruction| position(recipe.file, instruction));
        indexes.any(|index| recipe.steps.contains(&Some(index)))
    };
    let mut shipped = Vec::new();
    for number in (0..stages.len()).filter(|number| has_layer(&stages[*number])) {
        let mut next = Some(number);
        while let Some(stage) = next.filter(|stage| !shipped.contains(stage)) {
            shipped.push(stage);
            next = parent(stages, stage);
        }
    }
    shipped
}

fn refusal(number: usize, stage: &Stage<'_>) -> Option<Suggestion> {
    let mut runs = stage.instructions.iter().filter(|instruction| matches!(instruction.kind, Kind::Run(_)));
    let first = runs.next()?;
    let removal = runs.find(|instruction| removes(instruction))?;
    let name = stage.name.clone().unwrap_or_else(|| format!("stage-{number}"));
    let reason = format!("the stage {name} is no part of the image, which has none of its layers");
    let lines = vec![first.lines.0, removal.lines.0];
    let title = format!("the RUNs of lines {} need not be chained: {reason}", enumerate(&lines));
    Some(Suggestion { refused: Some(reason), ..Suggestion::new(CHAIN_RUNS, title, 0, Vec::new(), lines) })
}

fn removes(instruction: &Instruction) -> bool {
    let Kind::Run(run) = &instruction.kind else { return false };
    let ShellOrExec::Shell(command) = &run.command else { return false };
    let commands = shell::commands(&command.value).unwrap_or_default();
    !commands.is_empty() && commands.iter().all(|command| command.words.first().is_some_and(|name| name == "rm"))
}
