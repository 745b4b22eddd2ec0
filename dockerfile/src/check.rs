//! The build checks of BuildKit: what a Dockerfile means, but perhaps should not.
//!
//! ```text
//! source, Parsed ──► rules (names, FROM, stages) ──► # check=skip=... ──► Report: diagnostics in file order
//!                      ▲
//! Facts: build arguments, ignore file, base images where they are known
//! ```
//!
//! Each rule has its name, under which `# check=skip=Name` turns it off: at the top of the file for all of it, above an
//! instruction for that one. What cannot be known without a base image is looked at only when [`Facts::base`] knows it.
//!
//! ```
//! use strata_dockerfile::{check, parse};
//! let source = b"FROM scratch\nMAINTAINER bob\n";
//! let report = check::check(source, parse(source), &check::Facts::default());
//! assert_eq!(report.diagnostics[0].code, "MaintainerDeprecated");
//! ```

mod comments;
mod config;
mod from;
mod names;
mod reference;
mod rules;
mod stage;
mod words;

use std::collections::BTreeMap;

use crate::{Diagnostic, Instruction, Kind, Parsed, Severity, Span, ignore::IgnoreSet};
pub use comments::comments_above;
pub use config::{BadOption, Config};
pub use rules::{RULES, Rule};

/// The build argument whose value replaces what the file says in its `# check=` directive.
pub const CONFIG_ARG: &str = "BUILDKIT_DOCKERFILE_CHECK";

/// What is known beside the file.
#[derive(Clone, Copy, Default)]
pub struct Facts<'a> {
    /// `--build-arg`; `None` for none.
    pub build_args: Option<&'a BTreeMap<String, String>>,
    /// Values of `TARGETPLATFORM`, `BUILDARCH` and their like; those that are missing are as on linux/amd64.
    pub platform_args: Option<&'a BTreeMap<String, String>>,
    /// The ignore file of the context.
    pub ignore: Option<&'a IgnoreSet>,
    /// Looks a base image up by its expanded name and platform.
    pub base: Option<&'a FindBase<'a>>,
}

/// Looks a base image up.
pub type FindBase<'a> = dyn Fn(&str, Option<&str>) -> Option<Base> + 'a;

/// What the checks need of a base image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// Its variables.
    pub env: Vec<(String, String)>,
    /// Whether it has a working directory.
    pub has_working_dir: bool,
    /// Whether it has a SHELL.
    pub has_shell: bool,
    /// Its operating system, `linux`.
    pub os: String,
    /// Its architecture, `amd64`.
    pub architecture: String,
}

/// What the checks gave.
#[derive(Clone, Debug)]
pub struct Report {
    /// All problems in the order of the source: those of reading the file, and those that rules found, whose code is the
    /// rule's name.
    pub diagnostics: Vec<Diagnostic>,
    /// The rules that found something, each once, in the order of their names.
    pub violated: Vec<&'static str>,
    /// What to say when warnings are errors, as `error=true` asks for, and there are some.
    pub failure: Option<String>,
    config: Config,
    /// Options above single instructions, by where these begin.
    own: BTreeMap<usize, Config>,
}

impl Report {
    fn new(diagnostics: Vec<Diagnostic>, config: Config, own: BTreeMap<usize, Config>) -> Self {
        let mut report = Self { diagnostics: Vec::new(), violated: Vec::new(), failure: None, config, own };
        report.extend(diagnostics);
        report
    }

    /// Whether a rule of another group counts at an instruction: neither the file nor a comment above turns it off, by any of
    /// its names.
    pub fn counts(&self, instruction: &Instruction, names: &[&str]) -> bool {
        let configs = [Some(&self.config), self.own.get(&instruction.span.start)];
        configs.into_iter().flatten().all(|config| config.allows(names.iter().copied(), false))
    }

    /// Adds what other groups of checks found.
    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.diagnostics.extend(diagnostics);
        self.diagnostics.sort_by_key(|it| (it.span.start, it.span.end));
        self.violated = self.diagnostics.iter().map(|it| it.code).filter(|code| is_rule(code)).collect();
        self.violated.sort_unstable();
        self.violated.dedup();
        self.failure = (self.config.error && !self.violated.is_empty()).then(|| config::failure(&self.violated));
    }
}

