//! How steps are kept apart from the machine: `--isolation` and `--snapshotter`.

use anyhow::Result;
use strata_builder::Engine;
use strata_runtime::{process::Isolation, snapshot::Driver};

use crate::places::Places;

/// The options.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "What steps get")]
pub(crate) struct IsolationArgs {
    /// Keep steps apart by namespaces, or by chroot alone where the kernel forbids those [default: what can be had]
    #[arg(long, value_enum, value_name = "HOW")]
    isolation: Option<Isolated>,

    /// Stack root filesystems by overlay, or copy them where the kernel forbids that [default: what can be had]
    #[arg(long, value_enum, value_name = "HOW")]
    snapshotter: Option<Snapshotter>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Isolated {
    Namespaces,
    Chroot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Snapshotter {
    Overlay,
    Copy,
}

impl IsolationArgs {
    fn asked_for(&self) -> Option<Isolation> {
        self.isolation.map(|isolation| match isolation {
            Isolated::Namespaces => Isolation::Namespaces,
            Isolated::Chroot => Isolation::Chroot,
        })
    }

    /// The isolation that was asked for, or the best that can be had.
    pub(super) fn isolation(&self) -> Isolation {
        Isolation::choose(self.asked_for()).0
    }

    /// The places to build in, with the snapshotter that was asked for.
    pub(crate) fn engine(&self, places: &Places) -> Result<Engine> {
        places.engine_with(self.snapshotter.map(|snapshotter| match snapshotter {
            Snapshotter::Overlay => Driver::Overlay,
            Snapshotter::Copy => Driver::Copy,
        }))
    }

    /// What was chosen although nobody asked for it, and why: a line each.
    pub(crate) fn notes(&self, engine: &Engine) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        if let (Isolation::Chroot, Some(refusal)) = Isolation::choose(self.asked_for()) {
            notes.push(format!("steps are kept apart by chroot alone: {}", chain(refusal)));
            if let Some(refusal) = engine.snapshots.refusal()? {
                notes.push(format!("root filesystems are copied: {}", chain(refusal)));
            }
        }
        Ok(notes)
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
