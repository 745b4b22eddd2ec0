//! Where the gate's limits come from: options go before files, `strata.toml` before `.dive-ci`.

use std::path::Path;

use anyhow::{Context as _, Error, Result, bail};
use strata_analyzer::{
    gate::{LimitError, Limits, Share},
    settings::Settings,
};

use super::{dive_ci, gate::Flags};
use crate::look::say;

/// dive's file, where dive looks for it.
const DIVE_CI: &str = ".dive-ci";
/// What holds where nobody says anything: dive's two ratios are the same number of the same bytes, if counted right.
const DEFAULT_PERCENT: &str = "10%";
const DEFAULT_FAIL_ON: &str = "error";

/// Limits, and who gave them.
pub(super) struct Gathered {
    pub(super) limits: Limits,
    pub(super) from: String,
    /// Whether a file of dive's was read.
    pub(super) are_dives: bool,
}

/// Gathers the limits; `None` when nobody asked for the gate.
pub(super) fn gather(flags: &Flags, settings: &Settings) -> Result<Option<Gathered>> {
    let given = given(flags)?;
    if !(flags.gate || flags.gate_base || flags.against.is_some() || flags.dive_ci.is_some() || !given.is_empty()) {
        return Ok(None);
    }
    let grows = given.iter().any(|(key, text)| *key == "max-growth" && !Limits::is_off(text));
    if grows && flags.against.is_none() {
        bail!(
            "--max-growth needs something to have grown from\nhint: --against IMAGE, or a report of `analyze --format json`"
        );
    }
    let mut limits = Limits::default();
    let mut from = Vec::new();
    let mut are_dives = false;
    if let Some(file) = &flags.dive_ci {
        from.push(dive_file(&mut limits, file)?);
        are_dives = true;
    } else if let Some((gate, by)) = &settings.gate {
        limits.clone_from(gate);
        from.push(by.clone());
    } else if Path::new(DIVE_CI).exists() {
        from.push(dive_file(&mut limits, DIVE_CI.as_ref())?);
        are_dives = true;
    } else if given.is_empty() {
        limits.set("max-wasted-percent", DEFAULT_PERCENT)?;
        limits.set("fail-on", DEFAULT_FAIL_ON)?;
        from.push("defaults".to_owned());
    }
    for (key, text) in &given {
        limits.set(key, text)?;
    }
    limits.base |= flags.gate_base;
    if !given.is_empty() {
        from.push("options".to_owned());
    }
    Ok(Some(Gathered { limits, from: from.join(", "), are_dives }))
}

/// The options that are limits, in the keys of the gate.
fn given(flags: &Flags) -> Result<Vec<(&'static str, String)>> {
    let user_wasted = flags.user_wasted.as_deref().map(percent).transpose()?;
    let fail_on = (!flags.fail_on.is_empty()).then(|| flags.fail_on.join(","));
    let given = [
        ("max-wasted-bytes", &flags.max_wasted_bytes),
        ("max-wasted-percent", &flags.max_wasted_percent),
        ("max-wasted-percent", &user_wasted),
        ("min-efficiency", &flags.min_efficiency),
        ("max-size", &flags.max_size),
        ("max-growth", &flags.max_growth),
        ("fail-on", &fail_on),
        ("wasted-floor", &flags.wasted_floor),
        ("growth-floor", &flags.growth_floor),
    ];
    Ok(given.into_iter().filter_map(|(key, text)| Some((key, text.clone()?))).collect())
}

/// dive's ratio from 0 to 1, which it calls a percentage, as one.
fn percent(ratio: &str) -> Result<String> {
    if Limits::is_off(ratio) {
        return Ok("off".to_owned());
    }
    let share = Share::ratio(ratio).context("highestUserWastedPercent")?;
    Ok(format!("{}%", share.percent_text()))
}

/// An amount that cannot be read is told by the name that the file has for it.
fn in_words_of(name: &'static str) -> impl Fn(LimitError) -> Error {
    move |error| match error {
        LimitError::Amount { source, .. } => Error::from(source).context(name),
        error => error.into(),
    }
}

/// dive has no floors: whoever comes from it gets the verdict that its limits mean.
fn dive_file(limits: &mut Limits, path: &Path) -> Result<String> {
    let name = path.display();
    let mut read = || -> Result<()> {
        let text = std::fs::read_to_string(path)?;
        let (rules, warnings) = dive_ci::read(&text)?;
        for warning in warnings {
            say(&format!("strata: warning: {name}: {warning}"));
        }
        limits.set("wasted-floor", "0")?;
        limits.set("max-wasted-percent", &percent(&rules.user_wasted)?)?;
        limits.set("min-efficiency", &rules.efficiency).map_err(in_words_of("lowestEfficiency"))?;
        limits.set("max-wasted-bytes", &rules.wasted_bytes).map_err(in_words_of("highestWastedBytes"))?;
        Ok(())
    };
    read().with_context(|| format!("cannot use {name}"))?;
    Ok(name.to_string())
}