/// Rules have names such as `StageNameCasing`; what the reader finds has codes such as `not-json`.
fn is_rule(code: &str) -> bool {
    code.starts_with(|c: char| c.is_ascii_uppercase())
}

/// Checks a file that was read from `source`. Only what does not depend on other instructions is looked at in a file with
/// errors, since instructions are missing from it.
pub fn check(source: &[u8], parsed: Parsed, facts: &Facts<'_>) -> Report {
    let Parsed { file, diagnostics: read } = parsed;
    let directive = file.directives.iter().find(|(name, _)| name.value == "check");
    let argument = facts.build_args.and_then(|args| args.get(CONFIG_ARG));
    let given = argument.map(String::as_str).or(directive.map(|(_, value)| value.value.as_str()));
    let (config, bad) = match Config::parse(given.unwrap_or_default()) {
        Ok(config) => (config, None),
        Err(bad) => (Config::default(), Some(bad)),
    };
    let place = directive.map_or(Span { start: 0, end: 0 }, |(_, value)| value.span);
    let bad = bad.map(|bad| Diagnostic::error("invalid-check-option", place, bad.to_string()));

    let has_errors = read.iter().any(Diagnostic::is_error);
    let mut found = Findings { source, config: &config, comments: comments::above(source, &file), list: Vec::new() };
    names::check(&file, &mut found);
    from::check(&file, facts, has_errors, &mut found);
    stage::check(&file, facts, has_errors, &mut found);
    let Findings { list: rules, comments, .. } = found;
    let own = comments.configs;
    // the reader warns of some things itself, under the name of their rule
    let mut diagnostics: Vec<Diagnostic> =
        read.into_iter().filter(|it| !is_rule(it.code) || config.allows_named(it.code)).collect();
    drop_told_twice(&mut diagnostics, rules);
    diagnostics.extend(bad);
    Report::new(diagnostics, config, own)
}

/// A command that is no JSON because of a slip is told by the reader; that JSON would be better goes without saying.
fn drop_told_twice(diagnostics: &mut Vec<Diagnostic>, rules: Vec<Diagnostic>) {
    let broken: Vec<Span> = diagnostics.iter().filter(|it| it.code == "not-json").map(|it| it.span).collect();
    diagnostics.extend(rules.into_iter().filter(|it| {
        it.code != "JSONArgsRecommended"
            || !broken.iter().any(|span| it.span.start <= span.start && span.end <= it.span.end)
    }));
}

/// Collects what rules find, unless it is turned off.
struct Findings<'a> {
    source: &'a [u8],
    config: &'a Config,
    comments: comments::Above<'a>,
    list: Vec<Diagnostic>,
}

impl Findings<'_> {
    /// Takes a warning of the rule that its code names, about an instruction.
    fn add(&mut self, instruction: &Instruction, diagnostic: Diagnostic) {
        let configs = [Some(self.config), self.comments.config(instruction)];
        let mut configs = configs.into_iter().flatten();
        let counts = if config::is_experimental(diagnostic.code) {
            configs.any(|config| config.allows_named(diagnostic.code))
        } else {
            configs.all(|config| config.allows_named(diagnostic.code))
        };
        if counts {
            self.list.push(diagnostic);
        }
    }
}

/// A warning of a rule.
fn warning(rule: &'static str, span: Span, message: String) -> Diagnostic {
    debug_assert!(RULES.iter().any(|known| known.name == rule), "{rule}");
    Diagnostic { severity: Severity::Warning, code: rule, message, span, label: None, help: None }
}

/// Keyword and line of an instruction, without heredocs.
fn line_of(instruction: &Instruction) -> Span {
    let end = match &instruction.kind {
        Kind::Run(run) => run.command_span.end,
        _ => instruction.span.end,
    };
    Span { start: instruction.span.start, end }
}
