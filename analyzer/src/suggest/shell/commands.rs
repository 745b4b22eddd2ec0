//! The simple commands of a script, in their order, as far as their words are known before it runs.

use super::{
    RESERVED,
    lexer::{Lexer, Token},
};

/// `NAME=value... word...`
#[derive(Debug, Default, PartialEq)]
pub(crate) struct SimpleCommand {
    /// The assignments before the name, each as `NAME=value`.
    pub(crate) assignments: Vec<String>,
    /// The name and what follows it; what an expansion gives is not in the text of its word, patterns are.
    pub(crate) words: Vec<String>,
}

/// Takes a script apart; `None` for one that cannot be read. Those of compound commands come as if all of them ran.
pub(crate) fn commands(script: &str) -> Option<Vec<SimpleCommand>> {
    // the lines of a heredoc may be continued
    let script = script.replace("\\\n", "");
    let mut lexer = Lexer::new(script.as_bytes(), true, 0);
    let mut commands = vec![SimpleCommand::default()];
    let mut after_redirect = false;
    loop {
        let command = commands.last_mut()?;
        match lexer.token().ok()? {
            Token::End => break,
            Token::Operator(_) => commands.push(SimpleCommand::default()),
            Token::Redirect => after_redirect = true,
            Token::Word(_) if std::mem::take(&mut after_redirect) => {}
            Token::Word(word) => {
                let text = String::from_utf8_lossy(&word.text).into_owned();
                if command.words.is_empty() && word.assignment {
                    command.assignments.push(text);
                } else if !command.words.is_empty() || text != "!" && !RESERVED.contains(&text.as_str()) {
                    command.words.push(text);
                }
            }
        }
    }
    commands.retain(|command| !command.words.is_empty());
    Some(commands)
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn commands_are_told_apart() {
        for (script, expected) in [
            ("a b && c", "a,b|c"),
            ("a 'b c' >d 2>&1; e", "a,b c|e"),
            ("A=1 B='x y' c; ! d", "c|d"),
            ("if a; then b; else c; fi", "a|b|c"),
            ("a $X/y *.z | b", "a,X/y,*.z|b"),
            ("(a; b) &", "a|b"),
            ("a \\\n b", "a,b"),
            ("# a\nb", "b"),
            ("", ""),
        ] {
            let found = commands(script)
                .map(|list| list.iter().map(|command| command.words.join(",")).collect::<Vec<_>>().join("|"));
            assert_eq!(found.as_deref(), Some(expected), "{script}");
        }
        assert!(commands("a 'b").is_none());
    }
}
