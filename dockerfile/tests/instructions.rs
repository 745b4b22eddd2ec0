//! What each instruction means, told through the public reader.

#![allow(clippy::unwrap_used, clippy::panic)]

use strata_dockerfile::{
    CopySource, Healthcheck, Instruction, Kind, Network, Script, ShellOrExec, Spanned, parse, parse_trigger,
};

/// The instructions of a file that must have no errors, after its FROM.
fn read(rest: &str) -> Vec<Instruction> {
    let source = format!("FROM scratch\n{rest}");
    let parsed = parse(source.as_bytes());
    assert!(!parsed.has_errors(), "{rest}: {:?}", parsed.diagnostics);
    parsed.file.instructions.into_iter().skip(1).collect()
}

fn one(text: &str) -> Kind {
    let mut instructions = read(text);
    assert_eq!(instructions.len(), 1, "{text}");
    instructions.remove(0).kind
}

fn values(list: &[Spanned<String>]) -> Vec<&str> {
    list.iter().map(|value| value.value.as_str()).collect()
}

/// Exec forms as arrays, shell forms as they are.
fn command(command: &ShellOrExec) -> String {
    match command {
        ShellOrExec::Shell(text) => text.value.clone(),
        ShellOrExec::Exec(words) => format!("{:?}", values(words)),
    }
}

#[test]
fn from_has_an_image_a_name_and_a_platform() {
    let parsed = parse(b"FROM --platform=$P Img:${T:-1} aS Base.1\n");
    let Kind::From(from) = &parsed.file.instructions[0].kind else {
        panic!("no FROM");
    };
    assert_eq!(from.image.value, "Img:${T:-1}");
    assert_eq!(from.alias.as_ref().unwrap().value, "Base.1");
    assert_eq!(from.platform.as_ref().unwrap().value, "$P");
}

#[test]
fn stages_are_cut_at_from() {
    let parsed = parse(b"ARG V=1\nARG W\nFROM a AS One\nRUN x\nARG V\nFROM one\nFROM scratch AS one\nENV a=b\n");
    let stages = parsed.file.stages();
    assert_eq!(stages.global_args.len(), 2);
    let seen: Vec<_> = stages
        .stages
        .iter()
        .map(|stage| (stage.from.image.value.as_str(), stage.name.as_deref(), stage.instructions.len()))
        .collect();
    assert_eq!(seen, [("a", Some("one"), 2), ("one", None, 0), ("scratch", Some("one"), 1)]);
}

#[test]
fn env_and_label_are_pairs_or_the_legacy_form() {
    type Pairs = &'static [(&'static str, &'static str)];
    let cases: [(&str, Pairs, bool); 8] = [
        ("ENV a=b", &[("a", "b")], false),
        ("ENV a=b c='d e' f=", &[("a", "b"), ("c", "'d e'"), ("f", "")], false),
        ("ENV a=b=c", &[("a", "b=c")], false),
        (r"ENV a=x\ y", &[("a", r"x\ y")], false),
        ("ENV one two  three ", &[("one", "two  three")], true),
        ("ENV ONE TWO= THREE=world", &[("ONE", "TWO= THREE=world")], true),
        ("LABEL \"d e\"=f g.h=i", &[("\"d e\"", "f"), ("g.h", "i")], false),
        ("LABEL a=1 \\\n  # c\n  b=2 \\\n", &[("a", "1"), ("b", "2")], false),
    ];
    for (text, expected, legacy) in cases {
        let (Kind::Env(pairs) | Kind::Label(pairs)) = one(text) else {
            panic!("{text}");
        };
        let seen: Vec<_> = pairs.iter().map(|pair| (pair.key.value.as_str(), pair.value.value.as_str())).collect();
        assert_eq!(seen, expected, "{text}");
        assert!(pairs.iter().all(|pair| pair.legacy == legacy), "{text}");
    }
}

#[test]
fn arg_declares_names_with_and_without_defaults() {
    let Kind::Arg(names) = one("ARG a b= c=\"d e\" f=g=h") else {
        panic!("no ARG");
    };
    let seen: Vec<_> =
        names.iter().map(|arg| (arg.name.value.as_str(), arg.default.as_ref().map(|d| d.value.as_str()))).collect();
    assert_eq!(seen, [("a", None), ("b", Some("")), ("c", Some("\"d e\"")), ("f", Some("g=h"))]);
}

