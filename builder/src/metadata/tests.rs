#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use serde_json::{Value, json};
use strata_image::manifest::Platform;

use super::*;

/// History's texts and the config's field after some instructions on scratch, with `--build-arg GIVEN=g`.
fn after(instructions: &str, field: &str) -> (Vec<String>, Value) {
    let text = format!("FROM scratch\n{instructions}\n");
    let parsed = strata_dockerfile::parse(text.as_bytes());
    let mut state = State::scratch(Platform::host());
    let mut global = Vars::default();
    global.set("GLOBAL", "from above".to_owned());
    let given = BTreeMap::from([("GIVEN".to_owned(), "g".to_owned())]);
    let sources = ArgSources { given: &given, global: &global, escape: '\\' };
    let mut texts = Vec::new();
    for instruction in &parsed.file.instructions[1..] {
        texts.extend(apply(&instruction.kind, &mut state, sources).unwrap());
    }
    let config = state.finish(None).config.unwrap();
    let value = serde_json::to_value(config).unwrap();
    (texts, value.get(field).cloned().unwrap_or_default())
}

#[test]
fn instructions_set_their_fields_and_are_told_as_buildkit_tells_them() {
    let path = format!("PATH={}", config::DEFAULT_PATH);
    for (instructions, texts, field, value) in [
        ("ENV a=b c=\"d e\"", vec!["ENV a=b c=d e"], "Env", json!([path, "a=b", "c=d e"])),
        ("ENV a=1\nENV a=2 b=$a", vec!["ENV a=1", "ENV a=2 b=1"], "Env", json!([path, "a=2", "b=1"])),
        ("ENV one two three", vec!["ENV one=two three"], "Env", json!([path, "one=two three"])),
        ("ARG x=1\nENV y=$x", vec!["ARG x=1", "ENV y=1"], "Env", json!([path, "y=1"])),
        ("ARG GIVEN=d\nENV y=$GIVEN", vec!["ARG GIVEN=d", "ENV y=g"], "Env", json!([path, "y=g"])),
        ("ARG GLOBAL\nENV y=$GLOBAL", vec!["ARG GLOBAL", "ENV y=from above"], "Env", json!([path, "y=from above"])),
        ("ENV y=$GLOBAL", vec!["ENV y="], "Env", json!([path, "y="])),
        ("ARG b=1 c=$b", vec!["ARG b=1 c=1"], "Env", json!([path])),
        (
            "ENV e=env\nARG e=arg\nENV r=$e",
            vec!["ENV e=env", "ARG e=arg", "ENV r=arg"],
            "Env",
            json!([path, "e=env", "r=arg"]),
        ),
        ("LABEL \"a b\"=c x='$q'", vec!["LABEL a b=c x=$q"], "Labels", json!({"a b": "c", "x": "$q"})),
        (
            "EXPOSE 80 53/udp 90-91",
            vec!["EXPOSE [53/udp 80/tcp 90/tcp 91/tcp]"],
            "ExposedPorts",
            json!({"53/udp": {}, "80/tcp": {}, "90/tcp": {}, "91/tcp": {}}),
        ),
        (
            "ENV p=\"1 2/udp\"\nEXPOSE $p",
            vec!["ENV p=1 2/udp", "EXPOSE [1/tcp 2/udp]"],
            "ExposedPorts",
            json!({"1/tcp": {}, "2/udp": {}}),
        ),
        ("VOLUME /a /b", vec!["VOLUME [/a /b]"], "Volumes", json!({"/a": {}, "/b": {}})),
        ("USER ${u:-bob}", vec!["USER bob"], "User", json!("bob")),
        ("CMD a  b", vec!["CMD [\"/bin/sh\" \"-c\" \"a  b\"]"], "Cmd", json!(["/bin/sh", "-c", "a  b"])),
        ("CMD [\"a\",\"b\"]", vec!["CMD [\"a\" \"b\"]"], "ArgsEscaped", json!(true)),
        ("CMD [\"a\"]\nENTRYPOINT [\"e\"]", vec!["CMD [\"a\"]", "ENTRYPOINT [\"e\"]"], "Cmd", json!(["a"])),
        ("ENTRYPOINT []\nCMD []", vec!["ENTRYPOINT []", "CMD []"], "Entrypoint", Value::Null),
        (
            "SHELL [\"ash\",\"-ec\"]\nCMD x",
            vec!["SHELL [ash -ec]", "CMD [\"ash\" \"-ec\" \"x\"]"],
            "Shell",
            json!(["ash", "-ec"]),
        ),
        ("STOPSIGNAL SIGINT", vec!["STOPSIGNAL SIGINT"], "StopSignal", json!("SIGINT")),
        (
            "HEALTHCHECK --interval=90s --retries=3 CMD a b",
            vec![r#"HEALTHCHECK &{["CMD-SHELL" "a b"] "1m30s" "0s" "0s" "0s" '\x03'}"#],
            "Healthcheck",
            json!({"Test": ["CMD-SHELL", "a b"], "Interval": 90_000_000_000_i64, "Retries": 3}),
        ),
        (
            "HEALTHCHECK --interval=90s CMD a\nHEALTHCHECK NONE",
            vec![
                r#"HEALTHCHECK &{["CMD-SHELL" "a"] "1m30s" "0s" "0s" "0s" '\x00'}"#,
                r#"HEALTHCHECK &{["NONE"] "0s" "0s" "0s" "0s" '\x00'}"#,
            ],
            "Healthcheck",
            json!({"Test": ["NONE"]}),
        ),
        ("ONBUILD RUN x", vec![], "OnBuild", json!(["RUN x"])),
        ("MAINTAINER me <me@x>", vec!["MAINTAINER me <me@x>"], "User", Value::Null),
    ] {
        assert_eq!(
            after(instructions, field),
            (texts.into_iter().map(str::to_owned).collect(), value),
            "{instructions}"
        );
    }
}

#[test]
fn an_entrypoint_clears_the_command_of_its_base_only() {
    let parsed = strata_dockerfile::parse(b"FROM x\nENTRYPOINT [\"e\"]\n");
    let mut parent = State::scratch(Platform::host());
    parent.config.cmd = Some(vec!["inherited".to_owned()]);
    parent.own_cmd = true;
    let mut child = parent.child();
    let none = (BTreeMap::new(), Vars::default());
    let sources = ArgSources { given: &none.0, global: &none.1, escape: '\\' };
    for (state, expected) in [(&mut parent, true), (&mut child, false)] {
        apply(&parsed.file.instructions[1].kind, state, sources).unwrap();
        assert_eq!(state.config.cmd.is_some(), expected);
    }
}

#[test]
fn signals_are_names_or_numbers() {
    for known in ["9", "SIGKILL", "kill", "SIGRTMIN+3", "RTMAX-14", "64"] {
        assert!(is_signal(known), "{known}");
    }
    for unknown in ["SIGFOO", "0", "65", "-1", "SIGRTMIN+16", ""] {
        assert!(!is_signal(unknown), "{unknown}");
    }
}
