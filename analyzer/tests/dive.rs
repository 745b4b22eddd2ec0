//! dive's numbers, as dive gave them when it was run.
#![allow(clippy::unwrap_used)]

use strata_analyzer::{dive::Dive, index::LayerIndex};
use strata_fixtures::dive::ROWS;
use strata_image::Image as _;

#[test]
fn every_worked_example_has_dives_numbers() {
    for row in ROWS {
        let dive = Dive::of(&LayerIndex::all(row.image().unwrap().layers(), None).unwrap());
        assert!((dive.efficiency - row.efficiency).abs() < 1e-6, "{}: {dive:?}", row.id);
        assert_eq!(dive.wasted_bytes, row.wasted_bytes, "{}", row.id);
        let user = dive.user_wasted_percent;
        let is_same = if row.user_wasted.is_finite() {
            (user - row.user_wasted).abs() < 5e-5
        } else {
            user.is_nan() == row.user_wasted.is_nan() && user.is_finite() == row.user_wasted.is_finite()
        };
        assert!(is_same, "{}: {user} is not {}", row.id, row.user_wasted);
    }
}

#[test]
fn what_json_cannot_say_is_said_as_go_does() {
    let text = |layers: &str| {
        let image = strata_fixtures::stack::Stack::parse("app:1", layers).unwrap();
        serde_json::to_value(Dive::of(&LayerIndex::all(image.layers(), None).unwrap())).unwrap()["user_wasted_percent"]
            .clone()
    };
    assert_eq!(text("a:100 / -a"), "+Inf");
    assert_eq!(text("a:100"), "NaN");
    assert_eq!(text("a:100 / a:200"), 1.5);
}
