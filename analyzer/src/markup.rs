//! Text of an image in a document: nothing of it is markup, and nothing of it is unseen.
//!
//! Names, labels and commands are whatever somebody put into an image. In a document they could close a tag, mention a
//! person, break a table, or, with characters that have no shape of their own, look like something else.

use std::fmt::Write as _;

/// Text whose every character has a shape: the others as `\n`, `\t`, `\u{202e}`.
///
/// Those are control characters, what turns the direction of writing (`gpj.exe` would be read as `exe.jpg`), what ends
/// lines in scripts, and what has no width.
pub(crate) fn seen(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_unseen(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// The same of text of many lines, which keeps its lines and tabs.
pub(crate) fn seen_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(['\n', '\t']) {
        let rest = piece.trim_end_matches(['\n', '\t']);
        out.push_str(&seen(rest));
        out.push_str(&piece[rest.len()..]);
    }
    out
}

/// Whether a character has no shape, or changes that of its neighbours. Unicode's `Default_Ignorable_Code_Point` without
/// the selectors of variants, which belong to the sign before them.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Text for HTML, between tags or in a quoted attribute.
pub(crate) fn html(text: &str) -> String {
    html_of_seen(&seen(text))
}

/// Text of many lines for HTML's `<pre>`.
pub(crate) fn html_lines(text: &str) -> String {
    html_of_seen(&seen_lines(text))
}

fn html_of_seen(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Text for GitHub's markdown, in prose and in a table.
pub(crate) fn markdown(text: &str) -> String {
    references(text, "\u{200b}")
}

/// Text of an image as code in markdown, where nothing is a mention or a link either.
pub(crate) fn markdown_code(text: &str) -> String {
    format!("<code>{}</code>", references(text, ""))
}

/// Every mark that could mean something, in markdown, HTML or a table, as a character reference: those mean themselves.
/// `after_at` is an invisible blank that keeps an `@` from naming anybody.
fn references(text: &str, after_at: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in seen(text).chars() {
        match c {
            ' ' | '/' | ',' | ';' | '%' | '(' | ')' | '=' | '?' | '"' | '\'' | '^' => out.push(c),
            // `www.` alone is a link
            '.' if !ends_with_www(&out) => out.push(c),
            c if c.is_ascii_punctuation() => {
                let _ = write!(out, "&#{};", u32::from(c));
                if c == '@' {
                    out.push_str(after_at);
                }
            }
            c => out.push(c),
        }
    }
    out
}

fn ends_with_www(text: &str) -> bool {
    text.as_bytes().last_chunk::<3>().is_some_and(|last| last.eq_ignore_ascii_case(b"www"))
}

/// The first `length` characters, and an ellipsis where something was cut.
pub(crate) fn cut(text: &str, length: usize) -> String {
    let mut characters = text.chars();
    let mut out: String = characters.by_ref().take(length).collect();
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{cut, html, markdown, markdown_code, seen, seen_lines};

    #[test]
    fn what_has_no_shape_is_spelled_out() {
        assert_eq!(seen("gpj\u{202e}exe.\u{2066}a"), "gpj\\u{202e}exe.\\u{2066}a");
        assert_eq!(seen("a\u{2028}b\u{feff}c\u{200b}\u{ad}"), "a\\u{2028}b\\u{feff}c\\u{200b}\\u{ad}");
        assert_eq!(seen("é\u{fffd}e9 漢字 \u{1f600}"), "é\u{fffd}e9 漢字 \u{1f600}");
        assert_eq!(seen("a\tb\u{1b}[2J\u{9b}\n"), "a\\tb\\u{1b}[2J\\u{9b}\\n");
        assert_eq!(seen_lines("\ta\u{202e}\n\nb\r\n"), "\ta\\u{202e}\n\nb\\u{d}\n");
    }

    #[test]
    fn no_text_of_an_image_is_markup() {
        assert_eq!(
            html("</script><img src=x onerror='a()'>\"&"),
            "&lt;/script&gt;&lt;img src=x onerror=&#39;a()&#39;&gt;&quot;&amp;"
        );
        assert_eq!(markdown_code("<img src=x onerror=alert(1)>"), "<code>&#60;img src=x onerror=alert(1)&#62;</code>");
        assert_eq!(markdown("a|b\n[x](http://y)"), "a&#124;b&#92;n&#91;x&#93;(http&#58;//y)");
        assert_eq!(
            markdown("@everyone #1 `c` *b* \u{1b}[2J"),
            "&#64;\u{200b}everyone &#35;1 &#96;c&#96; &#42;b&#42; &#92;u&#123;1b&#125;&#91;2J"
        );
        assert_eq!(markdown("WWW.x.org"), "WWW&#46;x.org");
    }

    #[test]
    fn a_cut_is_shown() {
        assert_eq!(cut("éééé", 3), "ééé…");
        assert_eq!(cut("ééé", 3), "ééé");
    }
}
