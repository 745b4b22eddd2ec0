//! What differs between two values of a config's field, or between two histories, one change a row.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::Mark;

/// Items of a list that came and went, keys of a map whose values differ; of anything else both values.
pub(super) fn changes(a: &Value, b: &Value) -> Vec<(Mark, String)> {
    match (a, b) {
        (Value::Array(_) | Value::Null, Value::Array(_) | Value::Null) => {
            let (a, b) = (items(a), items(b));
            let rows: Vec<_> = steps(&a, &b).into_iter().map(|(mark, _, text)| (mark, text)).collect();
            if rows.iter().any(|(mark, _)| *mark != Mark::None) { rows } else { both(&Value::from(a), &Value::from(b)) }
        }
        (Value::Object(_) | Value::Null, Value::Object(_) | Value::Null) => {
            let (a, b) = (entries(a), entries(b));
            let gone = a.iter().filter(|entry| !b.contains(entry)).map(|entry| (Mark::Removed, entry.clone()));
            let new = b.iter().filter(|entry| !a.contains(entry)).map(|entry| (Mark::Added, entry.clone()));
            let mut rows: Vec<_> = gone.chain(new).collect();
            // a key's old value before its new one
            rows.sort_by(|(_, a), (_, b)| key(a).cmp(key(b)));
            rows
        }
        _ => both(a, b),
    }
}

fn both(a: &Value, b: &Value) -> Vec<(Mark, String)> {
    let row = |mark, value: &Value| (!value.is_null()).then(|| (mark, text(value)));
    row(Mark::Removed, a).into_iter().chain(row(Mark::Added, b)).collect()
}

fn items(value: &Value) -> Vec<String> {
    value.as_array().map(|items| items.iter().map(text).collect()).unwrap_or_default()
}

fn entries(value: &Value) -> Vec<String> {
    let entry = |(name, value): (&String, &Value)| match value {
        Value::Object(fields) if fields.is_empty() => name.clone(),
        value => format!("{name}={}", text(value)),
    };
    value.as_object().map(|fields| fields.iter().map(entry).collect()).unwrap_or_default()
}

fn key(entry: &str) -> &str {
    entry.split('=').next().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Lines that came and went, each with its number on its own side, from 1.
pub(super) fn steps(a: &[String], b: &[String]) -> Vec<(Mark, usize, String)> {
    let (a, b): (Vec<&str>, Vec<&str>) =
        (a.iter().map(String::as_str).collect(), b.iter().map(String::as_str).collect());
    let diff = TextDiff::from_slices(&a, &b);
    let row = |change: similar::Change<&str>| {
        let (mark, number) = match change.tag() {
            ChangeTag::Equal => return None,
            ChangeTag::Delete => (Mark::Removed, change.old_index()?),
            ChangeTag::Insert => (Mark::Added, change.new_index()?),
        };
        Some((mark, number + 1, change.value().to_owned()))
    };
    diff.iter_all_changes().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_equal_in_two_values_is_not_told() {
        for (a, b, expected) in [
            (json!(["A=1", "B=2"]), json!(["A=1", "B=3"]), vec!["-B=2", "+B=3"]),
            (json!(["A", "B"]), json!(["B", "A"]), vec!["+B", "-B"]),
            (json!({"a": "1", "b": "2"}), json!({"b": "3", "c": {}}), vec!["-a=1", "-b=2", "+b=3", "+c"]),
            (json!("u"), json!("v"), vec!["-u", "+v"]),
            (json!(null), json!("v"), vec!["+v"]),
            (json!(null), json!(["v"]), vec!["+v"]),
        ] {
            let told: Vec<_> =
                changes(&a, &b).into_iter().map(|(mark, text)| format!("{}{text}", mark.character())).collect();
            assert_eq!(told, expected, "{a} {b}");
        }
    }
}
