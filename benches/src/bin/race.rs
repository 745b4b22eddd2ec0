//! Builds with strata and with the docker command in `STRATA_DOCKER`, in turns, and prints how long each took.
//!
//! ```text
//! race [--strata STRATA] [PART]...
//! ```
//!
//! `STRATA` is the strata binary; without it the one beside this program. With parts, only the tracks whose names contain one of
//! them. Both sides write plain layers; both have unpacked the base before the clock starts. Medians of five runs after one that
//! does not count. Contexts are in the folder of temporary files, which the docker command must see (`TMPDIR`).

#![expect(clippy::print_stdout, reason = "a table is what this program is for")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use strata_fixtures::{Case, busybox_tar};

use strata_benches::docker::Docker;

const RUNS: usize = 5;
/// Name of the base and of the image built, on docker's side.
const BASE: &str = "race-busybox";
const IMAGE: &str = "race";

/// What is built, again and again.
struct Track {
    name: &'static str,
    /// How many times faster than docker strata promises to be.
    promise: u32,
    dockerfile: String,
    cache: Cache,
    /// What happens to the context before each run.
    change: Change,
}

/// Whether a run may use what the runs before it left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cache {
    Unused,
    Used,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Nothing,
    OneFile,
    EveryFile,
}

fn tracks() -> Result<Vec<Track>> {
    let wasteful = Case::all()?
        .into_iter()
        .find(|case| case.name.ends_with("-wasteful"))
        .context("the wasteful example is not among the fixtures")?
        .dockerfile()?;
    let steps = |count: u32| {
        let runs: Vec<String> = (1..=count).map(|step| format!("RUN echo {step} >/{step}\n")).collect();
        format!("FROM busybox\n{}", runs.concat())
    };
    let copy = || "FROM busybox\nCOPY files /files\n".to_owned();
    let track = |name, promise, dockerfile, cache, change| Track { name, promise, dockerfile, cache, change };
    Ok(vec![
        track("50 MB written, then removed", 12, wasteful, Cache::Unused, Change::Nothing),
        track("20 RUN steps", 30, steps(20), Cache::Unused, Change::Nothing),
        track("40 RUN steps, again", 25, steps(40), Cache::Used, Change::Nothing),
        track("COPY of 20,000 new files", 5, copy(), Cache::Used, Change::EveryFile),
        track("COPY of 20,000 files, again", 10, copy(), Cache::Used, Change::Nothing),
        track("COPY of 20,000 files, one changed", 20, copy(), Cache::Used, Change::OneFile),
    ])
}

fn main() -> Result<()> {
    let (strata, parts) = arguments()?;
    let scratch = tempfile::tempdir()?;
    let root = scratch.path().join("root");
    let mut docker = Docker::from_environment()?;
    docker.import(&busybox_tar()?, BASE)?;
    docker.forget_at_end(IMAGE);
    let ours = || {
        let mut command = Command::new(&strata);
        command.arg("--root").arg(&root);
        command
    };
    timed(ours().arg("import").arg(busybox_tar()?).arg("busybox"))?;

    println!("{:36} {:>10} {:>10} {:>8} {:>8}", "medians, plain layers", "strata ms", "docker ms", "ratio", "promise");
    for (number, track) in tracks()?.into_iter().enumerate() {
        if !parts.is_empty() && !parts.iter().any(|part| track.name.contains(part)) {
            continue;
        }
        // a folder for each side: what one changes, the other has not seen
        let contexts = [0, 1].map(|side| scratch.path().join(format!("{number}.{side}")));
        for context in &contexts {
            fs::create_dir(context)?;
            fs::write(context.join("Dockerfile"), &track.dockerfile)?;
            if track.dockerfile.contains("files") {
                write_files(context, "first")?;
            }
        }
        let mut ours = ours();
        ours.args(["build", "-q", "-t", IMAGE]);
        let mut theirs = docker.command();
        theirs.args(["build", "-q", "--provenance=false"]);
        theirs.args(["--build-context", &format!("busybox=docker-image://{BASE}")]);
        theirs.args(["--output", &format!("type=image,name={IMAGE},compression=uncompressed")]);

        let mut times = [Vec::new(), Vec::new()];
        for run in 0..=RUNS {
            for ((command, context), times) in [&mut ours, &mut theirs].into_iter().zip(&contexts).zip(&mut times) {
                if run == 0 {
                    if track.cache == Cache::Unused {
                        command.arg("--no-cache");
                    }
                    command.arg(context);
                }
                match track.change {
                    Change::Nothing => {}
                    Change::OneFile => fs::write(context.join("files/7/7"), format!("changed for run {run}"))?,
                    Change::EveryFile => write_files(context, &run.to_string())?,
                }
                let time = timed(command)?;
                if run > 0 {
                    times.push(time);
                }
            }
        }
        let [ours, theirs] = times.map(|times| median(times).as_secs_f64() * 1000.0);
        println!("{:36} {ours:10.0} {theirs:10.0} {:8.1} {:8}", track.name, theirs / ours, track.promise);
    }
    Ok(())
}

/// The strata binary, and the parts of names.
fn arguments() -> Result<(PathBuf, Vec<String>)> {
    let mut parts: Vec<String> = std::env::args().skip(1).collect();
    let given = match parts.iter().position(|arg| arg == "--strata") {
        Some(at) if at + 1 < parts.len() => {
            parts.remove(at);
            Some(PathBuf::from(parts.remove(at)))
        }
        Some(_) => bail!("--strata wants the path of the strata binary"),
        None => None,
    };
    let beside = || Ok::<_, std::io::Error>(std::env::current_exe()?.with_file_name("strata"));
    let binary = given.map_or_else(beside, Ok)?;
    if !binary.exists() {
        bail!("no strata at {} (cargo build --release)", binary.display());
    }
    Ok((binary, parts))
}

/// Writes 20,000 files of about half a kilobyte, 100 in each folder, none like another.
fn write_files(context: &Path, mark: &str) -> Result<()> {
    for dir in 0..200 {
        let dir = context.join(format!("files/{dir}"));
        fs::create_dir_all(&dir)?;
        for file in 0..100 {
            let path = dir.join(file.to_string());
            let text = format!("{} {mark}\n", path.display());
            fs::write(&path, text.repeat(12))?;
        }
    }
    Ok(())
}

fn timed(command: &mut Command) -> Result<Duration> {
    let start = Instant::now();
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let time = start.elapsed();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed: {}", said.trim());
    }
    Ok(time)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
