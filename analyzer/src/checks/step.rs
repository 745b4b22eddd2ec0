//! The instructions that make the shipped layers, with the commands of each RUN.

use strata_dockerfile::{Dockerfile, Instruction, Kind, Run, Script, Span, Stage};

use crate::suggest::shell::{self, SimpleCommand};

/// A RUN whose script could be read.
pub(super) struct Step<'a> {
    pub(super) instruction: &'a Instruction,
    pub(super) run: &'a Run,
    pub(super) commands: Vec<SimpleCommand>,
}

/// A stage whose layers are part of the image.
pub(super) struct Shipped<'a> {
    pub(super) stage: Stage<'a>,
    pub(super) steps: Vec<Step<'a>>,
}

/// The last stage and the stages that it is built on, the lowest first.
pub(super) fn shipped(file: &Dockerfile) -> Vec<Shipped<'_>> {
    let stages = file.stages().stages;
    let mut shipped = Vec::new();
    let mut next = stages.len().checked_sub(1);
    while let Some(at) = next {
        let stage = stages[at].clone();
        let image = stage.from.image.value.to_lowercase();
        next = stages[..at].iter().rposition(|stage| stage.name.as_deref() == Some(image.as_str()));
        let steps = stage.instructions.iter().filter_map(|instruction| Step::of(instruction)).collect();
        shipped.push(Shipped { stage, steps });
    }
    shipped.reverse();
    shipped
}

impl<'a> Step<'a> {
    fn of(instruction: &'a Instruction) -> Option<Self> {
        let Kind::Run(run) = &instruction.kind else { return None };
        let Some(Script::Text(script)) = run.script() else { return None };
        let commands = shell::commands(&script)?;
        Some(Self { instruction, run, commands })
    }

    /// Where a warning about it points: the command, without heredocs.
    pub(super) fn span(&self) -> Span {
        self.run.command_span
    }

    /// All of the script, as it stands.
    pub(super) fn run_text(&self) -> &str {
        &self.instruction.original
    }

    /// The commands of this name, wherever it is installed, `sudo` before it or not.
    pub(super) fn named<'s>(&'s self, names: &'s [&str]) -> impl Iterator<Item = &'s [String]> {
        self.commands.iter().filter_map(move |command| {
            let words = arguments(&command.words);
            let name = words.first()?.rsplit('/').next()?;
            names.contains(&name).then_some(words)
        })
    }

    /// Whether what lies at a path does not stay in the layer: a mount is over it, the script removes it or a directory above
    /// or below it, or the script calls something that may.
    pub(super) fn is_cleaned(&self, paths: &[&str]) -> bool {
        self.is_mounted(paths)
            || self.may_clean()
            || self.named(&["rm", "find"]).any(|words| {
                words[1..].iter().any(|word| {
                    let word = word.trim_end_matches(['*', '/']);
                    // braces and variables leave a part that is compared as it stands
                    let overlaps = |path: &&str| word.len() > 1 && (path.starts_with(word) || word.starts_with(*path));
                    paths.iter().any(overlaps)
                        || word.contains(['{', '~']) && paths.iter().any(|path| shares_name(word, path))
                })
            })
    }

    fn is_mounted(&self, paths: &[&str]) -> bool {
        let options = self.run.mounts.iter().flat_map(|mount| &mount.options);
        let targets = options.filter(|option| matches!(option.name.value.as_str(), "target" | "dst" | "destination"));
        targets.filter_map(|option| option.value.as_ref()).any(|target| {
            let target = target.value.trim_end_matches('/');
            target.contains('$') || paths.iter().any(|path| path.starts_with(target) || target.starts_with(path))
        })
    }

    /// A script of the image's own, or a tool whose name says so, may clean up as well.
    fn may_clean(&self) -> bool {
        self.commands.iter().any(|command| {
            let name = arguments(&command.words).first().map_or("", String::as_str);
            let is_system = ["/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/"].iter().any(|dir| name.starts_with(dir));
            name.contains("clean")
                || name.contains('/') && !is_system
                || matches!(name, "." | "source" | "eval" | "bash" | "sh")
        })
    }

    /// Whether a command assigns, or an earlier ENV sets, a variable.
    pub(super) fn sets(&self, stage: &Stage<'_>, name: &str) -> bool {
        let assigned = |text: &String| text.split_once('=').is_some_and(|(key, _)| key == name);
        let in_script = self.commands.iter().any(|command| {
            command.assignments.iter().any(assigned)
                || command.words.first().is_some_and(|word| word == "export") && command.words.iter().any(assigned)
        });
        in_script
            || stage.instructions.iter().any(|instruction| match &instruction.kind {
                Kind::Env(pairs) => pairs.iter().any(|pair| pair.key.value == name),
                Kind::Arg(args) => args.iter().any(|arg| arg.name.value == name),
                _ => false,
            })
    }
}

/// A command's words without what only runs it.
fn arguments(words: &[String]) -> &[String] {
    let mut words = words;
    while let [first, rest @ ..] = words
        && (matches!(first.as_str(), "sudo" | "env" | "exec" | "command" | "time" | "nice") || first.contains('='))
        && !rest.is_empty()
    {
        words = rest;
    }
    words
}

/// Whether a word names any directory of a path.
fn shares_name(word: &str, path: &str) -> bool {
    path.split('/').skip(2).any(|name| !name.is_empty() && word.contains(name))
}
