//! Every fixture is built, and the image compared, entry by entry, with what `BuildKit` gave.
//!
//! `STRATA_ONLY_FIXTURES=part,part` builds only those whose names contain one of the parts.
#![expect(clippy::print_stdout, reason = "what is skipped is said")]

mod common;

use std::path::PathBuf;
use std::process::Output;
use std::sync::Mutex;

use anyhow::{Context as _, Result, ensure};
use common::Strata;
use strata_fixtures::case::Base;
use strata_fixtures::expected::{Outcome, Source};
use strata_fixtures::{Built, Case, Privilege, Staged, observe};
use strata_image::Image;
use strata_image::archive::docker;

#[test]
fn every_fixture_gives_what_is_expected() -> Result<()> {
    let Some(strata) = Strata::with_base() else {
        return Ok(());
    };
    let mut cases = Case::all()?;
    let builder = Builder::new(strata, &cases)?;
    if let Ok(parts) = std::env::var("STRATA_ONLY_FIXTURES") {
        cases.retain(|case| parts.split(',').any(|part| case.name.contains(part)));
    }

    let total = cases.len();
    let queue = Mutex::new(cases.into_iter());
    let report = Mutex::new(Vec::new());
    let work = || {
        while let Some(case) = queue.lock().ok().and_then(|mut queue| queue.next()) {
            let problem = builder.check(&case).unwrap_or_else(|error| format!("{error:#}\n"));
            if let (false, Ok(mut report)) = (problem.is_empty(), report.lock()) {
                report.push(format!("{}:\n{problem}", case.name));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let mut report = report.into_inner().unwrap_or_default();
    report.sort_unstable();
    assert!(report.is_empty(), "{} of {total} fixtures differ\n\n{}", report.len(), report.join("\n"));
    Ok(())
}

/// A store with the base images that fixtures build on.
struct Builder {
    strata: Strata,
    held: Privilege,
    busybox: Box<dyn Image>,
    /// Not there when this user cannot make it.
    bb: Option<Box<dyn Image>>,
}

impl Builder {
    fn new(strata: Strata, cases: &[Case]) -> Result<Self> {
        let bb = cases.iter().find(|case| case.name == Case::BB).context("no fixture makes the base")?;
        let busybox = saved(&strata, "busybox")?;
        let mut builder = Self { strata, held: Privilege::held(), busybox, bb: None };
        if builder.held >= Privilege::needed(bb, &bb.expected()?)? {
            let (_, output) = builder.build(bb, "bb")?;
            ensure!(output.status.success(), "the base cannot be built: {}", said(&output));
            builder.bb = Some(saved(&builder.strata, "bb")?);
        }
        Ok(builder)
    }

    /// What is wrong with the build of `case`, in words; nothing when nothing is.
    fn check(&self, case: &Case) -> Result<String> {
        let expected = case.expected()?;
        if let Some(lacking) = case.lacks() {
            println!("{}: skipped: there is no {lacking} here", case.name);
            return Ok(String::new());
        }
        let needed = Privilege::needed(case, &expected)?;
        if self.held < needed {
            println!("{}: skipped: it needs {needed:?}, here is {:?}", case.name, self.held);
            return Ok(String::new());
        }
        let (staged, output) = self.build(case, &case.name)?;
        let built = if output.status.success() {
            let base = match case.recipe.base {
                Base::Scratch => None,
                Base::Busybox => Some(self.busybox.as_ref()),
                Base::Bb => self.bb.as_deref(),
            };
            let image = saved(&self.strata, &case.name)?;
            Built::Image(staged.told(observe(image.as_ref(), base, case.times())?))
        } else {
            Built::Failed(said(&output))
        };
        expected.differences(&built, Some("Dockerfile"))
    }

    fn build(&self, case: &Case, name: &str) -> Result<(Staged, Output)> {
        let dir = self.strata.work().join("stage").join(name);
        std::fs::create_dir_all(&dir)?;
        let staged = case.stage(&dir)?;
        let mut command = self.strata.command(["build", "-q", "-t", name]);
        let output = staged.ask(&mut command).output()?;
        Ok((staged, output))
    }
}

/// The image `name` of the store, read again from the archive that is made of it.
fn saved(strata: &Strata, name: &str) -> Result<Box<dyn Image>> {
    let archive: PathBuf = strata.work().join(format!("{name}.tar"));
    let output = strata.command(["save", "-o"]).arg(&archive).arg(name).output()?;
    ensure!(output.status.success(), "{name} cannot be saved: {}", said(&output));
    docker::open(&archive)?.pop().with_context(|| format!("the archive of {name} is empty"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

#[test]
fn every_documented_difference_is_in_the_docs() -> Result<()> {
    let docs = include_str!("../docs/differences.md");
    for case in Case::all()? {
        let documented = case.expected()?.source == Source::Difference;
        ensure!(!documented || docs.contains(&case.name), "docs/differences.md does not name {}", case.name);
    }
    Ok(())
}

#[test]
fn the_docs_count_the_fixtures() -> Result<()> {
    let docs = include_str!("../docs/differences.md");
    let cases = Case::all()?;
    let mut images = 0;
    for case in &cases {
        images += usize::from(matches!(case.expected()?.outcome, Outcome::Builds(_)));
    }
    for count in [format!("{} fixtures are built", cases.len()), format!("{images} compare root filesystem")] {
        ensure!(docs.contains(&count), "docs/differences.md does not say that {count}");
    }
    Ok(())
}
