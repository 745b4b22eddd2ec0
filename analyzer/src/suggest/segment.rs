//! Which RUN instructions stand next to each other with nothing between them that forbids chaining.
//!
//! ```text
//! RUN a │ LABEL │ RUN b │ COPY │ RUN c │ RUN ["d"] │ RUN e
//! └── one segment ────┘   ▲      one    ▲ obstacle    one
//!                         └ obstacle
//! ```

use strata_dockerfile::{Dockerfile, Instruction, Kind, Run as RunWords, ShellOrExec, Span};
use strata_image::config::DEFAULT_SHELL;

use super::{
    Cost, DeadBytes, Evidence, Recipe,
    partition::Row,
    shell::{self, Body},
};
use crate::{attribution::parent, ledger::BrokenLink, size_text};

/// RUN instructions that are looked at together: twice what overlayfs can mount, and the search takes its square.
const MAX_RUNS: usize = 1_000;
/// Bytes of one argument that Linux passes to a program, its end included (`MAX_ARG_STRLEN`).
const MAX_COMMAND: usize = 128 << 10;
/// Shells whose grammar the scanner knows.
const POSIX_SHELLS: &[&str] = &["sh", "ash", "dash", "bash"];

/// One RUN that can be chained.
pub(super) struct Run<'a> {
    /// Index in the file.
    pub(super) index: usize,
    pub(super) instruction: &'a Instruction,
    /// What the shell is given.
    pub(super) command: &'a str,
    /// Where that stands in the source.
    pub(super) span: Span,
    pub(super) body: Body,
    pub(super) shell: Vec<String>,
    /// Whether the shell is bash.
    pub(super) bash: bool,
    flags: Vec<&'a str>,
}

/// RUNs whose layers lie on each other.
pub(super) struct Segment<'a> {
    pub(super) first_layer: usize,
    pub(super) runs: Vec<Run<'a>>,
}

impl Segment<'_> {
    /// What a partition asks of the segment; `dead` by the numbers of its RUNs.
    pub(super) fn row<'d>(&self, recipe: &Recipe<'_>, evidence: &Evidence, dead: &'d [DeadBytes]) -> Row<'d> {
        Row {
            dead,
            earliest: self.earliest(&evidence.broken_links),
            again: evidence.costs.of_segment(self.first_layer, self.runs.len()),
            steps: recipe.steps.iter().flatten().count(),
        }
    }

    /// The dead bytes that lie within the segment, by the numbers of its RUNs.
    pub(super) fn local(&self, dead: &[DeadBytes]) -> Vec<DeadBytes> {
        let number = |layer: usize| layer.checked_sub(self.first_layer).filter(|number| *number < self.runs.len());
        let local = dead.iter().filter_map(|dead| {
            Some(DeadBytes { creator: number(dead.creator)?, killer: number(dead.killer)?, bytes: dead.bytes })
        });
        local.collect()
    }

    /// For each RUN, the first one that may be in one range with it.
    pub(super) fn earliest(&self, broken_links: &[BrokenLink]) -> Vec<usize> {
        let mut earliest = 0;
        let mut bytes = 0;
        let mut first = 0;
        let mut result = Vec::with_capacity(self.runs.len());
        for (last, run) in self.runs.iter().enumerate() {
            if last > 0 && self.runs[last - 1].body.background {
                earliest = last;
            }
            for link in broken_links.iter().filter(|link| link.broken == self.first_layer + last) {
                if let Some(made) = link.made.checked_sub(self.first_layer) {
                    earliest = earliest.max(made + 1);
                }
            }
            bytes += quoted_length(run);
            while bytes > MAX_COMMAND {
                bytes -= quoted_length(&self.runs[first]);
                first += 1;
            }
            earliest = earliest.max(first).min(last);
            result.push(earliest);
        }
        result
    }
}

/// Bytes that a command takes in a chain, at most.
fn quoted_length(run: &Run<'_>) -> usize {
    let quotes = run.command.bytes().filter(|&byte| byte == b'\'').count();
    let shell: usize = run.shell.iter().map(|word| word.len() + 3).sum();
    run.command.len() + 3 * quotes + shell + " && ''".len()
}

/// Something that stands in the way of chaining.
struct Obstacle {
    /// Twice the instruction's index; one less where it lies before that instruction.
    place: usize,
    reason: String,
}

/// A Dockerfile cut into segments.
pub(super) struct Plan<'a> {
    pub(super) segments: Vec<Segment<'a>>,
    obstacles: Vec<Obstacle>,
}

