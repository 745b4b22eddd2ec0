//! `--ssh ID=KEYFILE`: an agent of OpenSSH's that has these keys and lives as long as the build.
//!
//! ```text
//! strata ─ pipe ─► sh: waits for the pipe's end, then ends ─► ssh-agent ◄─ keys ─ ssh-add
//! ```
//!
//! The kernel closes the pipe however we end, so that no agent outlives us. Keys go to `ssh-add` by its standard input: they
//! are in no argument, no variable and no file of ours, and their files need not have the modes that `ssh` asks for.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// Bytes of a key file: the largest RSA keys have a fifth of it.
const MAX_KEY: u64 = 64 << 10;

/// Says that the agent is there, and ends it when nobody holds the other end of its input. The signals that an agent would tidy
/// up after are blocked here, and in all that we start.
const GUARD: &str = r#"echo; read -r _; kill -KILL "$SSH_AGENT_PID"; rm -rf -- "$1""#;

/// How the body of a key of OpenSSH's form begins that has no passphrase: `openssh-key-v1`, then the cipher `none`, in base64.
const PLAIN: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU";

/// An agent; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Agent {
    socket: PathBuf,
    guard: Child,
    /// Where the socket is. The guard removes it too.
    _directory: TempDir,
}

impl Agent {
    /// Starts an agent with the keys of these files.
    pub(super) fn with_keys(keys: &[&Path]) -> Result<Self> {
        let texts = keys.iter().map(|path| read_key(path)).collect::<Result<Vec<_>>>()?;
        let agent = Self::start()?;
        for (path, text) in keys.iter().zip(&texts) {
            agent.add(text).with_context(|| format!("cannot give the key {} to the agent", path.display()))?;
        }
        Ok(agent)
    }

    /// Where it listens.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    fn start() -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("strata-agent-").tempdir();
        let directory = directory.context("cannot make a folder for the socket of an agent")?;
        let socket = directory.path().join("socket");
        let mut command = Command::new("ssh-agent");
        command.arg("-a").arg(&socket).args(["sh", "-c", GUARD, "sh"]).arg(directory.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // what a terminal sends is for us: we end the agent when we end
        let mut guard = command.process_group(0).spawn().map_err(|error| not_started("ssh-agent", error))?;
        let stdout = guard.stdout.take();
        let agent = Self { socket, guard, _directory: directory };
        let mut said = [0];
        let listens = stdout.is_some_and(|mut stdout| stdout.read_exact(&mut said).is_ok());
        if listens { Ok(agent) } else { bail!("ssh-agent ended before it listened") }
    }

    fn add(&self, key: &str) -> Result<()> {
        let mut command = Command::new("ssh-add");
        command.args(["-q", "-"]).env("SSH_AUTH_SOCK", &self.socket).env("SSH_ASKPASS_REQUIRE", "never");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut adding = command.spawn().map_err(|error| not_started("ssh-add", error))?;
        if let Some(mut stdin) = adding.stdin.take() {
            match stdin.write_all(key.as_bytes()) {
                // it has seen enough, and says why
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
                _ => {}
            }
        }
        let said = adding.wait_with_output()?;
        if !said.status.success() {
            bail!("ssh-add: {}", String::from_utf8_lossy(&said.stderr).trim());
        }
        Ok(())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // nobody is left to tell that it could not be waited for
        let _ = self.guard.wait();
    }
}

fn not_started(program: &str, error: io::Error) -> anyhow::Error {
    let hint = "keys of files need OpenSSH's ssh-agent and ssh-add; or give the socket of an agent: --ssh ID=SOCKET";
    anyhow::Error::new(error).context(format!("cannot start {program}\nhint: {hint}"))
}

/// Reads a private key without a passphrase.
fn read_key(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_KEY + 1).read_to_string(&mut text));
    read.with_context(|| format!("cannot read the key {}", path.display()))?;
    if text.len() as u64 > MAX_KEY || !text.contains("PRIVATE KEY-----") {
        bail!("{} is neither the socket of an agent nor a private key", path.display());
    }
    if is_encrypted(&text) {
        let start = format!("eval $(ssh-agent) && ssh-add {}", path.display());
        bail!(
            "the key {} is encrypted\nhint: give it to an agent that can ask for the passphrase: {start}",
            path.display()
        );
    }
    Ok(text)
}

/// Whether a key has a passphrase: PEM says so in a header or in its kind, OpenSSH's own form by the name of a cipher.
fn is_encrypted(text: &str) -> bool {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("-----BEGIN "));
    match lines.next() {
        Some("-----BEGIN OPENSSH PRIVATE KEY-----") => !lines.next().is_some_and(|line| line.starts_with(PLAIN)),
        _ => text.contains("ENCRYPTED"),
    }
}

#[cfg(test)]
mod tests {
    use super::is_encrypted;

    #[test]
    fn a_key_says_whether_it_has_a_passphrase() {
        let openssh = |body: &str| format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END");
        for (text, expected) in [
            (openssh("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ"), false),
            (openssh("b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAA"), true),
            (openssh(""), true),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n".to_owned(), false),
            ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n".to_owned(), true),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE\n".to_owned(), true),
        ] {
            assert_eq!(is_encrypted(&text), expected, "{text}");
        }
    }
}
