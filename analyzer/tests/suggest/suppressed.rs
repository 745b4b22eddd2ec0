//! What suppressions are about is no reason to change the Dockerfile.

use strata_analyzer::{
    analysis::Options,
    findings::Suppression,
    suggest::{Context, Files, Found, MinSaving},
};

use crate::{analyzed, told};

fn path(path: &str) -> [Suppression; 1] {
    [Suppression {
        paths: vec![path.to_owned()],
        reason: "known".to_owned(),
        by: "strata.toml".to_owned(),
        ..Suppression::default()
    }]
}

#[test]
fn runs_are_not_chained_for_what_a_comment_suppresses() {
    let dockerfile = "FROM base\nRUN a\n# strata ignore=A1,A3 it is known\nRUN b\nRUN c\nRUN d\n";
    let analysis = analyzed("x:1 / big:100 / -big / o:50 / -o", dockerfile, &Options::default());
    let (made, left_out) = told(&analysis);
    assert_eq!(made, ["chain-runs [5, 6] 50"]);
    assert_eq!(left_out, ["chain-runs [2, 4] 100 suppressed by Dockerfile:3: it is known"]);
    let refused = &analysis.refused[0];
    assert_eq!(
        (refused.suppressed[0].by.as_str(), refused.suppressed[0].reason.as_str()),
        ("Dockerfile:3", "it is known")
    );
    assert_eq!((refused.edit.as_ref(), refused.edits.len(), analysis.refused.len()), (None, 0, 1));
    assert_eq!(analysis.saves_bytes, 50);
}

#[test]
fn a_chain_is_as_long_as_what_is_not_suppressed_asks_for() {
    let dockerfile = "FROM base\nRUN a\nRUN b\nRUN c\n";
    let of = |layers: &str| {
        told(&analyzed(layers, dockerfile, &Options { suppressions: &path("/big"), ..Options::default() }))
    };
    let left_out = vec!["chain-runs [2, 3] 100 suppressed by strata.toml: known".to_owned()];
    assert_eq!(of("x:1 / big:100 / -big o:50 / -o"), (vec!["chain-runs [3, 4] 50".to_owned()], left_out));
    let whole = vec!["chain-runs [2, 3, 4] 150".to_owned()];
    assert_eq!(of("x:1 / big:100 o:50 / -big / -o"), (whole, Vec::new()), "what goes along is part of the price");
}

#[test]
fn what_could_not_be_chained_anyway_is_not_left_out() {
    let dockerfile = "FROM base\nRUN a\nUSER u\nRUN b\n";
    let analysis =
        analyzed("x:1 / big:100 / -big", dockerfile, &Options { suppressions: &path("/big"), ..Options::default() });
    assert_eq!((analysis.suggestions.len(), analysis.refused.len()), (0, 0));
    let dockerfile = "FROM base\nRUN a\nRUN b\n";
    let least = MinSaving { bytes: Some(101), permille: None };
    let options = Options { suppressions: &path("/big"), min_saving: least, ..Options::default() };
    assert_eq!(analyzed("x:1 / big:100 / -big", dockerfile, &options).refused, [], "nor what would save too little");
}

#[test]
fn caches_that_are_suppressed_stay_and_others_go() {
    let layers = "x:1 / var/lib/apt/lists/a:40 root/.npm/_cacache/b:30";
    let dockerfile = "FROM base\n# strata ignore=apt-cache we look into them\nRUN install\n";
    let (made, left_out) = told(&analyzed(layers, dockerfile, &Options::default()));
    assert_eq!(made, ["package-caches [3] 30"]);
    assert_eq!(left_out, ["package-caches [3] 40 suppressed by Dockerfile:2: we look into them"]);
    let suppressions = [&path("/var/lib/apt/**")[..], &path("/root/.npm/**")].concat();
    let dockerfile = "FROM base\nRUN install\n";
    let analysis = analyzed(layers, dockerfile, &Options { suppressions: &suppressions, ..Options::default() });
    let once = "package-caches [2] 70 suppressed by strata.toml: known".to_owned();
    assert_eq!(told(&analysis), (Vec::new(), vec![once]));
    let layers = "x:1 / var/lib/apt/lists/a:40 var/lib/apt/lists/b:30";
    let options = Options { suppressions: &path("/var/lib/apt/lists/a"), ..Options::default() };
    let whole = vec!["package-caches [2] 70".to_owned()];
    assert_eq!(told(&analyzed(layers, dockerfile, &options)), (whole, Vec::new()), "a cache goes as a whole");
}

