//! What follows a FROM: one walk through each stage with what its instructions make of the environment.

use std::collections::BTreeMap;

use super::{Base, Facts, Findings, from::Global, line_of, warning, words};
use crate::{
    ArgDecl, Copy, CopySource, Dockerfile, Instruction, Kind, Pair, ShellOrExec, Span, Spanned, Stage, expand, ignore,
    suggest::nearest,
};

/// Read by BuildKit's scanners without being part of the environment.
const NO_VARIABLES: [&str; 2] = ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];

/// What a stage leaves to those that are built on it.
#[derive(Clone, Default)]
struct State {
    env: BTreeMap<String, String>,
    /// Whether all variables are known: they are not on top of an image that is not here.
    complete: bool,
    /// Names of its ARGs, with a value or not.
    declared: Vec<String>,
    workdir_set: bool,
    has_shell: bool,
}

impl State {
    /// On top of nothing, or of an image.
    fn on(base: Option<Base>, complete: bool) -> Self {
        let base = base.unwrap_or_default();
        let mut env: BTreeMap<String, String> = base.env.into_iter().collect();
        // the builder gives every stage one
        env.entry("PATH".to_owned()).or_default();
        Self { env, complete, workdir_set: base.has_working_dir, has_shell: base.has_shell, ..Self::default() }
    }
}

pub(super) fn check(file: &Dockerfile, facts: &Facts<'_>, has_errors: bool, found: &mut Findings<'_>) {
    let stages = file.stages();
    let global = if has_errors { None } else { Global::of(file, &stages, facts, true) };
    let mut known: BTreeMap<String, State> = BTreeMap::new();
    for stage in &stages.stages {
        let state = global.as_ref().and_then(|global| start(file, stage, global, &known, facts));
        let mut walk = Walk { file, facts, global: global.as_ref(), found, last: BTreeMap::new() };
        let end = walk.stage(stage, state);
        if let (Some(name), Some(end)) = (&stage.name, end) {
            known.insert(name.clone(), end);
        }
    }
}

fn start(
    file: &Dockerfile,
    stage: &Stage<'_>,
    global: &Global,
    known: &BTreeMap<String, State>,
    facts: &Facts<'_>,
) -> Option<State> {
    let expand = |word: &Spanned<String>| expand::word(&word.value, file.escape, &global.values).ok();
    let image = expand(&stage.from.image)?.text;
    if let Some(state) = known.get(&image.to_lowercase()) {
        return Some(state.clone());
    }
    if image == "scratch" {
        return Some(State::on(None, true));
    }
    let platform = match &stage.from.platform {
        Some(platform) => Some(expand(platform)?.text),
        None => None,
    };
    let base = facts.base.and_then(|look| look(&image, platform.as_deref()));
    let complete = base.is_some();
    Some(State::on(base, complete))
}

struct Walk<'w, 'a> {
    file: &'w Dockerfile,
    facts: &'w Facts<'w>,
    global: Option<&'w Global>,
    found: &'w mut Findings<'a>,
    /// The last CMD, ENTRYPOINT and HEALTHCHECK.
    last: BTreeMap<&'static str, &'w Instruction>,
}

