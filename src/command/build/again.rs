//! The command line again, as a shell would read it.

use std::{
    ffi::{OsStr, OsString},
    fmt::Write as _,
    os::unix::ffi::OsStrExt as _,
};

/// What this command was, with one option more. `None` where no `build` is in it.
pub(super) fn with(option: &str, words: impl IntoIterator<Item = OsString>) -> Option<String> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    let is_value = |at: usize| words[at - 1] == "--root";
    let build = (1..words.len()).find(|&at| words[at] == "build" && !is_value(at))?;
    words.insert(build + 1, option.into());
    Some(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))
}

/// A word as shells read it. One with control characters, or bytes that are no text, is of the form `$'…'`.
fn quoted(word: &OsStr) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:=,@%+".contains(byte);
    let text = word.to_str().filter(|text| !text.contains(char::is_control));
    match text {
        Some(text) if !text.is_empty() && text.bytes().all(|byte| is_plain(&byte)) => text.to_owned(),
        Some(text) => format!("'{}'", text.replace('\'', r"'\''")),
        None => escaped(word.as_bytes()),
    }
}

fn escaped(bytes: &[u8]) -> String {
    let mut out = String::from("$'");
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\\' | '\'' => out.extend(['\\', character]),
                character if character.is_control() => {
                    let mut buffer = [0; 4];
                    for byte in character.encode_utf8(&mut buffer).bytes() {
                        // always three digits, so that a digit behind it is none of it
                        let _ = write!(out, "\\{byte:03o}");
                    }
                }
                character => out.push(character),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\{byte:03o}");
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{ffi::OsString, os::unix::ffi::OsStringExt as _, process::Command};

    use super::with;

    fn again(words: &[&[u8]]) -> Option<String> {
        with("--debug-shell", words.iter().map(|word| OsString::from_vec(word.to_vec())))
    }

    #[test]
    fn the_option_comes_behind_the_command_and_the_rest_stays_as_it_was() {
        let words: [&[u8]; 6] = [b"strata", b"--root", b"build", b"build", b"-t", b"app:1"];
        assert_eq!(again(&words).unwrap(), "strata --root build build --debug-shell -t app:1");
        assert_eq!(again(&[b"strata", b"slim", b"."]), None);
    }

    #[test]
    fn a_shell_reads_every_word_as_it_was() {
        let odd: [&[u8]; 7] =
            [b"A=it's $HOME", b"", b"new\nline", b"\xff7", b"back\\slash'\t", "é\u{9b}1".as_bytes(), b"*"];
        let words: Vec<&[u8]> = [b"strata".as_slice(), b"build"].into_iter().chain(odd).collect();
        let line = again(&words).unwrap();
        assert!(!line.contains(char::is_control), "{line}");
        let mut bash = Command::new("bash");
        let Ok(output) = bash.arg("-c").arg(format!("printf '%s\\0' {line}")).env("LC_ALL", "C").output() else {
            return;
        };
        let expected: Vec<&[u8]> = [b"strata".as_slice(), b"build", b"--debug-shell"].into_iter().chain(odd).collect();
        let read: Vec<&[u8]> = output.stdout.strip_suffix(b"\0").unwrap().split(|&byte| byte == 0).collect();
        assert_eq!(read, expected);
    }
}
