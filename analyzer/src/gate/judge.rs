//! Judges an analysis by limits.

use std::{cmp::Ordering, fmt::Write as _};

use super::{Amount, Baseline, Counted, Grown, Growth, Judged, Limits, Numbers, Status, Verdict};
use crate::{Analysis, analysis::FoundBy, dive::Dive, findings::Finding, size_text};

/// Findings that the note of `fail-on` names.
const MAX_NAMED: usize = 3;

/// The bytes that count.
struct Sums {
    size: u64,
    wasted: u64,
}

/// Judges an image by every rule. With dive's numbers, waste and efficiency are those; else the true ones.
pub fn judge(analysis: &Analysis, limits: &Limits, baseline: Option<&Baseline>, dive: Option<&Dive>) -> Verdict {
    let counted = counted(analysis, limits);
    let user_only = counted == Counted::UserLayers;
    let layers: Vec<_> = analysis.layers.iter().filter(|layer| !user_only || layer.base != Some(true)).collect();
    let sums = Sums {
        size: layers.iter().map(|layer| layer.size_bytes).sum(),
        wasted: layers.iter().map(|layer| layer.wasted_bytes).sum(),
    };
    // bytes of user layers mean something only beside bytes of user layers
    let grown_user_only = user_only && baseline.is_some_and(Baseline::knows_base);
    let grown = baseline.map(|baseline| baseline.grown(analysis, grown_user_only));
    let found = analysis.findings.iter().filter(|finding| !user_only || !finding.base);
    let waste = match dive {
        Some(dive) => [
            dive_bytes(limits, dive),
            dive_share("max-wasted-percent", limits.max_wasted_percent.map(super::Share::value), dive),
            dive_share("min-efficiency", limits.min_efficiency.map(super::Share::value), dive),
        ],
        None => [wasted_bytes(limits, &sums), wasted_percent(limits, &sums), efficiency(limits, &sums)],
    };
    let rules: Vec<Judged> = waste
        .into_iter()
        .chain([
            size(limits, &sums),
            growth(limits, grown.as_ref(), user_only && !grown_user_only),
            fail_on(limits, found.collect()),
        ])
        .collect();
    Verdict {
        passed: rules.iter().all(|judged| judged.status != Status::Fail),
        counted,
        layers: layers.len(),
        numbers: if dive.is_some() { Numbers::Dive } else { Numbers::True },
        limits_from: None,
        rules,
        grown,
        fail_on: limits.fail_on.clone(),
    }
}

fn counted(analysis: &Analysis, limits: &Limits) -> Counted {
    let knows_base = analysis.layers.iter().any(|layer| layer.base.is_some());
    match analysis.base.as_ref().map(|base| base.found_by) {
        _ if limits.base => Counted::AllLayers,
        Some(FoundBy::History) => Counted::BaseGuessed,
        _ if knows_base => Counted::UserLayers,
        _ => Counted::BaseUnknown,
    }
}

fn skipped(rule: &'static str, why: &str) -> Judged {
    Judged { rule, status: Status::Skip, measured: None, limit: None, note: Some(why.to_owned()) }
}

fn no_limit(rule: &'static str) -> Judged {
    skipped(rule, "no limit is set")
}

fn judged(rule: &'static str, is_kept: bool, measured: Amount, limit: Amount) -> Judged {
    let status = if is_kept { Status::Pass } else { Status::Fail };
    Judged { rule, status, measured: Some(measured), limit: Some(limit), note: None }
}

fn bytes(bytes: u64) -> Amount {
    Amount::Bytes(bytes.into())
}

#[expect(clippy::cast_precision_loss, reason = "shown, not compared")]
fn share(part: u64, whole: u64) -> Amount {
    Amount::Share(if whole == 0 { 0.0 } else { part as f64 / whole as f64 })
}

fn wasted_bytes(limits: &Limits, sums: &Sums) -> Judged {
    const RULE: &str = "max-wasted-bytes";
    let Some(limit) = limits.max_wasted_bytes else { return no_limit(RULE) };
    judged(RULE, sums.wasted <= limit, bytes(sums.wasted), bytes(limit))
}

fn wasted_percent(limits: &Limits, sums: &Sums) -> Judged {
    const RULE: &str = "max-wasted-percent";
    let Some(limit) = limits.max_wasted_percent else { return no_limit(RULE) };
    let is_kept = limit.compare(sums.wasted, sums.size) != Ordering::Greater;
    let mut judged = judged(RULE, is_kept, share(sums.wasted, sums.size), Amount::Share(limit.value()));
    judged.note = Some(format!("{} of {} bytes are wasted", sums.wasted, sums.size));
    excuse(&mut judged, sums.wasted, limits.wasted_floor, "wasted-floor");
    judged
}

