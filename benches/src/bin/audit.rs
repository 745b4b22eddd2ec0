//! Audits 1, 10, 100 and 1,000 images on one base of 10,000 files, and prints times, peaks of memory, and what each distinct
//! layer beyond the base costs: it is to stay the same, whatever number of images there are.
//!
//! `audit COUNT…` takes other counts. Medians of five runs after one that does not count; of the runs that have seen
//! nothing, the cache of layer indexes is removed before each.

#![expect(clippy::print_stdout, reason = "a table is what this program is for")]

use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Result;
use strata_benches::{
    fleet,
    measured::{self, Measured},
    stack::LayerMaker,
};

const RUNS: u32 = 5;
const COUNTS: [u32; 4] = [1, 10, 100, 1_000];
/// Of the base.
const FILES: u32 = 10_000;
const BASE_LAYERS: u32 = 5;
/// Of each image, above the base.
const OWN_LAYERS: u32 = 2;

fn main() -> Result<()> {
    if measured::is_measuring()? {
        return Ok(());
    }
    let mut counts = env::args().skip(1).map(|count| Ok(count.parse()?)).collect::<Result<Vec<u32>>>()?;
    if counts.is_empty() {
        counts = COUNTS.to_vec();
    }
    println!(
        "{:>7} {:>7} {:>9} {:>12} {:>9} {:>12} {:>8}",
        "images", "layers", "new ms", "ms a layer", "seen ms", "ms a layer", "MiB"
    );
    let base = measure(0)?;
    for count in counts {
        show(count, base, measure(count)?);
    }
    Ok(())
}

/// With nothing seen before, and with every layer seen.
fn measure(images: u32) -> Result<[Measured; 2]> {
    let scratch = tempfile::tempdir()?;
    fleet::make(
        scratch.path(),
        (BASE_LAYERS, images, OWN_LAYERS),
        |layer, maker| {
            let each = FILES / BASE_LAYERS;
            (layer * each..(layer + 1) * each).try_for_each(|number| maker.file(&path(number), 1000))
        },
        own_layer,
    )?;
    let strata = env::var_os("STRATA").map_or_else(beside, |path| Ok(PathBuf::from(path)))?;
    let (root, layout) = (scratch.path().join("root"), scratch.path().join("layout"));
    let words = [strata.as_os_str(), "--root".as_ref(), root.as_os_str(), "audit".as_ref()];
    let words = words.into_iter().chain(["--format".as_ref(), "json".as_ref(), layout.as_os_str()]);
    let command: Vec<OsString> = words.map(ToOwned::to_owned).collect();
    let mut runs: [Vec<Measured>; 2] = Default::default();
    for (seen, runs) in runs.iter_mut().enumerate() {
        for run in 0..=RUNS {
            if seen == 0 {
                remove(&root)?;
            }
            let measured = Measured::of(&command)?;
            if run > 0 {
                runs.push(measured);
            }
        }
    }
    Ok(runs.map(Measured::median))
}

/// Ten files that no other image has, one of which the layer above removes with one of the base.
fn own_layer(image: u32, layer: u32, maker: &mut LayerMaker) -> Result<()> {
    if layer == 0 {
        return (0..10).try_for_each(|number| maker.file(&format!("srv/app-{image}/{number}"), 1000));
    }
    maker.whiteout(&format!("srv/app-{image}/0"))?;
    maker.whiteout(&path(image % FILES))?;
    maker.file(&format!("srv/app-{image}/settings"), 100)
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
fn show(images: u32, base: [Measured; 2], runs: [Measured; 2]) {
    let milliseconds = |measured: Measured| measured.time.as_secs_f64() * 1000.0;
    let layers = images * OWN_LAYERS;
    let each = |kind: usize| (milliseconds(runs[kind]) - milliseconds(base[kind])) / f64::from(layers);
    println!(
        "{images:>7} {:>7} {:>9.1} {:>12.3} {:>9.1} {:>12.3} {:>8.1}",
        layers + BASE_LAYERS,
        milliseconds(runs[0]),
        each(0),
        milliseconds(runs[1]),
        each(1),
        runs[0].peak.max(runs[1].peak) as f64 / f64::from(1 << 20),
    );
}

fn path(number: u32) -> String {
    format!("usr/lib/package-{}/module-{number:06}.so", number / 100)
}

/// The program that was built with this one.
fn beside() -> Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name("strata"))
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
