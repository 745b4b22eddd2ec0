//! Variables: platform and proxy arguments, global ARGs, and what a stage's ENV and ARG have set so far.

use std::collections::BTreeMap;

use strata_dockerfile::{
    ArgDecl, Spanned,
    expand::{self, Env},
};
use strata_image::manifest::Platform;

use crate::cause::Cause;

/// Build arguments that every RUN sees, in both cases, without being declared; they are in no history and in no key.
const PROXIES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/// Name and value pairs in the order of their first setting.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Vars(Vec<(String, String)>);

impl Vars {
    /// Sets one, in place when it is there already.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    pub(crate) fn lookup(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `NAME=VALUE` lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// Reads `NAME=VALUE` lines; one without `=` is a name with an empty value, and never looked up outside.
    pub(crate) fn from_lines(lines: &[String]) -> Self {
        let mut vars = Self::default();
        for line in lines {
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            vars.set(name, value.to_owned());
        }
        vars
    }
}

impl Env for Vars {
    fn get(&self, name: &str) -> Option<String> {
        self.lookup(name).map(str::to_owned)
    }
}

/// The arguments that exist before any is declared: the machine's platform and the image's.
pub(crate) fn platform_args(machine: &Platform, image: &Platform, target_stage: &str) -> Vars {
    let mut vars = Vars::default();
    for (side, platform) in [("BUILD", machine), ("TARGET", image)] {
        vars.set(&format!("{side}PLATFORM"), platform.to_string());
        vars.set(&format!("{side}OS"), platform.os.clone());
        vars.set(&format!("{side}OSVERSION"), String::new());
        vars.set(&format!("{side}ARCH"), platform.architecture.clone());
        vars.set(&format!("{side}VARIANT"), platform.variant.clone().unwrap_or_default());
    }
    vars.set("TARGETSTAGE", target_stage.to_owned());
    vars
}

/// Proxy settings among the build arguments, as environment lines.
pub(crate) fn proxy_lines(build_args: &BTreeMap<String, String>) -> Vec<String> {
    build_args
        .iter()
        .filter(|(name, _)| PROXIES.iter().any(|proxy| name.eq_ignore_ascii_case(proxy)))
        .flat_map(|(name, value)| {
            [format!("{}={value}", name.to_ascii_uppercase()), format!("{}={value}", name.to_ascii_lowercase())]
        })
        .collect()
}

/// An ARG as a stage remembers it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    /// Its part of the history entry: with the default, expanded, where it has one.
    pub(crate) history: String,
}

/// Where the values of ARGs come from.
#[derive(Clone, Copy)]
pub(crate) struct ArgSources<'a> {
    /// `--build-arg`: wins.
    pub(crate) given: &'a BTreeMap<String, String>,
    /// Platform arguments and global ARGs: what a bare `ARG NAME` takes.
    pub(crate) global: &'a Vars,
    pub(crate) escape: char,
}

/// Gives an ARG its value. The default is not evaluated when a value was given.
pub(crate) fn declare(decl: &ArgDecl, sources: ArgSources<'_>, vars: &Vars) -> Result<Declared, Cause> {
    let name = decl.name.value.clone();
    let given = sources.given.get(&name).cloned();
    let default = match &decl.default {
        Some(default) if given.is_none() => Some(word(default, sources.escape, vars)?),
        _ => None,
    };
    let shown = match (&default, &decl.default) {
        (Some(value), _) => Some(value.clone()),
        // a default that was not needed need not make sense
        (None, Some(unneeded)) => word(unneeded, sources.escape, vars).ok().or_else(|| given.clone()),
        (None, None) => None,
    };
    let history = match shown {
        Some(value) => format!("{name}={value}"),
        None => name.clone(),
    };
    let value = given.or(default).or_else(|| sources.global.lookup(&name).map(str::to_owned));
    Ok(Declared { name, value, history })
}

/// Expands one word of an instruction; an error points at it.
pub(crate) fn word(word: &Spanned<String>, escape: char, env: &Vars) -> Result<String, Cause> {
    expand::word(&word.value, escape, env).map(|expanded| expanded.text).map_err(|source| {
        let text = word.value.clone();
        Cause::Expand { text, source }.at(word.span)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use strata_dockerfile::Span;

    fn spanned(text: &str) -> Spanned<String> {
        Spanned { value: text.to_owned(), span: Span { start: 0, end: 0 } }
    }

    fn declared(decl: (&str, Option<&str>), given: &[(&str, &str)], global: &[(&str, &str)]) -> Declared {
        let mut globals = Vars::default();
        for (name, value) in global {
            globals.set(name, (*value).to_owned());
        }
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut vars = Vars::default();
        vars.set("B", "b".to_owned());
        declare(
            &ArgDecl { name: spanned(decl.0), default: decl.1.map(spanned) },
            ArgSources { given: &given, global: &globals, escape: '\\' },
            &vars,
        )
        .unwrap()
    }

    #[test]
    fn an_argument_takes_the_nearest_of_its_sources() {
        let value = |decl, given: &[(&str, &str)], global: &[(&str, &str)]| declared(decl, given, global).value;
        assert_eq!(value(("A", None), &[], &[]), None);
        assert_eq!(value(("A", Some("")), &[], &[]).as_deref(), Some(""));
        assert_eq!(value(("A", None), &[], &[("A", "g")]).as_deref(), Some("g"));
        assert_eq!(value(("A", Some("d$B")), &[], &[("A", "g")]).as_deref(), Some("db"));
        assert_eq!(value(("A", Some("d")), &[("A", "x")], &[("A", "g")]).as_deref(), Some("x"));
        assert_eq!(value(("A", None), &[("B", "x")], &[]), None);
    }

    #[test]
    fn a_required_argument_is_asked_for_only_when_it_was_not_given() {
        let required = ("A", Some("${A:?\"need A\"}"));
        assert_eq!(declared(required, &[("A", "x")], &[]).value.as_deref(), Some("x"));
    }

    #[test]
    fn history_shows_the_default_whatever_was_given() {
        let history = |decl, given: &[(&str, &str)], global: &[(&str, &str)]| declared(decl, given, global).history;
        assert_eq!(history(("A", None), &[("A", "x")], &[("A", "g")]), "A");
        assert_eq!(history(("A", Some("d$B")), &[("A", "x")], &[]), "A=db");
        assert_eq!(history(("A", Some("${A:?no}")), &[("A", "x")], &[]), "A=x");
    }

    #[test]
    fn proxies_reach_a_run_in_both_cases() {
        let given = BTreeMap::from([("HTTP_PROXY".to_owned(), "p".to_owned()), ("other".to_owned(), "o".to_owned())]);
        assert_eq!(proxy_lines(&given), ["HTTP_PROXY=p", "http_proxy=p"]);
    }

    #[test]
    fn a_variable_keeps_its_place_when_it_is_set_again() {
        let mut vars = Vars::from_lines(&["A=1".to_owned(), "broken".to_owned(), "B=2".to_owned()]);
        vars.set("A", "3".to_owned());
        assert_eq!(vars.lines(), ["A=3", "broken=", "B=2"]);
    }
}
