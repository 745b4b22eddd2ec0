//! Sizes as text, in docker's units: powers of 1,000, three digits at most, no zeros behind the point.

/// Writes `0B`, `512B`, `1.05kB`, `52.4MB`.
///
/// ```
/// assert_eq!(strata_analyzer::size_text(52_428_800), "52.4MB");
/// ```
pub fn size_text(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes}B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    let digits = format!("{value:.decimals$}");
    let digits = if decimals > 0 { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
    format!("{digits}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::size_text;

    #[test]
    fn sizes_have_three_digits_and_dockers_units() {
        let cases = [
            (0, "0B"),
            (999, "999B"),
            (1_000, "1kB"),
            (1_200, "1.2kB"),
            (1_234, "1.23kB"),
            (900_000, "900kB"),
            (9_996, "10kB"),
            (52_428_800, "52.4MB"),
            (999_499_999, "999MB"),
            (999_600_000, "1GB"),
            (u64::MAX, "18.4EB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size_text(bytes), text, "{bytes}");
        }
    }
}
