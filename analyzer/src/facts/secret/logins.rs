//! Passwords in files that programs keep logins in, each in a form of its own.
//!
//! | file | form |
//! |---|---|
//! | `.netrc`, `_netrc` | words: `machine HOST login NAME password PASSWORD`, on one line or several |
//! | `.git-credentials`, `git/credentials` | a line each: `https://NAME:PASSWORD@HOST` |
//! | `.docker/config.json`, `.dockerconfigjson` | JSON: `auths` → host → `auth`, which is Base64 of `NAME:PASSWORD` |
//! | `.dockercfg` | JSON: host → `auth` |
//! | `.pgpass` | a line each: `HOST:PORT:DATABASE:NAME:PASSWORD`, with `\` before a colon or a `\` that is none |
//! | `.htpasswd` | a line each: `NAME:HASH`, in one of the forms that `htpasswd` and crypt(5) write |
//!
//! A hash is no password, but whoever has it can try passwords without being seen.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bstr::ByteSlice;
use serde::Deserialize;
use serde_json::Value;

use super::is_example;

/// Whether a file of logins has a password; the form goes by the file's name.
pub(super) fn has_password(path: &[u8], content: &[u8]) -> bool {
    let (directory, name) = path.rsplit_once_str("/").unwrap_or((b"", path));
    match name {
        b".netrc" | b"_netrc" => netrc(content),
        b".git-credentials" => content.lines().any(url),
        b"credentials" if directory.ends_with(b"/git") => content.lines().any(url),
        b"config.json" if directory.ends_with(b".docker") => docker(content),
        b".dockerconfigjson" => docker(content),
        b".pgpass" => content.lines().any(pgpass),
        b".htpasswd" => content.lines().any(htpasswd),
        b".dockercfg" => serde_json::from_slice(content).is_ok_and(|logins| any_login(&logins)),
        _ => false,
    }
}

/// The word behind `password`, which may stand on another line.
fn netrc(content: &[u8]) -> bool {
    let lines = content.lines().map(ByteSlice::trim).filter(|line| !line.starts_with(b"#"));
    let mut words = lines.flat_map(ByteSlice::fields).filter_map(|word| word.to_str().ok());
    while let Some(word) = words.next() {
        // a name or a host may be called so too
        if !matches!(word, "machine" | "login" | "account" | "password") {
            continue;
        }
        let value = words.next().unwrap_or_default();
        if word == "password" && is_secret(value.trim_matches('"')) {
            return true;
        }
    }
    false
}

/// What stands between the first colon of the login and the `@` before the host.
fn url(line: &[u8]) -> bool {
    let login = line.to_str().ok().and_then(|line| {
        let (_, rest) = line.trim().split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        authority.rsplit_once('@')
    });
    login.and_then(|(login, _)| login.split_once(':')).is_some_and(|(_, password)| is_secret(password))
}

/// A line of the file that libpq reads ("The Password File" in the manual of `PostgreSQL`): `*` stands for any host, port, database
/// or name.
fn pgpass(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else { return false };
    let fields = unescaped(line.trim_end());
    let [host, port, database, name, password] = fields.as_slice() else { return false };
    let is_port = port == "*" || port.parse::<u16>().is_ok();
    let is_named = [host, database, name].iter().all(|field| !field.is_empty());
    !line.starts_with('#') && is_port && is_named && is_secret(password)
}

/// The fields between colons, without the `\` before a mark that ends none.
fn unescaped(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match (c, fields.last_mut()) {
            (':', _) => fields.push(String::new()),
            ('\\', Some(field)) => field.extend(characters.next()),
            (_, Some(field)) => field.push(c),
            (_, None) => {}
        }
    }
    fields
}

/// Begins of a hash, the lengths that its salt may have, and the length of what follows behind a `$`: MD5 of Apache and of crypt,
/// SHA-256 and SHA-512 of crypt.
const SALTED: [(&str, usize); 4] = [("$apr1$", 22), ("$1$", 22), ("$5$", 43), ("$6$", 86)];
/// Begins of bcrypt, of its versions.
const BCRYPT: [&str; 4] = ["$2y$", "$2b$", "$2a$", "$2x$"];

/// A line of the file that Apache and nginx read.
fn htpasswd(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else { return false };
    let Some((name, rest)) = line.trim().split_once(':') else { return false };
    // a comment may stand behind
    let hash = rest.split(':').next().unwrap_or_default();
    !name.is_empty() && !name.starts_with('#') && is_hash(hash)
}

/// Whether a text is a hash of a password, by its exact form.
fn is_hash(text: &str) -> bool {
    let is_crypt = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'))
    };
    if let Some(rest) = BCRYPT.iter().find_map(|head| text.strip_prefix(head)) {
        let cost = rest.split_once('$').filter(|(cost, _)| cost.len() == 2 && cost.parse::<u8>().is_ok());
        return cost.is_some_and(|(_, hash)| is_crypt(hash, 53));
    }
    if let Some((rest, length)) = SALTED.iter().find_map(|(head, length)| Some((text.strip_prefix(head)?, *length))) {
        let rest = match rest.strip_prefix("rounds=").and_then(|rest| rest.split_once('$')) {
            Some((rounds, rest)) if rounds.parse::<u32>().is_ok() => rest,
            _ => rest,
        };
        return rest.split_once('$').is_some_and(|(salt, hash)| {
            (1..=16).contains(&salt.len()) && is_crypt(salt, salt.len()) && is_crypt(hash, length)
        });
    }
    if let Some(encoded) = text.strip_prefix("{SHA}") {
        return STANDARD.decode(encoded).is_ok_and(|sum| sum.len() == 20);
    }
    if let Some(encoded) = text.strip_prefix("{SSHA}") {
        return STANDARD.decode(encoded).is_ok_and(|sum| sum.len() > 20);
    }
    // of old: two characters of salt, eleven of the hash
    is_crypt(text, 13) && !is_example(text)
}

