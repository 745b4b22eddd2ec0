//! What chaining costs later builds, where the times of the steps are known.

use std::time::Duration;

use strata_analyzer::suggest::{Again, Costs, Evidence, SECOND};

use crate::build::Build;

/// A second of 1,000 bytes' worth, and steps of so many seconds, the base's first.
fn costs(seconds: &[Option<u64>]) -> Costs {
    let again = |seconds: &Option<u64>| Again { time: seconds.map(Duration::from_secs), bytes: 7 };
    Costs { layers: seconds.iter().map(again).collect(), second: 1_000 }
}

#[test]
fn a_chain_that_saves_less_than_later_builds_would_repeat_is_refused_with_its_cost() {
    let build = Build::of("FROM b\nRUN a\nRUN b\n");
    let refused = |seconds: &[Option<u64>], bytes| {
        let evidence = Evidence { costs: costs(seconds), ..build.evidence(&[(2, 3, bytes)]) };
        let suggestions = build.chain(&evidence);
        assert_eq!(suggestions.len(), 1);
        (suggestions[0].cost.map(|cost| cost.rebuild_milliseconds), suggestions[0].refused.clone())
    };
    // 60 s and 7 bytes, once in ten builds, for one of two steps: 3,000 bytes
    let reason =
        "it is worth less than what later builds would repeat: 60.0s and 7B for each change of the last line alone";
    assert_eq!(refused(&[None, Some(60), Some(9)], 2_999), (Some(60_000), Some(reason.to_owned())));
    assert_eq!(refused(&[None, Some(60), Some(9)], 3_001), (Some(60_000), None));
    assert_eq!(refused(&[None, Some(60), None], 1), (None, None), "without every time the bytes decide");
    assert_eq!(refused(&[], 1), (None, None));
}

#[test]
fn a_minute_of_installation_is_no_reason_to_keep_waste_of_a_megabyte() {
    let build = Build::of("FROM b\nRUN a\nRUN b\nRUN c\nRUN d\nRUN e\n");
    let costs = Costs { second: SECOND, ..costs(&[None, Some(60), Some(0), Some(1), Some(1), Some(1)]) };
    let suggestions = build.chain(&Evidence { costs, ..build.evidence(&[(2, 3, 1 << 20)]) });
    assert_eq!(suggestions[0].refused, None);
}
