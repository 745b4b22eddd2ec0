//! Analyses images of many shapes, and has `tar tf` list their layers and `openssl dgst -sha256` hash their archives, in
//! turns; prints times, ratios and peaks of memory beside what docs/SPECIFICATION.md promises.
//!
//! `analyze PART…` takes the cases whose names contain a PART. Medians of five runs after one that does not count; the
//! cache of layer indexes is removed before every run but those of a case that is about images seen before.

#![expect(clippy::print_stdout, reason = "a table is what this program is for")]

use std::path::Path;

use anyhow::Result;
use strata_benches::{
    command::{is_asked_for, remove, strata, tar_tf, words},
    measured::{self, Measured},
    stack::{LayerMaker, Stack},
};

const RUNS: u32 = 5;
const MIB: u64 = 1 << 20;

/// What one case is to show.
enum Promise {
    /// At most so many times the time of `tar tf`.
    Tar(f64),
    /// At most so many times the time of `openssl dgst -sha256`.
    Openssl(f64),
    /// Milliseconds.
    Time(f64),
    /// MiB.
    Memory(f64),
    /// One row of several that are to be read together.
    None,
}

struct Case {
    name: &'static str,
    promise: Promise,
    seen: bool,
    make: fn(&Path) -> Result<Stack>,
}

const CASES: [Case; 10] = [
    Case {
        name: "50,000 files, 300 whiteouts",
        promise: Promise::Tar(2.0),
        seen: false,
        make: |at| whiteouts(at, 300),
    },
    Case {
        name: "50,000 files, 5,000 whiteouts",
        promise: Promise::Tar(3.0),
        seen: false,
        make: |at| whiteouts(at, 5_000),
    },
    Case { name: "1 GiB in 16 files", promise: Promise::Openssl(1.3), seen: false, make: large_files },
    Case {
        name: "50,000 files over 60 layers",
        promise: Promise::Memory(60.0),
        seen: false,
        make: |at| many_layers(at, 50_000),
    },
    Case {
        name: "3,000,000 entries in 60 layers",
        promise: Promise::Memory(400.0),
        seen: false,
        make: |at| many_layers(at, 3_000_000),
    },
    Case { name: "3,000,000 entries, half of them dead", promise: Promise::None, seen: false, make: half_dead },
    Case {
        name: "50,000 entries, seen before",
        promise: Promise::Time(40.0),
        seen: true,
        make: |at| whiteouts(at, 300),
    },
    Case { name: "10,000 entries", promise: Promise::None, seen: false, make: |at| many_layers(at, 10_000) },
    Case { name: "100,000 entries", promise: Promise::None, seen: false, make: |at| many_layers(at, 100_000) },
    Case { name: "1,000,000 entries", promise: Promise::None, seen: false, make: |at| many_layers(at, 1_000_000) },
];

fn main() -> Result<()> {
    if measured::is_measuring()? {
        return Ok(());
    }
    println!(
        "{:37} {:>9} {:>9} {:>9} {:>7} {:>7} {:>8} {:>8} {:>8}  promise",
        "case", "strata ms", "tar ms", "sha ms", "/ tar", "/ sha", "MiB", "tar MiB", "sha MiB"
    );
    for case in CASES.iter().filter(|case| is_asked_for(case.name)) {
        let scratch = tempfile::tempdir()?;
        let stack = (case.make)(scratch.path())?;
        show(case, measure(case, &stack, scratch.path())?);
    }
    Ok(())
}

/// strata, tar, openssl.
fn measure(case: &Case, stack: &Stack, scratch: &Path) -> Result<[Measured; 3]> {
    let strata = strata()?;
    let root = scratch.join("root");
    // no Dockerfile of where this runs
    let ours = words(&["env", "-C"], [scratch.as_os_str(), strata.as_os_str(), "--root".as_ref(), root.as_os_str()]);
    let ours = [ours, words(&["analyze", "--format", "json"], [stack.archive.as_os_str()])].concat();
    let tar = tar_tf(&stack.layers);
    let openssl = words(&["openssl", "dgst", "-sha256"], [&stack.archive]);
    let mut runs: [Vec<Measured>; 3] = Default::default();
    for run in 0..=RUNS {
        for (runs, command) in runs.iter_mut().zip([&ours, &tar, &openssl]) {
            if !case.seen {
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
fn show(case: &Case, [ours, tar, openssl]: [Measured; 3]) {
    let milliseconds = |measured: Measured| measured.time.as_secs_f64() * 1000.0;
    let mebibytes = |measured: Measured| measured.peak as f64 / MIB as f64;
    let to_tar = milliseconds(ours) / milliseconds(tar);
    let to_openssl = milliseconds(ours) / milliseconds(openssl);
    let (kept, text) = match case.promise {
        Promise::Tar(most) => (to_tar <= most, format!("{most} times tar tf")),
        Promise::Openssl(most) => (to_openssl <= most, format!("{most} times openssl")),
        Promise::Time(most) => (milliseconds(ours) <= most, format!("{most} ms")),
        Promise::Memory(most) => (mebibytes(ours) <= most, format!("{most} MiB")),
        Promise::None => (true, String::new()),
    };
    println!(
        "{:37} {:>9.1} {:>9.1} {:>9.1} {to_tar:>7.2} {to_openssl:>7.2} {:>8.1} {:>8.1} {:>8.1}  {text}{}",
        case.name,
        milliseconds(ours),
        milliseconds(tar),
        milliseconds(openssl),
        mebibytes(ours),
        mebibytes(tar),
        mebibytes(openssl),
        if kept { "" } else { ": BROKEN" },
    );
}

/// 50,000 files of 1 KiB, of which the next layer removes some.
fn whiteouts(folder: &Path, count: u32) -> Result<Stack> {
    Stack::make(folder, 2, |layer, maker| match layer {
        0 => tree(maker, "usr/lib", 0..50_000, 1024),
        _ => (0..count).try_for_each(|number| maker.whiteout(&path("usr/lib", number * (50_000 / count)))),
    })
}

fn large_files(folder: &Path) -> Result<Stack> {
    Stack::make(folder, 1, |_, maker| (0..16).try_for_each(|number| maker.file(&format!("srv/{number}"), 64 * MIB)))
}

/// Files and directories that all have names of their own, in 60 layers of equal size.
fn many_layers(folder: &Path, entries: u32) -> Result<Stack> {
    let each = entries / 60;
    Stack::make(folder, 60, |layer, maker| tree(maker, "usr/lib", layer * each..(layer + 1) * each, 100))
}

/// 30 layers of files, and 30 that write all of them again.
fn half_dead(folder: &Path) -> Result<Stack> {
    Stack::make(folder, 60, |layer, maker| tree(maker, "usr/lib", layer % 30 * 50_000..(layer % 30 + 1) * 50_000, 100))
}

/// The entries of some numbers: a directory and 99 files in it by turns.
fn tree(maker: &mut LayerMaker, top: &str, numbers: std::ops::Range<u32>, size: u64) -> Result<()> {
    for number in numbers {
        if number % 100 == 0 {
            maker.directory(&format!("{top}/package-{}", number / 100))?;
        } else {
            maker.file(&path(top, number), size)?;
        }
    }
    Ok(())
}

fn path(top: &str, number: u32) -> String {
    format!("{top}/package-{}/module-{number:06}.so", number / 100)
}
