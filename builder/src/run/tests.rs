#![allow(clippy::unwrap_used)]
use strata_dockerfile::Kind;
use strata_image::manifest::Platform;

use super::*;
use crate::vars::Declared;

fn command(text: &str) -> (Vec<String>, Option<Script>) {
    let parsed = dockerfile::parse(format!("FROM x\nRUN {text}\n").as_bytes());
    let Kind::Run(run) = &parsed.file.instructions[1].kind else { panic!("{text}") };
    command_line(run, &["sh".to_owned(), "-c".to_owned()])
}

#[test]
fn every_form_of_run_gives_its_arguments() {
    for (text, args) in [
        ("a  b # c", vec!["sh", "-c", "a  b # c"]),
        ("[\"a\",\"b c\"]", vec!["a", "b c"]),
        ("<<EOF\na\nb\nEOF", vec!["sh", "-c", "a\nb\n"]),
        ("<<-EOF\n\ta\n\tEOF", vec!["sh", "-c", "a\n"]),
        ("cat <<EOF >/o\na\nEOF", vec!["sh", "-c", "cat <<EOF >/o\na\nEOF"]),
    ] {
        assert_eq!(command(text).0, args, "{text}");
    }
}

#[test]
fn a_heredoc_that_is_a_program_is_executed_as_one() {
    let (args, script) = command("<<run\n#!/bin/x\ny\nrun");
    assert_eq!(args, ["sh", "-c", "/dev/pipes/run"]);
    assert_eq!(script.unwrap().content, "#!/bin/x\ny\n");
}

#[test]
fn history_counts_the_arguments_in_force() {
    let mut state = State::scratch(Platform::host());
    let args = ["sh".to_owned(), "-c".to_owned(), "x".to_owned()];
    assert_eq!(history_text(&args, &state), "RUN sh -c x # buildkit");
    for (name, value) in [("a", Some("1")), ("b", None), ("a", Some("2"))] {
        let value = value.map(str::to_owned);
        if let Some(value) = &value {
            state.vars.set(name, value.clone());
        }
        state.args.push(Declared { name: name.to_owned(), value, history: String::new() });
    }
    assert_eq!(history_text(&args, &state), "RUN |2 a=2 b= sh -c x # buildkit");
}

#[test]
fn proxies_do_not_change_the_key_and_everything_else_does() {
    let run = |change: &dyn Fn(&mut Run<'_>)| {
        let mut run = Run {
            args: vec!["a".to_owned()],
            env: vec!["E=1".to_owned()],
            proxies: Vec::new(),
            cwd: "/".to_owned(),
            user: String::new(),
            network: Network::Host,
            security: Security::Sandbox,
            script: None,
            mounts: Vec::new(),
            hostname: None,
        };
        change(&mut run);
        run.inputs(&Stack::default()).ok().unwrap().key()
    };
    let key = run(&|_| {});
    assert_eq!(key, run(&|run| run.proxies.push("http_proxy=x".to_owned())));
    let changes: [&dyn Fn(&mut Run<'_>); 8] = [
        &|run| run.args.push(String::new()),
        &|run| run.env.push("F=1".to_owned()),
        &|run| run.cwd.push('x'),
        &|run| run.user.push('0'),
        &|run| run.network = Network::None,
        &|run| run.security = Security::Insecure,
        &|run| run.hostname = Some("name".to_owned()),
        &|run| {
            run.script = Some(Script { name: "EOF".to_owned(), content: "x".to_owned() });
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert_ne!(key, run(change), "change {number}");
    }
}
