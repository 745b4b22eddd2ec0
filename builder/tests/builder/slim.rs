//! slim: the rewritten file is proved, never trusted.

use strata_builder::slim::{Verdict, slim};

use crate::workshop::Workshop;

#[test]
fn the_wasteful_example_becomes_identical_and_smaller() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    workshop.options.dockerfile = b"FROM busybox\nMAINTAINER xiongkun\nWORKDIR /home\n\
        RUN dd if=/dev/zero of=5M.file bs=1M count=5\nRUN rm -rf 5M.file\n"
        .to_vec();
    let slimmed = slim(&workshop.engine, &workshop.options, &mut |_| {}).unwrap();
    assert_eq!(slimmed.wasted_before, 5 << 20);
    let after = slimmed.after.unwrap();
    assert_eq!(after.verdict, Verdict::Identical);
    assert_eq!(after.predicted_saving, 5 << 20);
    assert_eq!(slimmed.bytes_before - after.bytes_after, 5 << 20);
    assert!(after.patch.contains("-RUN rm -rf 5M.file"), "{}", after.patch);
}

#[test]
fn a_file_without_waste_is_left_alone() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    workshop.options.dockerfile = b"FROM busybox\nRUN echo a >/a\nRUN echo b >/b\n".to_vec();
    let slimmed = slim(&workshop.engine, &workshop.options, &mut |_| {}).unwrap();
    assert!(slimmed.after.is_none());
    assert_eq!(slimmed.wasted_before, 0);
}

#[test]
fn what_two_runs_cannot_agree_on_is_told() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let dockerfile = |path: &str| {
        format!(
            "FROM busybox\nRUN mkdir -p /var/log && dd if=/dev/zero of=/big bs=1M count=2 && cat /proc/sys/kernel/random/uuid >{path}\nRUN rm /big\n"
        )
    };
    let mut verdict_for = |path: &str| {
        workshop.options.dockerfile = dockerfile(path).into_bytes();
        slim(&workshop.engine, &workshop.options, &mut |_| {}).unwrap().after.unwrap().verdict
    };
    assert!(matches!(verdict_for("/var/log/id"), Verdict::EqualExcept(paths) if paths.len() == 1));
    assert!(matches!(verdict_for("/id"), Verdict::Different(paths) if paths.len() == 1));
}

#[test]
fn a_suggestion_that_cannot_be_proved_does_not_take_the_others_down() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    workshop.options.dockerfile = b"FROM busybox\n\
        RUN dd if=/dev/zero of=/b bs=1M count=1 && cat /proc/sys/kernel/random/uuid >/id\n\
        RUN rm /b\n\
        ENV between=them\n\
        RUN dd if=/dev/zero of=/a bs=1M count=2\n\
        RUN rm /a\n"
        .to_vec();
    let slimmed = slim(&workshop.engine, &workshop.options, &mut |_| {}).unwrap();
    let after = slimmed.after.unwrap();
    assert_eq!(after.verdict, Verdict::Identical);
    assert_eq!(after.predicted_saving, 2 << 20);
    assert_eq!(slimmed.refused.len(), 1);
}
