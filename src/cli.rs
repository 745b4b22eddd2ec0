//! What can be typed: the options before the command, and the commands in their groups.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::command::{
    analyze, audit, build, check, compare, explore, export, history, images, import, inspect, load, rmi, run, save,
    slim, system, tag,
};

/// Builds container images, says exactly which of their bytes are wasted, and runs them. One binary, no daemon.
#[derive(Parser, Debug)]
#[command(
    name = "strata",
    version,
    disable_help_subcommand = true,
    after_help = "Where an image is named: a name in the store (app:1), docker-archive:PATH[:REF], oci:PATH[:REF],\n\
                  oci-archive:PATH[:REF], rootfs:PATH (an exported tar or a directory), or a path as it is. With - for the\n\
                  path, or alone, an archive on standard input: docker save app:1 | strata analyze -\n\n\
                  Exit status: 0 yes; 1 the answer is no (images differ, a Dockerfile has errors, a step failed);\n\
                  2 the question could not be answered. `run`: 125, 126, 127 as docker, or the process's own."
)]
pub(crate) struct Cli {
    #[expect(clippy::doc_markdown, reason = "a help text, not a page")]
    /// Folder of images, snapshots and caches [default: /var/lib/strata for root, else $XDG_DATA_HOME/strata]
    #[arg(long, value_name = "DIR", env = "STRATA_ROOT", hide_env_values = true)]
    pub(crate) root: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands, in the order of the help: build, look, move, run, keep.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Build(Box<build::Args>),
    Check(check::Args),
    Slim(Box<slim::Args>),
    Analyze(Box<analyze::Args>),
    Audit(audit::Args),
    Compare(Box<compare::Args>),
    Explore(explore::Args),
    History(history::Args),
    Inspect(inspect::Args),
    Images(images::Args),
    Save(save::Args),
    Load(load::Args),
    Export(export::Args),
    Import(import::Args),
    Tag(tag::Args),
    Rmi(rmi::Args),
    Run(run::Args),
    #[command(subcommand)]
    System(system::Command),
}

/// How a command that shows a table prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// For programs: stable, described in docs/FORMATS.md
    Json,
}
