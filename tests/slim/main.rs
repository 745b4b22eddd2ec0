//! `strata slim`, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod at_once;
mod cases;
#[path = "../common/mod.rs"]
mod common;
mod suppressed;

use common::{EXAMPLE, Strata, WASTE};

const CHAINED: &str = "FROM busybox\nMAINTAINER xiongkun\nWORKDIR /home\nRUN dd if=/dev/zero of=50M.file bs=1M count=50 \\\n && rm -rf 50M.file\n";

#[test]
fn the_example_is_chained_proved_and_shrinks_by_what_was_predicted() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(EXAMPLE);
    let text = strata.ok(["slim", "--write", &context]);
    for row in ["saved", "predicted"] {
        let line = text.lines().find(|line| line.starts_with(row)).expect(row);
        assert!(line.contains(&WASTE.to_string()), "{line}");
    }
    assert!(text.contains("identical"), "{text}");
    assert_eq!(std::fs::read_to_string(strata.work().join(&context).join("Dockerfile")).unwrap(), CHAINED);
    strata.ok(["build", "-q", "-t", "app:1", &context]);
    assert_eq!(strata.json(["analyze", "--format", "json", "app:1"])["wasted_bytes"], 0);
}

#[test]
fn without_write_the_dockerfile_and_the_list_of_images_stay_as_they_were() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(EXAMPLE);
    let images = strata.ok(["images", "-q"]);
    let text = strata.ok(["slim", &context]);
    assert!(text.contains("+ && rm -rf 50M.file"), "{text}");
    assert_eq!(strata.ok(["images", "-q"]), images);
    assert_eq!(std::fs::read_to_string(strata.work().join(&context).join("Dockerfile")).unwrap(), EXAMPLE);
}

#[test]
fn comments_and_layout_outside_the_edit_are_kept() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let before = "# the app\nFROM busybox\n\nRUN   head -c 100000 /dev/zero >/big \\\n   # a comment inside\n   && echo made\n# why it goes\nRUN rm /big\n\nCMD [ \"sh\" ]   \n";
    let context = strata.context(before);
    let text = strata.ok(["slim", "--write", "--second", "0", &context]);
    assert!(text.contains("identical"), "{text}");
    let after = std::fs::read_to_string(strata.work().join(&context).join("Dockerfile")).unwrap();
    assert!(
        after.starts_with(
            "# the app\nFROM busybox\n\n# why it goes\nRUN   head -c 100000 /dev/zero >/big \\\n   # a comment inside\n   && echo made"
        ),
        "{after}"
    );
    assert!(after.ends_with("\n\nCMD [ \"sh\" ]   \n"), "{after}");
}

#[test]
fn a_result_that_would_differ_is_said_and_never_written() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let before =
        "FROM busybox\nRUN head -c 100000 /dev/zero >/big; cat /proc/sys/kernel/random/uuid >/id\nRUN rm /big\n";
    let context = strata.context(before);
    let text = strata.ends(1, ["slim", "--write", "--accept", "--second", "0", &context]);
    assert!(text.contains("different: nothing is written"), "{text}");
    assert!(text.contains("/id  content, made by RUN /bin/sh -c"), "{text}");
    assert_eq!(std::fs::read_to_string(strata.work().join(&context).join("Dockerfile")).unwrap(), before);
}

#[test]
fn what_such_commands_change_by_themselves_needs_accept() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let before = "FROM busybox\nRUN mkdir -p /var/log && head -c 100000 /dev/zero >/big && cat /proc/sys/kernel/random/uuid >/var/log/install.log\nRUN rm /big\n";
    let context = strata.context(before);
    let file = strata.work().join(&context).join("Dockerfile");
    let text = strata.ok(["slim", "--write", "--second", "0", &context]);
    assert!(text.contains("equal except: /var/log/install.log"), "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    strata.ok(["slim", "--write", "--accept", "--second", "0", &context]);
    assert_ne!(std::fs::read_to_string(&file).unwrap(), before);
}

#[test]
fn a_frugal_dockerfile_has_nothing_to_change() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nRUN echo a >/a\nRUN echo b >/b\n");
    assert!(strata.ok(["slim", &context]).contains("nothing to change: 0 bytes wasted"));
}

/// A Dockerfile with one thing for each rule, and a file that its COPY names.
const VARIED: &str = "FROM busybox\nWORKDIR /app\nCOPY . .\nCOPY notes.txt /notes\nRUN chmod 600 /notes\n\
    RUN rm -rf docs\nRUN head -c 70000 /dev/zero >/big\nRUN rm /big\n\
    RUN mkdir -p /var/lib/apt/lists && head -c 40000 /dev/zero >/var/lib/apt/lists/index\n";

const VARIED_SLIM: &str = "FROM busybox\nWORKDIR /app\nCOPY . .\nCOPY --chmod=600 notes.txt /notes\n\
    RUN head -c 70000 /dev/zero >/big \\\n && rm /big\n\
    RUN mkdir -p /var/lib/apt/lists && head -c 40000 /dev/zero >/var/lib/apt/lists/index \\\n && rm -rf /var/lib/apt/lists/*\n";

fn varied(strata: &Strata) -> String {
    // beside the context, so that no COPY takes the Dockerfile
    let context = strata.context("");
    std::fs::remove_file(strata.work().join(&context).join("Dockerfile")).unwrap();
    strata.file("Dockerfile", VARIED);
    strata.file(&format!("{context}/notes.txt"), "n".repeat(1000));
    strata.file(&format!("{context}/docs/manual"), "m".repeat(5000));
    context
}

