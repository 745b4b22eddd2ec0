//! One file a command: its arguments, and what it does with them.

pub(crate) mod analyze;
pub(crate) mod audit;
pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod explore;
pub(crate) mod export;
pub(crate) mod history;
pub(crate) mod images;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod load;
pub(crate) mod rmi;
pub(crate) mod run;
pub(crate) mod save;
mod size;
pub(crate) mod slim;
pub(crate) mod system;
pub(crate) mod tag;

use std::{
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::{Context, Result, bail};
use strata_image::{Image, Store, store::StoredImage};
use strata_runtime::userns;

use crate::{
    cli::{Cli, Command},
    exit::Status,
    places::Places,
    signals,
};

/// Finds the root folder and, for commands that mount or run, becomes root of a user namespace where the caller is not root.
/// Must come before any thread is started.
pub(crate) fn prepare(cli: &Cli) -> Result<Places> {
    let is_root = rustix::process::geteuid().is_root();
    let places = Places::new(cli.root.as_deref(), is_root)?;
    if needs_kernel(&cli.command) {
        userns::enter()?;
    }
    if matches!(cli.command, Command::Build(_) | Command::Slim(_)) {
        signals::block()?;
    }
    Ok(places)
}

fn needs_kernel(command: &Command) -> bool {
    matches!(
        command,
        Command::Build(_)
            | Command::Slim(_)
            | Command::Run(_)
            | Command::System(system::Command::Prune(_) | system::Command::Df(_))
    )
}

/// Runs the command.
pub(crate) fn run(cli: Cli, places: &Places) -> Result<Status> {
    match cli.command {
        Command::Build(args) => build::run(&args, places),
        Command::Check(args) => check::run(&args, places),
        Command::Slim(args) => slim::run(&args, places),
        Command::Analyze(args) => analyze::run(&args, places),
        Command::Audit(args) => audit::run(&args, places),
        Command::Compare(args) => compare::run(&args, places),
        Command::Explore(args) => explore::run(&args, places),
        Command::History(args) => history::run(&args, places),
        Command::Inspect(args) => inspect::run(&args, places),
        Command::Images(args) => images::run(&args, places),
        Command::Save(args) => save::run(&args, places),
        Command::Load(args) => load::run(&args, places),
        Command::Export(args) => export::run(&args, places),
        Command::Import(args) => import::run(&args, places),
        Command::Tag(args) => tag::run(&args, places),
        Command::Rmi(args) => rmi::run(&args, places),
        Command::Run(args) => run::run(&args, places),
        Command::System(command) => system::run(&command, places),
    }
}

/// An image of the store by name, ID or short ID.
fn stored(store: &Store, text: &str) -> Result<StoredImage> {
    store
        .find(text)?
        .with_context(|| format!("no image {text:?} in the store\nhint: `strata images` lists what is there"))
}

/// Bytes of all layers of an image as they are stored.
fn stored_bytes(image: &dyn Image) -> u64 {
    image.layers().iter().map(|layer| layer.stored().1).sum()
}

/// Writes to a file that appears whole or not at all, or to standard output.
fn output(path: Option<&Path>, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    const BUFFER: usize = 1 << 20;
    let Some(path) = path else {
        let stdout = std::io::stdout();
        if std::io::IsTerminal::is_terminal(&stdout) {
            bail!("an archive is not for a terminal\nhint: give a file with -o FILE, or redirect the output");
        }
        let mut out = BufWriter::with_capacity(BUFFER, stdout.lock());
        write(&mut out)?;
        return out.flush().context("cannot write to standard output");
    };
    let failed = || format!("cannot write {}", path.display());
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        // a device or a pipe cannot be replaced by a file
        let file = std::fs::OpenOptions::new().write(true).open(path).with_context(failed)?;
        let mut out = BufWriter::with_capacity(BUFFER, file);
        write(&mut out)?;
        return out.flush().with_context(failed);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder.metadata().with_context(failed)?;
    let file = tempfile::Builder::new().permissions(file_mode()).tempfile_in(folder);
    // its own error names a file that nobody asked for
    let mut file = file.map_err(|error| std::io::Error::from(error.kind())).with_context(failed)?;
    let mut out = BufWriter::with_capacity(BUFFER, &mut file);
    write(&mut out)?;
    out.flush().with_context(failed)?;
    drop(out);
    file.as_file().sync_all().with_context(failed)?;
    file.persist(path).map_err(|error| error.error).with_context(failed)?;
    Ok(())
}

/// What a file that is made without further wishes has; the umask still applies.
fn file_mode() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}
