//! Points in time, as image configs (RFC 3339 text) and layer tars (seconds and nanoseconds) carry them.

use std::{fmt, str::FromStr, time::SystemTime};

/// Digits of a fraction of a second that a [`Timestamp`] keeps.
const FRACTION_DIGITS: usize = 9;

/// A point in time with nanoseconds, earlier or later than 1970.
///
/// `seconds` is rounded towards the past and `nanoseconds` (below 1,000,000,000) is added to it: half a second before
/// the epoch is `{ seconds: -1, nanoseconds: 500_000_000 }`.
///
/// ```
/// use strata_image::Timestamp;
///
/// let created: Timestamp = "2024-01-02T04:04:05.12+01:00".parse()?;
/// assert_eq!(created.to_string(), "2024-01-02T03:04:05.12Z");
/// # Ok::<(), strata_image::time::TimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    pub seconds: i64,
    /// What is left of the second, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// A text that is no RFC 3339 time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an RFC 3339 time: {reason}")]
pub struct TimestampError {
    /// The text as found.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self::from_seconds(0);

    /// A whole second.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self { seconds, nanoseconds: 0 }
    }

    /// The system's clock.
    pub fn now() -> Self {
        jiff::Timestamp::try_from(SystemTime::now()).map_or(Self::EPOCH, Self::from)
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(time: jiff::Timestamp) -> Self {
        // jiff rounds towards the epoch and gives both parts the same sign
        let (seconds, nanoseconds) = (time.as_second(), time.subsec_nanosecond());
        match u32::try_from(nanoseconds) {
            Ok(nanoseconds) => Self { seconds, nanoseconds },
            Err(_) => Self { seconds: seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds.unsigned_abs() },
        }
    }
}

/// RFC 3339 in UTC as Docker writes it: the fraction without trailing zeros, none when it is zero. A time outside the
/// years that RFC 3339 can say (a layer's tar can) is written as `@SECONDS`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = i32::try_from(self.nanoseconds)
            .ok()
            .and_then(|nanoseconds| jiff::Timestamp::new(self.seconds, nanoseconds).ok())
            .filter(|time| (0..=9999).contains(&time.to_zoned(jiff::tz::TimeZone::UTC).year()));
        match time {
            Some(time) => time.fmt(f),
            None => write!(f, "@{}", self.seconds),
        }
    }
}

/// RFC 3339 with any offset. Digits of the fraction beyond the ninth are dropped.
impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let fraction = text.find('.').map_or(text.len(), |dot| dot + 1);
        let digits = text[fraction..].bytes().take_while(u8::is_ascii_digit).count();
        let (kept, dropped) = (fraction + digits.min(FRACTION_DIGITS), fraction + digits);
        format!("{}{}", &text[..kept], &text[dropped..])
            .parse::<jiff::Timestamp>()
            .map(Self::from)
            .map_err(|error| TimestampError { text: text.to_owned(), reason: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_parsed_with_any_offset_and_fraction_and_printed_as_docker_does() {
        let cases = [
            ("2024-01-02T03:04:05Z", 1_704_164_645, 0, "2024-01-02T03:04:05Z"),
            ("2024-01-02T03:04:05.120Z", 1_704_164_645, 120_000_000, "2024-01-02T03:04:05.12Z"),
            ("2024-01-02T03:04:05.123456789Z", 1_704_164_645, 123_456_789, "2024-01-02T03:04:05.123456789Z"),
            ("2024-01-02T03:04:05.123456789987654321Z", 1_704_164_645, 123_456_789, "2024-01-02T03:04:05.123456789Z"),
            ("2024-01-02T05:34:05.5+02:30", 1_704_164_645, 500_000_000, "2024-01-02T03:04:05.5Z"),
            ("2024-01-01T19:04:05-08:00", 1_704_164_645, 0, "2024-01-02T03:04:05Z"),
            ("1969-12-31T23:59:59.5Z", -1, 500_000_000, "1969-12-31T23:59:59.5Z"),
            ("1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00Z"),
            ("0001-01-01T00:00:00Z", -62_135_596_800, 0, "0001-01-01T00:00:00Z"),
        ];
        for (text, seconds, nanoseconds, printed) in cases {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(time, Timestamp { seconds, nanoseconds }, "{text}");
            assert_eq!(time.to_string(), printed, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_an_error_that_names_it() {
        for text in
            ["", "yesterday", "2024-01-02", "2024-01-02T03:04:05", "2024-13-02T03:04:05Z", "2024-01-02T03:04:05.Z"]
        {
            assert_eq!(text.parse::<Timestamp>().unwrap_err().text, text);
        }
    }

    #[test]
    fn a_time_beyond_the_calendar_is_still_printed() {
        assert_eq!(Timestamp::from_seconds(i64::MAX).to_string(), "@9223372036854775807");
    }
}
