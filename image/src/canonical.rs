//! The one JSON writer for everything that is hashed.
//!
//! Object keys sorted by their bytes, no white space, no HTML escapes: equal values give equal bytes, whatever made
//! them. Keys are sorted here because `serde_json`'s own order depends on a feature that any dependency may turn on.

use serde::Serialize;
use serde_json::Value;

/// Writes a value as canonical JSON.
///
/// ```
/// let bytes = strata_image::canonical::to_vec(&serde_json::json!({"b": "<&>", "a": [1, null]}))?;
/// assert_eq!(bytes, br#"{"a":[1,null],"b":"<&>"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
/// When the value cannot be JSON at all, such as a map whose keys are not strings.
pub fn to_vec<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::new();
    write(&serde_json::to_value(value)?, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    match value {
        Value::Object(map) => {
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            list(*b"{}", fields, out, |(key, value), out| {
                serde_json::to_writer(&mut *out, key)?;
                out.push(b':');
                write(value, out)
            })
        }
        Value::Array(items) => list(*b"[]", items, out, write),
        plain => serde_json::to_writer(out, plain),
    }
}

fn list<T>(
    brackets: [u8; 2],
    items: impl IntoIterator<Item = T>,
    out: &mut Vec<u8>,
    mut each: impl FnMut(T, &mut Vec<u8>) -> Result<(), serde_json::Error>,
) -> Result<(), serde_json::Error> {
    out.push(brackets[0]);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        each(item, out)?;
    }
    out.push(brackets[1]);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_are_sorted_by_bytes_at_every_depth() {
        let value: Value = serde_json::from_str(r#"{"b":{"é":1,"z":2,"Z":3},"a":[{"y":[],"x":{}}]}"#).unwrap();
        let text = String::from_utf8(to_vec(&value).unwrap()).unwrap();
        assert_eq!(text, r#"{"a":[{"x":{},"y":[]}],"b":{"Z":3,"z":2,"é":1}}"#);
    }

    #[test]
    fn text_is_escaped_only_where_json_needs_it() {
        let value = Value::from("<a&b>\u{2028}\"\n\u{1}");
        assert_eq!(to_vec(&value).unwrap(), "\"<a&b>\u{2028}\\\"\\n\\u0001\"".as_bytes());
    }

    #[test]
    fn whole_numbers_stay_whole() {
        let text = "[0,-1,9223372036854775807,18446744073709551615,1.5]";
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(to_vec(&value).unwrap(), text.as_bytes());
    }
}
