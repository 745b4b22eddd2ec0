//! Amounts as people write them, kept exactly: `20MB`, `12.5%`, `0.9`.

use std::cmp::Ordering;

/// Digits behind the point, and before it, that a share may have: what keeps every comparison within 128 bits.
const MAX_DIGITS: usize = 9;

/// What is wrong with an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// It is no size.
    #[error("{text:?} is no size: write bytes, or a number with a unit such as 20MB or 20MiB")]
    Size {
        /// What was written.
        text: String,
    },
    /// It is no percentage.
    #[error("{text:?} is no percentage: write a number such as 10 or 12.5%")]
    Percent {
        /// What was written.
        text: String,
    },
    /// It is no share of a whole.
    #[error("{text:?} is no share: write a number from 0 to 1, such as 0.9, or a percentage, such as 90%")]
    Share {
        /// What was written.
        text: String,
    },
}

/// Reads a size as go-humanize's `ParseBytes` does, which dive's users know: `20MB` is 20,000,000, `20MiB` 20,971,520; units
/// in any case, with a blank before them or none, commas among the digits.
///
/// # Errors
///
/// [`AmountError::Size`], also for what has more than 64 bits.
///
/// ```
/// use strata_analyzer::gate::parse_size;
/// assert_eq!(parse_size("20MB")?, 20_000_000);
/// assert_eq!(parse_size("1.5 kib")?, 1536);
/// # Ok::<(), strata_analyzer::gate::AmountError>(())
/// ```
pub fn parse_size(text: &str) -> Result<u64, AmountError> {
    let wrong = || AmountError::Size { text: text.to_owned() };
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(text.len());
    let number: f64 = text[..digits].replace(',', "").parse().map_err(|_| wrong())?;
    let unit: f64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "p" | "pb" => 1e15,
        "e" | "eb" => 1e18,
        "ki" | "kib" => 1024.0,
        "mi" | "mib" => 1_048_576.0,
        "gi" | "gib" => 1_073_741_824.0,
        "ti" | "tib" => 1_099_511_627_776.0,
        "pi" | "pib" => 1_125_899_906_842_624.0,
        "ei" | "eib" => 1_152_921_504_606_846_976.0,
        _ => return Err(wrong()),
    };
    let bytes = number * unit;
    // 2^64
    if bytes >= 18_446_744_073_709_551_616.0 {
        return Err(wrong());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a byte is none; not negative"
    )]
    Ok(bytes as u64)
}

/// A share of a whole, as exact as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Over 10 to the power of `scale`.
    digits: u64,
    scale: u32,
}

impl Share {
    /// Reads `0.9` or `90%`.
    ///
    /// # Errors
    ///
    /// [`AmountError::Share`], also for what is above 1: `90` may be meant as either.
    pub fn ratio(text: &str) -> Result<Self, AmountError> {
        let share = match text.trim().strip_suffix('%') {
            Some(percent) => decimal(percent, 2),
            None => decimal(text.trim(), 0),
        };
        share
            .filter(|share| share.compare(1, 1) != Ordering::Less)
            .ok_or_else(|| AmountError::Share { text: text.to_owned() })
    }

    /// Reads `10` or `10%`: both mean a tenth.
    ///
    /// # Errors
    ///
    /// [`AmountError::Percent`].
    pub fn percent(text: &str) -> Result<Self, AmountError> {
        let number = text.trim();
        decimal(number.strip_suffix('%').unwrap_or(number), 2)
            .ok_or_else(|| AmountError::Percent { text: text.to_owned() })
    }

    /// Whether `part` of `whole` is less than, equal to, or more than this share; nothing of nothing is no share.
    pub fn compare(self, part: u64, whole: u64) -> Ordering {
        let part = u128::from(part) * 10_u128.pow(self.scale);
        part.cmp(&(u128::from(whole) * u128::from(self.digits)))
    }

    /// The percentage, as exact as the share: `12.5`.
    pub fn percent_text(self) -> String {
        let scale = self.scale.saturating_sub(2) as usize;
        let digits = u128::from(self.digits) * if self.scale < 2 { 10_u128.pow(2 - self.scale) } else { 1 };
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
    }

    /// The nearest number: 1 is the whole.
    #[expect(clippy::cast_precision_loss, reason = "at most 18 digits, of which a double keeps 15")]
    pub fn value(self) -> f64 {
        self.digits as f64 / 10_f64.powi(i32::try_from(self.scale).unwrap_or(i32::MAX))
    }
}

/// A number without a sign, in decimals, over 10 to the power of `shift`.
fn decimal(text: &str, shift: u32) -> Option<Share> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let is_number = |digits: &str| digits.len() <= MAX_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let digits = format!("{whole}{fraction}").parse().ok()?;
    Some(Share { digits, scale: u32::try_from(fraction.len()).ok()? + shift })
}

/// How much an image may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// By so many bytes.
    Bytes(u64),
    /// By a share of what it was.
    Share(Share),
}

impl Growth {
    /// Reads `5MB` or `5%`.
    ///
    /// # Errors
    ///
    /// [`AmountError::Size`] or [`AmountError::Percent`].
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        if text.trim().ends_with('%') {
            return Share::percent(text).map(Self::Share);
        }
        parse_size(text.trim()).map(Self::Bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::cmp::Ordering::{Equal, Greater, Less};

    use super::*;

    #[test]
    fn sizes_are_read_as_go_humanize_reads_them() {
        for (text, bytes) in [
            ("42", 42),
            ("42B", 42),
            ("20MB", 20_000_000),
            ("20MiB", 20_971_520),
            ("20 mib", 20_971_520),
            ("20Mi", 20_971_520),
            ("20M", 20_000_000),
            ("42.5MB", 42_500_000),
            ("1,005.03 MB", 1_005_030_000),
            (".5k", 500),
            ("12.5 EB", 12_500_000_000_000_000_000),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MB", "-1", "84 JB", "1.2.3", "16 EiB", "0x10", " 1"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_are_compared_exactly() {
        // as doubles, 0.07 * 100 is more than 7
        assert_eq!(Share::percent("7").unwrap().compare(7, 100), Equal);
        assert_eq!(Share::ratio("0.9").unwrap().compare(9, 10), Equal);
        assert_eq!(Share::ratio("90%").unwrap().compare(899_999_999_999, 1_000_000_000_000), Less);
        assert_eq!(Share::percent("0.1%").unwrap().compare(u64::MAX, u64::MAX), Greater);
        assert_eq!(Share::percent("999999999.999999999").unwrap().compare(u64::MAX, 1), Greater);
        assert_eq!(Share::ratio("1").unwrap().compare(0, 0), Equal);
        for (ratio, percent) in [("0.9", "90"), ("0.1234", "12.34"), ("1", "100"), ("0.005", "0.5"), ("5%", "5")] {
            assert_eq!(Share::ratio(ratio).unwrap().percent_text(), percent, "{ratio}");
        }
        for text in ["", "%", "-1", "1e3", "nan", "1,5", "0.0000000001", "90", "1.01", "101%"] {
            assert!(Share::ratio(text).is_err(), "{text}");
        }
    }
}
