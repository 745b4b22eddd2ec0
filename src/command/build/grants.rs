//! What steps get that is not in the context: secrets, agents, names of machines, the network, ways out of the sandbox.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read as _,
    net::IpAddr,
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use strata_builder::options::{Entitlement, NetworkMode, Secret};

use super::{agent::Agent, fields};

/// The options.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "What steps get")]
#[expect(clippy::doc_markdown, reason = "help texts, not pages")]
pub(crate) struct GrantArgs {
    /// Secret for RUN --mount=type=secret, from a file or a variable; it reaches no layer
    #[arg(long, value_name = "id=ID[,src=FILE|,env=NAME]", value_parser = secret)]
    secret: Vec<SecretArg>,

    /// Agent, or keys without passphrase, for RUN --mount=type=ssh [default: $SSH_AUTH_SOCK]
    #[arg(long, value_name = "default|ID[=SOCKET|=KEYFILE,…]")]
    ssh: Vec<String>,

    /// Line of /etc/hosts
    #[arg(long, value_name = "NAME:IP", value_parser = host)]
    add_host: Vec<(String, String)>,

    /// Network of RUNs that do not say one: default, none, host
    #[arg(long, value_name = "NETWORK", value_parser = network, default_value = "default", hide_default_value = true)]
    network: NetworkMode,

    /// Let RUNs leave the sandbox: network.host, security.insecure
    #[arg(long, value_name = "WHAT", value_parser = entitlement, value_delimiter = ',')]
    allow: Vec<Entitlement>,
}

impl GrantArgs {
    /// Reads the secrets.
    pub(super) fn secrets(&self) -> Result<BTreeMap<String, Secret>> {
        self.secret.iter().map(|secret| Ok((secret.id.clone(), secret.read()?))).collect()
    }

    /// Finds the agents' sockets, and starts those agents that have key files.
    pub(super) fn agents(&self) -> Result<Agents> {
        let mut agents = Agents::default();
        for text in &self.ssh {
            let (id, socket, started) = agent(text)?;
            agents.sockets.insert(id, socket);
            agents.started.extend(started);
        }
        Ok(agents)
    }

    pub(super) fn hosts(&self) -> Vec<(String, String)> {
        self.add_host.clone()
    }

    pub(super) fn network(&self) -> NetworkMode {
        self.network
    }

    /// What is asked for by `--network host` needs no second word, as for docker.
    pub(super) fn entitlements(&self) -> BTreeSet<Entitlement> {
        let by_network = (self.network == NetworkMode::Host).then_some(Entitlement::NetworkHost);
        self.allow.iter().copied().chain(by_network).collect()
    }
}

/// SSH agents for the build.
#[derive(Debug, Default)]
pub(super) struct Agents {
    /// Where they listen, by id.
    pub(super) sockets: BTreeMap<String, PathBuf>,
    /// Those that end with this.
    started: Vec<Agent>,
}

/// A secret as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SecretArg {
    id: String,
    from: SecretFrom,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SecretFrom {
    File(PathBuf),
    Variable(String),
    /// The variable of this name, or else the file.
    Either(String),
}

/// As for docker; larger files are not secrets but data.
const MAX_SECRET: u64 = 500 << 10;

fn secret(text: &str) -> Result<SecretArg, String> {
    let (mut kind, mut id, mut source, mut variable) = (None, None, None, None);
    for (key, value) in fields::pairs(text)? {
        match key.as_str() {
            "type" if value == "file" || value == "env" => kind = Some(value),
            "type" => return Err(format!("type={value}: a secret is of type file or env")),
            "id" => id = Some(value),
            "src" | "source" => source = Some(value),
            "env" => variable = Some(value),
            _ => return Err(format!("unknown key {key:?}; there is id, type, src, env")),
        }
    }
    let id = id.filter(|id| !id.is_empty()).ok_or("it has no id: write id=NAME")?;
    let from = match (kind.as_deref(), source, variable) {
        (_, None, Some(name)) => SecretFrom::Variable(name),
        // `type=env,src=NAME` names a variable too
        (Some("env"), source, None) => SecretFrom::Variable(source.unwrap_or_else(|| id.clone())),
        (_, Some(path), None) => SecretFrom::File(path.into()),
        (Some(_), None, None) => SecretFrom::File(id.clone().into()),
        (None, None, None) => SecretFrom::Either(id.clone()),
        (_, Some(_), Some(_)) => return Err("it has both src and env".to_owned()),
    };
    Ok(SecretArg { id, from })
}

impl SecretArg {
    fn read(&self) -> Result<Secret> {
        let id = &self.id;
        let variable = |name: &str| std::env::var_os(name).map(std::ffi::OsString::into_encoded_bytes);
        let bytes = match &self.from {
            SecretFrom::File(path) => read_secret(id, path)?,
            SecretFrom::Variable(name) => variable(name)
                .with_context(|| format!("cannot read the secret {id}: the variable {name} is not set"))?,
            SecretFrom::Either(name) => match variable(name) {
                Some(value) => value,
                None => read_secret(id, Path::new(name))?,
            },
        };
        Ok(Secret(bytes.into()))
    }
}

fn read_secret(id: &str, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_SECRET + 1).read_to_end(&mut bytes));
    read.with_context(|| format!("cannot read the secret {id} from {}", path.display()))?;
    if bytes.len() as u64 > MAX_SECRET {
        bail!("the secret {id}, {}, is larger than {MAX_SECRET} bytes", path.display());
    }
    Ok(bytes)
}

