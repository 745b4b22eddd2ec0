//! Running `git` so that neither the repository nor the machine decides what it does: no configuration but ours, no hooks, no
//! questions, no protocols but the known ones, and nothing secret where others could read it.

use std::{
    env,
    ffi::OsStr,
    io::{self, Read},
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::Source;
use crate::remote::{
    Fetcher, RemoteError, Ssh,
    address::{Credentials, host},
    wait,
};

/// Bytes of git's output that are kept: a server with a hundred thousand refs lists them in less.
const MAX_OUTPUT: u64 = 64 << 20;

/// Bytes of git's messages that are kept, of the last ones.
const MAX_MESSAGES: usize = 4096;

/// Lines of them that an error shows.
const SHOWN_LINES: usize = 3;

/// What git is told whatever it reads elsewhere (git-config(1)).
const CONFIG: [(&str, &str); 17] = [
    // code that a repository could bring
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("protocol.ext.allow", "never"),
    ("credential.helper", ""),
    ("init.templateDir", ""),
    // files whose bytes would depend on this machine
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.autocrlf", "false"),
    ("core.logAllRefUpdates", "false"),
    ("init.defaultBranch", "main"),
    ("pack.threads", "1"),
    // work that nobody asked for
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    // a server that sends nothing for a minute
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
];

/// `ssh` that asks nothing, and leaves no process behind that keeps our pipes open.
const SSH: &str =
    "ssh -o BatchMode=yes -o ControlMaster=no -o ControlPath=none -o ConnectTimeout=30 -o ServerAliveInterval=20";

/// Variables of the caller that git gets: where programs and certificates are.
const INHERITED: [&str; 5] = ["PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"];

/// Which transports a command may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Those of the source itself.
    Source,
    /// Those of what the source names in turn: never this machine's own repositories (CVE-2022-39253).
    Submodules,
    /// The cache.
    Local,
}

/// The `git` command for one source.
pub(super) struct Git<'a> {
    pub(super) fetcher: &'a Fetcher,
    pub(super) source: &'a Source,
    /// The header that opens the server, by the configuration that sends it to that server only.
    authorization: Option<(String, String)>,
}

/// What a command that ran said.
pub(super) struct Said {
    pub(super) status: ExitStatus,
    pub(super) output: String,
    /// The end of its messages, fit to be shown.
    pub(super) message: String,
}

impl<'a> Git<'a> {
    pub(super) fn new(fetcher: &'a Fetcher, source: &'a Source) -> Self {
        Self { fetcher, source, authorization: authorization(fetcher, source) }
    }

