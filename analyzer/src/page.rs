//! The frame of an HTML report: one file that loads nothing, and runs nothing but the script that it was made with.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use strata_image::Digest;

use crate::markup::html;

/// Begins a page: everything before its body. `style` is CSS, and `script` the one script that may run.
///
/// The policy names both by their hashes, so that nothing which came in with a name could be styled or run even if it
/// were markup; no image, font, frame, form or address is let through.
pub(crate) fn head(title: &str, style: &str, script: Option<&str>) -> String {
    let script_source = script.map_or_else(String::new, |script| format!(";script-src {}", hash(script)));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src {style_source}{script_source};\
         base-uri 'none';form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{title}</title>\n<style>{style}</style>\n</head>\n",
        style_source = hash(style),
        title = html(title),
    )
}

/// A source of a content security policy (CSP level 2, 4.2): the base64 of the SHA-256 of what stands between the tags.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Digest::of(text.as_bytes()).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{hash, head};

    #[test]
    fn the_policy_names_what_may_run_by_its_hash() {
        // printf %s 'a{}' | openssl dgst -sha256 -binary | base64
        assert_eq!(hash("a{}"), "'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='");
        let page = head("<b>", "a{}", Some("b()"));
        assert!(page.contains(&format!("style-src {};script-src {};base-uri", hash("a{}"), hash("b()"))), "{page}");
        assert!(page.contains("<title>&lt;b&gt;</title>"), "{page}");
        assert!(!head("", "", None).contains("script"));
    }
}
