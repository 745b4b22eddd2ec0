//! `run`: a command in a new container made of an image; the container goes when the command ends.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use strata_image::{ContainerConfig, Image, config::DEFAULT_PATH};
use strata_runtime::{
    process::{self, Mount, MountSource, Network, Spec, Stdio},
    snapshot::Losses,
    user,
};

use crate::{
    exit::{ENGINE_FAILED, Failure, Status},
    look::palette::FAINT,
    places::Places,
};

/// Run a command in a new container
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  strata run --rm app:1\n  strata run --rm -it -v $PWD:/work -w /work busybox sh\n\n\
                        Exit status: the command's own, 128+N when signal N ended it; 125 strata failed; 126 the command\n\
                        cannot be executed; 127 it is not there."
)]
pub(crate) struct Args {
    /// Remove the container when it ends; needed, since containers are not kept yet
    #[arg(long)]
    rm: bool,

    /// Keep standard input open
    #[arg(short, long)]
    interactive: bool,

    /// Give the command a terminal
    #[arg(short, long)]
    tty: bool,

    /// Set a variable; without =VALUE it is taken from the environment
    #[arg(short, long = "env", value_name = "NAME[=VALUE]")]
    env: Vec<String>,

    /// Working directory
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<PathBuf>,

    /// User and group: NAME|UID[:GROUP|GID]
    #[arg(short, long)]
    user: Option<String>,

    /// Show a file or folder of this machine in the container: SOURCE:DESTINATION[:ro]
    #[arg(short, long = "volume", value_name = "SOURCE:DESTINATION[:ro]")]
    volume: Vec<String>,

    /// Replace the image's entrypoint; an empty one removes it
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<String>,

    /// The network
    #[arg(long, value_enum, default_value = "host")]
    network: NetworkMode,

    /// Mount the root filesystem read-only
    #[arg(long)]
    read_only: bool,

    /// Host name [default: a random ID]
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,

    /// The image: a name or an ID of the store
    image: String,

    /// The command and its arguments [default: the image's]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum NetworkMode {
    /// Only the loopback interface
    None,
    /// This machine's
    Host,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    start(args, places).map_err(|source| {
        let status = match source.downcast_ref() {
            Some(strata_runtime::Error::Exec { status, .. }) => *status,
            _ => ENGINE_FAILED,
        };
        Failure { status: Status::Process(status), source }.into()
    })
}

fn start(args: &Args, places: &Places) -> Result<Status> {
    if !args.rm {
        bail!("containers are not kept yet\nhint: add --rm");
    }
    let store = places.store()?;
    let lock = store.shared_lock()?;
    let snapshots = places.snapshots()?;
    let image = super::stored(&store, &args.image)?;
    let config = image.config().and_then(|config| config.config.clone()).unwrap_or_default();
    let snapshot = snapshots.of_layers(image.layers())?;
    // a container that runs for days must not hold off the garbage collection of blobs
    drop(lock);
    tell_losses(snapshot.losses());
    let active = snapshots.prepare(&snapshot)?;
    let user = user::resolve(active.root(), args.user.as_deref().or(config.user.as_deref()).unwrap_or(""))?;
    let hostname = match &args.hostname {
        Some(name) => name.clone(),
        None => random_id()?,
    };
    let spec = Spec {
        args: command(args, &config)?,
        env: environment(args, &config, &hostname, &user.home),
        cwd: working_dir(args, &config),
        user,
        hostname,
        network: match args.network {
            NetworkMode::None => Network::None,
            NetworkMode::Host => Network::Host,
        },
        mounts: args.volume.iter().map(|text| bind(text)).collect::<Result<_>>()?,
        read_only: args.read_only,
        forward_signals: true,
        stdio: if args.tty {
            Stdio::Terminal { stdin: args.interactive }
        } else {
            Stdio::Inherit { stdin: args.interactive }
        },
        ..Spec::default()
    };
    let exit = process::start(active.root(), &spec)?.wait()?;
    drop(active);
    Ok(Status::Process(u8::try_from(exit.status()).unwrap_or(u8::MAX)))
}

/// Says once, when the layers are unpacked, what a user namespace could not keep of them.
fn tell_losses(losses: Losses) {
    let told = [(losses.owners, "owners"), (losses.devices, "devices"), (losses.attributes, "extended attributes")];
    let lost: Vec<String> =
        told.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if !lost.is_empty() {
        anstream::eprintln!("{FAINT}not kept without more ids: {}{FAINT:#}", lost.join(", "));
    }
}

