//! A unified diff of two texts, as `git diff --no-index` and `diff -u` write it.

use similar::{Algorithm, TextDiff};

/// Lines on both sides together, without those that begin and end both, for which a shortest diff is looked for: its cost is
/// the number of lines times that of the differences. More are shown as replaced by one another.
const MAX_LINES: usize = 20_000;
/// Lines around a change.
const CONTEXT: usize = 3;

/// Writes the diff; empty where the texts are equal. Each byte that is not UTF-8 is written as U+FFFD and two hexadecimal
/// digits, so that lines that differ look different.
pub(crate) fn unified(name_a: &str, name_b: &str, a: &[u8], b: &[u8]) -> String {
    let (a, b) = (readable(a), readable(b));
    // lines end at line feeds only: a lone carriage return is text
    let (old, new): (Vec<&str>, Vec<&str>) = (a.split_inclusive('\n').collect(), b.split_inclusive('\n').collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let between = old.len() + new.len() - 2 * (head + tail);
    if between > MAX_LINES {
        return replaced(name_a, name_b, (&old, &new), (head, tail));
    }
    TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .newline_terminated(true)
        .diff_slices(&old, &new)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(name_a, name_b)
        .to_string()
}

/// The diff that takes out all lines between the head and the tail, and puts the others in.
fn replaced(name_a: &str, name_b: &str, (old, new): (&[&str], &[&str]), (head, tail): (usize, usize)) -> String {
    let begin = head.saturating_sub(CONTEXT);
    let behind = tail.min(CONTEXT);
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    let range = |end: usize| {
        let length = end + behind - begin;
        let first = if length == 0 { begin } else { begin + 1 };
        if length == 1 { first.to_string() } else { format!("{first},{length}") }
    };
    let mut out = format!("--- {name_a}\n+++ {name_b}\n@@ -{} +{} @@\n", range(old_end), range(new_end));
    let mut push = |mark: char, lines: &[&str]| {
        for line in lines {
            out.push(mark);
            out.push_str(line);
            if !line.ends_with('\n') {
                out.push_str("\n\\ No newline at end of file\n");
            }
        }
    };
    push(' ', &old[begin..head]);
    push('-', &old[head..old_end]);
    push('+', &new[head..new_end]);
    push(' ', &old[old_end..old_end + behind]);
    out
}

fn readable(text: &[u8]) -> String {
    // the slash before it is that of a path
    crate::path_text(text).split_off(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_is_what_git_writes() {
        assert_eq!(unified("a/f", "b/f", b"1\n2\n3\n", b"1\n2\n3\n"), "");
        assert_eq!(
            unified("a/f", "b/f", b"1\n2\n3\n4\n5\n6\n7\n8\n9\n", b"1\n2\n3\n4\nfive\n6\n7\n8\n9"),
            "--- a/f\n+++ b/f\n@@ -2,8 +2,8 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n-9\n+9\n\\ No newline at end of file\n"
        );
        assert_eq!(unified("/dev/null", "b/f", b"", b"x\n"), "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+x\n");
        assert_eq!(
            unified("a/f", "b/f", b"\xe9\n", b"\xe8\n"),
            "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-\u{fffd}e9\n+\u{fffd}e8\n"
        );
    }

    #[test]
    fn texts_that_have_nothing_in_common_are_replaced() {
        let lines = |begin: usize| {
            let lines: Vec<String> = (begin..begin + MAX_LINES).map(|number| number.to_string()).collect();
            format!("head\n{}\ntail\n", lines.join("\n"))
        };
        let diff = unified("a/f", "b/f", lines(0).as_bytes(), lines(MAX_LINES).as_bytes());
        let (count, length) = (MAX_LINES + 2, 2 * MAX_LINES + 5);
        assert!(diff.starts_with(&format!("--- a/f\n+++ b/f\n@@ -1,{count} +1,{count} @@\n head\n-0\n-1\n")));
        assert!(diff.ends_with(" tail\n"));
        assert_eq!(diff.lines().count(), length);
    }
}