#[test]
fn every_rule_has_its_part_and_both_files_are_written() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = varied(&strata);
    let text = strata.ok(["slim", "--write", "--min-saving", "0", "--second", "0", "-f", "Dockerfile", &context]);
    for row in ["saved", "predicted"] {
        let line = text.lines().find(|line| line.starts_with(row)).expect(row);
        assert!(line.contains(" 116000 bytes"), "{line}");
    }
    assert!(text.contains("identical but for 1 path of /var/lib/apt/lists/* that the edit removes"), "{text}");
    assert_eq!(std::fs::read_to_string(strata.work().join("Dockerfile")).unwrap(), VARIED_SLIM);
    let ignore = strata.work().join(&context).join(".dockerignore");
    assert_eq!(std::fs::read_to_string(ignore).unwrap(), ".dockerignore\ndocs\n");
    let again = strata.ok(["slim", "-f", "Dockerfile", &context]);
    assert!(again.contains("nothing to change: 0 bytes wasted"), "{again}");
}

#[test]
fn the_json_has_the_prices_the_reasons_and_the_proof() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = varied(&strata);
    strata.file("Dockerfile", VARIED.replace("RUN rm -rf docs", "RUN ls docs && rm -rf docs"));
    let report =
        strata.json(["slim", "--format", "json", "--min-saving", "0", "--second", "0", "-f", "Dockerfile", &context]);
    assert_eq!(report["schema"], 1);
    assert_eq!((&report["saved_bytes"], &report["predicted_bytes"]), (&111_000.into(), &111_000.into()));
    assert_eq!((&report["verdict"], &report["written"]), (&"identical-but".into(), &false.into()));
    assert_eq!(report["removed"], serde_json::json!([{ "place": "/var/lib/apt/lists/*", "paths": 1 }]));
    let rules: Vec<_> = report["suggestions"].as_array().unwrap().iter().map(|made| &made["rule"]).collect();
    assert_eq!(rules, ["chain-runs", "package-caches", "copy-flags"]);
    assert_eq!(report["refused"][0]["rule"], "unkept-files");
    assert_eq!(report["refused"][0]["saves_bytes"], 5000);
    let reason = report["refused"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("it would not build: "), "{reason}");
    assert!(report["patch"].as_str().unwrap().contains("+COPY --chmod=600 notes.txt /notes\n"));
    assert!(!strata.work().join(&context).join(".dockerignore").exists());
}

/// Two caches, of which a later RUN needs one.
const NEEDED: &str = "FROM busybox\nRUN mkdir -p /var/lib/apt/lists /var/cache/apt && \
    head -c 20000 /dev/zero >/var/lib/apt/lists/index && head -c 30000 /dev/zero >/var/cache/apt/pkgcache.bin\n\
    USER root\nRUN test -s /var/lib/apt/lists/index && echo apt-get install curl\n";

#[test]
fn a_cache_that_a_later_run_needs_is_refused_beside_another_that_is_not() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(NEEDED);
    let report = strata.json(["slim", "--format", "json", "--min-saving", "0", &context]);
    assert_eq!((&report["saved_bytes"], &report["predicted_bytes"]), (&30_000.into(), &30_000.into()));
    let refused = &report["refused"][0];
    assert_eq!((&refused["rule"], &refused["saves_bytes"]), (&"package-caches".into(), &20_000.into()));
    let reason = "the RUN of line 4 needs the package lists of apt again, and cannot be chained to it: \
                  the USER of line 3 changes who runs the next command";
    assert_eq!(refused["reason"], reason);
}

#[test]
fn a_cache_mount_saves_what_was_predicted_also_of_what_a_later_run_overwrites() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(
        "FROM busybox\nRUN mkdir -p /var/cache/apt && head -c 40000 /dev/zero >/var/cache/apt/pkgcache.bin\n\
         RUN head -c 41000 /dev/zero >/var/cache/apt/pkgcache.bin && head -c 9000 /dev/zero >/big\nRUN rm /big\n",
    );
    let worth = ["--min-saving", "0", "--second", "0"];
    let report =
        strata.json(["slim", "--cache-mounts", "--format", "json"].into_iter().chain(worth).chain([&*context]));
    assert_eq!((&report["saved_bytes"], &report["predicted_bytes"]), (&90_000.into(), &90_000.into()));
    let rules: Vec<_> = report["suggestions"].as_array().unwrap().iter().map(|made| &made["rule"]).collect();
    assert_eq!(rules, ["chain-runs", "package-caches"]);
    let line = "+RUN --mount=type=cache,target=/var/cache/apt,sharing=locked head -c 41000 /dev/zero >/var/cache/apt/pkgcache.bin \
                && head -c 9000 /dev/zero >/big \\\n+ && rm /big\n";
    assert!(report["patch"].as_str().unwrap().contains(line), "{}", report["patch"]);
}

#[test]
fn a_note_is_said_once_and_what_saves_little_is_counted() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(
        "FROM busybox\nRUN head -c 2000000 /dev/zero >/big && echo curl\nRUN rm /big\nENV a=b\n\
         RUN head -c 2000000 /dev/zero >/big && wget --help\nRUN rm /big\nENV c=d\n\
         RUN head -c 100 /dev/zero >/small\nRUN rm /small\n",
    );
    let text = strata.ok(["slim", "--second", "0", &context]);
    assert_eq!(text.matches("saves 2MB").count(), 2, "{text}");
    assert_eq!((text.matches("calls curl").count(), text.matches("calls wget").count()), (1, 0), "{text}");
    assert!(text.contains("not proposed: 1 more that would save less than --min-saving"), "{text}");
}
