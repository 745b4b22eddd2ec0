//! What is not chained, and why.

use strata_analyzer::{
    ledger::BrokenLink,
    suggest::{DeadBytes, Evidence, Recipe, chain},
};
use strata_image::view::InodeId;

use crate::build::{Build, Waste, refusals, rewritten};

/// Each trap: the Dockerfile, which lines waste, and words of the reason.
const REFUSED: &[(&str, &[Waste], &str)] = &[
    // 1: barriers
    ("FROM b\nRUN a\nCOPY x /\nRUN b\n", &[(2, 4, 1)], "the COPY of line 3 writes files"),
    ("FROM b\nRUN a\nADD x /\nRUN b\n", &[(2, 4, 1)], "the ADD of line 3 writes files"),
    ("FROM b\nRUN a\nUSER u\nRUN b\n", &[(2, 4, 1)], "the USER of line 3"),
    ("FROM b\nRUN a\nWORKDIR /w\nRUN b\n", &[(2, 4, 1)], "the WORKDIR of line 3"),
    ("FROM b\nRUN a\nSHELL [\"/bin/bash\", \"-c\"]\nRUN b\n", &[(2, 4, 1)], "the SHELL of line 3"),
    ("FROM b\nRUN a\nENV e=1\nRUN b\n", &[(2, 4, 1)], "the ENV of line 3 would be seen"),
    ("FROM b\nRUN a\narg e=1\nRUN b\n", &[(2, 4, 1)], "the ARG of line 3 would be seen"),
    ("FROM b\nRUN a\nVOLUME /v\nRUN b\n", &[(2, 4, 1)], "the VOLUME of line 3"),
    ("FROM b\nRUN a\nLABEL l=1\nENV e=1\nLABEL m=1\nRUN b\n", &[(2, 6, 1)], "the ENV of line 4"),
    ("FROM b\nCOPY x /\nRUN rm x\n", &[(2, 3, 1)], "the COPY of line 2 writes files"),
    ("FROM b\nRUN a\nCOPY x /\n", &[(2, 3, 1)], "the COPY of line 3 writes files"),
    // 2: flags
    ("FROM b\nRUN --network=none a\nRUN b\n", &[(2, 3, 1)], "line 3 has other flags"),
    ("FROM b\nRUN --network=none a\nRUN --network=host b\n", &[(2, 3, 1)], "line 3 has other flags"),
    ("FROM b\nRUN --mount=type=tmpfs,target=/t a\nRUN b\n", &[(2, 3, 1)], "line 2 has a mount"),
    (
        "FROM b\nRUN --mount=type=cache,target=/t a\nRUN --mount=type=cache,target=/t b\n",
        &[(2, 3, 1)],
        "line 2 has a mount",
    ),
    // 3: what no isolation can hold
    ("FROM b\nRUN a &\nRUN b\n", &[(2, 3, 1)], "line 2 leaves something running"),
    ("FROM b\nRUN a & aa\nRUN b\n", &[(2, 3, 1)], "line 2 leaves something running"),
    ("FROM b\nRUN (a &) && aa\nRUN b\n", &[(2, 3, 1)], "line 2 leaves something running"),
    ("FROM b\nRUN echo $(a & echo)\nRUN b\n", &[(2, 3, 1)], "line 2 leaves something running"),
    ("FROM b\nRUN a\nRUN aa &\nRUN b\n", &[(2, 4, 1)], "line 3 leaves something running"),
    ("FROM b\nRUN a 'x\nRUN b\n", &[(2, 3, 1)], "line 2 cannot be read as a command: a quote"),
    ("FROM b\nRUN a \"x\nRUN b\n", &[(2, 3, 1)], "line 2 cannot be read as a command: a quote"),
    ("FROM b\nRUN a $(x\nRUN b\n", &[(2, 3, 1)], "line 2 cannot be read as a command: an expansion"),
    ("FROM b\nRUN a ${x\nRUN b\n", &[(2, 3, 1)], "line 2 cannot be read as a command: an expansion"),
    ("FROM b\nRUN a `x\nRUN b\n", &[(2, 3, 1)], "line 2 cannot be read as a command: an expansion"),
    ("FROM b\nRUN a\nRUN b 'x\n", &[(2, 3, 1)], "line 3 cannot be read as a command: a quote"),
    ("FROM b\nRUN <<EOF\na\nEOF\nRUN b\n", &[(2, 5, 1)], "line 2 is a here-document"),
    ("FROM b\nRUN a\nRUN cat <<EOF > f\nx\nEOF\n", &[(2, 3, 1)], "line 3 is a here-document"),
    // 4 and 5: shells
    ("FROM b\nRUN [\"a\"]\nRUN b\n", &[(2, 3, 1)], "line 2 is in exec form"),
    ("FROM b\nRUN a\nRUN [\"b\"]\n", &[(2, 3, 1)], "line 3 is in exec form"),
    ("FROM b\nSHELL [\"pwsh\", \"-c\"]\nRUN a\nRUN b\n", &[(3, 4, 1)], "line 3 is run by pwsh -c"),
    ("FROM b\nSHELL [\"/bin/sh\"]\nRUN a\nRUN b\n", &[(3, 4, 1)], "line 3 is run by /bin/sh,"),
    // 6: comments
    ("FROM b\n# check=skip=A\nRUN a\n# check=skip=B\nRUN b\n", &[(3, 5, 1)], "the first alone would count"),
];

