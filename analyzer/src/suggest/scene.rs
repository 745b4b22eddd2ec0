//! All rules together: what they look at, and what becomes of their answers.

use std::{cmp::Reverse, collections::BTreeMap, fmt, path::Path, sync::Arc};

use strata_dockerfile::edit;
use strata_image::Layer;

use super::{
    CHAIN_RUNS, Caches, Context, Costs, DeadBytes, Evidence, MinSaving, Point, Recipe, Suggestion, Times,
    caches::{self, End, Mounted, Needed, Tally},
    chaining::{Beside, chain_beside, frontier, suppressed_chains},
    chance,
    compressed::Ratios,
    copy_flags, moved,
    overlap::{drop_repeated, mark_alternatives, saves_beside},
    unkept,
};
use crate::{Ledger, Result, findings::Accepted};

/// Everything that the rules look at.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The Dockerfile.
    pub recipe: Recipe<'a>,
    /// The account of the image that it made.
    pub ledger: &'a Ledger,
    /// The layers of that image.
    pub layers: &'a [Arc<dyn Layer>],
    /// The `WorkingDir` of the image.
    pub workdir: Option<&'a str>,
    /// What its COPYs took from, where that is at hand.
    pub context: Option<Context<'a>>,
    /// What is proposed for the caches of package managers.
    pub caches: Caches,
    /// The times of its steps, where they are known: without them the bytes alone decide what is chained.
    pub times: Option<&'a dyn Times>,
    /// What a second of a later build is worth, in bytes.
    pub second: u64,
    /// What a suggestion must save.
    pub min_saving: MinSaving,
    /// Where what was learnt of layers is kept.
    pub cache: Option<&'a Path>,
    /// What suppressions are about, where there are any.
    pub(crate) accepted: Option<&'a Accepted<'a>>,
}

impl fmt::Debug for Scene<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scene").field("recipe", &self.recipe).finish_non_exhaustive()
    }
}

/// All that the rules say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proposals {
    /// The possible suggestions first, then the refused ones, each by bytes saved.
    pub suggestions: Vec<Suggestion>,
    /// What chaining saves at best for each number of steps that it merges into others, whatever it costs.
    pub frontier: Vec<Point>,
}

/// Proposes everything that saves bytes.
///
/// Suggestions of different rules may change the same lines: those that save most stand first, and of those that save
/// the same the ones that leave the instructions apart; the others are marked as alternatives.
///
/// # Errors
/// Fails when a layer cannot be applied below another one than its own.
pub fn all(scene: &Scene<'_>) -> Result<Proposals> {
    let ratios = Ratios::new(scene.layers, scene.ledger, scene.cache);
    let evidence = Evidence {
        costs: Costs::of(&scene.recipe, scene.ledger, scene.times, scene.second, &ratios),
        ..Evidence::of(scene.ledger)
    };
    let frontier = frontier(&scene.recipe, &evidence);
    let mut found = copy_flags::find(scene)?;
    let moved = moved::find(scene)?;
    let is_moved = |unkept: &Suggestion| moved.iter().any(|moved| moved.layers == unkept.layers);
    found.extend(unkept::find(scene).into_iter().filter(|unkept| unkept.refused.is_none() || !is_moved(unkept)));
    found.extend(moved);
    let is_answered = |chained: &Suggestion| {
        found
            .iter()
            .any(|other| !chained.layers.is_empty() && chained.layers.iter().all(|layer| other.layers.contains(layer)))
    };
    let tally = Tally::of(scene);
    let mut kept = caches::find(scene, &tally);
    scene.refuse_small(&mut kept);
    let suppressed = scene.suppressed_bytes();
    let (evidence, saved) = evidence.without(&kept, &suppressed);
    let beside =
        Beside { saved, needed: Needed::of(scene, &tally), mounted: Mounted::of(scene, &tally, &kept), suppressed };
    // where another rule has an answer, that two instructions cannot be chained is none
    let mut chained: Vec<Suggestion> = chain_beside(&scene.recipe, &evidence, &beside)
        .into_iter()
        .filter(|chained| chained.refused.is_none() || !is_answered(chained))
        .collect();
    let untold = suppressed_chains(&scene.recipe, &evidence, &beside, &chained);
    let untold = untold.into_iter().filter_map(|(chain, numbers)| scene.suppress(chain, &numbers));
    let untold: Vec<Suggestion> = untold.filter(|chain| !is_answered(chain)).collect();
    scene.refuse_small_beside(&mut chained, &kept);
    found.extend(chained);
    found.extend(untold);
    found.extend(kept);
    let rest = caches::rest(scene, &tally, &found);
    found.retain(|chained| !caches::answers(&rest, chained));
    found.extend(rest);
    scene.refuse_small(&mut found);
    caches::reach_over_chains(&tally, &mut found);
    found.sort_by_key(|suggestion| {
        let is_last = suggestion.rule == CHAIN_RUNS;
        (suggestion.refused.is_some(), Reverse(suggestion.saves_bytes), is_last, suggestion.layers.clone())
    });
    mark_alternatives(&mut found, scene.caches);
    drop_repeated(&mut found);
    for suggestion in &mut found {
        if suggestion.saves_bytes > 0 {
            suggestion.saves_compressed = Some(ratios.estimate(&suggestion.made));
        }
        if suggestion.is_possible() {
            suggestion.notes = chance::notes(scene, suggestion);
        }
    }
    Ok(Proposals { suggestions: found, frontier })
}

