//! `strata system`, and what a killed build leaves, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::{process::Stdio, time::Instant};

use common::{Strata, processes, until};

#[test]
fn check_only_reads_and_finds_a_damaged_blob() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    assert_eq!(strata.ok(["system", "check"]), "sound\n");
    let blobs = strata.root().join("images/blobs/sha256");
    let largest = std::fs::read_dir(blobs)
        .unwrap()
        .map(|entry| entry.unwrap())
        .max_by_key(|entry| entry.metadata().unwrap().len())
        .unwrap();
    let mut bytes = std::fs::read(largest.path()).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(largest.path(), bytes).unwrap();
    let text = strata.ends(1, ["system", "check"]);
    assert!(text.contains(largest.file_name().to_str().unwrap()), "{text}");
}

#[test]
fn check_of_a_root_that_is_not_there_makes_none() {
    let strata = Strata::new();
    assert_eq!(strata.ok(["system", "check"]), "sound\n");
    assert!(!strata.root().exists());
}

#[test]
fn prune_keeps_what_images_need_and_frees_the_rest() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app", "FROM busybox\nRUN head -c 1000000 /dev/zero >/big\n");
    strata.build("kept", "FROM busybox\nRUN echo kept >/kept\n");
    strata.ok(["rmi", "app"]);
    let before = blobs(&strata);
    strata.ok(["system", "prune", "-a", "-f"]);
    assert!(blobs(&strata) + 1_000_000 <= before);
    assert_eq!(strata.ok(["run", "--rm", "kept", "cat", "/kept"]), "kept\n");
    assert_eq!(strata.ok(["system", "check"]), "sound\n");
    assert!(strata.ends(2, ["system", "prune"]).contains("-f"));
}

fn blobs(strata: &Strata) -> u64 {
    std::fs::read_dir(strata.root().join("images/blobs/sha256"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}

#[test]
fn df_counts_images_snapshots_and_both_caches() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app", "FROM busybox\nRUN echo hi >/f\n");
    strata.ok(["analyze", "app"]);
    let rows = strata.json(["system", "df", "--format", "json"]);
    let counts: Vec<(&str, u64)> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["Type"].as_str().unwrap(), row["TotalCount"].as_u64().unwrap()))
        .collect();
    assert_eq!(counts[0], ("Images", 2));
    assert_eq!(counts[1], ("Snapshots", 2));
    assert!(counts[2].0 == "Build Cache" && counts[2].1 >= 1, "{counts:?}");
    assert_eq!(counts[3], ("Analysis Cache", 2));
}

#[test]
fn a_killed_build_leaves_a_sound_store_and_no_process() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    // told from what other users build who run this at the same time
    let size = 3_000_000 + std::process::id();
    let context = strata.context(&format!(
        "FROM busybox\nRUN head -c {size} /dev/urandom >/a\nRUN cp /a /b\nCOPY f /c\nRUN rm /a\nRUN cat /b /c >/d\n",
    ));
    strata.file(&format!("{context}/f"), vec![7; 2_000_000]);
    let build = ["build", "-q", "--no-cache", "-t", "app", &context];
    let start = Instant::now();
    strata.ok(build);
    let whole = start.elapsed();
    for _ in 0..50 {
        let instant = whole.mul_f64(random());
        let mut build = strata.command(build).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(instant);
        build.kill().unwrap();
        build.wait().unwrap();
        assert_eq!(strata.ok(["system", "check"]), "sound\n", "killed after {instant:?} of {whole:?}");
    }
    let root = strata.root().to_str().unwrap().to_owned();
    let marks = [root.clone(), format!(" {size} /dev/urandom")];
    until("no process is left", || marks.iter().all(|mark| processes(mark).is_empty()));
    strata.ok(["build", "-q", "-t", "app", &context]);
    let begun = |folder: &str, prefix: &str| -> Vec<String> {
        let names = std::fs::read_dir(strata.root().join(folder)).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(prefix)).collect()
    };
    for (folder, prefix) in [("snapshots", "active-"), ("snapshots", "dead-"), ("images/.ingest", "")] {
        assert!(begun(folder, prefix).is_empty(), "{folder}: {:?}", begun(folder, prefix));
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&root), "{mounts}");
    let written = strata.ok(["run", "--rm", "app", "sh", "-c", "wc -c </d"]);
    assert_eq!(written.trim(), (size + 2_000_000).to_string());
}

/// Between 0 and 1.
fn random() -> f64 {
    let mut bytes = [0; 2];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).unwrap();
    f64::from(u16::from_ne_bytes(bytes)) / f64::from(u16::MAX)
}
