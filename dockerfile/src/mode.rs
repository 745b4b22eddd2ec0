//! `--chmod`: octal or symbolic modes, as BuildKit applies them.
//!
//! ```text
//! 755   4711            the permission bits, whatever they were
//! u=rwX,go=rX           clauses: whom, then operators (+ - =) with permissions (r w x X s t) or
//! a+x,o-w   g=u   +t    whose bits are copied (u g o)
//! ```
//!
//! The symbolic form is BSD's `setmode`, without a umask: `X` looks at the mode before any clause, and sets execute bits of
//! directories and of files that have one; `s` and `t` mean nothing to `o` alone.

/// A value of `--chmod` that means no mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMode {
    /// It begins as a number, and is none that a mode can be.
    #[error("invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777")]
    Number {
        /// The value.
        text: String,
    },
    /// It is neither a number nor symbolic.
    #[error("invalid chmod parameter: '{text}'. it should be octal, or symbolic as in u=rwX,go=rX")]
    Symbols {
        /// The value.
        text: String,
    },
}

/// What `--chmod` does to the modes of what is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeChange {
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Octal(u32),
    Symbolic(Vec<Change>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Set(u32),
    Clear(u32),
    /// Sets the bits on directories, and on files that were executable.
    SetExecutable(u32),
    /// Copies what the bits at `shift` allow to those of `classes`.
    Copy {
        shift: u32,
        classes: u32,
        operator: u8,
    },
}

const USER: u32 = 0o700;
const GROUP: u32 = 0o070;
const OTHERS: u32 = 0o007;
const SET_ID: u32 = 0o6000;
const STICKY: u32 = 0o1000;
const EXECUTE: u32 = 0o111;
/// All bits but the sticky one, which only a `t` touches.
const STANDARD: u32 = SET_ID | USER | GROUP | OTHERS;
const ALL: u32 = STANDARD | STICKY;

/// Permission bits of a directory that COPY has to make, where no octal `--chmod` says otherwise.
const MADE_DIRECTORY: u32 = 0o755;

impl ModeChange {
    /// Reads a value, its variables expanded.
    ///
    /// # Errors
    /// It is no mode.
    pub fn parse(text: &str) -> Result<Self, BadMode> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            let number = u32::from_str_radix(text, 8).ok().filter(|number| *number <= ALL);
            let number = number.ok_or_else(|| BadMode::Number { text: text.to_owned() })?;
            return Ok(Self { kind: Kind::Octal(number) });
        }
        let changes = symbolic(text).ok_or_else(|| BadMode::Symbols { text: text.to_owned() })?;
        Ok(Self { kind: Kind::Symbolic(changes) })
    }

    /// The mode that a file or directory of this mode gets; bits above 07777 stay as they are.
    pub fn apply(&self, mode: u32, is_directory: bool) -> u32 {
        let changes = match &self.kind {
            Kind::Octal(bits) => return mode & !ALL | bits,
            Kind::Symbolic(changes) => changes,
        };
        let runs = is_directory || mode & EXECUTE != 0;
        changes.iter().fold(mode, |mode, change| match change {
            Change::Set(bits) => mode | bits,
            Change::Clear(bits) => mode & !bits,
            Change::SetExecutable(bits) => mode | if runs { *bits } else { 0 },
            Change::Copy { shift, classes, operator } => {
                let allowed = mode >> shift & OTHERS;
                let spread = (allowed << 6 | allowed << 3 | allowed) & classes;
                match operator {
                    b'+' => mode | spread,
                    b'-' => mode & !spread,
                    _ => mode & !classes | spread,
                }
            }
        })
    }

    /// The mode of a directory that must be made so that the destination has a place: a symbolic mode leaves it alone.
    pub fn of_made_directory(&self) -> u32 {
        match &self.kind {
            Kind::Octal(bits) => *bits,
            Kind::Symbolic(_) => MADE_DIRECTORY,
        }
    }
}

/// Reads clauses; `None` if they are none.
fn symbolic(text: &str) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        let mut who = 0;
        while let Some(class) = rest.first().and_then(|letter| class(*letter)) {
            who |= class;
            rest = &rest[1..];
        }
        // a clause has an operator, and may have more
        loop {
            let (operator, after) = rest.split_first().filter(|(operator, _)| b"+-=".contains(operator))?;
            rest = permissions(*operator, who, after, &mut changes);
            match rest.split_first() {
                None => return Some(changes),
                Some((b',', after)) => {
                    rest = after;
                    break;
                }
                Some(_) => {}
            }
        }
    }
}

fn class(letter: u8) -> Option<u32> {
    match letter {
        b'a' => Some(STANDARD),
        b'u' => Some(0o4000 | USER),
        b'g' => Some(0o2000 | GROUP),
        b'o' => Some(OTHERS),
        _ => None,
    }
}