impl<'a> Plan<'a> {
    /// Cuts the stages that are part of the image; others save it nothing.
    pub(super) fn of(recipe: &Recipe<'a>) -> Self {
        let mut plan = Self { segments: Vec::new(), obstacles: Vec::new() };
        let mut current: Option<Segment<'a>> = None;
        for (index, instruction) in recipe.file.instructions.iter().enumerate() {
            let run = match &instruction.kind {
                Kind::Run(words) => Run::of(recipe, index, instruction, words),
                kind => match barrier(kind) {
                    Some(why) => Err(format!("the {} of line {} {why}", keyword(instruction), instruction.lines.0)),
                    None => continue,
                },
            };
            let (run, layer) = match run {
                Ok(found) => found,
                Err(reason) => {
                    plan.obstacles.push(Obstacle { place: 2 * index, reason });
                    plan.segments.extend(current.take());
                    continue;
                }
            };
            if let Some(reason) = current.as_ref().and_then(|segment| segment.refuses(&run, layer)) {
                plan.obstacles.push(Obstacle { place: 2 * index - 1, reason });
                plan.segments.extend(current.take());
            }
            current.get_or_insert_with(|| Segment { first_layer: layer, runs: Vec::new() }).runs.push(run);
        }
        plan.segments.extend(current);
        plan
    }

    /// What stands between two instructions, in words.
    pub(super) fn obstacle(&self, made: usize, killed: usize) -> Option<&str> {
        let between = 2 * made..=2 * killed;
        let obstacle = self.obstacles.iter().find(|obstacle| between.contains(&obstacle.place))?;
        Some(&obstacle.reason)
    }

    /// Says in words why two instructions are not chained.
    pub(super) fn reason(
        &self,
        made: usize,
        killed: usize,
        dead: DeadBytes,
        broken_links: &[BrokenLink],
        cost: Option<Cost>,
    ) -> String {
        if let Some(reason) = self.obstacle(made, killed) {
            return reason.to_owned();
        }
        let runs = self.segments.iter().flat_map(|segment| &segment.runs);
        let mut before_last = runs.filter(|run| (made..killed).contains(&run.index));
        if let Some(run) = before_last.find(|run| run.body.background) {
            let line = run.instruction.lines.0;
            return format!("the RUN of line {line} leaves something running, which its own end stops");
        }
        let inside = |link: &&BrokenLink| link.made >= dead.creator && link.broken <= dead.killer;
        if let Some(link) = broken_links.iter().find(inside) {
            return format!("{} would stay a hard link, which it is not between two layers", link.path);
        }
        let chained = self.segments.iter().flat_map(|segment| &segment.runs);
        let length: usize =
            chained.filter(|run| (made..=killed).contains(&run.index)).map(|run| quoted_length(run)).sum();
        match cost {
            Some(cost) if length <= MAX_COMMAND => format!(
                "it is worth less than what later builds would repeat: {} and {} for each change of the last line alone",
                seconds(cost.rebuild_milliseconds),
                size_text(cost.transfer_bytes)
            ),
            _ => format!("the command would be longer than {MAX_COMMAND} bytes, which Linux does not pass"),
        }
    }
}

impl<'a> Segment<'a> {
    /// Why a RUN cannot follow those that are here.
    fn refuses(&self, run: &Run<'a>, layer: usize) -> Option<String> {
        let last = self.runs.last()?;
        let line = run.instruction.lines.0;
        if last.flags != run.flags {
            return Some(format!("the RUN of line {line} has other flags than the one before it"));
        }
        if self.first_layer + self.runs.len() != layer {
            return Some(format!("the layer of line {line} does not lie on that of the RUN before it"));
        }
        (self.runs.len() == MAX_RUNS).then(|| format!("more than {MAX_RUNS} RUNs stand before line {line}"))
    }
}

impl<'a> Run<'a> {
    /// A RUN and its layer, or why it cannot be chained to anything.
    fn of(
        recipe: &Recipe<'a>,
        index: usize,
        instruction: &'a Instruction,
        words: &'a RunWords,
    ) -> Result<(Self, usize), String> {
        if !words.mounts.is_empty() {
            let line = instruction.lines.0;
            return Err(format!("the RUN of line {line} has a mount, which the other command would see or miss"));
        }
        Self::read(recipe, index, instruction, words)
    }