/// What docker keeps of one registry.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Login {
    auth: Value,
    password: Value,
    identitytoken: Value,
    registrytoken: Value,
}

fn docker(content: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Config {
        auths: BTreeMap<String, Login>,
    }
    serde_json::from_slice(content).is_ok_and(|config: Config| any_login(&config.auths))
}

fn any_login(logins: &BTreeMap<String, Login>) -> bool {
    let is_set = |value: &Value| value.as_str().is_some_and(is_secret);
    logins.values().any(|login| {
        login.auth.as_str().is_some_and(auth)
            || [&login.password, &login.identitytoken, &login.registrytoken].into_iter().any(is_set)
    })
}

/// Base64 of `NAME:PASSWORD`; what is something else is somebody's secret all the same.
fn auth(text: &str) -> bool {
    let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.as_deref().map(|login| login.split_once(':')) {
        // docker pads with zero bytes
        Some(Some((_, password))) => is_secret(password.trim_end_matches('\0')),
        _ => is_secret(text),
    }
}

fn is_secret(value: &str) -> bool {
    !value.is_empty() && !is_example(value)
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::has_password;

    #[test]
    fn each_form_has_a_password_or_none() {
        let cases = [
            ("root/.netrc", "machine x login y password z", true),
            ("root/.netrc", "default\n  login password\n  password\n\tz\n", true),
            ("_netrc", "machine password login y", false),
            ("root/.netrc", "machine x login y password", false),
            ("root/.netrc", "machine x login y password \"\"", false),
            ("root/.netrc", "# machine x login y password z\nmachine x login y\n", false),
            ("root/.netrc", "machine x login y password $TOKEN", false),
            ("home/a/.git-credentials", "https://user:pass@host\n", true),
            ("root/.config/git/credentials", "https://user:p%40ss@host/path\n", true),
            ("root/.git-credentials", "https://user:@host\nhttps://user@host\nhttps://host/a:b@c\n", false),
            ("root/.git-credentials", "https://host:8080/path\nuser:pass@host\n", false),
            ("root/.docker/config.json", r#"{"auths": {"x": {"auth": "opaque"}}}"#, true),
            ("root/.docker/config.json", r#"{"auths": {"x": {}, "y": {"identitytoken": "t"}}}"#, true),
            ("root/.docker/config.json", r#"{"auths": {"x": {"auth": ""}}, "credsStore": "desktop"}"#, false),
            ("root/.docker/config.json", r#"{"auths": {"x": {}}, "credHelpers": {"x": "ecr-login"}}"#, false),
            ("root/.docker/config.json", r#"{"auths": 3}"#, false),
            ("root/.docker/config.json", r#"{"auths": {"x": {"auth": "#, false),
            (".dockercfg", r#"{"https://index.docker.io/v1/": {"auth": "opaque", "email": "a@b"}}"#, true),
            (".dockercfg", r#"{"https://index.docker.io/v1/": {"email": "a@b"}}"#, false),
            ("app/config.json", r#"{"auths": {"x": {"auth": "opaque"}}}"#, false),
            ("root/.pgpass", "# hosts\ndb.example.org:5432:app:admin:hunter2\n", true),
            ("root/.pgpass", "*:*:*:admin:hunter2", true),
            ("root/.pgpass", r"\:\:1:5432:app:admin:a\:b\\c", true),
            ("root/.pgpass", "# db:5432:app:admin:hunter2\n", false),
            ("root/.pgpass", "db:5432:app:admin:\ndb:5432:app:admin\n", false),
            ("root/.pgpass", r"db:5432:app\:admin:hunter2", false),
            ("root/.pgpass", "a note: this file: has no: login: here\n", false),
            ("root/.pgpass", "db:70000:app:admin:hunter2\n", false),
            ("root/.pgpass", "db:5432:app:admin:${PASSWORD}\n", false),
            ("etc/nginx/.htpasswd", "# who may\nadmin:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00\n", true),
            (".htpasswd", "admin:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\n", true),
            (".htpasswd", "admin:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=", true),
            (".htpasswd", "admin:rqXexS6ZhobKA:a comment", true),
            (
                ".htpasswd",
                "admin:$6$rounds=5000$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.",
                true,
            ),
            (".htpasswd", "#admin:rqXexS6ZhobKA\n", false),
            (".htpasswd", "admin:yourpassword1\n", false),
            (".htpasswd", "admin:\nadmin\n:rqXexS6ZhobKA\n", false),
            (".htpasswd", "admin:a password\nuser:rqXexS6ZhobK\n", false),
            (".htpasswd", "admin:$apr1$lZL6V/ci$short\nadmin:$2y$05$short\nadmin:{SHA}VBPu\n", false),
            ("htpasswd", "admin:rqXexS6ZhobKA\n", false),
        ];
        for (path, content, expected) in cases {
            assert_eq!(has_password(path.as_bytes(), content.as_bytes()), expected, "{path}: {content}");
        }
        for (login, expected) in [("user:pass", true), ("user:", false), ("user:\0\0", false), ("user", true)] {
            let content = format!(r#"{{"auths": {{"x": {{"auth": "{}"}}}}}}"#, STANDARD.encode(login));
            assert_eq!(has_password(b"root/.docker/config.json", content.as_bytes()), expected, "{login}");
        }
    }

    #[test]
    fn what_is_nested_without_end_has_none() {
        let deep = format!(r#"{{"auths": {{"x": {{"auth": {}"#, "[".repeat(60_000));
        assert!(!has_password(b".docker/config.json", deep.as_bytes()));
    }
}
