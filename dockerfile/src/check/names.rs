//! How things are written: names of stages, the case of keywords, comments that describe.

use super::{Findings, line_of, warning};
use crate::{Dockerfile, Instruction, Kind, Span};

/// Stage names that mean something else in `FROM` and `COPY --from`.
const RESERVED: [&str; 2] = ["context", "scratch"];

pub(super) fn check(file: &Dockerfile, found: &mut Findings<'_>) {
    stage_names(file, found);
    keyword_case(file, found);
    for instruction in &file.instructions {
        match &instruction.kind {
            Kind::From(_) => from_as(instruction, found),
            Kind::Maintainer(name) => found.add(
                instruction,
                warning(
                    "MaintainerDeprecated",
                    line_of(instruction),
                    "Maintainer instruction is deprecated in favor of using label".to_owned(),
                )
                .helped(Some(format!("LABEL org.opencontainers.image.authors={:?}", name.value))),
            ),
            _ => {}
        }
        description(instruction, found);
    }
}

fn stage_names(file: &Dockerfile, found: &mut Findings<'_>) {
    let mut seen: Vec<String> = Vec::new();
    for instruction in &file.instructions {
        let Kind::From(from) = &instruction.kind else { continue };
        let Some(alias) = &from.alias else { continue };
        let name = alias.value.to_lowercase();
        if name != alias.value {
            let message = format!("Stage name '{}' should be lowercase", alias.value);
            found.add(
                instruction,
                warning("StageNameCasing", alias.span, message).helped(Some(format!("write it as {name}"))),
            );
        }
        if RESERVED.contains(&name.as_str()) {
            let message = format!("Stage name should not use the same name as reserved stage {name:?}");
            found.add(instruction, warning("ReservedStageName", alias.span, message));
        }
        if seen.contains(&name) {
            let message = format!("Duplicate stage name {name:?}, stage names should be unique");
            found.add(
                instruction,
                warning("DuplicateStageName", alias.span, message).labelled("from here on the name means this stage"),
            );
        }
        seen.push(name);
    }
}

/// `from a AS b`: the two keywords should be in one case. A FROM that mixes cases itself is the business of
/// `ConsistentInstructionCasing`.
fn from_as(instruction: &Instruction, found: &mut Findings<'_>) {
    let Kind::From(from) = &instruction.kind else { return };
    let Some(alias) = &from.alias else { return };
    let keyword = &instruction.keyword.value;
    let Some(as_keyword) = instruction.original.split_whitespace().rev().nth(1) else { return };
    let Some(case) = case_of(keyword) else { return };
    if case.of(as_keyword) == as_keyword {
        return;
    }
    // the word between image and name; what else could be there are continuations and comments
    let between = from.image.span.end..alias.span.start;
    let at = found
        .source
        .get(between.clone())
        .and_then(|text| text.windows(as_keyword.len()).position(|window| window == as_keyword.as_bytes()));
    let span = at.map_or(line_of(instruction), |at| Span {
        start: between.start + at,
        end: between.start + at + as_keyword.len(),
    });
    let message = format!("'{as_keyword}' and '{keyword}' keywords' casing do not match");
    let help = format!("write it as {}", case.of(as_keyword));
    found.add(instruction, warning("FromAsCasing", span, message).helped(Some(help)));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Lower,
    Upper,
}

impl Case {
    fn of(self, word: &str) -> String {
        match self {
            Self::Lower => word.to_lowercase(),
            Self::Upper => word.to_uppercase(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Lower => "lowercase",
            Self::Upper => "uppercase",
        }
    }
}

/// The case of a word that is all in one.
fn case_of(word: &str) -> Option<Case> {
    [Case::Lower, Case::Upper].into_iter().find(|case| case.of(word) == word)
}

/// Keywords should be in the case that most of them are in; upper case when it is a draw. ARGs before the first FROM are not
/// looked at, as in BuildKit.
fn keyword_case(file: &Dockerfile, found: &mut Findings<'_>) {
    let cut = file.stages();
    let keywords: Vec<&Instruction> = cut
        .stages
        .iter()
        .flat_map(|stage| std::iter::once(stage.from_instruction).chain(stage.instructions.iter().copied()))
        .collect();
    let count = |case| keywords.iter().filter(|it| case_of(&it.keyword.value) == Some(case)).count();
    let majority = if count(Case::Lower) > count(Case::Upper) { Case::Lower } else { Case::Upper };
    for instruction in keywords {
        let keyword = &instruction.keyword;
        if majority.of(&keyword.value) != keyword.value {
            let message = format!(
                "Command '{}' should match the case of the command majority ({})",
                keyword.value,
                majority.name()
            );
            let help = format!("write it as {}", majority.of(&keyword.value));
            found.add(instruction, warning("ConsistentInstructionCasing", keyword.span, message).helped(Some(help)));
        }
    }
}

/// A comment above a named stage or an ARG is taken for its description, which begins with the name.
fn description(instruction: &Instruction, found: &mut Findings<'_>) {
    let (kind, names): (_, Vec<&str>) = match &instruction.kind {
        Kind::From(from) => ("FROM", from.alias.iter().map(|alias| alias.value.as_str()).collect()),
        Kind::Arg(args) => ("ARG", args.iter().map(|arg| arg.name.value.as_str()).collect()),
        _ => return,
    };
    let (Some(comment), Some(first)) = (found.comments.last(instruction), names.first()) else { return };
    let word = comment.split(' ').next().unwrap_or_default();
    let is_name = |name: &&str| if kind == "FROM" { name.to_lowercase() == word } else { *name == word };
    if names.iter().any(is_name) {
        return;
    }
    let example = if names.len() > 1 { "<arg_key>".to_owned() } else { (*first).to_owned() };
    let message = format!("Comment for {kind} should follow the format: `# {example} <description>`");
    found.add(instruction, warning("InvalidDefinitionDescription", line_of(instruction), message));
}