    /// A command without arguments yet.
    pub(super) fn command(&self, reach: Reach) -> Command {
        let mut command = Command::new("git");
        command.env_clear();
        command.envs(INHERITED.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        let protocols = match reach {
            Reach::Source if self.source.is_local() => "file",
            Reach::Source | Reach::Submodules => "http:https:ssh:git",
            Reach::Local => "file",
        };
        command.envs([
            ("LC_ALL", "C"),
            // no .netrc, and no other file of a person
            ("HOME", "/nonexistent"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_SSH_VARIANT", "ssh"),
            ("GIT_ALLOW_PROTOCOL", protocols),
        ]);
        if reach != Reach::Local {
            command.envs(self.fetcher.proxies.variables());
            self.give_keys(&mut command);
        }
        let secret = self.authorization.as_ref().filter(|_| reach != Reach::Local);
        let secret = secret.map(|(name, value)| (name.as_str(), value.as_str()));
        let settings: Vec<_> = CONFIG.into_iter().chain(secret).collect();
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (index, (name, value)) in settings.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{index}"), name).env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        command
    }

    /// The same for a repository that is there.
    pub(super) fn in_repository(&self, reach: Reach, git_dir: &Path) -> Command {
        let mut command = self.command(reach);
        command.env("GIT_DIR", git_dir);
        command
    }

    fn give_keys(&self, command: &mut Command) {
        let none = "-F /dev/null -o IdentityFile=none";
        match &self.fetcher.ssh {
            Ssh::Nothing => command.env("GIT_SSH_COMMAND", format!("{SSH} {none} -o IdentityAgent=none")),
            Ssh::Agent(socket) => command.env("GIT_SSH_COMMAND", format!("{SSH} {none}")).env("SSH_AUTH_SOCK", socket),
            Ssh::Caller => {
                command.envs(env::var_os("SSH_AUTH_SOCK").map(|socket| ("SSH_AUTH_SOCK", socket)));
                command.env("GIT_SSH_COMMAND", SSH)
            }
        };
    }

    /// Runs a command to its end and gives its output.
    ///
    /// # Errors
    /// [`RemoteError::Git`] when it fails.
    pub(super) fn run<I>(
        &self,
        operation: &'static str,
        command: &mut Command,
        arguments: I,
    ) -> Result<String, RemoteError>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let said = self.ask(command.args(arguments))?;
        if said.status.success() { Ok(said.output) } else { Err(self.failed(operation, said)) }
    }

    /// Runs a command to its end, which may be a failure.
    pub(super) fn ask(&self, command: &mut Command) -> Result<Said, RemoteError> {
        let no_git = |source| RemoteError::NoGit { repository: self.source.to_string(), source };
        let cancelled = || RemoteError::Cancelled { url: self.source.to_string() };
        if self.fetcher.cancel.is_cancelled() {
            return Err(cancelled());
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(no_git)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (status, output, messages) = thread::scope(|scope| {
            let output = scope.spawn(|| stdout.map(beginning).unwrap_or_default());
            let messages = scope.spawn(|| stderr.map(end).unwrap_or_default());
            self.stop_when_cancelled(&child);
            (child.wait(), output.join().unwrap_or_default(), messages.join().unwrap_or_default())
        });
        if self.fetcher.cancel.is_cancelled() {
            return Err(cancelled());
        }
        let output = String::from_utf8_lossy(&output).into_owned();
        Ok(Said { status: status.map_err(no_git)?, output, message: shown(&messages) })
    }

    pub(super) fn failed(&self, operation: &'static str, said: Said) -> RemoteError {
        let message = if said.message.is_empty() { said.status.to_string() } else { said.message };
        RemoteError::Git { operation, repository: self.source.to_string(), message }
    }

    /// Waits for the end of the command, and brings it about for it and all that it started when the build is stopped.
    fn stop_when_cancelled(&self, child: &Child) {
        let pid = Pid::from_child(child);
        let (Some(signal), Ok(process)) = (self.fetcher.cancel.signal(), pidfd_open(pid, PidfdFlags::empty())) else {
            return;
        };
        if wait::first_of(signal, process.as_fd()) {
            // it may have ended by itself just now
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// The header for the source's server: by the credentials of the URL, or else by the build's secrets.
fn authorization(fetcher: &Fetcher, source: &Source) -> Option<(String, String)> {
    let (scheme, _) = source.remote.split_once("://").filter(|(scheme, _)| scheme.starts_with("http"))?;
    let host = host(&source.remote);
    let secret = |name: &str| {
        let names = [format!("{name}.{host}"), name.to_owned()];
        let bytes = names.iter().find_map(|name| fetcher.secrets.get(name))?;
        Some(String::from_utf8_lossy(&bytes.0).trim().to_owned())
    };
    let value = match &source.credentials {
        Some(credentials) => credentials.basic(),
        None => match secret("GIT_AUTH_HEADER") {
            Some(header) => header,
            None => Credentials::basic_of(b"x-access-token", secret("GIT_AUTH_TOKEN")?.as_bytes()),
        },
    };
    let is_one_line = !value.contains(char::is_control);
    is_one_line.then(|| (format!("http.{scheme}://{host}/.extraHeader"), format!("Authorization: {value}")))
}

/// Reads to the end and keeps the beginning.
fn beginning(mut from: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    // what cannot be read is missing, and the exit status says more
    let _ = from.by_ref().take(MAX_OUTPUT).read_to_end(&mut kept);
    let _ = io::copy(&mut from, &mut io::sink());
    kept
}

/// Reads to the end and keeps that.
fn end(mut from: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut chunk = [0; MAX_MESSAGES];
    while let Ok(length @ 1..) = from.read(&mut chunk) {
        kept.extend_from_slice(&chunk[..length]);
        kept.drain(..kept.len().saturating_sub(MAX_MESSAGES));
    }
    kept
}

/// The lines of git's messages from the first reason on, or the last ones. A server can say anything in them: what would
/// steer a terminal goes.
fn shown(messages: &[u8]) -> String {
    let text = String::from_utf8_lossy(messages);
    let lines: Vec<String> = text
        .split(['\n', '\r'])
        .map(|line| line.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned())
        .filter(|line| !line.is_empty() && !line.starts_with("hint:"))
        .collect();
    let is_reason = |line: &String| line.starts_with("fatal:") || line.starts_with("error:");
    let begin = lines.iter().position(is_reason).unwrap_or(lines.len().saturating_sub(SHOWN_LINES));
    let shown: Vec<&str> = lines.iter().skip(begin).take(SHOWN_LINES).map(String::as_str).collect();
    shown.join("; ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{collections::BTreeMap, sync::Arc};

    use super::*;
    use crate::options::Secret;

    #[test]
    fn messages_end_with_what_matters_and_steer_no_terminal() {
        let said = b"Cloning\nhint: try\nremote: \x1b[31mred\x07\rfatal: no\n\n";
        assert_eq!(shown(said), "fatal: no");
        assert_eq!(shown(b"a\nb\n\x1b[31mred\x07\n\nc"), "b; [31mred; c");
        assert_eq!(shown(b"a\nerror: b\nc\nd\ne"), "error: b; c; d");
        let long = [vec![b'x'; 10 * MAX_MESSAGES], b"\nfatal: end".to_vec()].concat();
        assert!(end(long.as_slice()).ends_with(b"fatal: end"));
        assert_eq!(end(long.as_slice()).len(), MAX_MESSAGES);
    }

    #[test]
    fn secrets_open_the_host_that_they_are_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut fetcher = Fetcher::new(dir.path());
        let mut secret =
            |name: &str, value: &str| fetcher.secrets.insert(name.to_owned(), Secret(Arc::from(value.as_bytes())));
        secret("GIT_AUTH_TOKEN", "all\n");
        secret("GIT_AUTH_TOKEN.a.example", "one");
        secret("GIT_AUTH_HEADER.b.example:81", "Bearer b");
        for (url, header) in [
            ("https://c.example/x.git", Some("Authorization: Basic eC1hY2Nlc3MtdG9rZW46YWxs")),
            ("https://a.example/x.git", Some("Authorization: Basic eC1hY2Nlc3MtdG9rZW46b25l")),
            ("https://b.example:81/x.git", Some("Authorization: Bearer b")),
            ("https://me:own@a.example/x.git", Some("Authorization: Basic bWU6b3du")),
            ("git@a.example:x", None),
            ("git://a.example/x", None),
        ] {
            let source = Source::parse(url).unwrap().unwrap();
            let git = Git::new(&fetcher, &source);
            assert_eq!(git.authorization.as_ref().map(|(_, value)| value.as_str()), header, "{url}");
            let mut command = git.command(Reach::Source);
            command.arg("fetch").arg(&source.remote);
            assert!(!command.get_args().any(|argument| argument.to_string_lossy().contains("own")), "{url}");
        }
    }

    #[test]
    fn no_variable_of_the_caller_steers_git() {
        let dir = tempfile::tempdir().unwrap();
        let fetcher = Fetcher::new(dir.path());
        let source = Source::parse("https://h/x.git").unwrap().unwrap();
        let command = Git::new(&fetcher, &source).command(Reach::Submodules);
        let variables: BTreeMap<_, _> = command.get_envs().collect();
        assert_eq!(variables.get(OsStr::new("GIT_ALLOW_PROTOCOL")), Some(&Some(OsStr::new("http:https:ssh:git"))));
        assert!(!variables.contains_key(OsStr::new("SSH_AUTH_SOCK")), "no keys without a word of the caller");
    }
}
