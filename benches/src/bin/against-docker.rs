//! Builds every fixture with the docker command in `STRATA_DOCKER`, and prints each difference from what is expected.
//!
//! ```text
//! against-docker [--record] [PART]...
//! ```
//!
//! With parts, only fixtures whose names contain one of them. `--record` writes what docker gave as the expectation of
//! fixtures that are expected to be as `BuildKit` builds them; what is expected of errors, and of fixtures that say
//! that they differ, is written by hand and stays. Ends with 1 when a fixture differs that should not.

#![expect(clippy::print_stdout, reason = "a report is what this program is for")]

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Context as _, Result};
use strata_fixtures::{
    Base, Built, Case, Expected, Staged, busybox_tar,
    expected::{Failure, Outcome, Source},
    observe,
};
use strata_image::{Image, archive::docker};

use strata_benches::docker::Docker;

/// What the names of the images made here begin with.
const PREFIX: &str = "fixtures";

fn main() -> Result<ExitCode> {
    let (options, parts): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let record = match options.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--record"] => true,
        _ => anyhow::bail!("usage: against-docker [--record] [PART]..."),
    };
    let mut cases = Case::all()?;
    let bb = cases.iter().find(|case| case.name == Case::BB).context("no fixture makes the base")?.clone();
    if !parts.is_empty() {
        cases.retain(|case| parts.iter().any(|part| case.name.contains(part)));
    }

    let mut peer = Peer::new(&bb)?;
    let (mut equal, mut documented, mut different) = (0, 0, 0);
    for case in &cases {
        let built = peer.build(case)?;
        if record {
            write_expected(case, &built)?;
        }
        let expected = case.expected()?;
        let differences = expected.differences(&built, None)?;
        if differences.is_empty() {
            equal += 1;
        } else if expected.source == Source::BuildKit {
            different += 1;
            println!("{}: DIFFERENT\n{differences}", case.name);
        } else {
            documented += 1;
            let reason = expected.reason.unwrap_or_default();
            println!("{}: documented: {reason}\n{differences}", case.name);
        }
    }
    println!("{} fixtures, {equal} equal, {documented} documented differences, {different} different", cases.len());
    Ok(ExitCode::from(u8::from(different > 0)))
}

/// The docker command with the base images that fixtures build on.
struct Peer {
    docker: Docker,
    busybox: Box<dyn Image>,
    bb: Box<dyn Image>,
    scratch: tempfile::TempDir,
}

impl Peer {
    fn new(bb: &Case) -> Result<Self> {
        let mut docker = Docker::from_environment()?;
        let scratch = tempfile::tempdir()?;
        let name = |base: &str| format!("{PREFIX}-{base}");
        docker.import(&busybox_tar()?, &name("busybox"))?;
        let staged = stage(bb, scratch.path())?;
        docker.build(bb, &staged, PREFIX, &name("bb"))?.map_err(anyhow::Error::msg)?;
        Ok(Self {
            busybox: saved(&docker, &name("busybox"), &scratch.path().join("busybox.tar"))?,
            bb: saved(&docker, &name("bb"), &scratch.path().join("bb.tar"))?,
            docker,
            scratch,
        })
    }

    fn build(&mut self, case: &Case) -> Result<Built> {
        let staged = stage(case, self.scratch.path())?;
        let name = format!("{PREFIX}-case");
        if let Err(said) = self.docker.build(case, &staged, PREFIX, &name)? {
            return Ok(Built::Failed(said));
        }
        let archive = self.scratch.path().join("case.tar");
        let image = saved(&self.docker, &name, &archive)?;
        let base = match case.recipe.base {
            Base::Scratch => None,
            Base::Busybox => Some(self.busybox.as_ref()),
            Base::Bb => Some(self.bb.as_ref()),
        };
        let observed = observe(image.as_ref(), base, case.times()).context(case.name.clone())?;
        Ok(Built::Image(staged.told(observed)))
    }
}

fn stage(case: &Case, scratch: &Path) -> Result<Staged> {
    let dir = scratch.join("stage");
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    fs::create_dir(&dir)?;
    case.stage(&dir)
}

fn saved(docker_command: &Docker, name: &str, archive: &Path) -> Result<Box<dyn Image>> {
    docker_command.save(name, archive)?;
    docker::open(archive)?.pop().with_context(|| format!("docker saved no image as {name}"))
}

fn write_expected(case: &Case, built: &Built) -> Result<()> {
    let known = case.expected_path().exists();
    let known = known.then(|| case.expected()).transpose()?;
    let errors = match known {
        Some(Expected { source, .. }) if source != Source::BuildKit => return Ok(()),
        Some(Expected { outcome: Outcome::Fails(Failure { errors, .. }), .. }) => errors,
        _ => Vec::new(),
    };
    let outcome = match built {
        Built::Image(image) => Outcome::Builds(image.clone()),
        Built::Failed(message) => Outcome::Fails(Failure { errors, said: Some(last_words(message)) }),
    };
    let expected = Expected { source: Source::BuildKit, reason: None, outcome };
    Ok(fs::write(case.expected_path(), expected.to_text()?)?)
}

/// The line of docker's output that names the error, without the parts that are different every time.
fn last_words(message: &str) -> String {
    let line = message.lines().rfind(|line| line.starts_with("ERROR")).unwrap_or(message.trim());
    // cache keys, and the folders where docker keeps what it builds
    let stable = line.split_whitespace().filter(|word| !word.contains("::"));
    let short = stable.map(|word| match word.rsplit_once('/') {
        Some((folder, name)) if folder.starts_with("/var/lib/docker/") => name,
        _ => word,
    });
    short.collect::<Vec<_>>().join(" ")
}
