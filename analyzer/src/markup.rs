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

/// A sentence of ours for GitHub's markdown, which may have some of an image's text in it: what stands between two backticks is
/// code.
pub(crate) fn markdown_prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, code, after)) = rest.split_once('`').and_then(|(before, rest)| {
        let (code, after) = rest.split_once('`')?;
        Some((before, code, after))
    }) {
        out.push_str(&markdown(before));
        let seen = seen(code);
        if seen.is_empty() {
            out.push_str(&markdown("``"));
        } else if seen != seen.trim() || seen.contains(['|', '\\']) || out.ends_with('`') {
            // in a table a bar ends the cell, in code too; blanks at both ends would be taken off
            out.push_str(&markdown_code(code));
        } else {
            let _ = write!(out, "`{seen}`");
        }
        rest = after;
    }
    out.push_str(&markdown(rest));
    out
}

/// Every mark that means something where it stands, in markdown, HTML or a table, as a character reference: those mean
/// themselves. `after_at` is an invisible blank that keeps an `@` from naming anybody.
fn references(text: &str, after_at: &str) -> String {
    let seen = seen(text);
    let mut out = String::with_capacity(seen.len());
    for (at, c) in seen.char_indices() {
        if c.is_ascii_punctuation() && means_something(c, &seen[..at], &seen[at + 1..]) {
            let _ = write!(out, "&#{};", u32::from(c));
            if c == '@' {
                out.push_str(after_at);
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a mark is markup between these texts.
fn means_something(c: char, before: &str, after: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (last, next) = (before.chars().next_back(), after.chars().next());
    let ends_with = |word: &str| {
        let rest = before.len().checked_sub(word.len()).and_then(|start| before.as_bytes().split_at_checked(start));
        rest.is_some_and(|(before, end)| {
            let is_whole = before.last().is_none_or(|byte| !byte.is_ascii_alphanumeric());
            is_whole && end.eq_ignore_ascii_case(word.as_bytes())
        })
    };
    match c {
        '/' | ',' | ';' | '%' | '(' | ')' | '=' | '?' | '"' | '\'' | '^' | '!' => false,
        // `www.` alone is a link
        '.' => ends_with("www"),
        // a list, a line under a heading; `GH-1` is an issue
        '-' | '+' => before.is_empty() || ends_with("gh"),
        // within a word it is part of that
        '_' => !(is_word(last) && is_word(next)),
        ':' => after.starts_with("//") || ends_with("mailto") || ends_with("xmpp") || is_picture(after),
        '&' => is_word(next) || next == Some('#'),
        _ => true,
    }
}

/// Whether what follows a colon is the rest of `:tada:`.
fn is_picture(after: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-');
    let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
    end > 0 && after[end..].starts_with(':')
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
    use super::{cut, html, markdown, markdown_code, markdown_prose, seen, seen_lines};

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
    fn a_mark_that_means_nothing_where_it_stands_stays() {
        for text in ["wrote: 3 files, such as /a-b+c/d_e.x", "a & b", "--mount", "high-level", "app:1", "a: b"] {
            assert_eq!(markdown(&format!("x {text}")), format!("x {text}"));
        }
        for (text, escaped) in [
            ("- a", "&#45; a"),
            ("+ a", "&#43; a"),
            ("gh-1", "gh&#45;1"),
            (":tada:", "&#58;tada:"),
            ("mailto:a", "mailto&#58;a"),
            ("_a_", "&#95;a&#95;"),
            ("&lt;", "&#38;lt;"),
            ("&#60;", "&#38;&#35;60;"),
        ] {
            assert_eq!(markdown(text), escaped, "{text}");
        }
    }

    #[test]
    fn code_in_a_sentence_is_code_and_never_more() {
        assert_eq!(markdown_prose("Use `--mount=type=cache`, `a_b`."), "Use `--mount=type=cache`, `a_b`.");
        assert_eq!(markdown_prose("of `<b>@all` and <b>"), "of `<b>@all` and &#60;b&#62;");
        assert_eq!(markdown_prose("a `b|c` ``` d"), "a <code>b&#124;c</code> &#96;&#96;&#96; d");
        assert_eq!(markdown_prose("`a``b`"), "`a`<code>b</code>");
        assert_eq!(markdown_prose("a ` <b>"), "a &#96; &#60;b&#62;");
    }

    #[test]
    fn a_cut_is_shown() {
        assert_eq!(cut("éééé", 3), "ééé…");
        assert_eq!(cut("ééé", 3), "ééé");
    }
}
