//! Parser directives: `# name=value` comments at the very top of a file.

use crate::{Diagnostic, Span, Spanned, lines::Line};

/// The directives that exist; any other comment ends the search for them.
const KNOWN: [&str; 3] = ["syntax", "escape", "check"];

/// What the top of the file says.
pub(crate) struct Directives {
    pub(crate) escape: char,
    pub(crate) found: Vec<(Spanned<String>, Spanned<String>)>,
}

/// Reads the directives: they stop at the first line that is none.
///
/// After a first line `#!` only `syntax` and `check` count: BuildKit looks for these two before
/// reading the file, past such a line, but for `escape` while reading, when that line has already
/// ended the directives.
pub(crate) fn read(source: &[u8], lines: &[Line], diagnostics: &mut Vec<Diagnostic>) -> Directives {
    let mut directives = Directives { escape: '\\', found: Vec::new() };
    let after_shebang = lines.first().is_some_and(|line| source[line.start..line.end].starts_with(b"#!"));
    for line in &lines[usize::from(after_shebang)..] {
        let Some((name, value)) = directive(source, *line) else {
            break;
        };
        if after_shebang && name.value == "escape" {
            continue;
        }
        if directives.found.iter().any(|(seen, _)| seen.value == name.value) {
            if !after_shebang {
                diagnostics.push(Diagnostic::error(
                    "duplicate-directive",
                    name.span,
                    format!("only one {} parser directive can be used", name.value),
                ));
            }
            continue;
        }
        if name.value == "escape" {
            match value.value.as_str() {
                "\\" => directives.escape = '\\',
                "`" => directives.escape = '`',
                other => diagnostics.push(Diagnostic::error(
                    "invalid-escape",
                    value.span,
                    format!("invalid escape token '{other}' does not match ` or \\"),
                )),
            }
        }
        directives.found.push((name, value));
    }
    directives
}

/// Reads one line as `# name = value` with a known name, which is given in lower case.
fn directive(source: &[u8], line: Line) -> Option<(Spanned<String>, Spanned<String>)> {
    let text = std::str::from_utf8(&source[line.start..line.end]).ok()?;
    let comment = text.trim_start().strip_prefix('#')?;
    let (name, value) = comment.split_once('=')?;
    let name = name.trim_start().trim_end_matches(ASCII_SPACE);
    let known = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(name))?;
    if value.is_empty() {
        return None;
    }
    let value = value.trim_matches(ASCII_SPACE);
    let spanned = |value: &str, part: &str| {
        let start = line.start + (part.as_ptr().addr() - text.as_ptr().addr());
        Spanned { value: value.to_owned(), span: Span { start, end: start + part.len() } }
    };
    Some((spanned(known, name), spanned(value, value)))
}

/// What `\s` matches in Go's regular expressions.
const ASCII_SPACE: [char; 5] = ['\t', '\n', '\x0c', '\r', ' '];

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(source: &str) -> (Directives, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let lines = crate::lines::split(source.as_bytes(), &mut diagnostics);
        let directives = read(source.as_bytes(), &lines, &mut diagnostics);
        (directives, diagnostics)
    }

    #[test]
    fn directives_end_at_the_first_other_line() {
        for (source, escape, names) in [
            ("# escape=`\nFROM a\n", '`', "escape"),
            ("#escape = `  \nFROM a\n", '`', "escape"),
            ("  # ESCAPE=`\nFROM a\n", '`', "escape"),
            ("# hello\n# escape=`\n", '\\', ""),
            ("\n# escape=`\n", '\\', ""),
            ("FROM a\n# escape=`\n", '\\', ""),
            ("# unknown=1\n# escape=`\n", '\\', ""),
            ("# escape=\n# syntax=a\n", '\\', ""),
            ("# syntax=a/b:1\n# check=skip=all\n# escape=`\n", '`', "syntax check escape"),
            ("#!/usr/bin/env x\n# escape=`\n# syntax=a\n", '\\', "syntax"),
            ("\u{feff}# escape=`\n", '`', "escape"),
            ("# escape=`\r\nFROM a\r\n", '`', "escape"),
        ] {
            let (directives, diagnostics) = read_text(source);
            let found: Vec<&str> = directives.found.iter().map(|(name, _)| name.value.as_str()).collect();
            assert_eq!((directives.escape, found.join(" ").as_str()), (escape, names), "{source:?}");
            assert!(diagnostics.is_empty(), "{source:?}: {diagnostics:?}");
        }
    }

    #[test]
    fn a_repeated_directive_and_a_wrong_escape_are_errors() {
        for (source, code) in [
            ("# escape=\\\n# escape=`\n", "duplicate-directive"),
            ("# syntax=a\n# Syntax=a\n", "duplicate-directive"),
            ("# escape=x\n", "invalid-escape"),
            ("# escape= \n", "invalid-escape"),
        ] {
            let (_, diagnostics) = read_text(source);
            let codes: Vec<&str> = diagnostics.iter().map(|d| d.code).collect();
            assert_eq!(codes, [code], "{source:?}");
        }
    }

    #[test]
    fn name_and_value_have_spans() {
        let source = "\u{feff}# syntax = docker/dockerfile:1 \n";
        let (directives, _) = read_text(source);
        let (name, value) = &directives.found[0];
        assert_eq!(&source[name.span.range()], "syntax");
        assert_eq!(&source[value.span.range()], "docker/dockerfile:1");
    }
}
