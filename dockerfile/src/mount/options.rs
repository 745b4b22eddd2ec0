//! The options of a mount: which there are, for which types, and what their values may be.

use std::collections::BTreeMap;

use super::{Access, Mount, RunMount, Sharing, clean};
use crate::{
    Diagnostic, Span, Spanned,
    expand::ExpandError,
    suggest::{did_you_mean, nearest},
};

/// The types.
const TYPES: [&str; 5] = ["bind", "cache", "tmpfs", "secret", "ssh"];

/// Every way to write an option, and the option that it means.
const NAMES: [(&str, Name); 19] = [
    ("type", Name::Type),
    ("from", Name::From),
    ("source", Name::Source),
    ("src", Name::Source),
    ("target", Name::Target),
    ("dst", Name::Target),
    ("destination", Name::Target),
    ("readonly", Name::ReadOnly),
    ("ro", Name::ReadOnly),
    ("readwrite", Name::ReadOnly),
    ("rw", Name::ReadOnly),
    ("required", Name::Required),
    ("size", Name::Size),
    ("id", Name::Id),
    ("sharing", Name::Sharing),
    ("mode", Name::Mode),
    ("uid", Name::Uid),
    ("gid", Name::Gid),
    ("env", Name::Env),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Type,
    From,
    Source,
    Target,
    ReadOnly,
    Required,
    Size,
    Id,
    Sharing,
    Mode,
    Uid,
    Gid,
    Env,
}

/// What a type makes of an option.
enum Use {
    Yes,
    /// BuildKit takes it and does nothing with it.
    Ignored,
    /// BuildKit refuses it.
    No,
}

fn usage(kind: &str, name: Name) -> Use {
    match (name, kind) {
        (Name::Type | Name::Target, _)
        | (Name::From | Name::Source, "bind" | "cache")
        | (Name::ReadOnly, "bind" | "cache" | "tmpfs")
        | (Name::Size, "tmpfs")
        | (Name::Sharing, "cache")
        | (Name::Id | Name::Mode | Name::Uid | Name::Gid, "cache" | "secret" | "ssh")
        | (Name::Required, "secret" | "ssh")
        | (Name::Source | Name::Env, "secret") => Use::Yes,
        (Name::From, "tmpfs" | "ssh")
        | (Name::Source, "tmpfs")
        | (Name::ReadOnly, "secret" | "ssh")
        | (Name::Id, "bind" | "tmpfs")
        | (Name::Env, _) => Use::Ignored,
        _ => Use::No,
    }
}

/// An option that was given.
struct Given<'a> {
    name: &'a Spanned<String>,
    span: Span,
    value: Value,
}

enum Value {
    Bare,
    Known(String),
    /// It has variables, and they are not known yet.
    Later,
}

/// Checks the options. `look` expands a value, or says that it cannot be known yet. Gives the mount if its type is known; it
/// means something only when there is no error among the problems.
pub(super) fn check(
    mount: &RunMount,
    look: impl Fn(&Spanned<String>) -> Result<Option<String>, ExpandError>,
) -> (Option<Mount>, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let mut given: BTreeMap<Name, Given<'_>> = BTreeMap::new();
    for option in &mount.options {
        let written = &option.name;
        let span = Span {
            start: written.span.start,
            end: option.value.as_ref().map_or(written.span.end, |value| value.span.end),
        };
        let Some((_, name)) = NAMES.iter().find(|(name, _)| *name == written.value) else {
            problems.push(unknown(written));
            continue;
        };
        let value = match &option.value {
            None if matches!(name, Name::ReadOnly | Name::Required) => Value::Bare,
            None => {
                let message = format!("invalid field '{}' must be a key=value pair", written.value);
                problems.push(Diagnostic::error("invalid-mount", span, message));
                continue;
            }
            Some(value) if *name == Name::From && has_variable(&value.value) => {
                let message = "'from' doesn't support variable expansion, define alias stage instead";
                problems.push(Diagnostic::error("variable-in-from", value.span, message));
                continue;
            }
            Some(value) => match look(value) {
                Ok(Some(text)) => Value::Known(text),
                Ok(None) => Value::Later,
                Err(error) => {
                    problems.push(Diagnostic::error("invalid-mount", value.span, error.message));
                    continue;
                }
            },
        };
        if let Some(earlier) = given.insert(*name, Given { name: written, span, value }) {
            let message = format!("the mount option '{}' is given again: this one does not count", earlier.name.value);
            problems.push(Diagnostic::warning("repeated-mount-option", earlier.span, message));
        }
    }
    let mut options = Options { given, problems };
    let kind = options.kind();
    if let Some(kind) = kind {
        options.check_usage(kind);
    }
    let typed = options.read(kind, mount.text.span);
    (typed, options.problems)
}

