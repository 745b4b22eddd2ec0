//! A chain does what its commands do one by one: both are run by a real shell and what they leave is compared.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use strata_analyzer::suggest::{DeadBytes, Evidence, Recipe, chain};
use strata_dockerfile::{Kind, ShellOrExec, edit, parse};

/// Pairs of commands that would leak into each other if they were simply joined.
const PAIRS: &[(&str, &str)] = &[
    ("echo a > f", "cat f > g"),
    ("mkdir d && cd d", "pwd | sed 's,.*/,,' > here"),
    ("X=1", "echo \"$X\" > f"),
    ("export X=1", "echo \"$X\" > f"),
    ("X=1 true", "echo \"$X\" > f"),
    (": ${X:=1}", "echo \"$X\" > f"),
    ("echo $((X = 1))", "echo \"$X\" > f"),
    ("umask 077", "touch f && stat -c %a f > g"),
    ("set -e", "false; echo reached > f"),
    ("set -e; false; echo not reached > f", "echo reached > g"),
    ("set -u", "echo \"$UNSET\" > f"),
    ("exit 0", "echo reached > f"),
    ("exec true", "echo reached > f"),
    ("trap 'echo late >> f' EXIT; echo soon >> f", "echo next >> f"),
    ("f() { echo leaked > x; }", "f || echo none > y"),
    ("alias ls='echo leaked > x'", "ls > y"),
    ("echo a > f # note", "echo b > g # note"),
    ("echo '# no note' > f", "cat f > g"),
    ("false || echo a > f", "echo b > g"),
    ("true || echo a > f", "echo b > g"),
    ("echo a > f", "true || echo b > g"),
    ("false", "true || echo b > g"),
    ("false", "true; echo b > g"),
    ("echo a > f; false", "echo b > g"),
    ("false; echo a > f", "echo b > g"),
    ("if false; then exit 3; fi", "echo b > g"),
    ("for i in 1 2; do echo $i >> f; done", "rm f"),
    ("case x in x) echo a > f ;; esac", "cat f > g"),
    ("echo \"it's\" > f", "echo 'say \"hi\"' > g"),
    ("cd / && echo 'it'\"'\"'s' > /dev/null", "pwd | sed 's,.*/,,' > f"),
    ("! false", "echo b > g"),
    ("! true", "echo b > g"),
    ("echo a | cat > f", "cat f | tr a b > g"),
    ("(cd / && true)", "echo b > g"),
    ("{ echo a; echo b; } > f", "wc -l < f > g"),
    ("echo a > f 2>&1", "cat f > g 2> /dev/null"),
    ("echo $(cd / && pwd) > f", "cat f > g"),
    ("echo `cd / && pwd` > f", "cat f > g"),
    ("echo \\\\ > f", "cat f > g"),
    ("unset HOME", "echo \"${HOME:-none}\" > f"),
    ("printf '%s' x > f", "cat f > g"),
    ("readonly X=1", "X=2 && echo $X > f"),
    ("shift 0; set a b c", "echo $# > f"),
    ("ulimit -f 0", "echo too much > f"),
    ("eval 'cd /'", "pwd | sed 's,.*/,,' > f"),
    ("command cd /", "pwd | sed 's,.*/,,' > f"),
    ("C=cd; $C /", "pwd | sed 's,.*/,,' > f"),
    ("'cd' /", "pwd | sed 's,.*/,,' > f"),
    ("\\cd /", "pwd | sed 's,.*/,,' > f"),
    ("> f cd /", "pwd | sed 's,.*/,,' > g"),
    ("2> f cd /", "pwd | sed 's,.*/,,' > g"),
    ("echo a#b > f", "cat f > g"),
    ("echo a >f;", "cat f > g"),
];

#[test]
fn a_chain_leaves_what_its_commands_leave_one_by_one() {
    if !Path::new("/bin/sh").exists() {
        eprintln!("skipped: this machine has no /bin/sh");
        return;
    }
    for (first, second) in PAIRS {
        let source = format!("FROM b\nRUN {first}\nRUN {second}\n");
        let chained = chained(&source);
        assert_eq!(leaves(&[&chained]), leaves(&[first, second]), "{chained}");
    }
}

fn chained(source: &str) -> String {
    let parsed = parse(source.as_bytes());
    let recipe = Recipe {
        name: "Dockerfile",
        source: source.as_bytes(),
        file: &parsed.file,
        steps: &[None, Some(1), Some(2)],
        base_shell: None,
    };
    let dead = vec![DeadBytes { creator: 1, killer: 2, bytes: 1 }];
    let suggestions = chain(&recipe, &Evidence { dead, ..Evidence::default() });
    assert_eq!(suggestions[0].refused, None, "{source}");
    let after = edit::apply(source.as_bytes(), &suggestions[0].edits).unwrap();
    match &parse(&after).file.instructions[1].kind {
        Kind::Run(run) => match &run.command {
            ShellOrExec::Shell(command) => command.value.clone(),
            ShellOrExec::Exec(_) => panic!("{source}"),
        },
        _ => panic!("{source}"),
    }
}

/// Runs commands one after the other, each in a fresh shell, until one fails: the files that they leave, and whether one
/// failed.
fn leaves(commands: &[&str]) -> (bool, BTreeMap<String, Vec<u8>>) {
    let parent = tempfile::tempdir().unwrap();
    let work = parent.path().join("work");
    fs::create_dir(&work).unwrap();
    let run = |command: &&str| {
        let shell = Command::new("/bin/sh").args(["-c", command]).current_dir(&work).env("HOME", "/h").output();
        shell.unwrap().status.success()
    };
    let succeeded = commands.iter().all(run);
    let mut files = BTreeMap::new();
    collect(&work, "", &mut files);
    (succeeded, files)
}

fn collect(directory: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}
