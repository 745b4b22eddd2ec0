//! The whole of what a person sees: the analysis, the numbers of others, the gate.

use std::fmt::Error;

use strata_analyzer::{analysis::Analysis, dive::Dive, gate::Amount, report::Report, size_text, suggest::MinSaving};

use super::{gate, show};
use crate::look::table::Columns;

/// The report, coloured; with `all` every finding in it. `terminal` is how wide the terminal is that it goes to.
pub(super) fn text(report: &Report<'_>, least: MinSaving, all: bool, terminal: Option<usize>) -> Result<String, Error> {
    let mut out = String::new();
    show::write(report.analysis, least, all, terminal, &mut out)?;
    if let Some(compat) = report.compat {
        out.push('\n');
        dive(report.analysis, compat.dive, &mut out);
    }
    if let Some(verdict) = report.gate {
        out.push('\n');
        gate::show(verdict, terminal, &mut out)?;
    }
    Ok(out)
}

/// dive's numbers, in its words, beside the true ones of the same layers: dive's user bytes are those of all but the first.
fn dive(analysis: &Analysis, dive: &Dive, out: &mut String) {
    let above = analysis.layers.iter().skip(1);
    let (user, wasted) =
        above.fold((0, 0), |(user, wasted), layer| (user + layer.size_bytes, wasted + layer.wasted_bytes));
    #[expect(clippy::cast_precision_loss, reason = "four decimals are shown")]
    let user_wasted = wasted as f64 / user as f64;
    let mut columns = Columns::new(&["", "DIVE", "TRUE"]).right(1).right(2);
    let bytes = |bytes| format!("{bytes} ({})", size_text(bytes));
    let row = |what: &str, dive: String, real: String| [what.to_owned(), dive, real];
    columns.row(row("efficiency", percent(dive.efficiency), percent(analysis.efficiency)));
    columns.row(row("wastedBytes", bytes(dive.wasted_bytes), bytes(analysis.wasted_bytes)));
    columns.row(row("userWastedPercent", percent(dive.user_wasted_percent), percent(user_wasted)));
    columns.write(out);
}

/// As the gate has it.
fn percent(ratio: f64) -> String {
    Amount::Share(ratio).to_string()
}
