//! `strata slim`, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

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
    let text = strata.ok(["slim", "--write", &context]);
    assert!(text.contains("identical"), "{text}");
    let after = std::fs::read_to_string(strata.work().join(&context).join("Dockerfile")).unwrap();
    assert!(
        after.starts_with(
            "# the app\nFROM busybox\n\nRUN   head -c 100000 /dev/zero >/big \\\n   # a comment inside\n   && echo made"
        ),
        "{after}"
    );
    assert!(after.contains("# why it goes") && after.ends_with("\n\nCMD [ \"sh\" ]   \n"), "{after}");
}

#[test]
fn a_result_that_would_differ_is_said_and_never_written() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let before =
        "FROM busybox\nRUN head -c 100000 /dev/zero >/big; cat /proc/sys/kernel/random/uuid >/id\nRUN rm /big\n";
    let context = strata.context(before);
    let text = strata.ends(1, ["slim", "--write", "--accept", &context]);
    assert!(text.contains("different") && text.contains("/id"), "{text}");
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
    let text = strata.ok(["slim", "--write", &context]);
    assert!(text.contains("equal except: /var/log/install.log"), "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    strata.ok(["slim", "--write", "--accept", &context]);
    assert_ne!(std::fs::read_to_string(&file).unwrap(), before);
}

#[test]
fn a_frugal_dockerfile_has_nothing_to_chain() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nRUN echo a >/a\nRUN echo b >/b\n");
    assert!(strata.ok(["slim", &context]).contains("nothing to chain: 0 bytes wasted"));
}
