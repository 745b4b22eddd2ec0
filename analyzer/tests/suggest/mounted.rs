//! Cache mounts, and chains of the RUNs that have them.

use strata_analyzer::{Analysis, analysis::Options, suggest::Caches};

use crate::{analyzed, told};

fn mounted(layers: &str, dockerfile: &str) -> Analysis {
    analyzed(layers, dockerfile, &Options { caches: Caches::Mount, ..Options::default() })
}

fn rewritten(analysis: &Analysis, dockerfile: &str) -> String {
    let applied = analysis.suggestions.iter().filter(|made| !made.alternative);
    let edits: Vec<_> = applied.flat_map(|made| made.edits.clone()).collect();
    String::from_utf8(strata_dockerfile::edit::apply(dockerfile.as_bytes(), &edits).unwrap()).unwrap()
}

#[test]
fn a_chain_has_the_mounts_of_its_runs() {
    let layers =
        "x:1 / big:9 / var/cache/apt/archives/a.deb:40 / -big root/.npm/_cacache/b:30 / root/.npm/_cacache/b:31";
    let dockerfile = "FROM base\nRUN a\n# why\nRUN b\nRUN c\nUSER u\nRUN d\n";
    let analysis = mounted(layers, dockerfile);
    assert_eq!(told(&analysis).0, ["chain-runs [2, 4, 5] 79", "package-caches [7] 31"]);
    assert_eq!(analysis.saves_bytes, 79 + 31);
    let title = "chain the RUNs of lines 2, 4 and 5, with cache mounts over /root/.npm/_cacache /var/cache/apt/archives: \
                 saves 79 bytes";
    assert_eq!(analysis.suggestions[0].title, title);
    assert_eq!(
        rewritten(&analysis, dockerfile),
        "FROM base\n# why\nRUN --mount=type=cache,target=/root/.npm/_cacache \
         --mount=type=cache,target=/var/cache/apt/archives,sharing=locked a \\\n && b \\\n && c\nUSER u\n\
         RUN --mount=type=cache,target=/root/.npm/_cacache d\n"
    );
}

#[test]
fn what_a_mount_of_a_chain_hides_counts_once() {
    let dockerfile = "FROM base\nRUN a\nRUN b\n";
    let layers = "x:1 / big:9 var/lib/apt/lists/i:40 / -big var/lib/apt/lists/i:41";
    assert_eq!(told(&mounted(layers, dockerfile)).0, ["chain-runs [2, 3] 90"]);
    // of which the chain alone saves what dies in it
    let removed = "x:1 / big:9 var/lib/apt/lists/i:40 / -big -var/lib/apt/lists/i";
    let analysis = mounted(removed, dockerfile);
    assert_eq!(told(&analysis).0, ["chain-runs [2, 3] 49"]);
    assert!(!rewritten(&analysis, dockerfile).contains("--mount"));
}

#[test]
fn lists_that_a_later_run_needs_are_mounted_where_the_chain_has_both() {
    let layers = "x:1 / big:9 var/lib/apt/lists/i:40 / -big / y:1";
    let dockerfile = "FROM base\nRUN apt-get update\nRUN apt-get install a\nUSER u\nRUN c\n";
    assert_eq!(told(&mounted(layers, dockerfile)).0, ["chain-runs [2, 3] 49"]);
    let later = "FROM base\nRUN apt-get update\nRUN b\nUSER u\nRUN apt-get install a\n";
    assert_eq!(told(&mounted(layers, later)).0, ["chain-runs [2, 3] 9"]);
}

#[test]
fn a_mount_that_would_hide_more_than_caches_is_none_of_the_chain() {
    let dockerfile = "FROM base\nRUN a\nRUN b\n";
    let chain_alone = |layers: &str| {
        let analysis = mounted(layers, dockerfile);
        assert_eq!(told(&analysis).0, ["chain-runs [2, 3] 900"], "{layers}");
        analysis
    };
    // a file of the base that a RUN removes would stay
    let analysis = chain_alone(
        "var/cache/apt/archives/old.deb:7 / big:900 var/cache/apt/archives/a.deb:40 / -big -var/cache/apt/archives/old.deb",
    );
    assert!(analysis.suggestions[1].alternative);
    // one that is of no cache would go
    let analysis = chain_alone("x:1 / big:900 var/cache/apt/pkgcache.bin:40 var/cache/apt/own:5 / -big");
    let reason = "a mount would also take /var/cache/apt/own, which is none of them";
    assert_eq!(analysis.refused[0].refused.as_deref(), Some(reason));
}
