//! The gate's options, and what a person sees of its verdict.

use std::{
    fmt::Write as _,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
};

use anyhow::{Context as _, Result, bail};
use strata_analyzer::{
    Analysis,
    analysis::{self, Options},
    dive::Dive,
    gate::{self, Baseline, Counted, Grown, GrownBy, Numbers, Status, Verdict},
    size_text,
};

use super::limits::Gathered;
use crate::{
    look::{
        palette::{ERROR, FAINT, GOOD, STRONG},
        table::Columns,
        text,
    },
    places::Places,
};

/// Rules that compare with the bytes of the counted layers, which are not all those that dive compares with.
const RATIOS: [&str; 2] = ["max-wasted-percent", "min-efficiency"];

/// Options of the gate. The names in capitals are dive's.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Gate")]
pub(crate) struct Flags {
    /// Judge the image by limits; exit 1 when it does not keep to one
    #[arg(long, visible_alias = "ci")]
    pub(super) gate: bool,

    /// Bytes that may be wasted, such as 20MB or 20MiB; `off` for no limit
    #[arg(long, value_name = "SIZE", alias = "highestWastedBytes")]
    pub(super) max_wasted_bytes: Option<String>,

    /// Share of the bytes that may be wasted, such as 5%
    #[arg(long, value_name = "PERCENT")]
    pub(super) max_wasted_percent: Option<String>,

    /// Share of the bytes that must not be wasted, such as 0.95 or 95%
    #[arg(long, value_name = "SHARE", alias = "lowestEfficiency")]
    pub(super) min_efficiency: Option<String>,

    /// Bytes that the layers may have
    #[arg(long, value_name = "SIZE")]
    pub(super) max_size: Option<String>,

    /// How much they may have grown since --against: bytes or a percentage
    #[arg(long, value_name = "SIZE|PERCENT")]
    pub(super) max_growth: Option<String>,

    /// The image to grow from, or a report of it that `--format json` wrote
    #[arg(long, value_name = "IMAGE|REPORT")]
    pub(super) against: Option<String>,

    /// Findings that fail: numbers or names of rules, or a level: error, warning, note
    #[arg(long, value_name = "RULE|LEVEL")]
    pub(super) fail_on: Vec<String>,

    /// Waste up to which no percentage fails [default: 1MB]
    #[arg(long, value_name = "SIZE")]
    pub(super) wasted_floor: Option<String>,

    /// Growth up to which no percentage fails [default: 1MB]
    #[arg(long, value_name = "SIZE")]
    pub(super) growth_floor: Option<String>,

    /// Let the base image's layers count too
    #[arg(long)]
    pub(super) gate_base: bool,

    /// Take the limits from a file of dive's [default: ./.dive-ci where strata.toml has no [gate]]
    #[arg(long, value_name = "FILE", alias = "ci-config")]
    pub(super) dive_ci: Option<PathBuf>,

    /// dive's name for the share of the bytes that may be wasted, from 0 to 1
    #[arg(long = "highestUserWastedPercent", value_name = "RATIO", hide = true, conflicts_with = "max_wasted_percent")]
    pub(super) user_wasted: Option<String>,
}

/// Opens what the image may have grown from.
pub(super) fn baseline(against: &str, options: &Options<'_>, places: &Places) -> Result<Baseline> {
    if let Some(report) = report(against)? {
        return Baseline::read(report).with_context(|| format!("cannot use {against}"));
    }
    let image = match places.image(against) {
        Err(error) if matches!(error.downcast_ref(), Some(strata_image::Error::Unrecognised { .. })) => {
            bail!("{against} is neither an image nor a report of `analyze --format json`")
        }
        image => image?,
    };
    let base = options.base.filter(|base| base.is_below(image.as_ref()));
    let options = Options { name: Some(against), base, base_layers: None, ..*options };
    Ok(Baseline::from(&analysis::analyze(image.as_ref(), &options)?))
}

/// A file that begins as a JSON document does, which no archive does.
fn report(path: &str) -> Result<Option<File>> {
    let Ok(mut file) = File::open(path) else { return Ok(None) };
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut start = [0; 64];
    let length = file.read(&mut start)?;
    file.seek(SeekFrom::Start(0))?;
    let is_json = start[..length].trim_ascii_start().starts_with(b"{");
    Ok(is_json.then_some(file))
}

