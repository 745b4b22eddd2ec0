//! What of a command may not come out the same twice: said beside a suggestion, since its proof runs the command again.

use strata_dockerfile::{Instruction, Kind, ShellOrExec};

use super::{
    Scene, Suggestion,
    shell::{self, SimpleCommand},
};

/// Sentences beside one suggestion: who reads more knows the rest.
const MAX_NOTES: usize = 3;

/// Programs that take what the network has at that time.
const FETCHES: &[&str] = &[
    "apk", "apt", "apt-get", "aptitude", "aria2c", "brew", "bun", "bundle", "cargo", "composer", "conda", "curl",
    "dnf", "dotnet", "ftp", "gem", "git", "go", "gradle", "mamba", "microdnf", "mvn", "npm", "npx", "pacman", "pip",
    "pip3", "pnpm", "poetry", "rsync", "scp", "svn", "tdnf", "uv", "wget", "yarn", "yum", "zypper",
];

/// Programs that give something else each time.
const CHANGES: &[&str] = &["date", "mktemp", "shuf", "ssh-keygen", "uuidgen"];

/// Text in which a command gets something else each time.
const SOURCES: &[&str] = &["/dev/random", "/dev/urandom", "/proc/sys/kernel/random/", "$RANDOM", "${RANDOM}", "$$"];

/// What the commands that a suggestion makes run again may do otherwise: those of the first layer that it changes, and
/// of all above.
pub(super) fn notes(scene: &Scene<'_>, suggestion: &Suggestion) -> Vec<String> {
    let Some(first) = suggestion.layers.iter().min() else { return Vec::new() };
    let steps = scene.recipe.steps.iter().skip(*first).flatten();
    let instructions = steps.filter_map(|step| scene.recipe.file.instructions.get(*step));
    let notes = instructions.filter_map(|instruction| {
        let why = why(instruction)?;
        Some(format!("the RUN of line {} {why}: two runs of it need not give the same", instruction.lines.0))
    });
    notes.take(MAX_NOTES).collect()
}

fn why(instruction: &Instruction) -> Option<String> {
    let Kind::Run(run) = &instruction.kind else { return None };
    let mut script = match &run.command {
        ShellOrExec::Shell(command) => command.value.clone(),
        ShellOrExec::Exec(words) => words.iter().map(|word| word.value.as_str()).collect::<Vec<_>>().join(" "),
    };
    for heredoc in &run.heredocs {
        script.push('\n');
        script.push_str(&heredoc.content);
    }
    if let Some(source) = SOURCES.iter().find(|source| script.contains(**source)) {
        return Some(format!("reads {source}, which is something else each time"));
    }
    let commands = shell::commands(&script)?;
    // what is called by another program, as by `sudo` or `xargs`, is among its words
    let words = || commands.iter().filter(|command| !asks(command)).flat_map(|command| &command.words);
    let names = || words().filter_map(|word| word.rsplit('/').next());
    let called =
        |programs: &[&'static str]| names().find_map(|name| programs.iter().copied().find(|program| *program == name));
    if let Some(program) = called(FETCHES) {
        return Some(format!("calls {program}, which takes what the network has at that time"));
    }
    called(CHANGES).map(|program| format!("calls {program}, which gives something else each time"))
}

/// Whether a command only makes a program say what it is: `apt-get --version`.
fn asks(command: &SimpleCommand) -> bool {
    let Some((last, before)) = command.words.split_last() else { return false };
    matches!(last.as_str(), "--version" | "--help")
        || before.len() == 1 && matches!(last.as_str(), "-V" | "-h" | "version" | "help")
}

#[cfg(test)]
mod tests {
    use super::{SimpleCommand, asks};

    #[test]
    fn what_only_asks_a_program_is_told_from_what_works() {
        let asked = |words: &str| {
            asks(&SimpleCommand { words: words.split(' ').map(str::to_owned).collect(), ..SimpleCommand::default() })
        };
        assert!(["apt-get --version", "sudo apt-get --version", "go version", "curl -V"].into_iter().all(asked));
        assert!(
            ["apt-get update", "cargo install a --version 1.2", "git clone version"].into_iter().all(|it| !asked(it))
        );
    }
}
