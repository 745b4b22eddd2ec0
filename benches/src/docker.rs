//! A docker command to compare with: the one that `STRATA_DOCKER` names, its words split at blanks (`docker`,
//! `ssh host docker`, …). It must see the folder of temporary files (`TMPDIR`) at the same path.

use std::{
    fs::File,
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context as _, Result, bail};
use strata_fixtures::{Case, Staged};

/// The variable that names the command.
pub const VARIABLE: &str = "STRATA_DOCKER";

/// A docker command with `BuildKit`, and the images made with it, which go when it is dropped.
#[derive(Debug)]
pub struct Docker {
    words: Vec<String>,
    images: Vec<String>,
}

impl Docker {
    /// Takes the command from the environment.
    ///
    /// # Errors
    ///
    /// When the variable is not there.
    pub fn from_environment() -> Result<Self> {
        let words: Vec<String> =
            std::env::var(VARIABLE).unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            bail!("{VARIABLE} names no docker command (for example {VARIABLE}=docker)");
        }
        Ok(Self { words, images: Vec::new() })
    }

    /// The command, ready for more arguments.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]);
        command
    }

    /// Removes `image` when this is dropped.
    pub fn forget_at_end(&mut self, image: &str) {
        self.images.push(image.to_owned());
    }

    /// Makes an image of a root filesystem, without config.
    ///
    /// # Errors
    ///
    /// When docker refuses.
    pub fn import(&mut self, tar: &Path, image: &str) -> Result<()> {
        let mut command = self.command();
        command.args(["import", "-", image]).stdin(File::open(tar)?);
        succeed(&mut command)?;
        self.forget_at_end(image);
        Ok(())
    }

    /// Builds a fixture, its bases taken from the images `PREFIX-busybox` and `PREFIX-bb`.
    ///
    /// Gives what docker said when the build itself failed.
    ///
    /// # Errors
    ///
    /// When docker cannot be run.
    pub fn build(&mut self, case: &Case, staged: &Staged, prefix: &str, image: &str) -> Result<Result<(), String>> {
        let mut command = self.command();
        command.args(["build", "-q", "--no-cache", "--provenance=false", "-t", image]);
        for base in ["busybox", "bb"] {
            let context = format!("{base}=docker-image://{prefix}-{base}");
            command.args(["--build-context", &context]);
        }
        // strata cuts times wherever there is an epoch; docker's own store cannot take images with times cut
        let archive = staged.dockerfile.with_file_name("cut.tar");
        if case.recipe.times {
            command.arg("--output").arg(format!("type=docker,dest={},rewrite-timestamp=true", archive.display()));
        }
        let output = run(staged.ask(&mut command))?;
        if !output.status.success() {
            return Ok(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        if case.recipe.times {
            succeed(self.command().arg("load").arg("-i").arg(&archive))?;
        }
        self.forget_at_end(image);
        Ok(Ok(()))
    }

    /// Writes an image as docker's archive.
    ///
    /// # Errors
    ///
    /// When docker refuses.
    pub fn save(&self, image: &str, archive: &Path) -> Result<()> {
        succeed(self.command().arg("save").arg("-o").arg(archive).arg(image))
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        self.images.sort_unstable();
        self.images.dedup();
        if !self.images.is_empty() {
            // what cannot be removed stays, and is replaced by the next run
            let _ = self.command().arg("rmi").args(&self.images).output();
        }
    }
}

fn run(command: &mut Command) -> Result<Output> {
    command.output().with_context(|| format!("cannot run {command:?}"))
}

fn succeed(command: &mut Command) -> Result<()> {
    let output = run(command)?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
