//! What a file is called that a URL gave.

use percent_encoding::percent_decode_str;

/// The name where the URL gives none.
const UNNAMED: &str = "__unnamed__";

/// The longest name that a filesystem takes (`NAME_MAX`).
const MAX_NAME: usize = 255;

/// The last part of a URL's path, decoded. Query and fragment do not count, and nothing that the server says does: a name
/// from it could be a path, or that of another file.
///
/// ```
/// use strata_builder::remote::http::file_name;
///
/// assert_eq!(file_name("https://example.org/dl/tool.tgz?token=1#x"), "tool.tgz");
/// assert_eq!(file_name("https://example.org/"), "__unnamed__");
/// assert_eq!(file_name("https://example.org/a%2F..%2F..%2Fetc%2Fpasswd"), "passwd");
/// ```
pub fn file_name(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let name = decoded.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let is_usable = !matches!(name, "" | "." | "..") && name.len() <= MAX_NAME && !name.contains(char::is_control);
    if is_usable { name.to_owned() } else { UNNAMED.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_path() {
        let long = format!("http://h/{}", "a".repeat(256));
        for (url, name) in [
            ("http://h", UNNAMED),
            ("http://h?file=/a", UNNAMED),
            ("http://h/a/", "a"),
            ("http://h/a/..", UNNAMED),
            ("http://h/%2e%2e", UNNAMED),
            ("http://h/a%00b", UNNAMED),
            ("http://h/a%0Ab", UNNAMED),
            ("http://h/..%2f..%2fb", "b"),
            ("http://h/a%20b%25", "a b%"),
            ("http://h/a\\b", "a\\b"),
            (&long, UNNAMED),
        ] {
            assert_eq!(file_name(url), name, "{url}");
        }
    }
}
