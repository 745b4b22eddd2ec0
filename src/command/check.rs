//! `check`: reads a Dockerfile and says what could be better, without building.

use std::{collections::BTreeMap, io::IsTerminal, path::PathBuf};

use anyhow::{Result, bail};
use strata_analyzer::{
    checks::{self, SIZE_RULES, SizeFinding},
    findings::comment_problems,
};
use strata_builder::{Options, remote::Fetcher};
use strata_dockerfile::{
    Diagnostic, Dockerfile, Severity, Span,
    check::{self, Base, Facts, RULES},
    ignore::IgnoreSet,
    parse,
    suggest::nearest,
};
use strata_image::{Image, Store, manifest::Platform};

use super::build::{Request, build_args};
use crate::{
    exit::Status,
    look::{
        json,
        palette::{ERROR, GOOD, HINT, WARNING},
        snippet, text,
    },
    places::Places,
};

/// Say what is wrong with a Dockerfile, or could be better, without building
#[derive(clap::Args, Debug)]
#[command(
    after_help = "All stages are checked. Rules and how to turn them off: docs/checks.md.\n\nExamples:\n  strata check\n  strata check -f Dockerfile.dev --build-arg V=2 .\n  strata check --format json | jq '.warnings[].rule'"
)]
pub(crate) struct Args {
    /// Folder whose ignore file and Dockerfile are read
    #[arg(value_name = "CONTEXT", default_value = ".")]
    context: PathBuf,

    /// The Dockerfile [default: Dockerfile of the context; - reads standard input]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Value of an ARG; without =VALUE it is taken from the environment
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    arguments: Vec<String>,

    /// A stage that must exist
    #[arg(long, value_name = "STAGE")]
    target: Option<String>,

    /// How to print what was found
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people: the lines, and what to do
    #[default]
    Text,
    /// For programs: stable, described in docs/FORMATS.md
    Json,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let fetcher = Fetcher::new(&places.build_cache()?);
    let mut request = Request::read(&args.context, args.file.as_deref(), &fetcher, false)?;
    request.options.target.clone_from(&args.target);
    request.options.build_args = build_args(&args.arguments)?;
    check(&request, args.format, places)
}

/// Checks what a build with these options would read. The status is docker's of `build --check`: 1 when anything was found.
pub(crate) fn check(request: &Request, format: Format, places: &Places) -> Result<Status> {
    let found = find(&request.options, places)?;
    let source = snippet::Source::new(&request.dockerfile, &request.options.dockerfile);
    match format {
        Format::Text => show(&source, &found),
        Format::Json => json::print(&Document::of(&source, &found))?,
    }
    Ok(if found.diagnostics.is_empty() { Status::Yes } else { Status::No })
}

/// What the checks say to who builds.
pub(crate) struct Checked {
    /// What the build checks found, and what the reader of the file has to say. Warnings begin with the name of their rule.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// That there must be none, where the file says so and there are some.
    pub(crate) failure: Option<String>,
    /// What costs bytes: how many, the image will tell.
    pub(crate) size: Vec<SizeFinding>,
}

/// Checks what is about to be built. What the build itself will refuse, such as an ignore file that cannot be read, is left
/// to it.
pub(crate) fn before_build(options: &Options, places: &Places) -> Result<Checked> {
    let ignore = ignored(options).ok().flatten();
    let (report, file) = read(options, ignore.as_ref(), places)?;
    let size = file.map_or_else(Vec::new, |file| checks::size(&file, &report));
    let diagnostics = report.diagnostics.iter().map(named).collect();
    Ok(Checked { diagnostics, failure: report.failure, size })
}

fn find(options: &Options, places: &Places) -> Result<check::Report> {
    let parsed = parse(&options.dockerfile);
    if let Some(target) = &options.target
        && !parsed.has_errors()
    {
        must_exist(target, &parsed.file)?;
    }
    let (mut report, file) = read(options, ignored(options)?.as_ref(), places)?;
    if let Some(file) = file {
        report.extend(comment_problems(&options.dockerfile, &file));
        let size = checks::size(&file, &report);
        report.extend(size.into_iter().map(|finding| finding.diagnostic));
    }
    Ok(report)
}

fn ignored(options: &Options) -> Result<Option<IgnoreSet>> {
    // a Dockerfile alone, or another kind of context
    if !options.context.path.is_dir() {
        return Ok(None);
    }
    Ok(Some(strata_builder::ignored_by(&options.context, &options.dockerfile_path)?))
}

/// Applies the rules that need no bytes; gives the file where it has no errors.
fn read(options: &Options, ignore: Option<&IgnoreSet>, places: &Places) -> Result<(check::Report, Option<Dockerfile>)> {
    let parsed = parse(&options.dockerfile);
    let platform = options.platform.clone().unwrap_or_else(Platform::host);
    let store = Store::open_existing(places.root()?)?;
    let base = |name: &str, _: Option<&str>| store.as_ref().and_then(|store| base(store, name));
    let facts = Facts {
        build_args: Some(&options.build_args),
        platform_args: Some(&platform_args(&platform, options.target.as_deref())),
        ignore,
        base: Some(&base),
    };
    let file = (!parsed.has_errors()).then(|| parsed.file.clone());
    Ok((check::check(&options.dockerfile, parsed, &facts), file))
}

