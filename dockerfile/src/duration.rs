//! Durations as Go writes them: `1h15m30.5s`, `300ms`, `0`.

use std::time::Duration;

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// Not of the form, or too long for 63 bits of nanoseconds.
    #[error("invalid duration {text:?}")]
    Invalid {
        /// The text.
        text: String,
    },
    /// Less than zero, which nothing here takes.
    #[error("negative duration {text:?}")]
    Negative {
        /// The text.
        text: String,
    },
}

/// Units and their nanoseconds; `µ` has two code points.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3600 * 1_000_000_000),
];

/// Reads a duration: a sum of decimals with units, or a bare `0`. Nanoseconds are the finest that
/// counts; what is finer is cut off.
///
/// # Errors
/// The text is not of that form, is negative, or does not fit Go's 63 bits of nanoseconds.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let nanoseconds = match unsigned {
        "0" => Some(0),
        "" => None,
        _ => sum(unsigned),
    };
    let nanoseconds = nanoseconds
        .filter(|total| i64::try_from(*total).is_ok())
        .ok_or_else(|| DurationError::Invalid { text: text.to_owned() })?;
    if text.starts_with('-') && nanoseconds > 0 {
        return Err(DurationError::Negative { text: text.to_owned() });
    }
    Ok(Duration::from_nanos(nanoseconds))
}

fn sum(mut text: &str) -> Option<u64> {
    let mut total = 0_u64;
    while !text.is_empty() {
        let digit = |c: char| c.is_ascii_digit();
        let number = text.trim_start_matches(|c| digit(c) || c == '.');
        let (number, rest) = text.split_at(text.len() - number.len());
        let unit = &rest[..rest.find(|c| digit(c) || c == '.').unwrap_or(rest.len())];
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(*scale)?)?.checked_add(scaled(fraction, *scale)?)?;
        text = &rest[unit.len()..];
    }
    Some(total)
}

/// The nanoseconds of the digits after a point.
fn scaled(fraction: &str, scale: u64) -> Option<u64> {
    let mut nanoseconds = 0_u128;
    let mut divisor = 1_u128;
    // digits beyond the eighteenth weigh less than a nanosecond of the longest unit
    for digit in fraction.chars().take(18) {
        divisor *= 10;
        nanoseconds = nanoseconds * 10 + u128::from(digit.to_digit(10)?);
    }
    if fraction.contains('.') {
        return None;
    }
    u64::try_from(nanoseconds * u128::from(scale) / divisor).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanoseconds) in [
            ("0", Some(0)),
            ("+0", Some(0)),
            ("-0s", Some(0)),
            ("5s", Some(5_000_000_000)),
            ("1h15m30.918s", Some(4_530_918_000_000)),
            ("1.5h", Some(5_400_000_000_000)),
            (".5s", Some(500_000_000)),
            ("1.s", Some(1_000_000_000)),
            ("1us", Some(1_000)),
            ("1µs", Some(1_000)),
            ("1μs", Some(1_000)),
            ("0.3333333333333333333h", Some(1_199_999_999_999)),
            ("2562047h47m16.854775807s", Some(i64::MAX.unsigned_abs())),
            ("", None),
            ("5", None),
            ("s", None),
            (".s", None),
            ("1.2.3s", None),
            ("5 s", None),
            ("5d", None),
            ("-", None),
            ("2562047h47m16.854775808s", None),
            ("99999999999999999999s", None),
        ] {
            let parsed = parse(text).ok().map(|duration| duration.as_nanos());
            assert_eq!(parsed, nanoseconds.map(u128::from), "{text}");
        }
        assert_eq!(parse("-5s"), Err(DurationError::Negative { text: "-5s".to_owned() }));
    }
}
