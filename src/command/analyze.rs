//! `analyze`: which bytes of an image are wasted, who made them and who killed them; whether it keeps to limits.

mod dive_ci;
mod explain;
mod findings;
mod gate;
pub(super) mod inputs;
mod limits;
mod show;
mod table;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use strata_analyzer::{
    Ledger, analysis,
    dive::Dive,
    findings::{Level, Note},
    gate::Verdict,
    index::LayerIndex,
    report::{Compat, Report},
};

use self::inputs::Inputs;
use super::output;
use crate::{
    cli,
    exit::Status,
    look::{json, say, table::terminal_width, text},
    places::Places,
};

/// Say which bytes of an image are wasted, who made them and who killed them; pass or fail by limits
#[derive(clap::Args, Debug)]
#[command(
    after_help = "What strata.toml suppresses is counted and not told, and no reason to suggest anything, as is what a\n\
                        `# strata ignore=RULE` above an instruction is about. Rules: docs/rules.md.\n\n\
                        Limits of the gate come from options, from [gate] in strata.toml, or from a .dive-ci file: docs/ci.md.\n\n\
                        Examples:\n  strata analyze app:1\n  strata analyze -f Dockerfile --base debian:12 app:1\n  \
                        strata analyze --explain A2\n  \
                        docker save app:1 | strata analyze --format json -\n  \
                        strata analyze --gate --max-wasted-percent 5% --max-size 200MB app:1\n  \
                        strata analyze --gate --max-growth 5% --against main.json --format sarif -o strata.sarif app:1\n  \
                        strata analyze --format html -o report.html app:1\n\n\
                        Exit status: 0 done, or passed; 1 the gate failed; 2 error."
)]
pub(crate) struct Args {
    /// The image: a name in the store, an archive, a layout, a root filesystem; - reads an archive from standard input
    #[arg(required_unless_present = "explain")]
    image: Option<String>,

    #[command(flatten)]
    inputs: Inputs,

    /// Explain a rule, by its number or its name, instead of analyzing
    #[arg(long, value_name = "RULE", conflicts_with_all = ["image", "file", "base", "config", "gate", "output", "all"])]
    explain: Option<String>,

    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Write the report to a file; the gate's verdict is printed all the same
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Tell every finding in the table, however small, and however many there are
    #[arg(long)]
    all: bool,

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
    let settings = args.inputs.settings()?;
    let limits = limits::gather(&args.gate, &settings)?;
    let name = args.image.as_deref().unwrap_or_default();
    let image = places.image(name)?;
    let gathered = args.inputs.gather(settings, image.as_ref(), name, places)?;
    let options = gathered.options();
    let ledger = analysis::fold(image.as_ref(), &options)?;
    let analysis = analysis::with_ledger(image.as_ref(), &ledger, &options)?;
    // the page alone tells of every file
    let ledger = (args.format == Format::Html).then_some(ledger);
    let dive = match args.compat {
        Some(Program::Dive) => Some(Dive::of(&LayerIndex::all(image.layers(), options.cache)?)),
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
    say_notes(&analysis.notes);
    if let Some(name) = gathered.asked_dockerfile().filter(|_| !analysis.is_matched) {
        let name = text::safe(name);
        say(&format!("strata: warning: {name} did not make this image: its instructions are not those of the history"));
    }
    print(args, &report, ledger.as_ref())?;
    Ok(if verdict.is_none_or(|verdict: Verdict| verdict.passed) { Status::Yes } else { Status::No })
}

/// Says what is odd about suppressions: whoever wrote them means something by them.
pub(super) fn say_notes(notes: &[Note]) {
    for Note { level, by, message } in notes {
        let word = if *level == Level::Note { "note" } else { "warning" };
        say(&format!("strata: {word}: {}", text::safe(&format!("{by}: {message}"))));
    }
}

fn print(args: &Args, report: &Report<'_>, ledger: Option<&Ledger>) -> Result<()> {
    let terminal = terminal_width();
    let text = match args.format {
        Format::Table => {
            let terminal = terminal.filter(|_| args.output.is_none());
            table::text(report, args.inputs.worth.min_saving(), args.all, terminal)?
        }
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
        gate::show(verdict, terminal, &mut text)?;
        anstream::print!("{text}");
    }
    Ok(())
}
