//! One record of comma-separated values, as Go's `encoding/csv` reads it.

/// A field, quotes removed.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// What it says.
    pub text: String,
    /// Where it stands, quotes included.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Whether it has quotes.
    pub quoted: bool,
}

/// Why a text is no record.
#[derive(Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// What is wrong.
    pub what: &'static str,
    /// Where.
    pub at: usize,
}

/// Cuts a text at its commas. A field that begins with `"` ends with the next one, `""` in it stands for `"`; in any other
/// field a `"` is an error.
///
/// # Errors
/// What is wrong, and where; a text without a character is no record either.
pub fn fields(text: &str) -> Result<Vec<Field>, BadRecord> {
    if text.is_empty() {
        return Err(BadRecord { what: "it has no options", at: 0 });
    }
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let field = match rest.strip_prefix('"') {
            None => {
                let length = rest.find(',').unwrap_or(rest.len());
                if let Some(quote) = rest[..length].find('"') {
                    return Err(BadRecord { what: "bare \" in a field that does not begin with one", at: at + quote });
                }
                Field { text: rest[..length].to_owned(), start: at, end: at + length, quoted: false }
            }
            Some(body) => {
                let (unquoted, length) =
                    quoted(body).ok_or(BadRecord { what: "extraneous or missing \" in a quoted field", at })?;
                Field { text: unquoted, start: at, end: at + 1 + length, quoted: true }
            }
        };
        at = field.end;
        fields.push(field);
        if at == text.len() {
            return Ok(fields);
        }
        at += 1;
    }
}

/// Reads up to the closing quote, after which there is a comma or nothing; gives the text and the length with that quote.
fn quoted(body: &str) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut at = 0;
    loop {
        let length = body[at..].find('"')?;
        text.push_str(&body[at..at + length]);
        at += length + 1;
        match body[at..].chars().next() {
            Some('"') => text.push('"'),
            None | Some(',') => return Some((text, at)),
            Some(_) => return None,
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_cut_as_in_go() {
        let cases: [(&str, Option<&[&str]>); 12] = [
            ("a", Some(&["a"])),
            ("a=b,c", Some(&["a=b", "c"])),
            ("a,,b", Some(&["a", "", "b"])),
            ("a,", Some(&["a", ""])),
            ("\"a,b\",c", Some(&["a,b", "c"])),
            ("\"a\"\"b\"", Some(&["a\"b"])),
            ("\"\"", Some(&[""])),
            ("\"a\",\"\"\"\"", Some(&["a", "\""])),
            ("", None),
            ("a\"b", None),
            ("\"a", None),
            ("\"a\"b", None),
        ];
        for (text, expected) in cases {
            let found = fields(text).ok();
            let texts = found.as_ref().map(|found| found.iter().map(|field| field.text.as_str()).collect::<Vec<_>>());
            assert_eq!(texts.as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_field_knows_where_it_stands() {
        let text = "é,\"a,b\",c";
        let Ok(found) = fields(text) else { panic!("{text}") };
        let places: Vec<&str> = found.iter().map(|field| &text[field.start..field.end]).collect();
        assert_eq!(places, ["é", "\"a,b\"", "c"]);
    }
}
