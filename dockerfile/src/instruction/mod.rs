//! Logical lines into instructions.
//!
//! ```text
//! ONBUILD COPY --chown=bob <<EOF /x
//! ├keyword    ├flags      ├arguments      Statement: what every instruction has
//!                          └─► sources, destination   Kind: what the keyword makes of them
//! ```

mod command;
mod copy;
mod flags;
mod healthcheck;
mod json;
mod onbuild;
mod pairs;
mod words;

use crate::{
    Diagnostic, From, Heredoc, Instruction, Kind, Span, Spanned,
    joined::Part,
    suggest::{did_you_mean, nearest},
};
use flags::{Flags, RawFlag, Takes};
use json::Json;

/// Every keyword.
const KEYWORDS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// A logical line cut into what every instruction has.
pub(crate) struct Statement<'a> {
    line: Part<'a>,
    keyword: Part<'a>,
    /// The keyword in upper case.
    name: String,
    flags: Vec<RawFlag>,
    args: Part<'a>,
}

/// What surrounds an instruction, and is the same for a trigger within ONBUILD.
#[derive(Clone)]
pub(crate) struct Place {
    /// The end of its last line, heredocs included.
    pub(crate) end: usize,
    pub(crate) lines: (u32, u32),
    pub(crate) comments: Vec<Span>,
    pub(crate) continued: bool,
}

impl<'a> Statement<'a> {
    pub(crate) fn cut(line: Part<'a>, escape: char) -> Self {
        let line = line.trim();
        let (keyword, args) = words::split_once(line);
        let (flags, args) = flags::cut(args.unwrap_or(line.from(line.text().len())), escape);
        Self { line, keyword, name: keyword.text().to_ascii_uppercase(), flags, args }
    }

    /// The keyword in upper case, known or not.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The keyword that was perhaps meant, if this one is none.
    pub(crate) fn meant(&self) -> Option<&'static str> {
        if KEYWORDS.contains(&self.name.as_str()) {
            return None;
        }
        nearest(&self.name, &KEYWORDS)
    }

    pub(crate) fn span(&self) -> Span {
        self.line.span()
    }

    /// Whether heredocs may follow: RUN, COPY and ADD, also within ONBUILD, unless in exec form.
    pub(crate) fn takes_heredocs(&self, escape: char) -> bool {
        match self.name.as_str() {
            "RUN" | "COPY" | "ADD" => matches!(json::read(self.args), Json::No),
            "ONBUILD" => {
                let trigger = Statement::cut(self.args, escape);
                trigger.name != "ONBUILD" && trigger.takes_heredocs(escape)
            }
            _ => false,
        }
    }

    /// The whole text of the line, in which heredoc markers are looked for.
    pub(crate) fn line(&self) -> Part<'a> {
        self.line
    }

    /// Makes an instruction of it; `None` if it cannot be understood, which diagnostics explain.
    pub(crate) fn read(
        self,
        heredocs: Vec<Heredoc>,
        place: Place,
        escape: char,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Instruction> {
        let reader = Reader { statement: &self, escape, diagnostics };
        let kind = reader.kind(heredocs, &place)?;
        let start = self.line.span().start;
        // a continuation may come even before the keyword
        let within = |comment: &Span| comment.start > start;
        Some(Instruction {
            span: Span { start, end: place.end },
            lines: place.lines,
            keyword: self.keyword.to_spanned(),
            original: self.line.text().to_owned(),
            flags: self.flags.into_iter().map(|flag| flag.text).collect(),
            comments: place.comments.into_iter().filter(within).collect(),
            continued: place.continued,
            kind,
        })
    }
}

