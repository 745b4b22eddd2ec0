//! `.dive-ci`: a YAML file with dive's three limits.
//!
//! ```yaml
//! rules:
//!   lowestEfficiency: 0.9
//!   highestWastedBytes: 20MB
//!   highestUserWastedPercent: disabled
//! ```
//!
//! dive has written the names in two ways, and read them with `rules` above them and without; both are understood. A key
//! that is missing keeps dive's default, which is on for two of the three.

use anyhow::{Result, bail};
use strata_dockerfile::suggest::nearest;
use yaml_rust2::{Event, parser::Parser};

/// The limits, as written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) efficiency: String,
    pub(super) wasted_bytes: String,
    pub(super) user_wasted: String,
}

const NAMES: [&str; 3] = ["lowestEfficiency", "highestWastedBytes", "highestUserWastedPercent"];
/// Bytes of a file with three numbers in it, and of comments about them.
const MAX_BYTES: usize = 64 << 10;
/// Keys above a value that may mean something: `rules` and a name.
const MAX_DEPTH: usize = 2;

/// Reads the file; gives warnings for what means nothing, which dive says nothing about.
pub(super) fn read(text: &str) -> Result<(Rules, Vec<String>)> {
    if text.len() > MAX_BYTES {
        bail!("more than {MAX_BYTES} bytes");
    }
    let mut rules = Rules { efficiency: "0.9".into(), wasted_bytes: "disabled".into(), user_wasted: "0.1".into() };
    let mut warnings = Vec::new();
    for scalar in scalars(text)? {
        let is_null = scalar.is_plain && matches!(scalar.value.as_str(), "" | "~" | "null");
        let name = match scalar.path.as_slice() {
            [rules] if rules == "rules" && is_null => continue,
            [name] => name,
            [rules, name] if rules == "rules" => name,
            _ => continue,
        };
        let plain = name.to_lowercase().replace(['-', '_'], "");
        let plain = plain.strip_suffix("threshold").unwrap_or(&plain);
        let rule = match NAMES.iter().position(|known| known.eq_ignore_ascii_case(plain)) {
            Some(0) => &mut rules.efficiency,
            Some(1) => &mut rules.wasted_bytes,
            Some(_) => &mut rules.user_wasted,
            None => {
                let near = nearest(name, &NAMES).map_or_else(String::new, |near| format!("; did you mean {near}?"));
                warnings.push(format!("line {}: there is no rule {name:?}{near}", scalar.line));
                continue;
            }
        };
        // null leaves the default
        if !is_null {
            *rule = scalar.value;
        }
    }
    Ok((rules, warnings))
}

struct Scalar {
    path: Vec<String>,
    value: String,
    is_plain: bool,
    line: usize,
}

/// The texts of mappings, each with the keys above it. Lists and what is nested deeper are passed over, aliases refused.
fn scalars(text: &str) -> Result<Vec<Scalar>> {
    let mut parser = Parser::new_from_str(text);
    let mut found = Vec::new();
    // a mapping has the key whose value is read, a list has none
    let mut levels: Vec<Option<String>> = Vec::new();
    let mut lists = 0_usize;
    loop {
        let (event, mark) = parser.next_token()?;
        match event {
            Event::StreamEnd => return Ok(found),
            Event::Alias(_) => bail!("line {}: aliases are not read", mark.line()),
            Event::SequenceStart(..) => lists += 1,
            Event::SequenceEnd => {
                lists = lists.saturating_sub(1);
                if lists == 0 {
                    end_value(&mut levels);
                }
            }
            _ if lists > 0 => {}
            Event::MappingStart(..) => levels.push(None),
            Event::MappingEnd => {
                levels.pop();
                end_value(&mut levels);
            }
            Event::Scalar(value, style, ..) => match levels.last_mut() {
                None => {}
                Some(key @ None) => *key = Some(value),
                Some(Some(_)) => {
                    if levels.len() <= MAX_DEPTH {
                        let is_plain = style == yaml_rust2::scanner::TScalarStyle::Plain;
                        let path = levels.iter().flatten().cloned().collect();
                        found.push(Scalar { path, value, is_plain, line: mark.line() });
                    }
                    end_value(&mut levels);
                }
            },
            _ => {}
        }
    }
}

fn end_value(levels: &mut [Option<String>]) {
    if let Some(key) = levels.last_mut() {
        *key = None;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::read;

    fn values(text: &str) -> [String; 3] {
        let (rules, warnings) = read(text).unwrap();
        assert_eq!(warnings, [""; 0]);
        [rules.efficiency, rules.wasted_bytes, rules.user_wasted]
    }

    #[test]
    fn every_form_that_dive_has_had_is_read() {
        let cases = [
            ("", ["0.9", "disabled", "0.1"]),
            ("rules:\n", ["0.9", "disabled", "0.1"]),
            ("rules:\n  lowestEfficiency: 0.95 # high\n  highestWastedBytes: 20MB\n", ["0.95", "20MB", "0.1"]),
            ("rules: {lowestEfficiency: 0.5, highestUserWastedPercent: \"0.20\"}", ["0.5", "disabled", "0.20"]),
            ("lowest-efficiency-threshold: 1\nhighest-wasted-bytes: 20_000\n", ["1", "20_000", "0.1"]),
            ("rules:\n  lowestEfficiency: disabled\n  highestUserWastedPercent: ''\n", ["disabled", "disabled", ""]),
            ("rules:\n  lowestEfficiency: ~\n  highestWastedBytes:\n", ["0.9", "disabled", "0.1"]),
        ];
        for (text, expected) in cases {
            assert_eq!(values(text), expected, "{text}");
        }
    }

    #[test]
    fn what_means_nothing_is_told_and_what_is_no_yaml_fails() {
        let (_, warnings) = read("rules:\n  - a\n  - {b: c}\nx: {y: {z: 1}}\nlowestEficiency: 1\n").unwrap();
        assert_eq!(warnings, ["line 5: there is no rule \"lowestEficiency\"; did you mean lowestEfficiency?"]);
        assert!(read("rules: [").is_err());
        assert!(read("a: &x 1\nb: *x\n").is_err());
        assert!(read(&"#\n".repeat(40_000)).is_err());
    }

    #[test]
    fn what_is_nested_deeper_than_any_rule_is_not_kept() {
        let [open, inside, close] = ["{b: ".repeat(200), "a: 1, ".repeat(10_000), "}".repeat(200)];
        let text = format!("{{a: 1, b: {open}{{{inside}}}{close}}}");
        assert_eq!(super::scalars(&text).unwrap().len(), 1);
    }
}
