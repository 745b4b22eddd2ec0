//! slim: the rewritten file is proved, never trusted.

use strata_analyzer::suggest::Caches;
use strata_builder::slim::{Slimmed, Verdict, Wishes};

use crate::workshop::Workshop;

impl Workshop {
    pub(crate) fn slim_with(&mut self, caches: Caches, dockerfile: &str) -> Slimmed {
        self.options.dockerfile = dockerfile.as_bytes().to_vec();
        // how fast this machine is must not matter to a test
        let wishes = Wishes { caches, second: 0, ..Wishes::default() };
        strata_builder::slim::slim(&self.engine, &self.options, wishes, &mut |_| {}).unwrap()
    }

    pub(crate) fn slim(&mut self, dockerfile: &str) -> Slimmed {
        self.slim_with(Caches::CleanUp, dockerfile)
    }

    /// Slims what must be proved, with the saving as it was predicted; gives the patch.
    pub(crate) fn proved(&mut self, dockerfile: &str) -> (String, Verdict) {
        let slimmed = self.slim(dockerfile);
        let reasons: Vec<_> = slimmed.refused.iter().map(|refused| (&refused.title, &refused.refused)).collect();
        let Some(after) = slimmed.after else { panic!("{dockerfile}\n{reasons:?}") };
        assert_eq!(slimmed.bytes_before - after.bytes_after, after.predicted_saving, "{dockerfile}");
        (after.patch, after.verdict)
    }

    /// Slims what must be left as it is; gives the reasons.
    pub(crate) fn refused(&mut self, dockerfile: &str) -> String {
        let slimmed = self.slim(dockerfile);
        let patch = slimmed.after.map(|after| after.patch);
        assert!(patch.is_none(), "{dockerfile}\n{}", patch.unwrap_or_default());
        slimmed.refused.into_iter().filter_map(|refused| refused.refused).collect::<Vec<_>>().join("; ")
    }
}

#[test]
fn the_wasteful_example_becomes_identical_and_smaller() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let slimmed = workshop.slim(
        "FROM busybox\nMAINTAINER xiongkun\nWORKDIR /home\n\
        RUN dd if=/dev/zero of=5M.file bs=1M count=5\nRUN rm -rf 5M.file\n",
    );
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
    let slimmed = workshop.slim("FROM busybox\nRUN echo a >/a\nRUN echo b >/b\n");
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
    let mut verdict_for = |path: &str| workshop.slim(&dockerfile(path)).after.unwrap().verdict;
    assert!(matches!(verdict_for("/var/log/id"), Verdict::EqualExcept(paths) if paths.len() == 1));
    assert!(matches!(verdict_for("/id"), Verdict::Different(paths) if paths.len() == 1));
}

#[test]
fn a_suggestion_that_cannot_be_proved_does_not_take_the_others_down() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let slimmed = workshop.slim(
        "FROM busybox\n\
        RUN dd if=/dev/zero of=/b bs=1M count=1 && cat /proc/sys/kernel/random/uuid >/id\n\
        RUN rm /b\n\
        ENV between=them\n\
        RUN dd if=/dev/zero of=/a bs=1M count=2\n\
        RUN rm /a\n",
    );
    let after = slimmed.after.unwrap();
    assert_eq!(after.verdict, Verdict::Identical);
    assert_eq!(after.predicted_saving, 2 << 20);
    assert_eq!(slimmed.refused.len(), 1);
}
