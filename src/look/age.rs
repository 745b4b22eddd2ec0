//! Ages as docker tells them: `3 minutes ago`.

use strata_image::Timestamp;

/// How long ago a point in time was, seen from `now`; `N/A` for a time that is not there or cannot be read.
pub(crate) fn ago(created: Option<&str>, now: Timestamp) -> String {
    let Some(then) = created.and_then(|text| text.parse::<Timestamp>().ok()) else {
        return "N/A".to_owned();
    };
    format!("{} ago", duration(now.seconds.saturating_sub(then.seconds)))
}

fn duration(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    match seconds {
        ..1 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..60 => format!("{seconds} seconds"),
        _ if minutes == 1 => "About a minute".to_owned(),
        _ if minutes < 60 => format!("{minutes} minutes"),
        _ if hours == 1 => "About an hour".to_owned(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if days < 14 => format!("{days} days"),
        _ if days < 60 => format!("{} weeks", days / 7),
        _ if days < 730 => format!("{} months", days / 30),
        _ => format!("{} years", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::{ago, duration};
    use strata_image::Timestamp;

    #[test]
    fn ages_are_dockers_words() {
        let cases = [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (61, "About a minute"),
            (150, "2 minutes"),
            (3_600, "About an hour"),
            (7_200, "2 hours"),
            (2 * 86_400, "2 days"),
            (15 * 86_400, "2 weeks"),
            (90 * 86_400, "3 months"),
            (800 * 86_400, "2 years"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn a_time_that_is_not_there_has_no_age() {
        assert_eq!(ago(None, Timestamp::EPOCH), "N/A");
        assert_eq!(ago(Some("yesterday"), Timestamp::EPOCH), "N/A");
    }
}
