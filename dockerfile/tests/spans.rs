//! Every span cuts exactly its words from the source.

#![allow(clippy::unwrap_used, clippy::panic)]

use strata_dockerfile::{
    Kind, ShellOrExec, Span,
    edit::{Edit, apply},
    parse,
};

fn cut(source: &str, span: Span) -> &str {
    &source[span.range()]
}

#[test]
fn words_are_cut_from_a_file_with_mark_and_carriage_returns() {
    let source = "\u{feff}FROM img AS b\r\nENV a=é \\\r\n  # c\r\n  c='d e'\r\nCOPY --chown=\"x\" s /d\r\n";
    let file = parse(source.as_bytes()).file;
    let [from, env, copy] = file.instructions.as_slice() else {
        panic!("{file:?}");
    };
    assert_eq!(cut(source, from.span), "FROM img AS b");
    assert_eq!(cut(source, env.span), "ENV a=é \\\r\n  # c\r\n  c='d e'");
    assert_eq!(env.lines, (2, 4));
    assert_eq!((env.continued, from.continued), (true, false));
    let comments: Vec<&str> = env.comments.iter().map(|span| cut(source, *span)).collect();
    assert_eq!(comments, ["# c"]);
    let Kind::Env(pairs) = &env.kind else {
        panic!("no ENV");
    };
    let words: Vec<&str> =
        pairs.iter().flat_map(|pair| [cut(source, pair.key.span), cut(source, pair.value.span)]).collect();
    assert_eq!(words, ["a", "é", "c", "'d e'"]);
    let Kind::Copy(it) = &copy.kind else {
        panic!("no COPY");
    };
    assert_eq!(cut(source, copy.flags[0].span), "--chown=\"x\"");
    assert_eq!(cut(source, it.chown.as_ref().unwrap().span), "\"x\"");
    assert_eq!(cut(source, it.destination.span), "/d");
}

#[test]
fn a_word_across_a_continuation_spans_both_lines() {
    let source = "FROM scratch\nENV ab\\\ncd=e\\\n  f=g\n";
    let file = parse(source.as_bytes()).file;
    let Kind::Env(pairs) = &file.instructions[1].kind else {
        panic!("no ENV");
    };
    assert_eq!(pairs[0].key.value, "abcd");
    assert_eq!(cut(source, pairs[0].key.span), "ab\\\ncd");
    assert_eq!(cut(source, pairs[0].value.span), "e");
    assert_eq!(cut(source, pairs[1].key.span), "f");
}

#[test]
fn heredocs_have_a_marker_and_a_body() {
    let source = "FROM a\nRUN cat \\\n  <<EOF - 3<<-'X' || b\none\n\ntwo\nEOF\n\tx\n\tX\nENV a=b\n";
    let file = parse(source.as_bytes()).file;
    let run = &file.instructions[1];
    assert_eq!(run.lines, (2, 9));
    assert!(cut(source, run.span).ends_with("\n\tX"));
    let Kind::Run(it) = &run.kind else {
        panic!("no RUN");
    };
    assert_eq!(cut(source, it.command_span), "cat \\\n  <<EOF - 3<<-'X' || b");
    let seen: Vec<_> =
        it.heredocs.iter().map(|heredoc| (cut(source, heredoc.marker), cut(source, heredoc.body))).collect();
    assert_eq!(seen, [("<<EOF", "one\n\ntwo\n"), ("3<<-'X'", "\tx\n")]);
}

#[test]
fn exec_strings_span_their_quotes() {
    let source = "FROM a\nRUN --network=none [\"x\", \\\n \"y z\"]\n";
    let file = parse(source.as_bytes()).file;
    let Kind::Run(run) = &file.instructions[1].kind else {
        panic!("no RUN");
    };
    let ShellOrExec::Exec(words) = &run.command else {
        panic!("no exec form");
    };
    let seen: Vec<&str> = words.iter().map(|word| cut(source, word.span)).collect();
    assert_eq!(seen, ["\"x\"", "\"y z\""]);
    assert_eq!(cut(source, run.command_span), "[\"x\", \\\n \"y z\"]");
    assert_eq!(cut(source, run.network.as_ref().unwrap().span), "none");
}

#[test]
fn two_runs_become_one_by_an_edit_between_their_commands() {
    let source = "FROM a\nRUN x && \\\n    # why\n    y\nRUN --network=default z # tail\nENV a=b\n";
    let file = parse(source.as_bytes()).file;
    let commands: Vec<Span> = file
        .instructions
        .iter()
        .filter_map(|instruction| match &instruction.kind {
            Kind::Run(run) => Some(run.command_span),
            _ => None,
        })
        .collect();
    let edit =
        Edit { span: Span { start: commands[0].end, end: commands[1].start }, replacement: " \\\n && ".to_owned() };
    let edited = String::from_utf8(apply(source.as_bytes(), &[edit]).unwrap()).unwrap();
    assert_eq!(edited, "FROM a\nRUN x && \\\n    # why\n    y \\\n && z # tail\nENV a=b\n");
    assert_eq!(parse(edited.as_bytes()).file.instructions[1].original, "RUN x &&     y  && z # tail");
}

#[test]
fn comments_before_the_keyword_are_not_in_the_instruction() {
    let source = "\\\n# a\nFROM x \\\n# b\n AS y\n";
    let file = parse(source.as_bytes()).file;
    let from = &file.instructions[0];
    assert_eq!(cut(source, from.span), "FROM x \\\n# b\n AS y");
    let comments: Vec<&str> = from.comments.iter().map(|span| cut(source, *span)).collect();
    assert_eq!(comments, ["# b"]);
}
