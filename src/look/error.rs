//! How an error looks: `strata: what failed: why`, then what to do on lines of their own.

use super::{
    palette::{ERROR, HINT},
    say,
    text::safe,
};

/// Prints an error and its causes on one line, and its hints below.
pub(crate) fn print(error: &anyhow::Error) {
    let (message, hints) = split(error);
    if !message.is_empty() {
        say(&format!("{ERROR}strata:{ERROR:#} {message}"));
    }
    for hint in hints {
        say(&format!("{HINT}hint:{HINT:#} {hint}"));
    }
}

/// Joins the chain of causes; lines that start with `hint:` are taken out. A cause that its parent's text ends with already
/// is not said twice.
pub(crate) fn split(error: &anyhow::Error) -> (String, Vec<String>) {
    let mut message = String::new();
    let mut hints = Vec::new();
    for cause in error.chain() {
        let mut text = String::new();
        for line in cause.to_string().lines() {
            // paths and names in it may be an image's
            let line = safe(line);
            match line.strip_prefix("hint:") {
                Some(hint) => hints.push(hint.trim().to_owned()),
                None if text.is_empty() => text.push_str(&line),
                None => {
                    text.push('\n');
                    text.push_str(&line);
                }
            }
        }
        hints.extend(super::hint::of(cause).map(|hint| safe(&hint)));
        if text.is_empty() || message.ends_with(&text) {
            continue;
        }
        if !message.is_empty() {
            message.push_str(": ");
        }
        message.push_str(&text);
    }
    (message, hints)
}

#[cfg(test)]
mod tests {
    use super::split;
    use anyhow::anyhow;

    #[test]
    fn causes_are_joined_and_hints_stand_apart() {
        let error = anyhow!("permission denied").context("cannot open a.tar\nhint: run as root");
        assert_eq!(split(&error), ("cannot open a.tar: permission denied".to_owned(), vec!["run as root".to_owned()]));
    }

    #[test]
    fn a_cause_is_not_said_twice() {
        let error = anyhow!("no such file").context("cannot open a: no such file");
        assert_eq!(split(&error).0, "cannot open a: no such file");
    }
}