impl Evidence {
    /// Takes away what suggestions for caches save of the dead bytes, and what suppressions are about, and gives both.
    fn without(mut self, kept: &[Suggestion], suppressed: &[(DeadBytes, usize)]) -> (Self, Vec<DeadBytes>) {
        let mut saved: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        for left in kept.iter().filter(|kept| kept.is_possible()).flat_map(|kept| &kept.left) {
            // what someone removed is to go with the RUN that removed it
            if let End::Replaced(killer) = left.end
                && left.suppressed.is_none()
            {
                *saved.entry((left.layer, killer)).or_default() += left.bytes;
            }
        }
        for (dead, _) in suppressed {
            *saved.entry((dead.creator, dead.killer)).or_default() += dead.bytes;
        }
        for dead in &mut self.dead {
            dead.bytes -= saved.get(&(dead.creator, dead.killer)).copied().unwrap_or_default().min(dead.bytes);
        }
        let dead = |((creator, killer), bytes)| DeadBytes { creator, killer, bytes };
        (self, saved.into_iter().map(dead).collect())
    }
}

impl Scene<'_> {
    /// Refuses what saves too little.
    fn refuse_small(&self, suggestions: &mut [Suggestion]) {
        self.refuse_small_beside(suggestions, &[]);
    }

    /// Refuses what saves too little beside others.
    fn refuse_small_beside(&self, suggestions: &mut [Suggestion], others: &[Suggestion]) {
        for suggestion in suggestions.iter_mut().filter(|suggestion| suggestion.is_possible()) {
            let more = saves_beside(suggestion, others);
            let is_enough = |bytes| self.min_saving.admits(bytes, self.ledger.total());
            if !is_enough(more) {
                let beside = if is_enough(suggestion.saves_bytes) { "beside what is done for caches " } else { "" };
                suggestion.refuse(format!("{beside}{}", self.min_saving.reason()));
            }
        }
    }

    /// The first line of the instruction of each layer.
    pub(super) fn lines(&self, layers: &[usize]) -> Vec<u32> {
        let line = |layer: &usize| {
            let index = self.recipe.steps.get(*layer).copied().flatten()?;
            Some(self.recipe.file.instructions.get(index)?.lines.0)
        };
        layers.iter().filter_map(line).collect()
    }

    /// Adds the diff to a suggestion, or the reason why there is none: the edited file must read back.
    pub(super) fn finish(&self, mut suggestion: Suggestion) -> Suggestion {
        let refused = match edit::apply(self.recipe.source, &suggestion.edits) {
            Err(overlap) => overlap.to_string(),
            Ok(after) if strata_dockerfile::parse(&after).has_errors() => {
                "the edited file would not read back as it was meant".to_owned()
            }
            Ok(after) => {
                let mut diff = edit::unified_diff(self.recipe.diff_name(), self.recipe.source, &after);
                if let Some(context) = &self.context {
                    diff.push_str(&context.diff(&suggestion.ignore));
                }
                suggestion.edit = Some(diff);
                return suggestion;
            }
        };
        suggestion.refuse(refused);
        suggestion
    }
}

impl Context<'_> {
    /// The ignore file with lines added to its end. A new one also hides itself, since it was in no image before.
    pub fn ignoring(&self, lines: &[String]) -> Vec<u8> {
        let mut text = match self.ignore {
            Some(text) => text.to_vec(),
            None => format!("{}\n", self.ignore_name).into_bytes(),
        };
        if !text.is_empty() && !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        for line in lines {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        text
    }

    /// The change of the ignore file that adds lines, as a unified diff; empty when there are none.
    pub fn diff(&self, lines: &[String]) -> String {
        if lines.is_empty() {
            return String::new();
        }
        let after = self.ignoring(lines);
        match self.ignore {
            Some(before) => edit::unified_diff(self.ignore_name, before, &after),
            None => edit::new_file_diff(self.ignore_name, &after),
        }
    }
}
