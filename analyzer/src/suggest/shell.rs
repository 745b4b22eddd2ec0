//! Enough of the shell's grammar to say how a command may be followed by another one.
//!
//! Only words and operators are told apart (POSIX.1-2024, XCU 2.2 to 2.4); nothing is expanded. What is not understood
//! is never taken for harmless: it is isolated, or refused.

mod commands;
mod lexer;
mod list;
#[cfg(test)]
mod tests;

pub(crate) use commands::{SimpleCommand, commands};
use lexer::{Lexer, Token, Unreadable, Word};
pub(super) use list::{Certainty, PlainWord, list};

/// What matters of a command when another one is to run after it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Body {
    /// A list of simple commands and pipelines joined by `&&` alone: ` && ` before or after it means the same as in it.
    pub(super) and_list: bool,
    /// It ends in a comment, which would swallow what follows.
    pub(super) comment: bool,
    /// It may change what the shell is, such as its directory or variables.
    pub(super) changes_shell: bool,
    /// It leaves something running.
    pub(super) background: bool,
}

/// Words that begin, join or end compound commands (XCU 2.4, and bash's own).
const RESERVED: &[&str] = &[
    "{", "}", "[[", "if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "in", "esac",
    "function", "select", "time", "coproc",
];

/// Built-ins that change the shell they run in, or run what cannot be seen here (XCU 2.15, and bash's own).
const CHANGES_SHELL: &[&str] = &[
    ".",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "cd",
    "command",
    "compgen",
    "complete",
    "continue",
    "declare",
    "dirs",
    "disown",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "fc",
    "fg",
    "getopts",
    "hash",
    "history",
    "jobs",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "pushd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "times",
    "trap",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
];

/// `printf -v NAME` sets a variable, in bash alone.
const CHANGES_BASH: &str = "printf";

/// Reads a command as the shell will; `bash` admits what only bash knows.
pub(super) fn read(command: &str, bash: bool) -> Result<Body, Unreadable> {
    let mut lexer = Lexer::new(command.as_bytes(), bash, 0);
    let mut body = Body { and_list: true, ..Body::default() };
    let mut place = Place::Start;
    loop {
        let token = lexer.token()?;
        if let Token::Word(word) = &token {
            body.background |= word.text == b"coproc";
        }
        match token {
            Token::Word(_) if place == Place::Target => place = Place::Arguments,
            Token::Word(_) if place == Place::TargetAtStart => place = Place::Start,
            Token::Word(word) if matches!(place, Place::Start | Place::Assigned) => match word.command(bash) {
                Command::Assignment => place = Place::Assigned,
                Command::Not => {}
                Command::Name { changes_shell } => {
                    body.changes_shell |= changes_shell;
                    place = Place::Arguments;
                }
                Command::Unknown => {
                    body.and_list = false;
                    place = Place::Arguments;
                }
            },
            Token::Word(_) => {}
            Token::Redirect => {
                place = if place == Place::Arguments { Place::Target } else { Place::TargetAtStart };
            }
            Token::Operator(operator) => {
                body.changes_shell |= place == Place::Assigned;
                body.and_list &= matches!(operator, "&&" | "|") && place != Place::Start;
                body.background |= operator == "&";
                place = Place::Start;
            }
            Token::End => break,
        }
    }
    body.changes_shell |= place == Place::Assigned || lexer.assigns;
    body.and_list &= place != Place::Start;
    body.background |= lexer.background;
    body.comment = lexer.comment;
    Ok(body)
}

/// Where in a simple command the next word stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Start,
    Assigned,
    Arguments,
    Target,
    TargetAtStart,
}

enum Command {
    Assignment,
    /// `!`
    Not,
    Name {
        changes_shell: bool,
    },
    Unknown,
}

impl Word {
    /// What the word is where a command is expected.
    fn command(&self, bash: bool) -> Command {
        if self.assignment {
            return Command::Assignment;
        }
        match std::str::from_utf8(&self.text) {
            Ok("!") => Command::Not,
            Ok("[") => Command::Name { changes_shell: false },
            Ok(name) if !self.dynamic && !RESERVED.contains(&name) => {
                let changes_shell = CHANGES_SHELL.contains(&name) || bash && name == CHANGES_BASH;
                Command::Name { changes_shell }
            }
            _ => Command::Unknown,
        }
    }
}