fn must_exist(target: &str, file: &Dockerfile) -> Result<()> {
    let stages = file.stages().stages;
    let names: Vec<&str> = stages.iter().filter_map(|stage| stage.name.as_deref()).collect();
    let wanted = target.to_lowercase();
    if names.contains(&wanted.as_str()) {
        return Ok(());
    }
    let hint = nearest(&wanted, &names).map_or(String::new(), |name| format!("\nhint: did you mean {name}?"));
    bail!("target stage {target:?} could not be found{hint}")
}

/// What the store has of a base image; an image that cannot be read is not known.
fn base(store: &Store, name: &str) -> Option<Base> {
    let image = store.find(name).ok()??;
    let config = image.config()?;
    let container = config.config.as_ref();
    let env = container.and_then(|it| it.env.as_ref()).into_iter().flatten();
    Some(Base {
        env: env.filter_map(|it| it.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        has_working_dir: container.and_then(|it| it.working_dir.as_ref()).is_some_and(|dir| !dir.is_empty()),
        has_shell: container.and_then(|it| it.shell.as_ref()).is_some_and(|shell| !shell.is_empty()),
        os: config.os.clone(),
        architecture: config.architecture.clone(),
    })
}

fn platform_args(target: &Platform, stage: Option<&str>) -> BTreeMap<String, String> {
    let host = Platform::host();
    let of = |prefix: &str, platform: &Platform| {
        [
            (format!("{prefix}PLATFORM"), platform.to_string()),
            (format!("{prefix}OS"), platform.os.clone()),
            (format!("{prefix}ARCH"), platform.architecture.clone()),
            (format!("{prefix}VARIANT"), platform.variant.clone().unwrap_or_default()),
        ]
    };
    let stage = stage.map(|stage| ("TARGETSTAGE".to_owned(), stage.to_owned()));
    of("BUILD", &host).into_iter().chain(of("TARGET", target)).chain(stage).collect()
}

fn show(source: &snippet::Source<'_>, report: &check::Report) {
    let styled = std::io::stdout().is_terminal();
    for diagnostic in &report.diagnostics {
        anstream::println!("{}", snippet::render(source, &named(diagnostic), styled));
    }
    let errors = report.diagnostics.iter().filter(|it| it.is_error()).count();
    let warnings = report.diagnostics.len() - errors;
    if let Some(failure) = &report.failure {
        anstream::println!("{ERROR}error:{ERROR:#} {failure}");
    }
    if !report.violated.is_empty() {
        anstream::println!("{HINT}hint:{HINT:#} docs/checks.md explains each rule; `# check=skip=NAME` turns one off");
    }
    match (errors, warnings) {
        (0, 0) => anstream::println!("{GOOD}Check complete, no warnings{GOOD:#}"),
        (0, _) => anstream::println!("{WARNING}Check complete, {}{WARNING:#}", text::count(warnings, "warning")),
        _ => anstream::println!(
            "{ERROR}Check complete, {}, {}{ERROR:#}",
            text::count(errors, "error"),
            text::count(warnings, "warning")
        ),
    }
}

/// The warning of a rule with its name before the message, as docker shows it.
fn named(diagnostic: &Diagnostic) -> Diagnostic {
    match rule(diagnostic.code) {
        None => diagnostic.clone(),
        Some(_) => Diagnostic { message: format!("{}: {}", diagnostic.code, diagnostic.message), ..diagnostic.clone() },
    }
}

/// What a rule asks for.
fn rule(name: &str) -> Option<&'static str> {
    let build = RULES.iter().find(|rule| rule.name == name).map(|rule| rule.description);
    build.or_else(|| SIZE_RULES.iter().find(|rule| rule.name == name).map(|rule| rule.description))
}

/// The document of `--format json`.
#[derive(serde::Serialize)]
struct Document<'a> {
    schema: u32,
    dockerfile: &'a str,
    errors: Vec<Found<'a>>,
    warnings: Vec<Found<'a>>,
    failure: Option<&'a str>,
}

#[derive(serde::Serialize)]
struct Found<'a> {
    rule: &'a str,
    description: Option<&'static str>,
    message: &'a str,
    label: Option<&'a str>,
    help: Option<&'a str>,
    start: Place,
    end: Place,
}

/// A place in the source: line and column, in bytes, from 1, and the offset from 0.
#[derive(serde::Serialize)]
struct Place {
    line: usize,
    column: usize,
    offset: usize,
}

impl<'a> Document<'a> {
    fn of(source: &snippet::Source<'a>, report: &'a check::Report) -> Self {
        let of = |severity| {
            let list = report.diagnostics.iter().filter(move |it| it.severity == severity);
            list.map(|it| Found::of(source.text(), it)).collect()
        };
        Self {
            schema: 1,
            dockerfile: source.name,
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
            failure: report.failure.as_deref(),
        }
    }
}

impl<'a> Found<'a> {
    fn of(text: &str, diagnostic: &'a Diagnostic) -> Self {
        let Span { start, end } = diagnostic.span;
        Self {
            rule: diagnostic.code,
            description: rule(diagnostic.code),
            message: &diagnostic.message,
            label: diagnostic.label.as_deref(),
            help: diagnostic.help.as_deref(),
            start: Place::of(text, start),
            end: Place::of(text, end),
        }
    }
}

impl Place {
    fn of(text: &str, offset: usize) -> Self {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let line = before.split(|&byte| byte == b'\n').count();
        Self { line, column: before.len() - line_start + 1, offset }
    }
}