/// Reads one statement. Its methods give `None` after a diagnostic.
struct Reader<'s, 'a, 'd> {
    statement: &'s Statement<'a>,
    escape: char,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl<'a> Reader<'_, 'a, '_> {
    fn kind(mut self, heredocs: Vec<Heredoc>, place: &Place) -> Option<Kind> {
        match self.statement.name.as_str() {
            "FROM" => self.from().map(Kind::From),
            "ARG" => self.arg().map(Kind::Arg),
            "ENV" => self.pairs().map(Kind::Env),
            "LABEL" => self.pairs().map(Kind::Label),
            "RUN" => self.run(heredocs).map(Kind::Run),
            "COPY" => self.copy(&heredocs, copy::COPY_FLAGS).map(Kind::Copy),
            "ADD" => self.copy(&heredocs, copy::ADD_FLAGS).map(Kind::Add),
            "CMD" => self.command_without_flags().map(Kind::Cmd),
            "ENTRYPOINT" => self.command_without_flags().map(Kind::Entrypoint),
            "SHELL" => self.shell().map(Kind::Shell),
            "EXPOSE" => self.expose().map(Kind::Expose),
            "VOLUME" => self.volume().map(Kind::Volume),
            "USER" => self.single().map(Kind::User),
            "WORKDIR" => self.single().map(Kind::Workdir),
            "STOPSIGNAL" => self.stop_signal().map(Kind::StopSignal),
            "MAINTAINER" => self.single().map(Kind::Maintainer),
            "HEALTHCHECK" => self.healthcheck().map(Kind::Healthcheck),
            "ONBUILD" => self.onbuild(heredocs, place).map(Kind::Onbuild),
            "" => {
                let message = "a continuation without an instruction";
                self.fail("unknown-instruction", self.statement.span(), message)
            }
            _ => {
                let keyword = self.statement.keyword;
                let meant = self.statement.meant().map(|name| {
                    if keyword.text().chars().any(char::is_uppercase) { name.to_owned() } else { name.to_lowercase() }
                });
                self.diagnostics.push(
                    Diagnostic::error(
                        "unknown-instruction",
                        keyword.span(),
                        format!("unknown instruction: {}", keyword.text()),
                    )
                    .helped(did_you_mean(meant)),
                );
                None
            }
        }
    }

    fn args(&self) -> Part<'a> {
        self.statement.args
    }

    /// Reports an error, and is the `None` that its finder gives.
    fn fail<T>(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> Option<T> {
        self.diagnostics.push(Diagnostic::error(code, span, message));
        None
    }

    /// Reports that arguments are missing or too many.
    fn wrong_arguments<T>(&mut self, requires: &str) -> Option<T> {
        let message = format!("{} {requires}", self.statement.name);
        self.fail("wrong-arguments", self.statement.span(), message)
    }

    /// Checks the flags; `None` if any of them is wrong.
    fn flags(&mut self, known: &[(&'static str, Takes)]) -> Option<Flags> {
        let before = self.diagnostics.len();
        let flags = Flags::check(&self.statement.flags, known, self.diagnostics);
        (self.diagnostics.len() == before).then_some(flags)
    }

    /// Warns of flags where BuildKit does not look at them.
    fn ignored_flags(&mut self) {
        for flag in &self.statement.flags {
            self.diagnostics.push(Diagnostic::warning(
                "ignored-flag",
                flag.text.span,
                format!("{} takes no flags: this one is ignored", self.statement.name),
            ));
        }
    }

    fn from(&mut self) -> Option<From> {
        let flags = self.flags(&[("platform", Takes::Value)]);
        let words = words::blank_separated(self.args());
        let (image, alias) = match words.as_slice() {
            [image] => (*image, None),
            [image, keyword, name] if keyword.text().eq_ignore_ascii_case("as") => (*image, Some(*name)),
            _ => return self.wrong_arguments("requires either one or three arguments"),
        };
        if let Some(name) = alias.filter(|name| !is_stage_name(name.text())) {
            let message = format!(
                "invalid name for build stage: {:?}, name can't start with a number or contain \
                 symbols",
                name.text()
            );
            return self.fail("invalid-stage-name", name.span(), message);
        }
        Some(From { image: image.to_spanned(), alias: alias.map(Part::to_spanned), platform: flags?.value("platform") })
    }

    fn expose(&mut self) -> Option<Vec<Spanned<String>>> {
        let flags = self.flags(&[]);
        let ports = words::blank_separated(self.args());
        if ports.is_empty() {
            return self.wrong_arguments("requires at least one argument");
        }
        flags.map(|_| ports.into_iter().map(Part::to_spanned).collect())
    }

    fn volume(&mut self) -> Option<Vec<Spanned<String>>> {
        let flags = self.flags(&[]);
        let mut paths = self.list()?.0;
        if paths.is_empty() {
            return self.wrong_arguments("requires at least one argument");
        }
        for path in &mut paths {
            path.value = path.value.trim().to_owned();
            if path.value.is_empty() {
                let message = "VOLUME specified can not be an empty string";
                return self.fail("empty-volume", path.span, message);
            }
        }
        flags.map(|_| paths)
    }

    fn stop_signal(&mut self) -> Option<Spanned<String>> {
        self.ignored_flags();
        self.text()
    }

    /// The argument of an instruction that has one, which is the rest of the line.
    fn single(&mut self) -> Option<Spanned<String>> {
        let flags = self.flags(&[]);
        let text = self.text();
        flags.and(text)
    }

    fn text(&mut self) -> Option<Spanned<String>> {
        if self.args().is_empty() {
            return self.wrong_arguments("requires exactly one argument");
        }
        Some(self.args().to_spanned())
    }

    /// A JSON array of strings, or words; says which.
    fn list(&mut self) -> Option<(Vec<Spanned<String>>, bool)> {
        match json::read(self.args()) {
            Json::Strings(strings) => Some((strings, true)),
            Json::OtherElement(span) => self.not_strings(span),
            Json::No => {
                self.warn_of_broken_json(self.args(), "its words are taken as they stand");
                let words = words::blank_separated(self.args());
                Some((words.into_iter().map(Part::to_spanned).collect(), false))
            }
        }
    }

    fn not_strings<T>(&mut self, element: Span) -> Option<T> {
        self.fail("not-strings", element, "when using JSON array syntax, arrays must be comprised of strings only")
    }

    /// Warns of what was probably meant to be the exec form: `['a']`, `["a",]`. A bracket with a
    /// space after it is the shell's `[` command.
    fn warn_of_broken_json(&mut self, text: Part<'_>, consequence: &str) {
        if text.text().starts_with("[\"") || text.text().starts_with("['") {
            self.diagnostics.push(Diagnostic::warning(
                "not-json",
                text.span(),
                format!("this is not a JSON array of strings: {consequence}"),
            ));
        }
    }
}

/// `^[a-z][a-z0-9-_.]*$` in any case.
fn is_stage_name(name: &str) -> bool {
    let name = name.to_lowercase();
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
}