#[test]
fn a_cache_that_a_later_run_replaced_is_priced_once_where_part_of_it_is_suppressed() {
    let layers =
        "x:1 / var/lib/apt/lists/a:40 var/lib/apt/lists/b:30 o:5 / var/lib/apt/lists/a:41 var/lib/apt/lists/b:31 -o";
    let dockerfile = "FROM base\nRUN apt-get update\nRUN apt-get update\n";
    let options = Options { suppressions: &path("/var/lib/apt/lists/a"), ..Options::default() };
    let analysis = analyzed(layers, dockerfile, &options);
    assert_eq!(told(&analysis).0, ["chain-runs [2, 3] 75", "package-caches [3] 72", "package-caches [2] 70"]);
    assert_eq!(analysis.saves_bytes, 75 + 72);
}

#[test]
fn modes_of_copied_files_stay_where_that_is_suppressed() {
    let dockerfile = "FROM base\nCOPY app /app\n# strata ignore=A2 it is known\nRUN chmod 755 /app\n";
    let analysis = analyzed("x:1 / app:100@0644 / app:100@0755", dockerfile, &Options::default());
    let left_out = "copy-flags [2, 4] 100 suppressed by Dockerfile:3: it is known".to_owned();
    assert_eq!(told(&analysis), (Vec::new(), vec![left_out]));
}

#[test]
fn a_copy_that_is_moved_stays_where_that_is_suppressed() {
    let dockerfile = "FROM base\n# strata ignore=A7 it is known\nCOPY app /tmp/app\nRUN mv /tmp/app /srv/app\n";
    let analysis = analyzed("tmp/ srv/ / tmp/app:100q / srv/app:100q -tmp/app", dockerfile, &Options::default());
    let left_out = "moved-copy [3, 4] 100 suppressed by Dockerfile:2: it is known".to_owned();
    assert_eq!(told(&analysis), (Vec::new(), vec![left_out]));
}

/// A context with a directory `docs` of two files.
#[derive(Debug)]
struct Docs;

impl Files for Docs {
    fn look_up(&self, path: &[u8]) -> Option<Found> {
        match path {
            b"" | b"docs" => Some(Found::Directory),
            b"docs/a" => Some(Found::File(40)),
            b"docs/b" => Some(Found::File(30)),
            _ => None,
        }
    }
}

#[test]
fn files_that_are_to_be_brought_stay_out_of_the_ignore_file() {
    let dockerfile = "FROM base\nCOPY . /app\nRUN rm -r /app/docs\n";
    let context = Context { files: &Docs, ignore_name: ".dockerignore", ignore: Some(b"") };
    let of = |suppressions: &[Suppression]| {
        let options = Options { suppressions, context: Some(context), ..Options::default() };
        let analysis = analyzed("x:1 / app/docs/a:40 app/docs/b:30 / -app/docs", dockerfile, &options);
        let lines: Vec<_> = analysis.suggestions.iter().flat_map(|made| made.ignore.clone()).collect();
        (told(&analysis), lines)
    };
    let row = |row: &str| vec![row.to_owned()];
    assert_eq!(of(&[]), ((row("unkept-files [2, 3] 70"), Vec::new()), row("docs")));
    assert_eq!(of(&path("/app/docs/a")), ((row("unkept-files [2, 3] 30"), Vec::new()), row("docs/b")));
    let left_out = row("unkept-files [2, 3] 70 suppressed by strata.toml: known");
    assert_eq!(of(&path("/app/docs")), ((Vec::new(), left_out), Vec::new()));
}

#[test]
fn a_suppression_goes_with_its_instruction_and_is_not_about_the_next_one() {
    let dockerfile = "FROM base\nCOPY app /app\n# why\n# strata ignore=B7 of the RUN\n# check=skip=all\n\nRUN chmod 755 /app\nCMD c\n";
    let analysis = analyzed("x:1 / app:100@0644 / app:100@0755", dockerfile, &Options::default());
    let after = strata_dockerfile::edit::apply(dockerfile.as_bytes(), &analysis.suggestions[0].edits).unwrap();
    let expected = "FROM base\nCOPY --chmod=755 app /app\n# why\n\nCMD c\n";
    assert_eq!(String::from_utf8(after).unwrap(), expected);
}