/// Finds the socket that an option names; for key files an agent is started, which must live as long as it is used.
fn agent(text: &str) -> Result<(String, PathBuf, Option<Agent>)> {
    let (id, value) = match text.split_once('=') {
        Some((id, value)) => (id, Some(value.to_owned())),
        None => (text, None),
    };
    let id = if id.is_empty() { "default" } else { id }.to_owned();
    let value = match value.or_else(|| std::env::var("SSH_AUTH_SOCK").ok()) {
        Some(value) if !value.is_empty() => value,
        _ => bail!("--ssh {text}: SSH_AUTH_SOCK is not set\nhint: start an agent: eval $(ssh-agent) && ssh-add"),
    };
    let is_socket = |path: &Path| -> Result<bool> {
        let metadata =
            std::fs::metadata(path).with_context(|| format!("--ssh {text}: cannot find {}", path.display()))?;
        Ok(metadata.file_type().is_socket())
    };
    let paths: Vec<&Path> = value.split(',').map(Path::new).collect();
    let sockets = paths.iter().map(|path| is_socket(path)).collect::<Result<Vec<_>>>()?;
    match (paths.as_slice(), sockets.contains(&true)) {
        ([path], true) => {
            let path = std::path::absolute(path).with_context(|| format!("cannot use {}", path.display()))?;
            Ok((id, path, None))
        }
        (_, true) => bail!("--ssh {text}: an agent has its own keys, and is given alone"),
        (keys, false) => {
            let agent = Agent::with_keys(keys).with_context(|| format!("--ssh {text}"))?;
            Ok((id, agent.socket().to_owned(), Some(agent)))
        }
    }
}

/// `name:ip` or `name=ip`; an IPv6 address may stand in brackets.
fn host(text: &str) -> Result<(String, String), String> {
    let at = text.find(['=', ':']).ok_or("write NAME:IP")?;
    let (name, address) = (&text[..at], &text[at + 1..]);
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err("write NAME:IP".to_owned());
    }
    if address == "host-gateway" {
        return Err("host-gateway is docker's name for its bridge, and there is none: give the address".to_owned());
    }
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    let address: IpAddr = bare.parse().map_err(|_| format!("{address:?} is no IP address"))?;
    Ok((name.to_owned(), address.to_string()))
}

fn network(text: &str) -> Result<NetworkMode, String> {
    match text {
        "default" => Ok(NetworkMode::Default),
        "none" => Ok(NetworkMode::None),
        "host" => Ok(NetworkMode::Host),
        _ => Err("there is default, none and host".to_owned()),
    }
}

fn entitlement(text: &str) -> Result<Entitlement, String> {
    match text {
        "network.host" => Ok(Entitlement::NetworkHost),
        "security.insecure" => Ok(Entitlement::SecurityInsecure),
        _ => Err("there is network.host and security.insecure".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{SecretFrom, agent, host, secret};

    #[test]
    fn a_secret_comes_from_a_file_or_a_variable() {
        let file = |path: &str| SecretFrom::File(path.into());
        let cases = [
            ("id=a,src=/s", file("/s")),
            ("id=a,source=/s,type=file", file("/s")),
            ("id=a,env=B", SecretFrom::Variable("B".into())),
            ("id=a,type=env", SecretFrom::Variable("a".into())),
            ("id=a,type=env,src=B", SecretFrom::Variable("B".into())),
            ("type=file,id=a", file("a")),
            ("id=a", SecretFrom::Either("a".into())),
            ("id=a,\"src=/x,y\"", file("/x,y")),
        ];
        for (text, from) in cases {
            assert_eq!(secret(text).unwrap().from, from, "{text}");
        }
        for text in ["src=/s", "id=", "id=a,type=vault", "id=a,mode=1", "a", "id=a,src=b,env=c"] {
            assert!(secret(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_read_whole_and_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "hunter2\n").unwrap();
        let secret = secret(&format!("id=a,src={}", file.path().display())).unwrap().read().unwrap();
        assert_eq!(&*secret.0, b"hunter2\n");
        assert_eq!(format!("{secret:?}"), "Secret");
        file.as_file().set_len(super::MAX_SECRET + 1).unwrap();
        let secret = super::secret(&format!("id=a,src={}", file.path().display())).unwrap();
        assert!(secret.read().unwrap_err().to_string().contains("larger than"));
    }

    #[test]
    fn an_agent_is_a_socket_and_a_key_is_a_private_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = |value: &str| format!("{:#}", agent(&format!("default={value}")).unwrap_err());
        let path = file.path().display().to_string();
        assert!(error(&path).contains("neither the socket of an agent nor a private key"), "{}", error(&path));
        std::fs::write(&file, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n").unwrap();
        assert!(error(&path).contains("is encrypted") && error(&path).contains("ssh-add"), "{}", error(&path));
        assert!(error("/nonexistent").contains("cannot find /nonexistent"));
        let socket = file.path().with_extension("sock");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let found = agent(&format!("work={}", socket.display()));
        let both = error(&format!("{},{path}", socket.display()));
        std::fs::remove_file(&socket).unwrap();
        let (id, found, started) = found.unwrap();
        assert!(id == "work" && found == socket && started.is_none());
        assert!(both.contains("given alone"), "{both}");
    }

    #[test]
    fn hosts_are_names_with_addresses() {
        let cases = [
            ("db:10.0.0.1", ("db", "10.0.0.1")),
            ("db=10.0.0.1", ("db", "10.0.0.1")),
            ("db:::1", ("db", "::1")),
            ("db=[fe80::1]", ("db", "fe80::1")),
        ];
        for (text, (name, address)) in cases {
            assert_eq!(host(text).unwrap(), (name.to_owned(), address.to_owned()), "{text}");
        }
        for text in ["db", ":1.2.3.4", "db:", "db:x", "a b:1.2.3.4", "db:host-gateway", "db:1.2.3.4\n"] {
            assert!(host(text).is_err(), "{text}");
        }
    }
}
