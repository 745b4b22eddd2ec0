//! Builds with strata and with the docker command in `STRATA_DOCKER`, in turns, and prints how long each took.
//!
//! ```text
//! race [STRATA]
//! ```
//!
//! `STRATA` is the strata binary; without it the one beside this program. Both sides run every step anew (`--no-cache`)
//! and write plain layers; both have unpacked the base before the clock starts. Medians of five runs after one that
//! does not count. Contexts are in the folder of temporary files, which the docker command must see (`TMPDIR`).

#![expect(clippy::print_stdout, reason = "a table is what this program is for")]

use std::{
    fmt::Write as _,
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

fn main() -> Result<()> {
    let strata = strata_binary()?;
    let scratch = tempfile::tempdir()?;
    let root = scratch.path().join("root");
    let mut docker = Docker::from_environment()?;
    docker.import(&busybox_tar()?, BASE)?;
    docker.forget_at_end(IMAGE);
    let mut import = Command::new(&strata);
    import.arg("--root").arg(&root).arg("import");
    timed(import.arg(busybox_tar()?).arg("busybox"))?;

    println!("{:24} {:>10} {:>10} {:>8}", "no cache, plain layers", "strata ms", "docker ms", "ratio");
    for track in tracks(scratch.path())? {
        let mut ours = Command::new(&strata);
        ours.arg("--root").arg(&root);
        ours.args(["build", "-q", "--no-cache", "-t", IMAGE]).arg(&track.context);
        let mut theirs = docker.command();
        theirs.args(["build", "-q", "--no-cache", "--provenance=false"]);
        theirs.args(["--build-context", &format!("busybox=docker-image://{BASE}")]);
        theirs.args(["--output", &format!("type=image,name={IMAGE},compression=uncompressed")]);
        theirs.arg(&track.context);

        let mut times = [Vec::new(), Vec::new()];
        for run in 0..=RUNS {
            for (side, (command, times)) in [&mut ours, &mut theirs].into_iter().zip(&mut times).enumerate() {
                // a layer that is there already would be written and thrown away again
                fs::write(track.context.join("files/run"), format!("{run}.{side}"))?;
                let time = timed(command)?;
                if run > 0 {
                    times.push(time);
                }
            }
        }
        let [ours, theirs] = times.map(|times| median(times).as_secs_f64() * 1000.0);
        println!("{:24} {ours:10.0} {theirs:10.0} {:8.1}", track.name, theirs / ours);
    }
    Ok(())
}

fn strata_binary() -> Result<PathBuf> {
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let beside = || Ok::<_, std::io::Error>(std::env::current_exe()?.with_file_name("strata"));
    let binary = given.map_or_else(beside, Ok)?;
    if !binary.exists() {
        bail!("no strata at {} (cargo build --release)", binary.display());
    }
    Ok(binary)
}

/// What is built.
struct Track {
    name: &'static str,
    context: PathBuf,
}

fn tracks(scratch: &Path) -> Result<Vec<Track>> {
    let wasteful = Case::all()?
        .into_iter()
        .find(|case| case.name.ends_with("-wasteful"))
        .context("the wasteful example is not among the fixtures")?;
    let mut steps = "FROM busybox\n".to_owned();
    for step in 1..=20 {
        writeln!(steps, "RUN echo {step} >/{step}")?;
    }
    let track = |name, dir: &str, dockerfile: &str| {
        let context = scratch.join(dir);
        fs::create_dir_all(context.join("files"))?;
        fs::write(context.join("Dockerfile"), dockerfile)?;
        Ok::<_, anyhow::Error>(Track { name, context })
    };
    let tracks = vec![
        track("50 MB written, removed", "wasteful", &wasteful.dockerfile()?)?,
        track("20 RUN steps", "steps", &steps)?,
        track("COPY of 20,000 files", "files", "FROM busybox\nCOPY files /files\n")?,
    ];
    for dir in 0..200 {
        let dir = tracks[2].context.join(format!("files/{dir}"));
        fs::create_dir_all(&dir)?;
        for file in 0..100 {
            let path = dir.join(file.to_string());
            fs::write(&path, path.as_os_str().as_encoded_bytes().repeat(20))?;
        }
    }
    Ok(tracks)
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
