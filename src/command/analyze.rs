//! `analyze`: which bytes of an image are wasted, who made them and who killed them; whether it keeps to limits.

mod dive_ci;
mod explain;
mod gate;
mod limits;
mod show;
mod table;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use strata_analyzer::{
    Ledger,
    analysis::{self, Candidate, Options},
    dive::Dive,
    gate::Verdict,
    index::LayerIndex,
    report::{Compat, Report},
    settings::{self, Settings},
};
use strata_builder::{cache::Durations, contexts, remote::Fetcher};
use strata_image::Image;

use super::{output, slim::worth::Worth};
use crate::{cli, exit::Status, look::json, places::Places};

/// Say which bytes of an image are wasted, who made them and who killed them; pass or fail by limits
#[derive(clap::Args, Debug)]
#[command(
    after_help = "What strata.toml suppresses is counted and not told, as is what a `# strata ignore=RULE` above an\n\
                        instruction is about. Rules: docs/rules.md.\n\n\
                        Limits of the gate come from options, from [gate] in strata.toml, or from a .dive-ci file: docs/ci.md.\n\n\
                        Examples:\n  strata analyze app:1\n  strata analyze -f Dockerfile --base debian:12 app:1\n  \
                        strata analyze --explain A2\n  \
                        docker save app:1 | gzip >a.tgz; strata analyze --format json a.tgz\n  \
                        strata analyze --gate --max-wasted-percent 5% --max-size 200MB app:1\n  \
                        strata analyze --gate --max-growth 5% --against main.json --format sarif -o strata.sarif app:1\n  \
                        strata analyze --format html -o report.html app:1\n\n\
                        Exit status: 0 done, or passed; 1 the gate failed; 2 error."
)]
pub(crate) struct Args {
    /// The image: a name in the store, an archive, a layout, a root filesystem
    #[arg(required_unless_present = "explain")]
    image: Option<String>,

    /// The Dockerfile it was built from, to name lines and propose edits [default: ./Dockerfile when the image's history matches it]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    worth: Worth,

    /// The image it was built on, whose waste is counted apart [default: an image of the store with the same layers, or what the history tells]
    #[arg(long, value_name = "IMAGE")]
    base: Option<String>,

    /// What to suppress, with reasons, and the gate's limits [default: ./strata.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Explain a rule, by its number or its name, instead of analyzing
    #[arg(long, value_name = "RULE", conflicts_with_all = ["image", "file", "base", "config", "gate", "output"])]
    explain: Option<String>,

    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Write the report to a file; the gate's verdict is printed all the same
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Show the numbers by the formula of another program beside the true ones, and judge by them
    #[arg(long, value_enum, value_name = "PROGRAM")]
    compat: Option<Program>,

    #[command(flatten)]
    gate: gate::Flags,
}

/// How an analysis is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// For programs: stable, described in docs/FORMATS.md
    Json,
    /// For the comment of a pull request
    #[value(alias = "md")]
    Markdown,
    /// SARIF 2.1.0, for code scanning: findings at lines of the Dockerfile
    Sarif,
    /// For CI's list of tests, in the XML of Jenkins
    Junit,
    /// One page for a browser, offline: a map of every file, a search, and all tables
    Html,
}

impl Format {
    /// The forms that an explanation has.
    fn plain(self) -> Result<cli::Format> {
        match self {
            Self::Table => Ok(cli::Format::Table),
            Self::Json => Ok(cli::Format::Json),
            _ => bail!("a rule is explained as table or json"),
        }
    }
}

