//! Stages at the same time: what waits for what, what is never packed, and what stops.

use std::time::Duration;

use strata_builder::{Cancel, Error, Event, build};
use strata_image::Image as _;

use crate::workshop::Workshop;

#[test]
fn stages_that_do_not_need_each_other_run_at_the_same_time() {
    let Some(mut workshop) = Workshop::open() else { return };
    workshop.options.jobs = Some(2);
    // each waits for a sign of the other in a cache that they share
    let stage = |name: &str, mine: &str, other: &str| {
        format!(
            "FROM busybox AS {name}\nRUN --mount=type=cache,target=/c touch /c/{mine}; \
             for i in $(seq 1000); do test -e /c/{other} && exit 0; sleep 0.1; done; exit 1\n"
        )
    };
    let dockerfile = stage("one", "a", "b")
        + &stage("two", "b", "a")
        + "FROM busybox\nCOPY --from=one /bin/busybox /one\nCOPY --from=two /bin/busybox /two\n";
    workshop.built(&dockerfile);
}

#[test]
fn a_stage_that_is_no_part_of_the_image_is_never_packed_until_it_is() {
    let Some(mut workshop) = Workshop::open() else { return };
    let dockerfile = "FROM busybox AS tools\nRUN echo tool >/tool && echo other >/other\n\
        FROM busybox\nCOPY --from=tools /tool /tool\n";
    let blobs =
        |workshop: &Workshop| std::fs::read_dir(workshop.dir.path().join("root/images/blobs/sha256")).unwrap().count();
    let before = blobs(&workshop);
    workshop.built(dockerfile);
    // the layer of the COPY, the config and the manifest
    assert_eq!(blobs(&workshop), before + 3);
    assert_eq!(workshop.built(dockerfile).ran, 0);
    workshop.options.target = Some("tools".to_owned());
    let built = workshop.built(dockerfile);
    assert_eq!(built.ran, 0);
    assert_eq!(workshop.layer_from_end(&built, 0), ["0644 0:0 other", "0644 0:0 tool"]);
}

#[test]
fn what_was_never_packed_is_made_again_only_when_its_files_are_needed() {
    let Some(mut workshop) = Workshop::open() else { return };
    let dockerfile = |more: &str| {
        format!("FROM busybox AS tools\nRUN echo tool >/tool\nFROM busybox\nCOPY --from=tools /tool /tool\n{more}")
    };
    workshop.built(&dockerfile(""));
    let snapshots = workshop.dir.path().join("root/snapshots");
    for entry in std::fs::read_dir(&snapshots).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    assert_eq!(workshop.built(&dockerfile("")).ran, 0);
    // the step that is gone runs once more, and the new one
    let built = workshop.built(&dockerfile("COPY --from=tools /tool /again\n"));
    assert_eq!(workshop.image(&built).layers().len(), 3);
    assert_eq!(built.ran, 2);
}

#[test]
fn the_failure_of_one_stage_stops_the_others_and_is_what_is_told() {
    let Some(mut workshop) = Workshop::open() else { return };
    workshop.options.jobs = Some(2);
    let said = workshop.fails(
        "FROM busybox AS slow\nRUN --mount=type=cache,target=/c touch /c/begun; sleep 300; echo slept\n\
         FROM busybox AS bad\n\
         RUN --mount=type=cache,target=/c for i in $(seq 1000); do test -e /c/begun && exit 7; sleep 0.1; done\n\
         FROM busybox\nCOPY --from=slow /bin/busybox /a\nCOPY --from=bad /bin/busybox /b\n",
    );
    assert!(said.contains("exit code: 7") && said.contains("Dockerfile:4"), "{said}");
    assert!(!workshop.output.contains("slept"), "it was stopped");
}

#[test]
fn a_build_that_is_cancelled_kills_its_steps_and_leaves_nothing() {
    let Some(mut workshop) = Workshop::open() else { return };
    let cancel = Cancel::default();
    workshop.options.cancel = cancel.clone();
    workshop.options.dockerfile = b"FROM busybox\nRUN echo begun; sleep 300; echo slept\n".to_vec();
    let mut said = String::new();
    let error = build(&workshop.engine, &workshop.options, &mut |event| {
        if let Event::Output { bytes, .. } = event {
            said.push_str(&String::from_utf8_lossy(bytes));
            cancel.cancel();
        }
    });
    let error = error.unwrap_err();
    assert!(!said.contains("slept"), "{said}");
    assert!(matches!(error, Error::Cancelled), "{error}");
    let left: Vec<_> = std::fs::read_dir(workshop.dir.path().join("root/snapshots")).unwrap().collect();
    assert!(left.iter().all(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        !name.to_string_lossy().starts_with("active-")
    }));
}

#[test]
fn a_step_sees_the_fractions_of_times_that_the_layer_of_the_copy_before_it_leaves_out() {
    let Some(mut workshop) = Workshop::open() else { return };
    let path = workshop.write("file", "");
    let time = std::time::UNIX_EPOCH + Duration::new(1_600_000_000, 123_456_789);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    workshop.built("FROM busybox\nCOPY file /file\nRUN stat -c %y /file\n");
    assert!(workshop.output.contains(".123456789"), "{}", workshop.output);
    workshop.built("FROM busybox\nRUN --mount=target=/m stat -c %y /m/file\n");
    assert!(workshop.output.contains(".123456789"), "{}", workshop.output);
}
