//! What is wrong with a file is said with a code, BuildKit's words where it has some, and a place.

#![allow(clippy::unwrap_used)]

use strata_dockerfile::{Severity, parse};

/// Code, message and source of each problem of a file.
fn problems(source: &str) -> Vec<(&'static str, String, String)> {
    let parsed = parse(source.as_bytes());
    let found = parsed.diagnostics.into_iter().map(|it| {
        let text = source[it.span.range()].to_owned();
        (it.code, it.message, text)
    });
    found.collect()
}

#[test]
fn each_error_has_its_code_and_its_place() {
    for (rest, code, place) in [
        ("FRM x", "unknown-instruction", "FRM"),
        ("\\\n# c", "unknown-instruction", ""),
        ("COPY --bogus a b", "unknown-flag", "--bogus"),
        ("CMD --foo", "unknown-flag", "--foo"),
        ("COPY --chown=1 --chown=2 a b", "duplicate-flag", "--chown=2"),
        ("COPY --chown a b", "flag-without-value", "--chown"),
        ("COPY --link= a b", "flag-without-value", "--link="),
        ("COPY --link=1 a b", "invalid-flag-value", "--link=1"),
        ("COPY --chmod=64a a b", "invalid-flag-value", "64a"),
        ("COPY --chmod=10000 a b", "invalid-flag-value", "10000"),
        ("ADD --chmod=u+z a b", "invalid-flag-value", "u+z"),
        ("RUN --network=bridge x", "invalid-flag-value", "bridge"),
        ("RUN --network= x", "invalid-flag-value", ""),
        ("RUN --security=x y", "invalid-flag-value", "x"),
        ("HEALTHCHECK --interval=1us CMD x", "invalid-flag-value", "1us"),
        ("HEALTHCHECK --timeout=-1s CMD x", "invalid-flag-value", "-1s"),
        ("HEALTHCHECK --timeout=5 CMD x", "invalid-flag-value", "5"),
        ("HEALTHCHECK --retries=-1 CMD x", "invalid-flag-value", "-1"),
        ("HEALTHCHECK --retries=x CMD x", "invalid-flag-value", "x"),
        ("HEALTHCHECK FOO", "unknown-healthcheck", "FOO"),
        ("HEALTHCHECK NONE x", "wrong-arguments", "x"),
        ("HEALTHCHECK CMD", "wrong-arguments", "HEALTHCHECK CMD"),
        ("HEALTHCHECK CMD []", "wrong-arguments", "HEALTHCHECK CMD []"),
        ("HEALTHCHECK", "wrong-arguments", "HEALTHCHECK"),
        ("CMD [\"a\", 1]", "not-strings", "1"),
        ("CMD [\"a\",[\"b\"]]", "not-strings", "[\"b\"]"),
        ("COPY [\"a\", null]", "not-strings", "null"),
        ("RUN <<EOF", "unterminated-heredoc", "<<EOF"),
        ("RUN $((1 << 2))", "unterminated-heredoc", "<< 2))"),
        ("RUN <<EOF \\", "unterminated-heredoc", "<<EOF"),
        ("COPY a <<E\nE", "heredoc-destination", "<<E"),
        ("COPY <<a/b /x\na/b", "invalid-heredoc", "<<a/b"),
        ("COPY a", "wrong-arguments", "COPY a"),
        ("COPY [g,/x]", "wrong-arguments", "COPY [g,/x]"),
        ("COPY --from=$S a b", "variable-in-from", "$S"),
        ("FROM x AS", "wrong-arguments", "FROM x AS"),
        ("FROM x AS y z", "wrong-arguments", "FROM x AS y z"),
        ("FROM x IS y", "wrong-arguments", "FROM x IS y"),
        ("FROM x AS 1a", "invalid-stage-name", "1a"),
        ("FROM x AS a/b", "invalid-stage-name", "a/b"),
        ("ENV A=1 B", "missing-equals", "B"),
        ("ENV A", "wrong-arguments", "ENV A"),
        ("ENV", "wrong-arguments", "ENV"),
        ("ENV =x", "blank-name", "=x"),
        ("LABEL =x", "blank-name", "=x"),
        ("ARG =x", "blank-name", "=x"),
        ("ARG", "wrong-arguments", "ARG"),
        ("RUN", "wrong-arguments", "RUN"),
        ("RUN []", "wrong-arguments", "RUN []"),
        ("RUN --network=none", "wrong-arguments", "RUN --network=none"),
        ("SHELL /bin/sh", "wrong-arguments", "SHELL /bin/sh"),
        ("SHELL []", "wrong-arguments", "SHELL []"),
        ("USER", "wrong-arguments", "USER"),
        ("VOLUME", "wrong-arguments", "VOLUME"),
        ("VOLUME [\"\"]", "empty-volume", "\"\""),
        ("EXPOSE", "wrong-arguments", "EXPOSE"),
        ("STOPSIGNAL --x", "wrong-arguments", "STOPSIGNAL --x"),
        ("ONBUILD", "wrong-arguments", "ONBUILD"),
        ("ONBUILD ONBUILD RUN x", "invalid-trigger", "ONBUILD"),
        ("ONBUILD from x", "invalid-trigger", "from"),
        ("ONBUILD MAINTAINER x", "invalid-trigger", "MAINTAINER"),
        ("ONBUILD FOO x", "unknown-instruction", "FOO"),
        ("ONBUILD COPY x", "wrong-arguments", "COPY x"),
    ] {
        let source = format!("FROM scratch\n{rest}\n");
        let found = problems(&source);
        let errors: Vec<_> = found
            .iter()
            .filter(|(code, ..)| *code != "ignored-flag")
            .map(|(code, _, text)| (*code, text.as_str()))
            .collect();
        assert_eq!(errors, [(code, place)], "{rest}");
        assert!(parse(source.as_bytes()).has_errors(), "{rest}");
    }
}

