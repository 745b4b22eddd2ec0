//! Suggestions that are no alternatives to each other can be made together.

use strata_analyzer::{analysis, analyze};
use strata_dockerfile::{edit, parse};
use strata_fixtures::stack::Stack;

/// The file with everything changed that is no alternative.
fn changed(source: &str, layers: &str, steps: &[Option<usize>]) -> String {
    let image = Stack::parse("app:1", layers).unwrap();
    let dockerfile = Some(("Dockerfile", source.as_bytes()));
    let options = analysis::Options { dockerfile, steps: Some(steps), ..analysis::Options::default() };
    let report = analyze(&image, &options).unwrap();
    let together = report.suggestions.iter().filter(|suggestion| !suggestion.alternative);
    let edits: Vec<_> = together.flat_map(|suggestion| suggestion.edits.clone()).collect();
    let after = edit::apply(source.as_bytes(), &edits).unwrap();
    assert!(!parse(&after).has_errors(), "{}", String::from_utf8_lossy(&after));
    String::from_utf8(after).unwrap()
}

#[test]
fn nothing_is_added_to_a_run_that_moves_up_from_the_very_end_of_a_file() {
    let source = "FROM base\nRUN make a\nLABEL l=1\nRUN apt-get update && rm a";
    let after = changed(source, "base:1 / a:900 / -a var/lib/apt/lists/b:50", &[None, Some(1), Some(3)]);
    assert_eq!(after, "FROM base\nRUN make a \\\n && apt-get update && rm a\nLABEL l=1\n");
}

#[test]
fn what_stays_where_it_was_is_added_to() {
    let source = "FROM base\nRUN make a\nRUN apt-get update && rm a";
    let after = changed(source, "base:1 / a:900 / -a var/lib/apt/lists/b:50", &[None, Some(1), Some(2)]);
    assert_eq!(after, "FROM base\nRUN make a \\\n && apt-get update && rm a \\\n && rm -rf /var/lib/apt/lists/*");
}
