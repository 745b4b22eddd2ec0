//! Writes a large layer into OCI archives, and has the docker command in `STRATA_DOCKER` do the same, in turns; prints sizes
//! and times.
//!
//! The layer is one file, the first 365 MB of this machine's programs and libraries behind a number that is another one each
//! time, so that no side finds it compressed already. Both sides have built the image before the clock starts. Medians of
//! five runs after one that does not count.

#![expect(clippy::print_stdout, reason = "a table is what this program is for")]

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use strata_benches::docker::Docker;
use strata_builder::{Cancel, output};
use strata_image::{
    DiffId, ImageConfig, ImageId, Store,
    config::RootFs,
    layer::{Entry, EntryKind, LayerPath, LayerWriter},
    manifest::{Descriptor, OCI_LAYER},
};

const RUNS: u32 = 5;
const BYTES: u64 = 365_000_000;
/// Where a machine has its programs and libraries.
const PROGRAMS: [&str; 2] = ["/usr/bin", "/usr/lib"];

fn main() -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let docker = Docker::from_environment()?;
    let context = scratch.path().join("context");
    fs::create_dir(&context)?;
    fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY content /content\n")?;
    let content = context.join("content");
    write_content(&content)?;

    println!(
        "{:14} {:>10} {:>10} {:>8} {:>10} {:>10}",
        "-o type=oci", "strata ms", "docker ms", "ratio", "strata MB", "docker MB"
    );
    for compression in ["gzip", "zstd"] {
        let mut times = [Vec::new(), Vec::new()];
        let mut sizes = [0, 0];
        for run in 0..=RUNS {
            number(&content, compression, run)?;
            let ours = scratch.path().join("ours.tar");
            let theirs = scratch.path().join("theirs.tar");
            let root = scratch.path().join("root");
            let (store, image) = stored(&root, &content)?;
            let output = format!("type=oci,dest={},compression={compression}", ours.display()).parse()?;
            let start = Instant::now();
            output::write(&store, &[image], &[], &output, &Cancel::default())?;
            let mut taken = [start.elapsed(), Duration::ZERO];
            fs::remove_dir_all(&root)?;

            run_docker(&docker, &context, "type=cacheonly")?;
            let start = Instant::now();
            let wish = format!("type=oci,dest={},compression={compression},force-compression=true", theirs.display());
            run_docker(&docker, &context, &wish)?;
            taken[1] = start.elapsed();
            sizes = [fs::metadata(&ours)?.len(), fs::metadata(&theirs)?.len()];
            if run > 0 {
                times.iter_mut().zip(taken).for_each(|(times, time)| times.push(time));
            }
        }
        let [ours, theirs] = times.map(|times| median(times).as_secs_f64() * 1000.0);
        let [our_size, their_size] = sizes.map(|bytes| bytes / 1_000_000);
        println!("{compression:14} {ours:10.0} {theirs:10.0} {:8.1} {our_size:10} {their_size:10}", theirs / ours);
    }
    Ok(())
}

fn run_docker(docker: &Docker, context: &Path, output: &str) -> Result<()> {
    let mut command: Command = docker.command();
    command.args(["buildx", "build", "-q", "--provenance=false", "-o", output]).arg(context);
    let done = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !done.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(())
}

/// Writes programs and libraries one behind the other.
fn write_content(path: &Path) -> Result<()> {
    let mut out = File::create(path)?;
    let mut left = BYTES;
    let mut todo: Vec<PathBuf> = PROGRAMS.iter().rev().map(PathBuf::from).collect();
    while let Some(next) = todo.pop().filter(|_| left > 0) {
        let metadata = fs::symlink_metadata(&next)?;
        if metadata.is_dir() {
            let mut inside: Vec<_> = fs::read_dir(&next)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
            inside.sort_unstable_by(|a, b| b.cmp(a));
            todo.extend(inside);
        } else if metadata.is_file() {
            left -= io::copy(&mut File::open(&next)?.take(left), &mut out)?;
        }
    }
    if left > 0 {
        bail!("{PROGRAMS:?} have {left} bytes less than the layer is to have");
    }
    Ok(())
}

/// Makes the content another one.
fn number(content: &Path, compression: &str, run: u32) -> Result<()> {
    let mut file = File::options().write(true).open(content)?;
    writeln!(file, "{compression} {run} {}", std::process::id())?;
    Ok(())
}

/// Makes a store with the image in it, as a build leaves it.
fn stored(root: &Path, content: &Path) -> Result<(Store, ImageId)> {
    let store = Store::open(root)?;
    let entry = Entry { mode: 0o644, size: BYTES, ..Entry::new(LayerPath::new(b"content")?, EntryKind::File) };
    let mut tar = LayerWriter::new(store.blob()?);
    tar.append(&entry, File::open(content)?)?;
    let (digest, size) = tar.finish()?.commit()?;
    let config = ImageConfig {
        architecture: "amd64".to_owned(),
        os: "linux".to_owned(),
        rootfs: RootFs { diff_ids: vec![DiffId::from(digest)], ..RootFs::default() },
        ..ImageConfig::default()
    };
    let id = store.put_image(&config, &[Descriptor::new(OCI_LAYER, digest, size)], &[])?;
    Ok((store, id))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