/// Reads what follows an operator, and gives what follows that.
fn permissions<'a>(operator: u8, mut who: u32, text: &'a [u8], changes: &mut Vec<Change>) -> &'a [u8] {
    let only_others = who != 0 && who & !OTHERS == 0;
    let (mut bits, mut executable) = (0, 0);
    let mut cleared = operator != b'=';
    let mut at = 0;
    while let Some(letter) = text.get(at) {
        match letter {
            b'r' => bits |= 0o444,
            b'w' => bits |= 0o222,
            b'x' => bits |= EXECUTE,
            b'X' if operator == b'-' => bits |= EXECUTE,
            b'X' => executable |= EXECUTE,
            b's' if !only_others => bits |= SET_ID,
            b't' if !only_others => {
                who |= STICKY;
                bits |= STICKY;
            }
            b's' | b't' => {}
            b'u' | b'g' | b'o' => {
                if bits != 0 {
                    change(operator, who, bits, changes);
                    bits = 0;
                }
                cleared = true;
                if executable != 0 {
                    changes.push(Change::SetExecutable(among(who, executable)));
                    executable = 0;
                }
                let shift = match letter {
                    b'u' => 6,
                    b'g' => 3,
                    _ => 0,
                };
                changes.push(Change::Copy { shift, classes: classes(who), operator });
            }
            _ => break,
        }
        at += 1;
    }
    if bits != 0 || !cleared {
        change(operator, who, bits, changes);
    }
    if executable != 0 {
        changes.push(Change::SetExecutable(among(who, executable)));
    }
    &text[at..]
}

fn change(operator: u8, who: u32, bits: u32, changes: &mut Vec<Change>) {
    match operator {
        b'+' => changes.push(Change::Set(among(who, bits))),
        b'-' => changes.push(Change::Clear(among(who, bits))),
        _ => {
            changes.push(Change::Clear(if who == 0 { STANDARD } else { who }));
            changes.push(Change::Set(among(who, bits)));
        }
    }
}

/// The bits that concern those who were named; nobody named is everybody.
fn among(who: u32, bits: u32) -> u32 {
    if who == 0 { bits } else { who & bits }
}

/// The permission bits of those who were named, for a copy.
fn classes(who: u32) -> u32 {
    if who == 0 {
        return USER | GROUP | OTHERS;
    }
    [USER, GROUP, OTHERS].into_iter().filter(|class| who & class != 0).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn octal_modes_replace_the_bits() {
        for (text, expected) in [("0", 0), ("644", 0o644), ("0644", 0o644), ("4711", 0o4711), ("07777", 0o7777)] {
            let change = ModeChange::parse(text).unwrap();
            assert_eq!(change.apply(0o10_0755, false), 0o10_0000 | expected, "{text}");
            assert_eq!(change.of_made_directory(), expected, "{text}");
        }
    }

    #[test]
    fn symbolic_modes_change_the_bits() {
        for (text, before, expected) in [
            ("u=rwX,go=rX", 0o600, 0o644),
            ("u=rwX,go=rX", 0o711, 0o755),
            ("a+x,o-w", 0o666, 0o775),
            ("g=u", 0o640, 0o660),
            ("g=u", 0o4751, 0o4771),
            ("+x", 0o644, 0o755),
            ("+X", 0o644, 0o644),
            ("+X", 0o645, 0o755),
            ("-X", 0o755, 0o644),
            ("a-x,a+X", 0o755, 0o755),
            ("u+s", 0o755, 0o4755),
            ("g+s", 0o755, 0o2755),
            ("+s", 0o755, 0o6755),
            ("o+s", 0o755, 0o755),
            ("ug-s", 0o6755, 0o755),
            ("+t", 0o755, 0o1755),
            ("u+t", 0o755, 0o1755),
            ("o+t", 0o755, 0o755),
            ("-t", 0o1777, 0o777),
            ("u=rw", 0o4755, 0o655),
            ("go=", 0o777, 0o700),
            ("=", 0o7777, 0o1000),
            ("=r", 0o1777, 0o1444),
            ("go=u-w", 0o640, 0o644),
            ("u+rw-x", 0o100, 0o600),
            ("o-g", 0o757, 0o752),
            ("a=u", 0o6741, 0o6777),
            ("o=u,u=r", 0o750, 0o457),
            ("u+", 0o644, 0o644),
        ] {
            let change = ModeChange::parse(text).unwrap();
            assert_eq!(
                change.apply(before, false),
                expected,
                "{text} on {before:o}: {:o}",
                change.apply(before, false)
            );
            assert_eq!(change.of_made_directory(), 0o755, "{text}");
        }
    }

    #[test]
    fn a_directory_counts_as_executable() {
        let change = ModeChange::parse("u=rwX,go=rX").unwrap();
        assert_eq!(change.apply(0o4_0600, true), 0o4_0755);
    }

    #[test]
    fn values_that_are_no_mode_are_told_apart() {
        for text in ["64a", "10000", "8", "0o644", "99999999999999"] {
            assert!(matches!(ModeChange::parse(text), Err(BadMode::Number { .. })), "{text}");
        }
        for text in ["", "u", "a", "rw", "u=z", "u+x,", ",u+x", "u+x g+x", "-1", "u+x,é", "x+u"] {
            assert!(matches!(ModeChange::parse(text), Err(BadMode::Symbols { .. })), "{text:?}");
        }
    }
}