#[test]
fn files_without_a_stage_are_errors() {
    for (source, code, message) in [
        ("", "empty-file", "the Dockerfile cannot be empty"),
        ("# c\n\n", "no-instructions", "file with no instructions"),
        ("ARG a=1\n", "no-stages", "dockerfile contains no stages to build"),
        ("RUN a\nFROM b\n", "no-build-stage", "no build stage in current context"),
        ("ENV a=b\nENV c=d\n", "no-build-stage", "no build stage in current context"),
    ] {
        let found = problems(source);
        assert_eq!(found.len(), 1, "{source:?}: {found:?}");
        assert_eq!((found[0].0, found[0].1.as_str()), (code, message), "{source:?}");
    }
}

#[test]
fn a_broken_instruction_before_from_is_no_arg() {
    let codes: Vec<&str> = problems("ADD x\nFROM a\n").iter().map(|it| it.0).collect();
    assert_eq!(codes, ["wrong-arguments", "no-build-stage"]);
}

#[test]
fn a_misspelt_from_is_one_error_and_not_two() {
    let found = problems("FRM a\nRUN b\n");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "unknown-instruction");
}

#[test]
fn suggestions_are_made_by_distance() {
    for (rest, help) in [
        ("FRM x", Some("did you mean FROM?")),
        ("coppy a b", Some("did you mean copy?")),
        ("HELTHCHEK NONE", Some("did you mean HEALTHCHECK?")),
        ("SELECT 1", None),
        ("RUN --mont=x y", Some("did you mean mount?")),
        ("COPY --form=x a b", Some("did you mean from?")),
        ("COPY --zzzzz a b", None),
    ] {
        let parsed = parse(format!("FROM scratch\n{rest}\n").as_bytes());
        assert_eq!(parsed.diagnostics[0].help.as_deref(), help, "{rest}");
    }
}

#[test]
fn all_problems_of_a_file_are_found_in_its_order() {
    let source = "# escape=x\nFROM a AS 1\nFOO\nCOPY --bad x\nENV A=1 B C\nRUN ok\nCMD [1]\n";
    let codes: Vec<&str> = problems(source).into_iter().map(|(code, ..)| code).collect();
    assert_eq!(
        codes,
        [
            "invalid-escape",
            "invalid-stage-name",
            "unknown-instruction",
            "wrong-arguments",
            "unknown-flag",
            "missing-equals",
            "missing-equals",
            "not-strings",
        ]
    );
    let kept = parse(source.as_bytes()).file.instructions;
    assert_eq!(kept.len(), 1, "the instruction without errors remains");
}

#[test]
fn doubtful_things_are_warnings() {
    for (rest, code) in [
        ("RUN a \\\n\n b", "NoEmptyContinuation"),
        ("CMD ['a']", "not-json"),
        ("RUN [\"a\",]", "not-json"),
        ("COPY ['a',  'b']", "not-json"),
        ("ARG --x a", "ignored-flag"),
        ("HEALTHCHECK --x NONE", "ignored-flag"),
    ] {
        let parsed = parse(format!("FROM scratch\n{rest}\n").as_bytes());
        let found: Vec<_> = parsed.diagnostics.iter().map(|it| (it.code, it.severity)).collect();
        assert_eq!(found, [(code, Severity::Warning)], "{rest}");
    }
}

#[test]
fn a_line_may_have_65535_bytes_and_no_more() {
    for (length, fine) in [(65_535, true), (65_536, false)] {
        let start = "ENV a=";
        let source = format!("FROM scratch\n{start}{}\n", "x".repeat(length - start.len()));
        let parsed = parse(source.as_bytes());
        assert_eq!(!parsed.has_errors(), fine, "{length}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_errors_outside_comments() {
    for (source, places) in [
        (&b"FROM a\n# \xff\nRUN b \\\n# \xfe\n c\n"[..], vec![]),
        (b"FROM a\nENV b=\xff\xfec\n", vec![(13, 15)]),
        (b"FROM a\nRUN <<E\n\xff\nE\nCOPY a\n", vec![(15, 16), (19, 25)]),
        (b"\xffFROM a\n", vec![(0, 1), (0, 5)]),
    ] {
        let parsed = parse(source);
        let errors = parsed.diagnostics.iter().filter(|it| it.severity == Severity::Error);
        let found: Vec<_> = errors.map(|it| (it.span.start, it.span.end)).collect();
        assert!(places.iter().all(|place| found.contains(place)), "{source:?}: {found:?}");
        assert_eq!(found.is_empty(), places.is_empty(), "{source:?}");
    }
    let parsed = parse(b"FROM a\nENV b=\xff\n");
    assert_eq!(parsed.diagnostics[0].message, "not UTF-8 at byte 13");
}