fn efficiency(limits: &Limits, sums: &Sums) -> Judged {
    const RULE: &str = "min-efficiency";
    let Some(limit) = limits.min_efficiency else { return no_limit(RULE) };
    let live = sums.size - sums.wasted;
    // an image without bytes wastes none
    let is_kept = sums.size == 0 || limit.compare(live, sums.size) != Ordering::Less;
    let measured = if sums.size == 0 { Amount::Share(1.0) } else { share(live, sums.size) };
    let mut judged = judged(RULE, is_kept, measured, Amount::Share(limit.value()));
    judged.note = Some(format!("{live} of {} bytes are alive", sums.size));
    excuse(&mut judged, sums.wasted, limits.wasted_floor, "wasted-floor");
    judged
}

/// A percentage does not fail for less than the floor.
fn excuse(judged: &mut Judged, bytes: u64, floor: u64, name: &str) {
    if judged.status == Status::Fail && bytes <= floor {
        judged.status = Status::Pass;
        let within = format!("{} are within {name}, {}", size_text(bytes), size_text(floor));
        judged.note = Some(judged.note.take().map_or_else(|| within.clone(), |note| format!("{note}; {within}")));
    }
}

fn size(limits: &Limits, sums: &Sums) -> Judged {
    const RULE: &str = "max-size";
    let Some(limit) = limits.max_size else { return no_limit(RULE) };
    judged(RULE, sums.size <= limit, bytes(sums.size), bytes(limit))
}

/// `counts_all`: the layers of the base too, though for the other rules they do not.
fn growth(limits: &Limits, grown: Option<&Grown>, counts_all: bool) -> Judged {
    const RULE: &str = "max-growth";
    let Some(limit) = limits.max_growth else { return no_limit(RULE) };
    let Some(grown) = grown else { return skipped(RULE, "there is nothing to grow from: --against names it") };
    let since = grown.since.as_deref().unwrap_or("the baseline");
    let more = grown.is_bytes.saturating_sub(grown.was_bytes);
    let by = Amount::Bytes(i128::from(grown.is_bytes) - i128::from(grown.was_bytes));
    let mut judged = match limit {
        Growth::Bytes(limit) => judged(RULE, more <= limit, by, bytes(limit)),
        Growth::Share(limit) => {
            let is_kept = more == 0 || limit.compare(more, grown.was_bytes) != Ordering::Greater;
            judged(RULE, is_kept, grown.share().map_or(by, Amount::Share), Amount::Share(limit.value()))
        }
    };
    let mut note = format!("{since} had {}, this has {}", bytes(grown.was_bytes), bytes(grown.is_bytes));
    if counts_all {
        let _ = write!(note, " in all layers, since nobody knows where the base of {since} ends");
    }
    judged.note = Some(note);
    if matches!(limit, Growth::Share(_)) {
        excuse(&mut judged, more, limits.growth_floor, "growth-floor");
    }
    if let (Status::Fail, Some(note)) = (judged.status, &mut judged.note) {
        let most: Vec<&str> =
            grown.packages.first().into_iter().chain(grown.layers.first()).map(|by| by.what.as_str()).collect();
        if !most.is_empty() {
            let _ = write!(note, "; grew most: {}", most.join("; "));
        }
    }
    judged
}

fn fail_on(limits: &Limits, found: Vec<&Finding>) -> Judged {
    const RULE: &str = "fail-on";
    if limits.fail_on.is_empty() {
        return skipped(RULE, "no rule or level is named");
    }
    let asked: Vec<&Finding> =
        found.into_iter().filter(|finding| limits.fail_on.iter().any(|fail| fail.means(finding))).collect();
    let words: Vec<&str> = limits.fail_on.iter().map(|fail| fail.word()).collect();
    let mut judged = judged(
        RULE,
        asked.is_empty(),
        Amount::Findings(asked.len()),
        Amount::Names(format!("none of {}", words.join(", "))),
    );
    if !asked.is_empty() {
        let mut named: Vec<String> = asked
            .iter()
            .take(MAX_NAMED)
            .map(|finding| format!("{} {}: {}", finding.rule, finding.name, finding.message))
            .collect();
        if asked.len() > MAX_NAMED {
            named.push(format!("and {} more", asked.len() - MAX_NAMED));
        }
        judged.note = Some(named.join("; "));
    }
    judged
}

fn dive_bytes(limits: &Limits, dive: &Dive) -> Judged {
    const RULE: &str = "max-wasted-bytes";
    let Some(limit) = limits.max_wasted_bytes else { return no_limit(RULE) };
    judged(RULE, dive.wasted_bytes <= limit, bytes(dive.wasted_bytes), bytes(limit))
}

/// As dive compares: NaN passes either way.
fn dive_share(rule: &'static str, limit: Option<f64>, dive: &Dive) -> Judged {
    let Some(limit) = limit else { return no_limit(rule) };
    let (measured, fails) = if rule == "min-efficiency" {
        (dive.efficiency, limit > dive.efficiency)
    } else {
        (dive.user_wasted_percent, dive.user_wasted_percent > limit)
    };
    judged(rule, !fails, Amount::Share(measured), Amount::Share(limit))
}