#[test]
fn json_decides_between_exec_and_shell_form() {
    for (text, expected) in [
        (r#"["a", "b c"]"#, r#"["a", "b c"]"#),
        ("[ \"sh\", \\\n  \"-c\" ]", r#"["sh", "-c"]"#),
        ("['echo','x']", "['echo','x']"),
        ("[] random", "[] random"),
        (r#"["a"] && b"#, r#"["a"] && b"#),
        ("[ -f x ]", "[ -f x ]"),
        ("a   b # c", "a   b # c"),
    ] {
        for keyword in ["RUN", "CMD", "ENTRYPOINT"] {
            let seen = match one(&format!("{keyword} {text}")) {
                Kind::Run(run) => command(&run.command),
                Kind::Cmd(it) | Kind::Entrypoint(it) => command(&it),
                other => panic!("{other:?}"),
            };
            assert_eq!(seen, expected, "{keyword} {text}");
        }
    }
    assert!(matches!(one("CMD []"), Kind::Cmd(ShellOrExec::Exec(words)) if words.is_empty()));
    assert!(matches!(one("CMD"), Kind::Cmd(ShellOrExec::Shell(text)) if text.value.is_empty()));
}

#[test]
fn run_has_flags_before_its_command_only() {
    let Kind::Run(run) = one("RUN --mount=type=cache,target=/c --network=none --mount=\"type=tmpfs,target=/a b\" \
         --security=sandbox --device=x=y -- --echo --network=host")
    else {
        panic!("no RUN");
    };
    let mounts: Vec<&str> = run.mounts.iter().map(|mount| mount.text.value.as_str()).collect();
    assert_eq!(mounts, ["type=cache,target=/c", "type=tmpfs,target=/a b"]);
    assert_eq!(run.network.unwrap().value, Network::None);
    assert_eq!(run.security.unwrap().value, "sandbox");
    assert_eq!(values(&run.device), ["x=y"]);
    assert_eq!(command(&run.command), "--echo --network=host");
}

#[test]
fn copy_and_add_have_sources_a_destination_and_flags() {
    let Kind::Copy(copy) =
        one("COPY --from=s --chown=1:2 --chmod=644 --link --parents=FALSE --exclude=*.a --exclude=b x y* /d/")
    else {
        panic!("no COPY");
    };
    let sources: Vec<_> = copy
        .sources
        .iter()
        .map(|source| match source {
            CopySource::Path(path) => path.value.as_str(),
            CopySource::Heredoc(_) => panic!("a heredoc"),
        })
        .collect();
    assert_eq!((sources, copy.destination.value.as_str(), copy.json), (vec!["x", "y*"], "/d/", false));
    assert_eq!(copy.from.unwrap().value, "s");
    assert_eq!(copy.chown.unwrap().value, "1:2");
    assert_eq!(copy.chmod.unwrap().value, "644");
    assert!(copy.link.unwrap().value);
    assert!(!copy.parents.unwrap().value);
    assert_eq!(values(&copy.exclude), ["*.a", "b"]);

    let Kind::Add(add) =
        one("ADD --checksum=sha256:00 --keep-git-dir=true --unpack=false --chown= [\"a b\", \"<<E\", \"/c\"]")
    else {
        panic!("no ADD");
    };
    assert!(add.json);
    assert!(matches!(&add.sources[1], CopySource::Path(path) if path.value == "<<E"));
    assert_eq!(add.checksum.unwrap().value, "sha256:00");
    assert!(add.keep_git_dir.unwrap().value);
    assert!(!add.unpack.unwrap().value);
    assert!(add.chown.is_none(), "an empty value is none");

    let Kind::Copy(copy) = one("COPY -- --x /y") else {
        panic!("no COPY");
    };
    assert!(matches!(&copy.sources[0], CopySource::Path(path) if path.value == "--x"));
}

#[test]
fn copy_takes_files_from_heredocs() {
    let text = "COPY <<a.txt <<-'B' x /d/\n1 $v\na.txt\n\t\t2\n\tB\nENV a=b\n";
    let instructions = read(text);
    assert_eq!(instructions.len(), 2);
    let Kind::Copy(copy) = &instructions[0].kind else {
        panic!("no COPY");
    };
    let seen: Vec<_> = copy
        .sources
        .iter()
        .map(|source| match source {
            CopySource::Path(path) => format!("path {}", path.value),
            CopySource::Heredoc(it) => {
                format!("{} {} {} {:?} {:?}", it.name, it.expand, it.strip_tabs, it.content, it.raw)
            }
        })
        .collect();
    assert_eq!(seen, [r#"a.txt true false "1 $v\n" "1 $v\n""#, r#"B false true "2\n" "\t\t2\n""#, "path x",]);
}

#[test]
fn heredocs_of_one_name_make_one_file_of_the_last_body() {
    let Kind::Copy(copy) = one("COPY <<A <<A /d/\n1\nA\n2\nA\n") else {
        panic!("no COPY");
    };
    let [CopySource::Heredoc(only)] = copy.sources.as_slice() else {
        panic!("{copy:?}");
    };
    assert_eq!(only.content, "2\n");
}

#[test]
fn a_run_gives_the_shell_its_heredocs() {
    for (text, expected) in [
        ("RUN echo a\n", "echo a"),
        ("RUN <<EOF\necho a\n\n# b\nEOF\n", "echo a\n\n# b\n"),
        ("RUN <<-EOF\n\techo a\n\tEOF\n", "echo a\n"),
        ("RUN cat <<EOF > /f\nb\nEOF\n", "cat <<EOF > /f\nb\nEOF"),
        ("RUN cat <<-EOF\n\tb\n\tEOF\n", "cat <<-EOF\n\tb\nEOF"),
        ("RUN <<A <<B\na\nA\nb\nB\n", "<<A <<B\na\nA\nb\nB"),
        ("RUN <<EOF sh\na\nEOF\n", "<<EOF sh\na\nEOF"),
        ("RUN <<EOF\r\na\r\nEOF\r\n", "a\r\n"),
    ] {
        let Kind::Run(run) = one(text) else {
            panic!("no RUN");
        };
        assert_eq!(run.script(), Some(Script::Text(expected.into())), "{text:?}");
    }
    let Kind::Run(run) = one("RUN <<EOF\n#!/bin/sh\necho $0\nEOF\n") else {
        panic!("no RUN");
    };
    assert_eq!(run.script(), Some(Script::File { name: "EOF", content: "#!/bin/sh\necho $0\n" }));
    let Kind::Run(run) = one("RUN [\"echo\", \"<<EOF\"]\n") else {
        panic!("no RUN");
    };
    assert_eq!(run.script(), None);
}

#[test]
fn healthcheck_has_flags_or_is_none() {
    assert!(matches!(one("HEALTHCHECK none"), Kind::Healthcheck(Healthcheck::None)));
    let text = "HEALTHCHECK --interval=5m --timeout=3s --start-period=0 --start-interval= \
                --retries=3 cmd curl  -f x || exit 1";
    let Kind::Healthcheck(Healthcheck::Check {
        command: test,
        interval,
        timeout,
        start_period,
        start_interval,
        retries,
    }) = one(text)
    else {
        panic!("no check");
    };
    assert_eq!(command(&test), "curl  -f x || exit 1");
    let seen = [interval, timeout, start_period, start_interval, retries].map(|flag| flag.map(|value| value.value));
    let expected = [Some("5m"), Some("3s"), Some("0"), None, Some("3")];
    assert_eq!(seen.each_ref().map(|flag| flag.as_deref()), expected);
}

#[test]
fn onbuild_keeps_its_trigger_as_text_that_can_be_read_back() {
    for (text, trigger) in [
        ("ONBUILD RUN echo a", "RUN echo a"),
        ("onbuild  copy --chown=1 a \\\n  b", "copy --chown=1 a   b"),
        ("ONBUILD RUN <<-EOF\n\techo a\n\tEOF\n", "RUN <<-EOF\n\techo a\nEOF"),
        ("ONBUILD COPY <<A <<B /d/\na\nA\nb\nB\n", "COPY <<A <<B /d/\na\nA\nb\nB"),
        ("ONBUILD ENV a=b", "ENV a=b"),
    ] {
        let Kind::Onbuild(onbuild) = one(text) else {
            panic!("no ONBUILD");
        };
        assert_eq!(onbuild.trigger, trigger, "{text}");
        let again = parse_trigger(&onbuild.trigger).unwrap();
        assert_eq!(again.original, onbuild.inner.original, "{text}");
        assert_eq!(std::mem::discriminant(&again.kind), std::mem::discriminant(&onbuild.inner.kind));
    }
}

#[test]
fn only_one_whole_instruction_is_a_trigger() {
    for text in ["", "# c", "RUN a\nRUN b", "FROM x", "ONBUILD RUN a", "MAINTAINER x", "FOO", "COPY a"] {
        assert!(parse_trigger(text).is_err(), "{text}");
    }
    let instruction = parse_trigger("ARG Z=1").unwrap();
    assert!(matches!(instruction.kind, Kind::Arg(_)));
}

#[test]
fn the_rest_take_words_or_the_line() {
    let lines = "EXPOSE 80 443/udp \"8000-8002\"\nVOLUME /a /b\nVOLUME [\" /c d \", \"$e\"]\n\
                 USER \"a b\":c\nWORKDIR /a b\nSTOPSIGNAL 9\nMAINTAINER A <a@b.c>\n\
                 SHELL [\"/bin/ash\", \"-ec\"]\n";
    let seen: Vec<String> = read(lines)
        .iter()
        .map(|instruction| match &instruction.kind {
            Kind::Expose(list) | Kind::Volume(list) | Kind::Shell(list) => {
                format!("{:?}", values(list))
            }
            Kind::User(text) | Kind::Workdir(text) | Kind::StopSignal(text) | Kind::Maintainer(text) => {
                text.value.clone()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        seen,
        [
            r#"["80", "443/udp", "\"8000-8002\""]"#,
            r#"["/a", "/b"]"#,
            r#"["/c d", "$e"]"#,
            "\"a b\":c",
            "/a b",
            "9",
            "A <a@b.c>",
            r#"["/bin/ash", "-ec"]"#,
        ]
    );
}

#[test]
fn the_original_is_the_joined_line() {
    for (text, expected) in [
        ("  RUN echo a \\\n# c\n\n   b  \n", "RUN echo a    b"),
        ("run   echo   a", "run   echo   a"),
        ("RUN <<EOF\nx\nEOF\n", "RUN <<EOF"),
        ("RUN a \\", "RUN a"),
    ] {
        assert_eq!(read(text)[0].original, expected, "{text:?}");
    }
}
