//! A Dockerfile as if it had been built: a layer for each instruction that makes one.

use strata_analyzer::suggest::{DeadBytes, Evidence, Recipe, Suggestion, chain};
use strata_dockerfile::{Kind, Parsed, edit, parse};

/// Bytes that the instruction on one line made and that on another killed.
pub(crate) type Waste = (u32, u32, u64);

pub(crate) struct Build {
    pub(crate) source: String,
    pub(crate) parsed: Parsed,
    pub(crate) steps: Vec<Option<usize>>,
}

impl Build {
    /// One base layer, then one for each instruction of the last stage that makes one.
    pub(crate) fn of(source: &str) -> Self {
        let parsed = parse(source.as_bytes());
        assert!(
            parsed.diagnostics.iter().all(|problem| problem.severity != strata_dockerfile::Severity::Error),
            "{source}"
        );
        let mut steps = vec![None];
        for (index, instruction) in parsed.file.instructions.iter().enumerate() {
            match instruction.kind {
                Kind::From(_) => steps.truncate(1),
                Kind::Run(_) | Kind::Copy(_) | Kind::Add(_) | Kind::Workdir(_) => {
                    steps.push(Some(index));
                }
                _ => {}
            }
        }
        Self { source: source.to_owned(), parsed, steps }
    }

    pub(crate) fn layer(&self, line: u32) -> usize {
        let made_on =
            |step: &Option<usize>| step.is_some_and(|step| self.parsed.file.instructions[step].lines.0 == line);
        self.steps.iter().position(made_on).unwrap()
    }

    pub(crate) fn evidence(&self, dead: &[Waste]) -> Evidence {
        let dead = dead.iter().map(|&(creator, killer, bytes)| DeadBytes {
            creator: self.layer(creator),
            killer: self.layer(killer),
            bytes,
        });
        Evidence { dead: dead.collect(), ..Evidence::default() }
    }

    pub(crate) fn chain(&self, evidence: &Evidence) -> Vec<Suggestion> {
        let recipe = Recipe {
            name: "Dockerfile",
            source: self.source.as_bytes(),
            file: &self.parsed.file,
            steps: &self.steps,
            base_shell: None,
        };
        chain(&recipe, evidence)
    }
}

/// All possible suggestions applied together.
pub(crate) fn rewritten(source: &str, dead: &[Waste]) -> Option<String> {
    let build = Build::of(source);
    let suggestions = build.chain(&build.evidence(dead));
    let edits: Vec<_> = suggestions.iter().flat_map(|suggestion| suggestion.edits.clone()).collect();
    (!edits.is_empty()).then(|| String::from_utf8(edit::apply(source.as_bytes(), &edits).unwrap()).unwrap())
}

pub(crate) fn refusals(source: &str, dead: &[Waste]) -> Vec<String> {
    let build = Build::of(source);
    let suggestions = build.chain(&build.evidence(dead));
    suggestions.into_iter().map(|suggestion| suggestion.refused.unwrap()).collect()
}
