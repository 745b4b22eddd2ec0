//! Passwords in files that programs keep logins in, each in a form of its own.
//!
//! | file | form |
//! |---|---|
//! | `.netrc`, `_netrc` | words: `machine HOST login NAME password PASSWORD`, on one line or several |
//! | `.git-credentials`, `git/credentials` | a line each: `https://NAME:PASSWORD@HOST` |
//! | `.docker/config.json`, `.dockerconfigjson` | JSON: `auths` → host → `auth`, which is Base64 of `NAME:PASSWORD` |
//! | `.dockercfg` | JSON: host → `auth` |

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
