//! The build cache does not grow for ever: what was used last stays, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime},
};

use common::Strata;
use rustix::fs::{FlockOperation, flock};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A step whose layer has so many megabytes.
fn step(name: &str, megabytes: usize) -> String {
    format!("FROM busybox\nRUN head -c {} /dev/zero >/{name}\n", megabytes << 20)
}

/// Makes everything that is in the cache now look as if it had been used last so many days ago.
fn age(strata: &Strata, days: u32) {
    age_below(&strata.root().join("cache"), SystemTime::now() - DAY * days);
}

fn age_below(dir: &Path, time: SystemTime) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            age_below(&path, time);
        }
        File::open(&path).unwrap().set_modified(time).unwrap();
    }
}

/// Builds what an earlier step would be taken from the cache for; gives whether it was.
fn is_cached(strata: &Strata, dockerfile: &str) -> bool {
    let context = strata.context(dockerfile);
    strata.ends(0, ["build", "--progress", "plain", "--cache-max-used", "none", &context]).contains("CACHED")
}

/// Builds an image and removes it: its layer is the cache's alone.
fn build(strata: &Strata, dockerfile: &str, flags: &[&str]) {
    let context = strata.context(dockerfile);
    let mut command = vec!["build", "-q", "-t", "app", context.as_str()];
    command.extend(flags);
    strata.ok(command);
    strata.ok(["rmi", "app"]);
}

/// Bytes of the layers that only the cache has.
fn layers(strata: &Strata) -> u64 {
    let rows = strata.json(["system", "df", "--format", "json"]);
    let kinds = rows[2]["Kinds"].as_array().unwrap();
    kinds.iter().find(|kind| kind["Kind"] == "layers").unwrap()["Reclaimable"].as_u64().unwrap()
}

/// As if the time had passed after which the cache is looked after again.
fn wait(strata: &Strata) {
    fs::remove_file(strata.root().join("cache/checked")).unwrap();
}

#[test]
fn prune_can_leave_what_was_used_lately() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    for name in ["old", "used"] {
        build(&strata, &step(name, 1), &[]);
    }
    age(&strata, 3);
    assert!(is_cached(&strata, &step("used", 1)), "which is a use");
    build(&strata, &step("new", 1), &[]);
    let shown = strata.ok(["system", "prune", "-a", "-f", "--filter", "until=48h"]);
    assert!(shown.contains("Total reclaimed space: 2."), "{shown}");
    assert!(is_cached(&strata, &step("used", 1)) && is_cached(&strata, &step("new", 1)));
    assert!(!is_cached(&strata, &step("old", 1)));
}

#[test]
fn prune_can_leave_so_many_bytes() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    for (name, days) in [("old", 2), ("new", 1)] {
        build(&strata, &step(name, 3), &[]);
        age(&strata, days);
    }
    strata.ok(["system", "prune", "-a", "-f", "--keep-storage", "100m"]);
    assert!(layers(&strata) > 6 << 20);
    // a layer, and the same as a snapshot
    strata.ok(["system", "prune", "-a", "-f", "--max-used-space", "8m"]);
    assert!((3 << 20..4 << 20).contains(&layers(&strata)));
    assert!(is_cached(&strata, &step("new", 3)));
    assert!(strata.ends(2, ["system", "prune", "-f", "--keep-storage", "1g"]).contains("--all"));
    assert!(strata.ends(2, ["system", "prune", "-a", "-f", "--filter", "label=x"]).contains("until=DURATION"));
}

#[test]
fn a_build_keeps_the_cache_within_its_limit_now_and_then() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    build(&strata, &step("one", 3), &["--cache-max-used", "none"]);
    age(&strata, 1);
    // a layer that an image has does not count
    build(&strata, &step("two", 3), &["--cache-max-used", "4m"]);
    assert!((3 << 20..4 << 20).contains(&layers(&strata)), "the older one is gone");
    // not at the end of each build
    build(&strata, &step("three", 3), &["--cache-max-used", "8m"]);
    assert!(layers(&strata) > 6 << 20);
    wait(&strata);
    // another build lives: it may use what would go
    let lock = File::open(strata.root().join("cache/lock")).unwrap();
    flock(&lock, FlockOperation::LockShared).unwrap();
    build(&strata, "FROM busybox\n", &["--cache-max-used", "8m"]);
    assert!(layers(&strata) > 6 << 20);
    // a program that another test starts has the descriptor too, until it is executed
    flock(&lock, FlockOperation::Unlock).unwrap();
    let context = strata.context("FROM busybox\n");
    let mut command = strata.command(["build", "-q", &context]);
    assert!(command.env("STRATA_CACHE_MAX_USED", "8m").output().unwrap().status.success());
    assert!((3 << 20..4 << 20).contains(&layers(&strata)));
    assert_eq!(strata.ok(["system", "check"]), "sound\n");
}

#[test]
fn what_nobody_used_for_two_months_goes() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    build(&strata, &step("one", 1), &[]);
    age(&strata, 61);
    build(&strata, &step("two", 1), &[]);
    assert!(layers(&strata) > 2 << 20, "it was looked after today");
    fs::write(strata.root().join("cache/checked"), "0\n0\n").unwrap();
    build(&strata, &step("two", 1), &[]);
    assert!((1 << 20..2 << 20).contains(&layers(&strata)));
}

#[test]
fn df_tells_what_the_cache_consists_of() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(
        "FROM busybox AS made\nRUN --mount=type=cache,target=/c head -c 100000 /dev/zero >/c/f\nFROM busybox\n\
         COPY Dockerfile /d\nCOPY --from=made /bin/busybox /b\n",
    );
    strata.ok(["build", "-q", "-t", "app", &context]);
    let rows = strata.json(["system", "df", "--format", "json"]);
    assert_eq!(rows[2]["Type"], "Build Cache");
    let kinds = rows[2]["Kinds"].as_array().unwrap();
    let count = |name: &str| kinds.iter().find(|kind| kind["Kind"] == name).unwrap()["TotalCount"].as_u64().unwrap();
    let counts = ["layers", "selections", "mounts", "http", "git"].map(count);
    assert_eq!(counts, [2, 1, 1, 0, 0]);
    let sum = |field: &str| kinds.iter().map(|kind| kind[field].as_u64().unwrap()).sum::<u64>();
    for field in ["TotalCount", "Active", "Size", "Reclaimable"] {
        assert_eq!(rows[2][field], sum(field), "{field}");
    }
    let mounts = kinds.iter().find(|kind| kind["Kind"] == "mounts").unwrap();
    assert!(mounts["Size"].as_u64().unwrap() >= 100_000 && mounts["Reclaimable"] == mounts["Size"]);
    let table = strata.ok(["system", "df"]);
    assert!(table.contains("\n  mounts ") && !table.contains("\n  git "), "{table}");
    strata.ok(["system", "prune", "-a", "-f"]);
    let rows = strata.json(["system", "df", "--format", "json"]);
    assert_eq!((&rows[2]["TotalCount"], &rows[2]["Size"]), (&0.into(), &0.into()));
}
