//! The build checks: what each rule finds, where, and what turns it off.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use strata_dockerfile::{
    check::{self, Base, Facts, RULES, Report},
    ignore::IgnoreSet,
    parse,
};

fn report(source: &str, facts: &Facts<'_>) -> Report {
    check::check(source.as_bytes(), parse(source.as_bytes()), facts)
}

/// Code, message and place of each finding.
fn found<'s>(source: &'s str, facts: &Facts<'_>) -> Vec<(&'static str, String, &'s str)> {
    let list = report(source, facts).diagnostics.into_iter();
    list.map(|it| (it.code, it.message, &source[it.span.range()])).collect()
}

fn codes(source: &str, facts: &Facts<'_>) -> Vec<&'static str> {
    found(source, facts).into_iter().map(|(code, ..)| code).collect()
}

/// Each file has one finding.
const CASES: [(&str, &str, &str, &str); 34] = [
    ("FROM scratch AS Base", "StageNameCasing", "Stage name 'Base' should be lowercase", "Base"),
    ("FROM scratch as base", "FromAsCasing", "'as' and 'FROM' keywords' casing do not match", "as"),
    ("from scratch AS base", "FromAsCasing", "'AS' and 'from' keywords' casing do not match", "AS"),
    ("FROM scratch\nENV A=1 \\\n\n B=2", "NoEmptyContinuation", "Empty continuation line", ""),
    (
        "FROM scratch\nenv A=1",
        "ConsistentInstructionCasing",
        "Command 'env' should match the case of the command majority (uppercase)",
        "env",
    ),
    (
        "from scratch\nenv A=1\nENV B=1",
        "ConsistentInstructionCasing",
        "Command 'ENV' should match the case of the command majority (lowercase)",
        "ENV",
    ),
    (
        "FROM scratch\nEnv A=1",
        "ConsistentInstructionCasing",
        "Command 'Env' should match the case of the command majority (uppercase)",
        "Env",
    ),
    (
        "FROM scratch AS a\nFROM scratch AS a",
        "DuplicateStageName",
        "Duplicate stage name \"a\", stage names should be unique",
        "a",
    ),
    (
        "FROM busybox AS scratch",
        "ReservedStageName",
        "Stage name should not use the same name as reserved stage \"scratch\"",
        "scratch",
    ),
    (
        "FROM scratch\nCMD echo hi",
        "JSONArgsRecommended",
        "JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
        "echo hi",
    ),
    (
        "FROM scratch\nENTRYPOINT echo $A",
        "JSONArgsRecommended",
        "JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS signals",
        "echo $A",
    ),
    (
        "FROM scratch\nMAINTAINER bob",
        "MaintainerDeprecated",
        "Maintainer instruction is deprecated in favor of using label",
        "MAINTAINER bob",
    ),
    ("FROM scratch AS a\nFROM a${NOPE}", "UndefinedArgInFrom", "FROM argument 'NOPE' is not declared", "${NOPE}"),
    (
        "FROM scratch\nWORKDIR app",
        "WorkdirRelativePath",
        "Relative workdir \"app\" can have unexpected results if the base image changes",
        "app",
    ),
    ("FROM scratch\nENV A=$B", "UndefinedVar", "Usage of undefined variable '$B'", "$B"),
    ("FROM scratch\nARG A=${B:-x}", "UndefinedVar", "Usage of undefined variable '$B'", "${B:-x}"),
    (
        "FROM scratch\nENV B=1\nLABEL a=\"${B} ${Bxyz}$B\"",
        "UndefinedVar",
        "Usage of undefined variable '$Bxyz'",
        "${Bxyz}",
    ),
    ("FROM scratch\nCOPY <<E /x\n$B\nE", "UndefinedVar", "Usage of undefined variable '$B'", "$B"),
    ("FROM scratch\nUSER $A$A", "UndefinedVar", "Usage of undefined variable '$A'", "$A"),
    ("FROM scratch\nRUN --mount=target=/$A x", "UndefinedVar", "Usage of undefined variable '$A'", "$A"),
    (
        "FROM scratch\nCMD [\"a\"]\nCMD [\"b\"]",
        "MultipleInstructionsDisallowed",
        "Multiple CMD instructions should not be used in the same stage because only the last one will be used",
        "CMD [\"a\"]",
    ),
    (
        "FROM scratch\nHEALTHCHECK NONE\nHEALTHCHECK NONE",
        "MultipleInstructionsDisallowed",
        "Multiple HEALTHCHECK instructions should not be used in the same stage because only the last one will be used",
        "HEALTHCHECK NONE",
    ),
    (
        "FROM scratch\nENV A b c",
        "LegacyKeyValueFormat",
        "\"ENV key=value\" should be used instead of legacy \"ENV key value\" format",
        "A b c",
    ),
    (
        "FROM scratch\nLABEL a b",
        "LegacyKeyValueFormat",
        "\"LABEL key=value\" should be used instead of legacy \"LABEL key value\" format",
        "a b",
    ),
    (
        "FROM --platform=$TARGETPLATFORM busybox",
        "RedundantTargetPlatform",
        "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
        "$TARGETPLATFORM",
    ),
    (
        "FROM --platform=linux/arm64 busybox",
        "FromPlatformFlagConstDisallowed",
        "FROM --platform flag should not use constant value \"linux/arm64\"",
        "linux/arm64",
    ),
    (
        "FROM scratch\nARG MY_TOKEN",
        "SecretsUsedInArgOrEnv",
        "Do not use ARG or ENV instructions for sensitive data (ARG \"MY_TOKEN\")",
        "MY_TOKEN",
    ),
    (
        "FROM scratch\nENV AWS_SECRET_KEY=x",
        "SecretsUsedInArgOrEnv",
        "Do not use ARG or ENV instructions for sensitive data (ENV \"AWS_SECRET_KEY\")",
        "AWS_SECRET_KEY",
    ),
    (
        "ARG TAG\nFROM busybox:$TAG",
        "InvalidDefaultArgInFrom",
        "Default value for ARG busybox:$TAG results in empty or invalid base image name",
        "busybox:$TAG",
    ),
    (
        "FROM scratch\nEXPOSE 80/TCP",
        "ExposeProtoCasing",
        "Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
        "80/TCP",
    ),
    (
        "FROM scratch\nEXPOSE 127.0.0.1:80:8080",
        "ExposeInvalidFormat",
        "EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:8080'",
        "127.0.0.1:80:8080",
    ),
    (
        "FROM scratch\nEXPOSE 80:8080",
        "ExposeInvalidFormat",
        "EXPOSE instruction should not define an IP address or host-port mapping, found '80:8080'",
        "80:8080",
    ),
    (
        "# check=experimental=all\n# the base\nFROM scratch AS base",
        "InvalidDefinitionDescription",
        "Comment for FROM should follow the format: `# base <description>`",
        "FROM scratch AS base",
    ),
    (
        "FROM scratch\n# check=experimental=InvalidDefinitionDescription\n# why\nARG A B",
        "InvalidDefinitionDescription",
        "Comment for ARG should follow the format: `# <arg_key> <description>`",
        "ARG A B",
    ),
];

#[test]
fn each_rule_finds_its_case_and_its_place() {
    for (source, code, message, place) in CASES {
        assert_eq!(found(source, &Facts::default()), [(code, message.to_owned(), place)], "{source}");
    }
}

#[test]
fn each_rule_has_a_case_and_can_be_skipped() {
    let with_facts = ["CopyIgnoredFile", "InvalidBaseImagePlatform"];
    for rule in &RULES {
        let case = CASES.iter().find(|(_, code, ..)| *code == rule.name);
        assert!(case.is_some() || with_facts.contains(&rule.name), "{}", rule.name);
        let Some((source, ..)) = case.filter(|_| !rule.experimental) else { continue };
        for skip in [rule.name, "all", "Other, X"] {
            let file = format!("# check=skip={skip}\n{source}");
            let expected: &[&str] = if skip == "Other, X" { &[rule.name] } else { &[] };
            assert_eq!(codes(&file, &Facts::default()), expected, "{file}");
        }
    }
}

#[test]
fn what_is_meant_well_is_left_alone() {
    for source in [
        "FROM scratch AS base\nFROM base",
        "FROM scratch\nSHELL [\"/bin/ash\", \"-c\"]\nCMD echo hi",
        "FROM scratch AS a\nSHELL [\"/bin/ash\"]\nFROM a\nCMD echo hi",
        "FROM scratch\nCMD [\"echo\"]",
        "FROM scratch\nCMD [\"a\"]\nFROM scratch\nCMD [\"b\"]",
        "FROM scratch\nWORKDIR /a\nWORKDIR b",
        "FROM scratch AS a\nWORKDIR /a\nFROM a\nWORKDIR b",
        "FROM scratch\nARG A=/x\nWORKDIR $A",
        "FROM scratch\nARG A\nENV B=$A P=$PATH",
        "FROM scratch AS a\nARG A\nFROM a\nENV B=$A",
        "FROM scratch\nENV A=1\nENV B=$A",
        "FROM scratch\nENV A='$B' C=\\$D",
        "FROM scratch\nCOPY <<'E' /x\n$B\nE",
        "FROM scratch\nRUN echo $B",
        "FROM scratch\nARG A=1 B=$A",
        "ARG G=1\nFROM scratch\nARG G\nENV x=$G",
        "FROM debian\nENV A=$FROM_DEBIAN",
        "FROM base-$TARGETARCH",
        "FROM --platform=$BUILDPLATFORM busybox",
        "FROM --platform=linux/arm64 busybox AS build-arm64",
        "FROM --platform=linux/$TARGETARCH busybox",
        "ARG TAG=1\nFROM busybox:$TAG",
        "FROM scratch\nENV GITHUB_PUBLIC_KEY=1 PASSWORD_FILE=1 monkey=1 KEYBOARD=1 TOKEN_VERSION=1",
        "FROM scratch\nEXPOSE 80/tcp 8000-8010 3000",
        "FROM scratch\nENV EMPTY= A=1",
        "# check=experimental=all\n# base is what all have\nFROM scratch AS base",
        "# check=experimental=all\n# nothing\n#\nFROM scratch AS base",
        "# nothing\nFROM scratch AS base",
        "FROM scratch\nONBUILD CMD echo hi",
    ] {
        assert_eq!(codes(source, &Facts::default()), [""; 0], "{source}");
    }
}

#[test]
fn an_undeclared_name_gets_a_suggestion() {
    for (source, help) in [
        ("ARG VERSION=1\nFROM busybox:${VERSIN}", "did you mean VERSION?"),
        ("FROM scratch\nENV NAME=1\nENV A=$NMAE", "did you mean $NAME?"),
        ("FROM debian\nARG NAME=1\nENV A=$NMAE", "did you mean $NAME?"),
        ("FROM scratch\nCMD nginx -g x", "CMD [\"nginx\", \"-g\", \"x\"]"),
        ("FROM scratch\nENV A b c", "ENV A=\"b c\""),
        ("FROM scratch\nMAINTAINER bob", "LABEL org.opencontainers.image.authors=\"bob\""),
    ] {
        let helps: Vec<_> =
            report(source, &Facts::default()).diagnostics.into_iter().filter_map(|it| it.help).collect();
        assert!(helps.iter().any(|it| it == help), "{source}: {helps:?}");
    }
}

#[test]
fn build_arguments_count() {
    let args = BTreeMap::from([("TAG".to_owned(), "1".to_owned()), ("D".to_owned(), "/abs".to_owned())]);
    let facts = Facts { build_args: Some(&args), ..Facts::default() };
    assert_eq!(codes("ARG TAG\nFROM busybox:$TAG", &facts), ["InvalidDefaultArgInFrom"], "without them it still fails");
    assert_eq!(codes("FROM scratch\nARG D=rel\nWORKDIR $D", &facts), [""; 0]);
}

#[test]
fn a_base_image_that_is_known_is_looked_at() {
    let find = |name: &str, _: Option<&str>| {
        (name == "debian").then(|| Base {
            env: vec![("LANG".to_owned(), "C".to_owned())],
            has_working_dir: true,
            has_shell: true,
            os: "linux".to_owned(),
            architecture: "arm64".to_owned(),
        })
    };
    let facts = Facts { base: Some(&find), ..Facts::default() };
    assert_eq!(
        found("FROM debian\nENV A=$LANG\nWORKDIR b\nCMD c", &facts),
        [(
            "InvalidBaseImagePlatform",
            "Base image debian was pulled with platform \"linux/arm64\", expected \"linux/amd64\" for current build"
                .to_owned(),
            "debian"
        )]
    );
    let platforms = BTreeMap::from([("TARGETPLATFORM".to_owned(), "linux/arm64/v8".to_owned())]);
    let facts = Facts { platform_args: Some(&platforms), ..facts };
    assert_eq!(codes("FROM debian\nENV A=$NOT_THERE", &facts), ["UndefinedVar"], "all its variables are known");
}

#[test]
fn files_that_the_ignore_file_excludes_are_told_with_the_line() {
    for (patterns, copy, place) in [
        ("# c\na.txt", "COPY a.txt /x", Some("a.txt")),
        ("d", "COPY --chown=1 d/e b /x/", Some("d/e")),
        ("d", "ADD ./d/ /x", Some("./d/")),
        ("d", "COPY /d /x", Some("/d")),
        ("*", "COPY . /x", Some(".")),
        ("**", "COPY / /x", Some("/")),
        ("*.md", "COPY . /x", None),
        ("a.txt", "COPY --from=s a.txt /x", None),
        ("a.txt", "COPY b /x", None),
        ("*\n!a", "COPY b /x", None),
        ("**", "ADD https://example.com/a /x", None),
        ("**", "COPY <<E /x\nE", None),
    ] {
        let set = IgnoreSet::parse(patterns.as_bytes()).unwrap();
        let facts = Facts { ignore: Some(&set), ..Facts::default() };
        let source = format!("FROM scratch AS s\nFROM scratch\n{copy}\n");
        let places: Vec<_> = found(&source, &facts).into_iter().map(|(_, _, place)| place).collect();
        assert_eq!(places, place.into_iter().collect::<Vec<_>>(), "{patterns:?} {copy}");
    }
    let set = IgnoreSet::parse(b"# c\na.txt").unwrap();
    let facts = Facts { ignore: Some(&set), ..Facts::default() };
    let list = report("FROM scratch\nCOPY a.txt /x\n", &facts).diagnostics;
    assert_eq!(list[0].message, "Attempting to Copy file \"a.txt\" that is excluded by .dockerignore");
    assert_eq!(list[0].label.as_deref(), Some("line 2 of the ignore file excludes it"));
}

#[test]
fn a_comment_exempts_the_instruction_below_it_alone() {
    let source =
        "FROM scratch\n# check=skip=MaintainerDeprecated because of reasons\n\n# more\nMAINTAINER a\nMAINTAINER b\n";
    assert_eq!(found(source, &Facts::default()).iter().map(|it| it.2).collect::<Vec<_>>(), ["MAINTAINER b"]);
    let ended = "FROM scratch\n# check=skip=all\n#\nMAINTAINER a\n";
    assert_eq!(codes(ended, &Facts::default()), ["MaintainerDeprecated"], "an empty comment ends what is above it");
}

#[test]
fn the_build_argument_replaces_the_directive() {
    let source = "# check=skip=all\nFROM scratch\nMAINTAINER a\n";
    let args = BTreeMap::from([(check::CONFIG_ARG.to_owned(), "error=true".to_owned())]);
    let report = report(source, &Facts { build_args: Some(&args), ..Facts::default() });
    assert_eq!(report.violated, ["MaintainerDeprecated"]);
    assert_eq!(report.failure.as_deref(), Some("lint violation found for rules: MaintainerDeprecated"));
}

#[test]
fn warnings_are_errors_when_the_file_says_so() {
    let source = "# check=error=true\nFROM scratch as x\nMAINTAINER a\nMAINTAINER b\n";
    let failure = report(source, &Facts::default()).failure;
    assert_eq!(failure.as_deref(), Some("lint violation found for rules: FromAsCasing, MaintainerDeprecated"));
    assert_eq!(report("# check=error=true\nFROM scratch\n", &Facts::default()).failure, None);
}

#[test]
fn options_that_do_not_exist_are_errors_at_their_place() {
    let list = found("# check=skpi=all\nFROM scratch\nMAINTAINER a\n", &Facts::default());
    let codes: Vec<_> = list.iter().map(|(code, _, place)| (*code, *place)).collect();
    assert_eq!(codes, [("invalid-check-option", "skpi=all"), ("MaintainerDeprecated", "MAINTAINER a")]);
    assert_eq!(list[0].1, "failed to parse check options: invalid check option \"skpi=all\"");
}

#[test]
fn warnings_are_given_before_an_error() {
    let source = "FROM scratch as x\nMAINTAINER a\nFOO\nENV A=$B\n";
    assert_eq!(codes(source, &Facts::default()), ["FromAsCasing", "MaintainerDeprecated", "unknown-instruction"]);
}

#[test]
fn one_thing_is_told_once() {
    assert_eq!(codes("FROM scratch\nCMD ['a']\n", &Facts::default()), ["not-json"]);
}