/// A program whose numbers can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Program {
    /// dive 0.13: efficiency, wasted bytes and userWastedPercent
    Dive,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    if let Some(rule) = &args.explain {
        return explain::run(rule, args.format.plain()?);
    }
    let settings = settings(args.config.as_deref())?;
    let limits = limits::gather(&args.gate, &settings)?;
    let name = args.image.as_deref().unwrap_or_default();
    let image = places.image(name)?;
    let cache = places.analysis();
    let times = Durations::of(&places.build_cache());
    let dockerfile = dockerfile(args.file.as_deref(), places)?;
    let base = args.base.as_deref().map(|base| candidate(base, image.as_ref(), places)).transpose()?;
    let bases = candidates(places)?;
    // a root filesystem is no archive of images
    let unreachable = match image.config() {
        Some(_) => strata_image::source::unreachable(name, Some(&places.store()?))?,
        None => Vec::new(),
    };
    let options = Options {
        cache: Some(&cache),
        dockerfile: dockerfile.as_ref().map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
        times: (args.worth.second() > 0).then_some(&times),
        second: args.worth.second(),
        min_saving: args.worth.min_saving(),
        name: Some(name),
        base: base.as_ref(),
        bases: &bases,
        suppressions: &settings.ignore,
        unreachable: &unreachable,
        ..Options::default()
    };
    let (analysis, ledger) = analysis::with_ledger(image.as_ref(), &options)?;
    // the page alone tells of every file
    let ledger = (args.format == Format::Html).then_some(ledger);
    let dive = match args.compat {
        Some(Program::Dive) => Some(Dive::of(&LayerIndex::all(image.layers(), Some(&cache))?)),
        None => None,
    };
    let verdict = match limits {
        Some(limits) => {
            let against = args.gate.against.as_deref();
            let baseline = against.map(|against| gate::baseline(against, &options, places)).transpose()?;
            Some(gate::judge(&analysis, limits, baseline.as_ref(), dive.as_ref()))
        }
        None => None,
    };
    let has_lines = analysis.layers.iter().any(|layer| layer.line.is_some());
    let report = Report {
        analysis: &analysis,
        gate: verdict.as_ref(),
        compat: dive.as_ref().map(|dive| Compat { dive }),
        dockerfile: options.dockerfile.filter(|_| has_lines),
    };
    print(args, &report, ledger.as_ref())?;
    Ok(if verdict.is_none_or(|verdict: Verdict| verdict.passed) { Status::Yes } else { Status::No })
}

/// The Dockerfile that is named, or else the one here, if there is one.
pub(super) fn dockerfile(file: Option<&Path>, places: &Places) -> Result<Option<(String, Vec<u8>)>> {
    let fetcher = Fetcher::new(&places.build_cache());
    let here = contexts::open(".".as_ref(), &mut std::io::empty(), &fetcher, false, &mut |_| {})?;
    let read = match (here.dockerfile(file, &mut std::io::stdin()), file) {
        (Err(_), None) => return Ok(None),
        (read, _) => read?,
    };
    Ok(Some((read.name, read.bytes)))
}

/// The settings that are named, or else those here, if there are any.
fn settings(file: Option<&Path>) -> Result<Settings> {
    let path = file.unwrap_or(Path::new(settings::FILE));
    let text = match std::fs::read_to_string(path) {
        Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(Settings::default()),
        read => read.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let by = path.display().to_string();
    Settings::parse(&text, &by).with_context(|| format!("cannot use {by}"))
}

/// The image that `--base` names; it must be one that the image can have been built on.
fn candidate(text: &str, image: &dyn Image, places: &Places) -> Result<Candidate> {
    let base = places.image(text)?;
    let diff_ids = base.layers().iter().map(|layer| layer.diff_id()).collect();
    let candidate = Candidate { name: text.to_owned(), digest: None, diff_ids };
    if !candidate.is_below(image) {
        bail!("{text} is not the base: the image does not have its layers at the bottom, and more above them");
    }
    Ok(candidate)
}

/// The images of the store.
pub(super) fn candidates(places: &Places) -> Result<Vec<Candidate>> {
    let candidate = |image: &strata_image::store::StoredImage| Candidate {
        name: image.names().first().map_or_else(|| image.image_id().to_string(), ToString::to_string),
        digest: Some(image.manifest_digest().to_string()),
        diff_ids: image.layers().iter().map(|layer| layer.diff_id()).collect(),
    };
    Ok(places.store()?.images()?.iter().map(candidate).collect())
}

fn print(args: &Args, report: &Report<'_>, ledger: Option<&Ledger>) -> Result<()> {
    let text = match args.format {
        Format::Table => table::text(report, args.worth.min_saving())?,
        Format::Json => json::text(report)?,
        Format::Markdown => report.markdown(),
        Format::Sarif => json::text(&report.sarif())?,
        Format::Junit => report.junit(),
        Format::Html => report.html(ledger),
    };
    let Some(path) = &args.output else {
        match args.format {
            Format::Table => anstream::print!("{text}"),
            _ => std::io::stdout().lock().write_all(text.as_bytes())?,
        }
        return Ok(());
    };
    if path == Path::new("-") {
        bail!("- is no file\nhint: without -o the report goes to standard output");
    }
    let plain = anstream::adapter::strip_str(&text).to_string();
    let text = if args.format == Format::Table { &plain } else { &text };
    output(Some(path), |out| Ok(out.write_all(text.as_bytes())?))?;
    if let Some(verdict) = report.gate {
        let mut text = String::new();
        gate::show(verdict, &mut text)?;
        anstream::print!("{text}");
    }
    Ok(())
}