fn unknown(name: &Spanned<String>) -> Diagnostic {
    if name.value.is_empty() {
        return Diagnostic::error("invalid-mount", name.span, "an empty mount option");
    }
    let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    Diagnostic::error("unknown-mount-option", name.span, format!("unexpected mount option '{}'", name.value))
        .helped(did_you_mean(nearest(&name.value, &names)))
}

/// A `$` that ends the text is no variable.
fn has_variable(text: &str) -> bool {
    text.find('$').is_some_and(|at| at + 1 < text.len())
}

struct Options<'a> {
    given: BTreeMap<Name, Given<'a>>,
    problems: Vec<Diagnostic>,
}

impl Options<'_> {
    fn fail(&mut self, span: Span, message: impl Into<String>) {
        self.problems.push(Diagnostic::error("invalid-mount", span, message));
    }

    /// The type; `None` when it is not known yet, or is none.
    fn kind(&mut self) -> Option<&'static str> {
        let Some(given) = self.given.get(&Name::Type) else {
            return Some("bind");
        };
        let Value::Known(text) = &given.value else {
            return None;
        };
        let known = TYPES.iter().find(|kind| kind.eq_ignore_ascii_case(text));
        if known.is_none() {
            let problem = Diagnostic::error("invalid-mount", given.span, format!("unsupported mount type {text:?}"))
                .helped(did_you_mean(nearest(&text.to_lowercase(), &TYPES)));
            self.problems.push(problem);
        }
        known.copied()
    }

    fn check_usage(&mut self, kind: &str) {
        for (name, given) in &self.given {
            let written = &given.name.value;
            match usage(kind, *name) {
                Use::Yes => {}
                Use::Ignored => self.problems.push(Diagnostic::warning(
                    "ignored-mount-option",
                    given.span,
                    format!("the option '{written}' does nothing on a {kind} mount"),
                )),
                Use::No => self.problems.push(Diagnostic::error(
                    "invalid-mount",
                    given.span,
                    format!("the option '{written}' is not allowed on a {kind} mount"),
                )),
            }
        }
    }

    /// Reads all values, so that all problems are found whatever the type is.
    fn read(&mut self, kind: Option<&str>, span: Span) -> Option<Mount> {
        let access = Access {
            mode: self.parsed(Name::Mode, octal),
            uid: self.parsed(Name::Uid, decimal),
            gid: self.parsed(Name::Gid, decimal),
        };
        let size = self.parsed(Name::Size, size_in_bytes);
        let required = self.switch(Name::Required).unwrap_or(false);
        let read_only = self.switch(Name::ReadOnly);
        let sharing = self.sharing();
        let text = |name| match self.given.get(&name) {
            Some(Given { value: Value::Known(text), .. }) => text.clone(),
            _ => String::new(),
        };
        let named = |name| Some(text(name)).filter(|text| !text.is_empty());
        let (id, source, target, from) = (named(Name::Id), text(Name::Source), text(Name::Target), named(Name::From));
        let env = named(Name::Env);
        Some(match kind? {
            "cache" => {
                self.check_target(&target, span);
                let id = id.unwrap_or_else(|| clean(&target));
                let read_only = read_only.unwrap_or(false);
                Mount::Cache { id, from, source, target, read_only, sharing, access }
            }
            "tmpfs" => {
                self.check_target(&target, span);
                Mount::Tmpfs { target, size, read_only: read_only.unwrap_or(false) }
            }
            "secret" => {
                if id.is_some() && !source.is_empty() {
                    self.fail(span, "both source and id can't be set on a secret mount");
                }
                self.secret(id.unwrap_or(source), target, env, required, access, span)?
            }
            "ssh" => Mount::Ssh {
                id: id.unwrap_or_else(|| "default".to_owned()),
                target: named(Name::Target),
                required,
                access,
            },
            _ => {
                self.check_target(&target, span);
                Mount::Bind { from, source, target, read_only: read_only.unwrap_or(true) }
            }
        })
    }

    /// A secret's name and place are made of each other.
    fn secret(
        &mut self,
        id: String,
        target: String,
        env: Option<String>,
        required: bool,
        access: Access,
        span: Span,
    ) -> Option<Mount> {
        let base = |path: &str| clean(path).rsplit('/').next().unwrap_or_default().to_owned();
        let id = if id.is_empty() { base(&target) } else { id };
        if matches!(id.as_str(), "" | ".") {
            if [Name::Id, Name::Source, Name::Target].iter().all(|name| !self.is_later(*name)) {
                self.fail(span, "invalid secret mount: one of id, target required");
            }
            return None;
        }
        let target = match (target.is_empty(), &env) {
            (false, _) => Some(target),
            (true, None) => Some(format!("/run/secrets/{}", base(&id))),
            (true, Some(_)) => None,
        };
        Some(Mount::Secret { id, target, env, required, access })
    }

    /// The root cannot be mounted over; WORKDIR, which an empty target means, is not known here.
    fn check_target(&mut self, target: &str, span: Span) {
        if clean(target) == "/" {
            self.fail(span, "invalid mount target \"/\"");
        }
    }

    fn is_later(&self, name: Name) -> bool {
        self.given.get(&name).is_some_and(|given| matches!(given.value, Value::Later))
    }

    fn parsed<T>(&mut self, name: Name, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let given = self.given.get(&name)?;
        let Value::Known(text) = &given.value else {
            return None;
        };
        let value = parse(text);
        if value.is_none() {
            let message = format!("invalid value for {}: {text}", given.name.value);
            let span = given.span;
            self.fail(span, message);
        }
        value
    }

    fn switch(&mut self, name: Name) -> Option<bool> {
        let given = self.given.get(&name)?;
        let negated = matches!(given.name.value.as_str(), "rw" | "readwrite");
        let value = if matches!(given.value, Value::Bare) { true } else { self.parsed(name, boolean)? };
        Some(value != negated)
    }

    fn sharing(&mut self) -> Sharing {
        const MODES: [&str; 3] = ["shared", "private", "locked"];
        let Some(Given { value: Value::Known(text), span, .. }) = self.given.get(&Name::Sharing) else {
            return Sharing::default();
        };
        match text.to_lowercase().as_str() {
            "shared" => Sharing::Shared,
            "private" => Sharing::Private,
            "locked" => Sharing::Locked,
            other => {
                let problem = Diagnostic::error("invalid-mount", *span, format!("unsupported sharing value {text:?}"))
                    .helped(did_you_mean(nearest(other, &MODES)));
                self.problems.push(problem);
                Sharing::default()
            }
        }
    }
}

/// What Go's `strconv.ParseBool` takes.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn decimal(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn octal(text: &str) -> Option<u32> {
    let value = u32::from_str_radix(text, 8).ok().filter(|_| !text.starts_with('+'));
    value.filter(|mode| *mode <= 0o7777)
}

/// A size as docker writes them: `64m`, `1.5 GiB`, `100b`; units are powers of 1024 in any case.
fn size_in_bytes(text: &str) -> Option<u64> {
    let end = text.rfind(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' '))? + 1;
    let (number, suffix) = text.split_at(end);
    let number: f64 = number.strip_suffix(' ').unwrap_or(number).parse().ok()?;
    let suffix = suffix.to_ascii_lowercase();
    let mut letters = suffix.chars();
    let power = match letters.next() {
        None | Some('b') => 0,
        Some(unit) => 1 + "kmgtp".find(unit)?,
    };
    let rest = letters.as_str();
    let allowed: &[&str] = if power == 0 { &[""] } else { &["", "b", "ib"] };
    if !allowed.contains(&rest) || !number.is_finite() || number < 0.0 {
        return None;
    }
    let bytes = (0..power).fold(number, |bytes, _| bytes * 1024.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and the cast stops at the largest value"
    )]
    Some(bytes as u64)
}
