//! Sizes as people write them in options.

/// Bytes as docker writes them: a number, with a fraction or not, and a unit of 1024: `64m`, `1.5g`, `2GiB`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no size: write a number and b, k, m, g or t");
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let unit = unit.trim_start();
    let shift = match unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(unit) {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        "p" => 50,
        _ => return Err(wrong()),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let whole = whole.checked_mul(1 << shift).ok_or_else(wrong)?;
    let parts = match fraction {
        "" => 0,
        // six digits are more than anybody writes, and cannot overflow
        _ if fraction.len() > 6 => return Err(wrong()),
        _ => {
            let parts: u64 = fraction.parse().map_err(|_| wrong())?;
            let scale = 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| wrong())?);
            u64::try_from((u128::from(parts) << shift) / scale).map_err(|_| wrong())?
        }
    };
    whole.checked_add(parts).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::bytes;

    #[test]
    fn sizes_are_written_as_for_docker() {
        let cases = [
            ("0", 0),
            ("64", 64),
            ("64b", 64),
            ("64k", 64 << 10),
            ("64M", 64 << 20),
            ("1.5g", 3 << 29),
            ("2GiB", 2 << 30),
            ("2 gb", 2 << 30),
            ("1t", 1 << 40),
        ];
        for (text, expected) in cases {
            assert_eq!(bytes(text).unwrap(), expected, "{text}");
        }
        for text in ["", "m", "-1", "1x", "1.m.", "99999999p", "1..5g", "x1"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