/// Docker's rule: an entrypoint given here drops the image's command too.
fn command(args: &Args, config: &ContainerConfig) -> Result<Vec<OsString>> {
    let own = |words: &Option<Vec<String>>| words.iter().flatten().map(OsString::from).collect::<Vec<_>>();
    let mut words = match args.entrypoint.as_deref() {
        Some("") => Vec::new(),
        Some(entrypoint) => vec![entrypoint.into()],
        None => own(&config.entrypoint),
    };
    if !args.command.is_empty() {
        words.extend(args.command.iter().cloned());
    } else if args.entrypoint.is_none() {
        words.extend(own(&config.cmd));
    }
    if words.is_empty() {
        bail!("no command: {} names none\nhint: give one after the image", args.image);
    }
    Ok(words)
}

/// The image's variables, then those that docker adds, then the caller's. A malformed entry of the image (without `=`) is
/// dropped: it must never take its value from this machine.
fn environment(args: &Args, config: &ContainerConfig, hostname: &str, home: &str) -> Vec<OsString> {
    let mut env: Vec<String> = vec![format!("PATH={DEFAULT_PATH}"), format!("HOSTNAME={hostname}")];
    if args.tty {
        set(&mut env, "TERM=xterm".to_owned());
    }
    for variable in config.env.iter().flatten().filter(|variable| variable.contains('=')) {
        set(&mut env, variable.clone());
    }
    for variable in &args.env {
        match (variable.contains('='), std::env::var(variable)) {
            (true, _) => set(&mut env, variable.clone()),
            (false, Ok(value)) => set(&mut env, format!("{variable}={value}")),
            (false, Err(_)) => {}
        }
    }
    if !env.iter().any(|variable| variable.starts_with("HOME=")) {
        env.push(format!("HOME={home}"));
    }
    env.into_iter().map(OsString::from).collect()
}

fn set(env: &mut Vec<String>, variable: String) {
    let name = |text: &str| text.split('=').next().unwrap_or_default().to_owned();
    let wanted = name(&variable);
    match env.iter_mut().find(|existing| name(existing) == wanted) {
        Some(existing) => *existing = variable,
        None => env.push(variable),
    }
}

fn working_dir(args: &Args, config: &ContainerConfig) -> PathBuf {
    let image = config.working_dir.as_deref().filter(|dir| !dir.is_empty()).unwrap_or("/");
    Path::new("/").join(args.workdir.as_deref().unwrap_or(Path::new(image)))
}

fn bind(text: &str) -> Result<Mount> {
    let mut parts = text.splitn(3, ':');
    let (Some(source), Some(destination)) = (parts.next(), parts.next()) else {
        bail!("-v {text} needs SOURCE:DESTINATION\nhint: volumes without a source are not there yet");
    };
    if !(source.starts_with('/') || source.starts_with('.')) {
        bail!("-v {text}: named volumes are not there yet\nhint: give a path of this machine, ./{source} for one here");
    }
    if !destination.starts_with('/') {
        bail!("-v {text}: the destination {destination:?} is not an absolute path");
    }
    let read_only = match parts.next() {
        None | Some("rw") => false,
        Some("ro") => true,
        Some(options) => bail!("-v {text}: unknown options {options:?}\nhint: ro and rw are known"),
    };
    let source = std::path::absolute(source).with_context(|| format!("cannot use {source}"))?;
    if !source.exists() {
        std::fs::create_dir_all(&source).with_context(|| format!("cannot make the folder {}", source.display()))?;
    }
    Ok(Mount { source: MountSource::Host(source), destination: destination.into(), read_only })
}

/// Twelve hexadecimal digits, as docker's short IDs.
fn random_id() -> Result<String> {
    let mut bytes = [0u8; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).context("cannot get random bytes")?;
    Ok(format!("{:012x}", u64::from_be_bytes(bytes) >> 16))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{bind, set};

    #[test]
    fn a_later_variable_replaces_an_earlier_one_in_its_place() {
        let mut env = vec!["A=1".to_owned(), "AB=2".to_owned()];
        set(&mut env, "A=3".to_owned());
        set(&mut env, "C=4".to_owned());
        assert_eq!(env, ["A=3", "AB=2", "C=4"]);
    }

    #[test]
    fn volumes_are_a_source_a_destination_and_perhaps_ro() {
        let read_only = bind("/tmp:/x:ro").unwrap();
        assert!(read_only.read_only && read_only.destination.to_str() == Some("/x"));
        assert!(!bind("/tmp:/x").unwrap().read_only);
        for bad in ["/tmp", "name:/x", "/tmp:x", "/tmp:/x:bogus"] {
            assert!(bind(bad).is_err(), "{bad}");
        }
    }
}
