//! `strata build`, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{EXAMPLE, Strata};

#[test]
fn quiet_prints_the_image_id_alone() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let id = strata.build("app:1", EXAMPLE);
    assert!(id.starts_with("sha256:") && id.len() == 71, "{id}");
    let inspected = strata.json(["inspect", "app:1"]);
    assert_eq!(inspected[0]["Id"], id.as_str());
    assert_eq!(inspected[0]["RepoTags"], serde_json::json!(["app:1"]));
    assert_eq!(inspected[0]["Author"], "xiongkun");
}

#[test]
fn an_unchanged_rebuild_runs_nothing_and_gives_the_same_image() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let dockerfile = "FROM busybox\nRUN date +%s%N >/stamp; cat /proc/sys/kernel/random/uuid >>/stamp\n";
    let first = strata.build("app", dockerfile);
    let second = strata.build("app", dockerfile);
    assert_eq!(first, second);
    let context = strata.context(dockerfile);
    let fresh = strata.ok(["build", "-q", "--no-cache", &context]);
    assert_ne!(first, fresh.trim());
}

#[test]
fn a_failing_step_names_its_lines_and_ends_with_1() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nRUN true\nRUN echo about to fail && \\\n    exit 3\n");
    let text = strata.ends(1, ["build", &context]);
    assert!(text.contains("did not complete successfully: exit code: 3"), "{text}");
    assert!(text.contains("Dockerfile:3"), "{text}");
    assert!(text.contains("about to fail"), "{text}");
}

#[test]
fn every_error_of_a_dockerfile_is_shown_and_nothing_runs() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nRUM true\nCOPY a\nRUN touch /ran\n");
    let text = strata.ends(1, ["build", &context]);
    assert!(text.contains("unknown instruction: RUM") && text.contains("did you mean RUN?"), "{text}");
    assert!(text.contains("requires at least two arguments"), "{text}");
    assert!(!text.contains("touch"), "{text}");
}

#[test]
fn a_missing_base_says_how_to_get_it() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM nowhere:1\n");
    let text = strata.ends(1, ["build", &context]);
    assert!(text.contains("nowhere:1") && text.contains("strata load"), "{text}");
}

#[test]
fn stages_that_nothing_needs_are_not_touched() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let text = "FROM nowhere AS unused\nRUN exit 1\nFROM busybox AS made\nRUN echo hi >/f\nFROM busybox\nCOPY --from=made /f /g\n";
    strata.build("app", text);
    assert_eq!(strata.ok(["run", "--rm", "app", "cat", "/g"]), "hi\n");
}

#[test]
fn a_target_and_build_args_choose_what_is_built() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox AS one\nARG V=1\nRUN echo $V >/v\nFROM one AS two\nRUN false\n");
    strata.ok(["build", "-q", "-t", "app", "--target", "ONE", "--build-arg", "V=7", &context]);
    assert_eq!(strata.ok(["run", "--rm", "app", "cat", "/v"]), "7\n");
    let text = strata.ends(2, ["build", "--target", "tow", &context]);
    assert!(text.contains("two"), "{text}");
}

#[test]
fn a_step_without_network_sees_the_loopback_alone() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app", "FROM busybox\nRUN --network=none ls /sys/class/net /proc/sys/net/ipv4/conf >/net\n");
    let net = strata.ok(["run", "--rm", "app", "cat", "/net"]);
    let interfaces: Vec<&str> = net.lines().filter(|line| !line.is_empty() && !line.ends_with(':')).collect();
    assert!(interfaces.iter().all(|name| ["lo", "all", "default"].contains(name)), "{net}");
}

#[test]
fn a_step_gets_no_descriptor_of_ours_and_a_plain_environment() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build(
        "app",
        "FROM busybox\nRUN ls /proc/self/fd >/fds; env | cut -d= -f1 | sort >/env; hostname >/host; umask >/umask\n",
    );
    let show = |file: &str| strata.ok(["run", "--rm", "app", "cat", file]);
    // descriptor 3 is the folder that ls reads
    assert_eq!(show("/fds"), "0\n1\n2\n3\n");
    let environment = show("/env");
    let mut variables: Vec<&str> =
        environment.lines().filter(|name| !["OLDPWD", "PWD", "SHLVL"].contains(name)).collect();
    variables.sort_unstable();
    assert_eq!(variables, ["HOME", "PATH"]);
    assert_eq!(show("/host"), "buildkitsandbox\n");
    assert_eq!(show("/umask"), "0022\n");
}

#[test]
fn an_ignored_source_is_named_with_the_line_that_ignores_it() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nCOPY secret /\n");
    strata.file(&format!("{context}/secret"), "s");
    strata.file(&format!("{context}/.dockerignore"), "# not these\nsecret\n");
    let text = strata.ends(1, ["build", &context]);
    assert!(text.contains("\"/secret\": not found") && text.contains(".dockerignore"), "{text}");
}

#[test]
fn what_is_not_there_is_named() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nRUN --device=vendor.example/gpu true\n");
    let text = strata.ends(1, ["build", &context]);
    assert!(text.contains("--device") && text.contains("Dockerfile:2"), "{text}");
}

#[test]
fn two_hundred_layers_build_and_run() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let steps = (0..200).map(|n| format!("COPY f /f{n}\n")).collect::<Vec<_>>().concat();
    let context = strata.context(&format!("FROM busybox\n{steps}RUN cat /f0 /f199 >/both\n"));
    strata.file(&format!("{context}/f"), "x\n");
    strata.ok(["build", "-q", "-t", "app", &context]);
    assert_eq!(strata.ok(["run", "--rm", "app", "cat", "/both"]), "x\nx\n");
}
