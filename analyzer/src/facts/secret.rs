//! Secrets in small files: private keys, tokens of well-known forms, passwords in `.env`.
//!
//! A file is looked at when its name says that it may hold one, or when it begins as a key does. A name alone is never
//! enough: a certificate is no secret, nor is an empty `.env`.

mod logins;

use bstr::ByteSlice as _;

/// Larger files are not looked at: a key has a few kB.
pub(super) const MAX_SIZE: u64 = 64 << 10;

/// What kind of secret it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Secret {
    /// A private key: PEM, OpenSSH, PGP, `PuTTY`.
    PrivateKey = 0,
    /// A token that its form gives away, such as `ghp_…`.
    Token = 1,
    /// A password or the like, in a file of settings or of logins.
    Password = 2,
    /// A service account's key.
    ServiceAccount = 3,
    /// A store of keys, such as PKCS #12.
    KeyStore = 4,
}

impl Secret {
    /// All of them, by their number.
    pub(super) const ALL: [Self; 5] =
        [Self::PrivateKey, Self::Token, Self::Password, Self::ServiceAccount, Self::KeyStore];
}

/// Names of files that exist to hold secrets.
const NAMES: &[&[u8]] = &[
    b".npmrc",
    b".yarnrc.yml",
    b".netrc",
    b"_netrc",
    b".pypirc",
    b".pgpass",
    b".my.cnf",
    b".git-credentials",
    b".dockercfg",
    b".dockerconfigjson",
    b".htpasswd",
    b".boto",
    b".s3cfg",
    b"credentials",
    b"credentials.json",
    b"secrets.json",
    b"secrets.yml",
    b"secrets.yaml",
    b"terraform.tfvars",
    b"terraform.tfstate",
    b"settings.xml",
    b"nuget.config",
    b"gradle.properties",
];
/// Ends of names of such files.
const SUFFIXES: &[&[u8]] = &[b".pem", b".key", b".env", b".ppk", b".asc", b".tfvars", b".ovpn"];
/// Ends of names of stores of keys, with how they begin.
const STORES: &[(&[u8], &[u8])] = &[
    (b".p12", b"\x30"),
    (b".pfx", b"\x30"),
    (b".jks", b"\xfe\xed\xfe\xed"),
    (b".keystore", b"\xfe\xed\xfe\xed"),
    (b".kdbx", b"\x03\xd9\xa2\x9a"),
];
/// Begins of tokens, with the least number of token characters that must follow. As their makers document them.
const TOKENS: &[(&[u8], usize)] = &[
    (b"AKIA", 16),
    (b"ASIA", 16),
    (b"ghp_", 36),
    (b"gho_", 36),
    (b"ghu_", 36),
    (b"ghs_", 36),
    (b"ghr_", 36),
    (b"github_pat_", 50),
    (b"glpat-", 20),
    (b"xoxb-", 20),
    (b"xoxp-", 20),
    (b"xapp-", 20),
    (b"sk_live_", 20),
    (b"rk_live_", 20),
    (b"sk-ant-", 40),
    (b"AIza", 35),
    (b"npm_", 36),
    (b"pypi-AgEI", 40),
    (b"dop_v1_", 60),
    (b"SG.", 60),
    (b"hf_", 34),
    (b"dckr_pat_", 20),
];
/// Parts of the names of settings that hold secrets.
const SETTINGS: &[&str] =
    &["password", "passwd", "secret", "token", "api_key", "apikey", "private_key", "_auth", "credential"];

/// Whether a file's name asks for a look into it.
pub(super) fn is_named_so(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let parent = path[..path.len() - name.len()].trim_end_with(|c| c == '/');
    NAMES.contains(&name)
        || name.starts_with(b".env")
        || name.starts_with(b"id_") && !name.ends_with(b".pub")
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
        || STORES.iter().any(|(suffix, _)| name.ends_with(suffix))
        || name == b"config.json" && parent.ends_with(b".docker")
        || name == b"config" && (parent.ends_with(b".kube") || parent.ends_with(b".aws"))
        || name.ends_with(b".json") && (name.contains_str("account") || name.contains_str("credential"))
}

/// Whether a file begins as keys do.
pub(super) fn begins_so(head: &[u8]) -> bool {
    head.starts_with(b"-----BEGIN ") || head.starts_with(b"PuTTY-User-Key-File-")
}

