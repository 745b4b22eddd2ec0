//! Compares images of 50,000 files, and has `tar tf` list the layers of both, in turns; prints times, ratios and peaks of memory.
//!
//! `compare PART…` takes the cases whose names contain a PART. Medians of five runs after one that does not count; each case with
//! the folder of layer indexes removed before every run, and with it.

#![expect(clippy::print_stdout, reason = "a table is what this program is for")]

use std::{ffi::OsString, path::Path};

use anyhow::Result;
use strata_benches::{
    command::{is_asked_for, remove, strata, tar_tf, words},
    measured::{self, Measured},
    stack::{LayerMaker, Stack},
};

const RUNS: u32 = 5;
const FILES: u32 = 50_000;
const MIB: u64 = 1 << 20;

struct Case {
    name: &'static str,
    /// Layers of each image.
    layers: u32,
    other: Other,
}

/// What the second image is.
#[derive(Clone, Copy, PartialEq)]
enum Other {
    /// The same layers.
    Same,
    /// Layers that say the same, with one more entry in each.
    Equal,
    /// Every 500th file has another content.
    Changed,
}

const CASES: [Case; 4] = [
    Case { name: "the same layers", layers: 1, other: Other::Same },
    Case { name: "equal, other layers", layers: 1, other: Other::Equal },
    Case { name: "100 files changed", layers: 1, other: Other::Changed },
    Case { name: "100 files changed, 60 layers", layers: 60, other: Other::Changed },
];

fn main() -> Result<()> {
    if measured::is_measuring()? {
        return Ok(());
    }
    println!(
        "{:32} {:>10} {:>8} {:>8} {:>6} {:>6} {:>6} {:>8}",
        "two images of 50,000 files", "unseen ms", "seen ms", "tar ms", "/ tar", "/ tar", "MiB", "seen MiB"
    );
    for case in CASES.iter().filter(|case| is_asked_for(case.name)) {
        let scratch = tempfile::tempdir()?;
        let a = make(&scratch.path().join("a"), case.layers, Other::Same)?;
        let b = make(&scratch.path().join("b"), case.layers, case.other)?;
        show(case, measure([&a, &b], scratch.path())?);
    }
    Ok(())
}

/// strata with no index, with all of them; tar.
fn measure([a, b]: [&Stack; 2], scratch: &Path) -> Result<[Measured; 3]> {
    let root = scratch.join("root");
    // different is an answer, too
    let head = ["env", "-C"];
    let compare = ["sh", "-c", "\"$@\"; [ $? -le 1 ]", "sh"].map(OsString::from);
    let strata = strata()?;
    let ours = words(&head, [scratch.as_os_str()]).into_iter().chain(compare).chain(words(
        &[],
        [
            strata.as_os_str(),
            "--root".as_ref(),
            root.as_os_str(),
            "compare".as_ref(),
            a.archive.as_os_str(),
            b.archive.as_os_str(),
        ],
    ));
    let ours: Vec<OsString> = ours.collect();
    let tar = tar_tf(&[a.layers.as_slice(), b.layers.as_slice()].concat());
    let mut runs: [Vec<Measured>; 3] = Default::default();
    for run in 0..=RUNS {
        for (number, (runs, command)) in runs.iter_mut().zip([&ours, &ours, &tar]).enumerate() {
            if number == 0 {
                remove(&root)?;
            }
            let measured = Measured::of(command)?;
            if run > 0 {
                runs.push(measured);
            }
        }
    }
    Ok(runs.map(Measured::median))
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
fn show(case: &Case, [unseen, seen, tar]: [Measured; 3]) {
    let milliseconds = |measured: Measured| measured.time.as_secs_f64() * 1000.0;
    let mebibytes = |measured: Measured| measured.peak as f64 / MIB as f64;
    println!(
        "{:32} {:>10.1} {:>8.1} {:>8.1} {:>6.2} {:>6.2} {:>6.1} {:>8.1}",
        case.name,
        milliseconds(unseen),
        milliseconds(seen),
        milliseconds(tar),
        milliseconds(unseen) / milliseconds(tar),
        milliseconds(seen) / milliseconds(tar),
        mebibytes(unseen),
        mebibytes(seen),
    );
}

fn make(folder: &Path, layers: u32, other: Other) -> Result<Stack> {
    let each = FILES / layers;
    Stack::make(folder, layers, |layer, maker| {
        (layer * each..(layer + 1) * each).try_for_each(|number| file(maker, number, other))?;
        if other == Other::Equal {
            maker.directory("usr/lib")?;
            maker.directory("usr/lib")?;
        }
        Ok(())
    })
}

fn file(maker: &mut LayerMaker, number: u32, other: Other) -> Result<()> {
    let is_other = other == Other::Changed && number % 500 == 7;
    maker.file(&format!("usr/lib/package-{}/module-{number:06}.so", number / 100), if is_other { 1001 } else { 1000 })
}