#[test]
fn what_would_change_the_result_is_refused_in_words() {
    for (source, dead, expected) in REFUSED {
        let reasons = refusals(source, dead);
        assert_eq!(reasons.len(), 1, "{source}: {reasons:?}");
        assert!(reasons[0].contains(expected), "{source}: {reasons:?}");
    }
}

#[test]
fn what_saves_nothing_is_not_spoken_of() {
    for (source, dead) in [
        ("FROM b\nRUN a\nRUN b\n", vec![]),
        ("FROM b\nRUN a\nRUN b\n", vec![(2, 3, 0)]),
        ("FROM b\nRUN a\nRUN b\n", vec![(2, 2, 9)]),
    ] {
        let build = Build::of(source);
        assert_eq!(build.chain(&build.evidence(&dead)), [], "{source}");
    }
}

#[test]
fn files_of_the_base_image_cannot_be_saved() {
    let build = Build::of("FROM b\nRUN rm /big\nRUN b\n");
    let dead = vec![DeadBytes { creator: 0, killer: 1, bytes: 9 }];
    let suggestions = build.chain(&Evidence { dead, ..Evidence::default() });
    let [refused] = suggestions.as_slice() else { panic!("{suggestions:?}") };
    assert_eq!((refused.saves_bytes, refused.lines.as_slice()), (9, &[2][..]));
    assert!(refused.refused.as_deref().unwrap().starts_with("the base image has them"), "{refused:?}");
}

#[test]
fn a_stage_that_is_not_shipped_is_left_alone() {
    let source = "FROM b AS one\nRUN a\nRUN rm a\nFROM b\nCOPY --from=one /x /\nRUN c\nRUN d\n";
    assert_eq!(
        rewritten(source, &[(6, 7, 1)]).unwrap(),
        "FROM b AS one\nRUN a\nRUN rm a\nFROM b\nCOPY --from=one /x /\nRUN c \\\n && d\n"
    );
    let build = Build::of(source);
    assert!(!build.steps.contains(&Some(1)), "the layers of stage one are not in the image");
}

#[test]
fn links_that_would_no_longer_break_are_refused() {
    let build = Build::of("FROM b\nRUN echo a > x && ln x y\nRUN echo b >> x\nRUN rm x\n");
    let inode = InodeId { layer: 0, entry: 0 };
    let link = |made, broken| BrokenLink { made, broken, path: "/x".to_owned(), name: b"x".to_vec(), inode };
    let dead = build.evidence(&[(2, 3, 2), (3, 4, 4)]).dead;
    let suggestions = build.chain(&Evidence { dead, broken_links: vec![link(1, 2)], ..Evidence::default() });
    assert_eq!(suggestions[0].lines, [3, 4], "the break lies before this range");
    assert_eq!(suggestions[0].refused, None);
    assert_eq!(suggestions[1].lines, [2, 3]);
    let reason = "/x would stay a hard link, which it is not between two layers";
    assert_eq!(suggestions[1].refused.as_deref(), Some(reason));
    assert_eq!(suggestions[1].edit, None);
    assert_eq!(suggestions.len(), 2);
}

#[test]
fn a_command_that_linux_would_not_pass_is_refused() {
    let long = format!("{0} \\\n {0}", "x".repeat(35_000));
    let source = format!("FROM b\nRUN a {long}\nRUN b {long}\nRUN c\n");
    let build = Build::of(&source);
    let suggestions = build.chain(&build.evidence(&[(2, 4, 1), (4, 6, 5)]));
    assert_eq!(suggestions[0].lines, [4, 6]);
    let reason = suggestions[1].refused.as_deref().unwrap();
    assert!(reason.contains("longer than 131072 bytes"), "{reason}");
}

#[test]
fn a_run_that_is_no_layer_of_the_image_is_not_chained() {
    let build = Build::of("FROM b\nRUN a\nRUN b\nRUN c\n");
    let recipe = Recipe {
        name: "Dockerfile",
        source: build.source.as_bytes(),
        file: &build.parsed.file,
        steps: &[None, Some(1), Some(3)],
        base_shell: None,
    };
    let dead = vec![DeadBytes { creator: 1, killer: 2, bytes: 9 }];
    let suggestions = chain(&recipe, &Evidence { dead, ..Evidence::default() });
    assert_eq!(suggestions[0].refused.as_deref(), Some("the RUN of line 3 is not one layer of this image"));
}

#[test]
fn the_shell_of_the_base_image_isolates() {
    let build = Build::of("FROM b\nRUN cd / && a\nRUN b\n");
    let shell = ["/bin/bash".to_owned(), "-euo".to_owned(), "pipe fail's".to_owned(), "-c".to_owned()];
    let recipe = Recipe {
        name: "Dockerfile",
        source: build.source.as_bytes(),
        file: &build.parsed.file,
        steps: &build.steps,
        base_shell: Some(&shell),
    };
    let suggestions = chain(&recipe, &build.evidence(&[(2, 3, 1)]));
    assert_eq!(suggestions[0].edits[0].replacement, "/bin/bash -euo 'pipe fail'\\''s' -c 'cd / && a' \\\n && b");
}

#[test]
fn possible_suggestions_come_first_and_the_largest_of_them() {
    let build = Build::of("FROM b\nRUN a\nRUN b\nENV e=1\nRUN c\nRUN d\nENV f=1\nRUN g\n");
    let suggestions = build.chain(&build.evidence(&[(2, 3, 1), (2, 8, 100), (5, 6, 7)]));
    let order: Vec<_> =
        suggestions.iter().map(|suggestion| (suggestion.saves_bytes, suggestion.refused.is_some())).collect();
    assert_eq!(order, [(7, false), (1, false), (100, true)]);
}