/// Looks for a secret in a small file.
pub(super) fn find(path: &[u8], content: &[u8]) -> Option<Secret> {
    let is_key = content.find_iter(b"-----BEGIN ").any(|at| {
        let line = content[at..].lines().next().unwrap_or_default();
        line.ends_with_str("PRIVATE KEY-----") || line.ends_with_str("PRIVATE KEY BLOCK-----")
    });
    if is_key || content.starts_with(b"PuTTY-User-Key-File-") {
        return Some(Secret::PrivateKey);
    }
    if STORES.iter().any(|(suffix, head)| path.ends_with(suffix) && content.starts_with(head)) {
        return Some(Secret::KeyStore);
    }
    if content.contains_str("\"service_account\"") && content.contains_str("\"private_key\"") {
        return Some(Secret::ServiceAccount);
    }
    if TOKENS.iter().any(|&(head, least)| has_token(content, head, least)) {
        return Some(Secret::Token);
    }
    (logins::has_password(path, content) || content.lines().any(assigns)).then_some(Secret::Password)
}

fn has_token(content: &[u8], head: &[u8], least: usize) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    content.find_iter(head).any(|at| {
        let begins = at == 0 || !content[at - 1].is_ascii_alphanumeric();
        begins && content[at + head.len()..].iter().take_while(|byte| is_part(byte)).count() >= least
    })
}

/// `export DB_PASSWORD="…"`, `//registry/:_authToken=…`: but not what is empty, taken from elsewhere or only an example.
fn assigns(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else {
        return false;
    };
    let line = line.trim();
    let Some((name, value)) = line.split_once(['=', ':']).filter(|_| !line.starts_with(['#', ';'])) else {
        return false;
    };
    // of npm's `//host/:_authToken=x` the name is behind the first colon
    let (name, value) = if name.starts_with("//") || name.is_empty() {
        value.split_once('=').unwrap_or((name, value))
    } else {
        (name, value)
    };
    let name = name.to_ascii_lowercase();
    let value = value.trim().trim_matches(['"', '\'', ',']);
    value.len() >= 6 && !value.contains(' ') && !is_example(value) && SETTINGS.iter().any(|part| name.contains(part))
}

/// Whether a value stands for one that somebody else fills in.
fn is_example(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    value.starts_with(['$', '<', '{', '%'])
        || ["changeme", "change_me", "example", "your", "xxx", "placeholder", "todo", "null", "none", "false", "true"]
            .iter()
            .any(|word| lower.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::{Secret, find, is_named_so};

    #[test]
    fn secrets_are_told_from_what_looks_like_them() {
        let key = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3\n-----END OPENSSH PRIVATE KEY-----\n".as_slice();
        let token = [b"TOKEN=ghp_".as_slice(), &[b'a'; 36]].concat();
        let cases: &[(&str, &[u8], Option<Secret>)] = &[
            ("root/.ssh/id_rsa", key, Some(Secret::PrivateKey)),
            ("a.pem", b"-----BEGIN CERTIFICATE-----\nMII\n", None),
            (".env", &token, Some(Secret::Token)),
            (".env", b"NAME=ghp_short", None),
            (".env", b"# DB_PASSWORD=hunter22\nDB_PASSWORD=\n", None),
            (".env", b"DB_PASSWORD='hunter22'\n", Some(Secret::Password)),
            (".env", b"DB_PASSWORD=$OTHER_PASSWORD\nDEBUG=1\n", None),
            (".npmrc", b"//registry.example.org/:_authToken=0123456789\n", Some(Secret::Password)),
            ("sa-account.json", br#"{"type": "service_account", "private_key": "x"}"#, Some(Secret::ServiceAccount)),
            ("a.jks", b"\xfe\xed\xfe\xed\0\0", Some(Secret::KeyStore)),
            (".env", b"", None),
            ("root/.netrc", b"machine x login y password z", Some(Secret::Password)),
            ("root/.docker/config.json", br#"{"auths": {}, "credsStore": "desktop"}"#, None),
        ];
        for (path, content, secret) in cases {
            assert_eq!(find(path.as_bytes(), content), *secret, "{path}: {:?}", String::from_utf8_lossy(content));
        }
    }

    #[test]
    fn names_say_what_is_looked_at() {
        for path in ["root/.ssh/id_ed25519", "app/.env.production", "home/a/.aws/credentials", "x/tls.key"] {
            assert!(is_named_so(path.as_bytes()), "{path}");
        }
        for path in ["usr/bin/env", "root/.ssh/id_rsa.pub", "etc/config.json", "usr/lib/x.so"] {
            assert!(!is_named_so(path.as_bytes()), "{path}");
        }
    }
}
