//! How much a suggestion must save, as options.

use strata_analyzer::suggest::MinSaving;

use crate::command::size::bytes;

/// What a suggestion is worth.
#[derive(clap::Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Worth")]
pub(crate) struct Worth {
    /// Make no suggestion that saves less: a size (64k, 1.5m), or a part of the image (0.5%) [default: 1m or 1%, either is enough]
    #[arg(long, value_name = "SIZE|PERCENT", value_parser = min_saving)]
    min_saving: Option<MinSaving>,

    /// What a second of a later build is worth, in bytes saved: RUNs are chained where they save more than later builds
    /// would repeat. 0: bytes alone decide
    ///
    /// One build in ten is taken to be for an edit of a step, and each step to be as likely as any other. An edit of a RUN
    /// of a chain also repeats those before it in the chain: their time, as the builds recorded it, at this worth a second,
    /// and the bytes of their layers, which are sent again. Where a time is not known, bytes alone decide.
    #[arg(long, value_name = "SIZE", value_parser = bytes, default_value = "256k")]
    second: u64,
}

impl Worth {
    /// What a suggestion must save.
    pub(crate) fn min_saving(self) -> MinSaving {
        self.min_saving.unwrap_or(MinSaving::WORTHWHILE)
    }

    /// What a second is worth, in bytes.
    pub(crate) fn second(self) -> u64 {
        self.second
    }
}

fn min_saving(text: &str) -> Result<MinSaving, String> {
    let Some(percent) = text.strip_suffix('%') else {
        return Ok(MinSaving { bytes: Some(bytes(text)?), permille: None });
    };
    let wrong = || format!("{text:?} is no part of an image: write a number up to 100, with one decimal or none");
    let (whole, tenth) = percent.split_once('.').unwrap_or((percent, "0"));
    let (whole, tenth): (u64, u64) = (whole.parse().map_err(|_| wrong())?, tenth.parse().map_err(|_| wrong())?);
    if tenth > 9 || whole > 100 {
        return Err(wrong());
    }
    Ok(MinSaving { bytes: None, permille: Some(whole * 10 + tenth) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_bound_is_a_size_or_a_part() {
        for (text, bytes, permille) in
            [("0", Some(0), None), ("64k", Some(65_536), None), ("1%", None, Some(10)), ("0.5%", None, Some(5))]
        {
            assert_eq!(min_saving(text).unwrap(), MinSaving { bytes, permille }, "{text}");
        }
        for text in ["", "%", "x%", "1.55%", "101%", "-1%"] {
            assert!(min_saving(text).is_err(), "{text}");
        }
    }
}