pub(super) fn judge(
    analysis: &Analysis,
    limits: Gathered,
    baseline: Option<&Baseline>,
    dive: Option<&Dive>,
) -> Verdict {
    let mut verdict = gate::judge(analysis, &limits.limits, baseline, dive);
    verdict.limits_from = Some(limits.from);
    if limits.are_dives && verdict.counted == Counted::UserLayers && verdict.numbers == Numbers::True {
        for judged in verdict.rules.iter_mut().filter(|judged| RATIOS.contains(&judged.rule)) {
            if let (Some(note), true) = (&mut judged.note, judged.status != Status::Skip) {
                note.push_str("; of user layers alone, where dive counts the base too");
            }
        }
    }
    verdict
}

/// Writes the verdict: each rule with its numbers, and what grew where that failed. `terminal` is how wide the terminal is that
/// it goes to.
pub(super) fn show(verdict: &Verdict, terminal: Option<usize>, out: &mut String) -> std::fmt::Result {
    let (style, word) = if verdict.passed { (GOOD, "passed") } else { (ERROR, "failed") };
    write!(out, "{STRONG}gate{STRONG:#} {style}{word}{style:#}  {}", verdict.counted_text())?;
    if let Some(from) = &verdict.limits_from {
        write!(out, "; limits: {}", text::safe(from))?;
    }
    writeln!(out, "{}\n", if verdict.numbers == gate::Numbers::Dive { "; judged by dive's numbers" } else { "" })?;
    let mut columns = Columns::new(&["RULE", "RESULT", "MEASURED", "LIMIT", "NOTE"]).right(2).right(3);
    let amount = |amount: &Option<gate::Amount>| amount.as_ref().map_or_else(String::new, ToString::to_string);
    for judged in &verdict.rules {
        let row = [judged.rule.to_owned(), judged.status.word().to_owned()];
        let note = judged.note.as_deref().filter(|note| !is_long(note)).unwrap_or_default();
        columns.row(row.into_iter().chain([amount(&judged.measured), amount(&judged.limit), note.to_owned()]));
    }
    columns.write(out);
    for judged in &verdict.rules {
        if let Some(note) = judged.note.as_deref().filter(|note| is_long(note)) {
            let style = if judged.status == Status::Fail { ERROR } else { FAINT };
            writeln!(out, "{style}{}:{style:#} {}", judged.rule, text::safe(note))?;
        }
    }
    let growth = verdict.rules.iter().find(|judged| judged.rule == "max-growth");
    match &verdict.grown {
        Some(grown) if growth.is_some_and(|judged| judged.status == Status::Fail) => show_grown(grown, terminal, out),
        _ => Ok(()),
    }
}

/// What does not fit into the last column stands below the table.
fn is_long(note: &str) -> bool {
    note.chars().count() > 60
}

/// Columns of a grower where there is no terminal.
const GROWER: usize = 80;

/// Packages lie in layers: the two are no parts of one sum.
fn show_grown(grown: &Grown, terminal: Option<usize>, out: &mut String) -> std::fmt::Result {
    let kinds = [("LAYER", &grown.layers, grown.layers_total), ("PACKAGE", &grown.packages, grown.packages_total)];
    for (what, all, total) in kinds {
        if all.is_empty() {
            continue;
        }
        writeln!(out)?;
        let mut columns =
            Columns::new(&["GREW", "WAS", "IS", what]).right(0).right(1).right(2).cut_last(terminal, GROWER);
        for by in all {
            columns.row([
                format!("+{}", size_text(by.is_bytes - by.was_bytes.unwrap_or(0))),
                by.was_bytes.map_or_else(|| "new".to_owned(), size_text),
                size_text(by.is_bytes),
                format!("{}{}", place(by), by.what),
            ]);
        }
        columns.write(out);
        if total > all.len() {
            writeln!(out, "{FAINT}and {} more{FAINT:#}", total - all.len())?;
        }
    }
    Ok(())
}

fn place(by: &GrownBy) -> String {
    match (by.line, by.layer) {
        (Some(line), _) => format!("line {line}: "),
        (None, Some(layer)) => format!("{layer}: "),
        (None, None) => String::new(),
    }
}