    /// A RUN and its layer, or why its command cannot be told.
    pub(super) fn read(
        recipe: &Recipe<'a>,
        index: usize,
        instruction: &'a Instruction,
        words: &'a RunWords,
    ) -> Result<(Self, usize), String> {
        let line = instruction.lines.0;
        let refuse = |why: &str| Err(format!("the RUN of line {line} {why}"));
        let mut layers = recipe.steps.iter().enumerate().filter(|(_, step)| **step == Some(index));
        let (Some((layer, _)), None) = (layers.next(), layers.next()) else {
            return refuse("is not one layer of this image");
        };
        if !words.heredocs.is_empty() {
            return refuse("is a here-document, which is not edited yet");
        }
        let ShellOrExec::Shell(command) = &words.command else {
            return refuse("is in exec form, which needs no shell");
        };
        let shell = shell_of(recipe, index);
        let Some(name) = known_shell(&shell) else {
            return refuse(&format!("is run by {}, whose grammar is not known here", shell.join(" ")));
        };
        let body = match shell::read(command.value.trim(), name == "bash") {
            Ok(body) => body,
            Err(unreadable) => {
                return refuse(&format!("cannot be read as a command: {unreadable}"));
            }
        };
        let mut flags: Vec<&str> = instruction.flags.iter().map(|flag| flag.value.as_str()).collect();
        flags.sort_unstable();
        let (command, span, bash) = (command.value.trim(), command.span, name == "bash");
        let run = Self { index, instruction, command, span, body, shell, bash, flags };
        Ok((run, layer))
    }
}

/// `12.3s`.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{}s", milliseconds / 1_000, milliseconds % 1_000 / 100)
}

/// Why an instruction cannot be moved over a command; `None` for those that only write metadata.
///
/// LABEL, EXPOSE, CMD, ENTRYPOINT, STOPSIGNAL, HEALTHCHECK, ONBUILD and MAINTAINER change nothing that a RUN can see.
fn barrier(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Label(_)
        | Kind::Expose(_)
        | Kind::Cmd(_)
        | Kind::Entrypoint(_)
        | Kind::StopSignal(_)
        | Kind::Healthcheck(_)
        | Kind::Onbuild(_)
        | Kind::Maintainer(_)
        | Kind::Run(_) => None,
        Kind::From(_) => Some("starts another stage"),
        Kind::Copy(_) | Kind::Add(_) => Some("writes files between the commands, and cannot be part of a RUN"),
        Kind::Env(_) | Kind::Arg(_) => Some("would be seen by the command before it"),
        Kind::User(_) => Some("changes who runs the next command"),
        Kind::Workdir(_) => Some("makes a directory and changes where the next command runs"),
        Kind::Shell(_) => Some("changes the shell of the next command"),
        Kind::Volume(_) => Some("makes a volume, whose later changes some builders drop"),
    }
}

fn keyword(instruction: &Instruction) -> String {
    instruction.keyword.value.to_ascii_uppercase()
}

/// The shell that an instruction's command is given to.
fn shell_of(recipe: &Recipe<'_>, index: usize) -> Vec<String> {
    let from_base = || match recipe.base_shell {
        Some(shell) if !shell.is_empty() => shell.to_vec(),
        _ => DEFAULT_SHELL.map(str::to_owned).to_vec(),
    };
    declared_shell(recipe.file, index).unwrap_or_else(from_base)
}

/// The last SHELL before an instruction, in its stage or in the stages that it starts from.
fn declared_shell(file: &Dockerfile, index: usize) -> Option<Vec<String>> {
    let stages = file.stages().stages;
    let place = file.instructions[index].span;
    let mut stage = stages.iter().rposition(|stage| stage.from_instruction.span.start <= place.start)?;
    let mut end = place.start;
    loop {
        let before = stages[stage].instructions.iter().filter(|instruction| instruction.span.start < end);
        let mut shells = before.filter_map(|instruction| match &instruction.kind {
            Kind::Shell(words) => Some(words),
            _ => None,
        });
        if let Some(words) = shells.next_back() {
            return Some(words.iter().map(|word| word.value.clone()).collect());
        }
        stage = parent(&stages, stage)?;
        end = usize::MAX;
    }
}

/// The name of a shell that the scanner can follow, called with a command in its last argument.
fn known_shell(shell: &[String]) -> Option<&str> {
    let (program, options) = shell.split_first()?;
    let takes_command = options.last().is_some_and(|last| last.starts_with('-') && last.ends_with('c'));
    let name = program.rsplit('/').next()?;
    (takes_command && POSIX_SHELLS.contains(&name)).then_some(name)
}