impl<'w> Walk<'w, '_> {
    /// Goes through a stage; without a state, only what stands for itself is looked at.
    fn stage(&mut self, stage: &Stage<'w>, mut state: Option<State>) -> Option<State> {
        for instruction in &stage.instructions {
            self.alone(instruction);
            if let Some(state) = &mut state {
                self.expansions(instruction, state);
                self.within(instruction, state);
            }
        }
        state
    }

    /// What an instruction says by itself.
    fn alone(&mut self, instruction: &Instruction) {
        match &instruction.kind {
            Kind::Env(pairs) => {
                self.legacy(instruction, pairs);
                for pair in pairs {
                    self.secret("ENV", instruction, &pair.key);
                }
            }
            Kind::Label(pairs) => self.legacy(instruction, pairs),
            Kind::Arg(args) => {
                for arg in args {
                    self.secret("ARG", instruction, &arg.name);
                }
            }
            _ => {}
        }
    }

    fn legacy(&mut self, instruction: &Instruction, pairs: &[Pair]) {
        for pair in pairs.iter().filter(|pair| pair.legacy) {
            let keyword = &instruction.keyword.value;
            let message =
                format!("\"{keyword} key=value\" should be used instead of legacy \"{keyword} key value\" format");
            let (key, value) = (&pair.key.value, &pair.value.value);
            // quotes and escapes mean something else in the other form
            let help = (!value.contains(['"', '\'', '\\', '`'])).then(|| {
                let quote = if value.contains(char::is_whitespace) || value.is_empty() { "\"" } else { "" };
                format!("{keyword} {key}={quote}{value}{quote}")
            });
            let span = Span { start: pair.key.span.start, end: pair.value.span.end };
            self.found.add(instruction, warning("LegacyKeyValueFormat", span, message).helped(help));
        }
    }

    fn secret(&mut self, kind: &str, instruction: &Instruction, name: &Spanned<String>) {
        const SECRET: [&str; 10] =
            ["apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"];
        const HARMLESS: [&str; 3] = ["public", "file", "version"];
        let name_has =
            |words: &[&str]| name.value.split('_').any(|part| words.iter().any(|it| part.eq_ignore_ascii_case(it)));
        if name_has(&SECRET) && !name_has(&HARMLESS) {
            let message = format!("Do not use ARG or ENV instructions for sensitive data ({kind} {:?})", name.value);
            let help =
                format!("give it to the steps that need it: RUN --mount=type=secret,id={}", name.value.to_lowercase());
            self.found.add(
                instruction,
                warning("SecretsUsedInArgOrEnv", name.span, message)
                    .labelled("its value stays in the image's history")
                    .helped(Some(help)),
            );
        }
    }

    /// Variables that nothing sets.
    fn expansions(&mut self, instruction: &Instruction, state: &State) {
        for word in words::expanded(&instruction.kind) {
            if let Ok(expanded) = expand::word(&word.value, self.file.escape, &state.env) {
                self.undefined(instruction, &expanded.unset, word.span, state);
            }
        }
        for heredoc in words::heredocs(&instruction.kind) {
            if let Ok(expanded) = expand::heredoc(&heredoc.content, &state.env) {
                self.undefined(instruction, &expanded.unset, heredoc.body, state);
            }
        }
    }

    fn undefined(&mut self, instruction: &Instruction, unset: &[String], word: Span, state: &State) {
        let options: Vec<&str> = state.env.keys().map(String::as_str).collect();
        for name in unset {
            if state.declared.contains(name) || NO_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            let meant = nearest(name, &options);
            // an image that is not here may set it, unless it looks like a slip
            if !state.complete && meant.is_none() {
                continue;
            }
            let span = words::place_of(name, word, self.found.source);
            let message = format!("Usage of undefined variable '${name}'");
            let diagnostic =
                warning("UndefinedVar", span, message).helped(meant.map(|meant| format!("did you mean ${meant}?")));
            self.found.add(instruction, diagnostic);
        }
    }

    /// What an instruction means where it stands, and what it changes for those after it.
    fn within(&mut self, instruction: &'w Instruction, state: &mut State) {
        match &instruction.kind {
            Kind::Env(pairs) => {
                let before = state.env.clone();
                for pair in pairs {
                    let expand = |word: &Spanned<String>| expand::word(&word.value, self.file.escape, &before);
                    if let (Ok(key), Ok(value)) = (expand(&pair.key), expand(&pair.value)) {
                        state.env.insert(key.text, value.text);
                    }
                }
            }
            Kind::Arg(args) => {
                for arg in args {
                    self.arg(instruction, arg, state);
                }
            }
            Kind::Shell(_) => state.has_shell = true,
            Kind::Workdir(path) => self.workdir(instruction, path, state),
            Kind::Cmd(command) => {
                self.once("CMD", instruction);
                self.json(instruction, command, state);
            }
            Kind::Entrypoint(command) => {
                self.once("ENTRYPOINT", instruction);
                self.json(instruction, command, state);
            }
            Kind::Healthcheck(_) => self.once("HEALTHCHECK", instruction),
            Kind::Expose(ports) => self.expose(instruction, ports, state),
            Kind::Copy(copy) if copy.from.is_none() => self.ignored("Copy", instruction, copy, state),
            Kind::Add(copy) => self.ignored("Add", instruction, copy, state),
            _ => {}
        }
    }

    fn arg(&mut self, instruction: &Instruction, arg: &ArgDecl, state: &mut State) {
        let name = &arg.name.value;
        let given = self.facts.build_args.and_then(|args| args.get(name)).cloned();
        let value = given.or_else(|| match &arg.default {
            None => self.global?.values.get(name).cloned(),
            Some(default) => {
                let expanded = expand::word(&default.value, self.file.escape, &state.env).ok()?;
                self.undefined(instruction, &expanded.unset, default.span, state);
                Some(expanded.text)
            }
        });
        if let Some(value) = value.filter(|_| !NO_VARIABLES.contains(&name.as_str())) {
            state.env.insert(name.clone(), value);
        }
        state.declared.push(name.clone());
    }

    /// The first WORKDIR of a stage should not depend on what the base image has.
    fn workdir(&mut self, instruction: &Instruction, path: &Spanned<String>, state: &mut State) {
        let Ok(expanded) = expand::word(&path.value, self.file.escape, &state.env) else { return };
        if !std::mem::replace(&mut state.workdir_set, true) && !expanded.text.starts_with('/') {
            let message =
                format!("Relative workdir {:?} can have unexpected results if the base image changes", expanded.text);
            let help = format!("begin with an absolute path, such as /{}", expanded.text);
            self.found.add(instruction, warning("WorkdirRelativePath", path.span, message).helped(Some(help)));
        }
    }

    /// Of several, the last one counts; the one before is told.
    fn once(&mut self, name: &'static str, instruction: &'w Instruction) {
        let Some(earlier) = self.last.insert(name, instruction) else { return };
        let message = format!(
            "Multiple {} instructions should not be used in the same stage because only the last one will be used",
            earlier.keyword.value
        );
        let diagnostic = warning("MultipleInstructionsDisallowed", line_of(earlier), message)
            .labelled(format!("line {} replaces this one", instruction.lines.0));
        self.found.add(instruction, diagnostic);
    }

    fn json(&mut self, instruction: &Instruction, command: &ShellOrExec, state: &State) {
        let ShellOrExec::Shell(text) = command else { return };
        if state.has_shell {
            return;
        }
        let keyword = &instruction.keyword.value;
        let message =
            format!("JSON arguments recommended for {keyword} to prevent unintended behavior related to OS signals");
        let help = plain_words(&text.value).map(|words| format!("{keyword} {words}"));
        let span = if text.value.is_empty() { line_of(instruction) } else { text.span };
        self.found.add(instruction, warning("JSONArgsRecommended", span, message).helped(help));
    }

    fn expose(&mut self, instruction: &Instruction, ports: &[Spanned<String>], state: &State) {
        for word in ports {
            let Ok(expanded) = expand::words(&word.value, self.file.escape, &state.env) else { continue };
            for port in expanded {
                let (host, container) = match port.rsplit_once(':') {
                    Some((host, container)) => (host, container),
                    None => ("", port.as_str()),
                };
                let protocol = container.split_once('/').map_or("", |(_, protocol)| protocol);
                let lower = protocol.to_lowercase();
                if protocol != lower && matches!(lower.as_str(), "tcp" | "udp" | "sctp") {
                    let message = format!("Defined protocol '{port}' in EXPOSE instruction should be lowercase");
                    let help = format!("write it as {}", port.to_lowercase());
                    self.found.add(instruction, warning("ExposeProtoCasing", word.span, message).helped(Some(help)));
                }
                if host.contains(|c| c != ':') {
                    let message = format!(
                        "EXPOSE instruction should not define an IP address or host-port mapping, found '{port}'"
                    );
                    let help = format!("EXPOSE {container}; the host's side is for who runs the image: -p {port}");
                    self.found.add(instruction, warning("ExposeInvalidFormat", word.span, message).helped(Some(help)));
                }
            }
        }
    }

    /// Sources that the ignore file leaves out. With a `!` in it nothing is told: part of a directory may come back.
    fn ignored(&mut self, command: &str, instruction: &Instruction, copy: &Copy, state: &State) {
        let Some(set) = self.facts.ignore.filter(|set| !set.has_exceptions()) else { return };
        for source in &copy.sources {
            let CopySource::Path(word) = source else { continue };
            let Ok(expanded) = expand::word(&word.value, self.file.escape, &state.env) else { continue };
            if command == "Add" && is_remote(&expanded.text) {
                continue;
            }
            let path = ignore::clean(format!("/{}", expanded.text).as_bytes());
            let line = if path == b"/" { set.excludes_everything() } else { set.excluded_by(&path) };
            let Some(line) = line else { continue };
            let shown = if path == b"/" { ".".into() } else { String::from_utf8_lossy(&path) };
            let message = format!("Attempting to {command} file {shown:?} that is excluded by .dockerignore");
            let diagnostic = warning("CopyIgnoredFile", word.span, message)
                .labelled(format!("line {line} of the ignore file excludes it"));
            self.found.add(instruction, diagnostic);
        }
    }
}

/// A URL or a git repository, for which there is no ignore file.
fn is_remote(source: &str) -> bool {
    let schemes = ["http://", "https://", "git://", "ssh://", "git@"];
    schemes.iter().any(|scheme| source.starts_with(scheme)) || source.starts_with("github.com/")
}

/// The JSON array that means the same as a command of plain words; `None` where the shell does anything with it.
fn plain_words(command: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,-=".contains(c);
    let words: Vec<&str> = command.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
    let first = words.first()?;
    let runs_in_shell = first.contains('=')
        || matches!(*first, "exec" | "cd" | "export" | "set" | "source" | "." | "exit" | "eval" | "ulimit" | "umask");
    if runs_in_shell || !words.iter().all(|word| word.chars().all(is_plain)) {
        return None;
    }
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    Some(format!("[{}]", quoted.join(", ")))
}
