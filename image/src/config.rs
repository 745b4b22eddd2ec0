//! The image config: OCI's fields, Docker's own, and whatever else was there.
//!
//! Ours and not oci-spec's, because that one drops Docker's fields (`Healthcheck`, `OnBuild`, `Shell`) and orders maps
//! at random. Readers keep the bytes they found beside this, and never compute a digest from it; what is made here is
//! written by [`canonical`](crate::canonical).
//!
//! Fields are those of the image-spec's `config.md` and of Docker's image specification v1.2; absent ones are not
//! written. A `null` is an absent field, as in Go. Nothing in here is checked beyond its JSON type: an `Env` entry
//! without `=` or a relative `WorkingDir` is for whoever uses it.

pub(crate) mod keys;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::digest::DiffId;

/// The PATH of containers whose image sets none: docker's.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What shell-form commands are given to where the image names no shell: docker's.
pub const DEFAULT_SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// An image's config. Times are text, exactly as found (RFC 3339).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// When the image was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The processor, in Go's words (`amd64`); empty where the config does not say.
    #[serde(default, deserialize_with = "null_is_default")]
    pub architecture: String,
    /// The operating system, in Go's words (`linux`); empty where the config does not say.
    #[serde(default, deserialize_with = "null_is_default")]
    pub os: String,
    /// The processor's variant (`v8`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// What containers of this image run with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ContainerConfig>,
    /// The layers, by diff ID.
    #[serde(default, deserialize_with = "null_is_default")]
    pub rootfs: RootFs,
    /// What was done, step by step.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<History>,
    /// Every other field, as found.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The layers of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type", default = "layers", deserialize_with = "null_is_default")]
    pub kind: String,
    /// Diff IDs, bottom first.
    #[serde(default, deserialize_with = "null_is_default")]
    pub diff_ids: Vec<DiffId>,
}

/// One step of an image's history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The command that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// A remark, such as the name of the builder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether the step made no layer.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub empty_layer: bool,
    /// Every other field, as found.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What containers of an image run with. In JSON the names are Docker's: `User`, `ExposedPorts` and so on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerConfig {
    /// `user[:group]`, names or numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `80/tcp` → `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposed_ports: Option<BTreeMap<String, Value>>,
    /// `NAME=value`, in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<String>>,
    /// The command's head, which `run` does not replace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// The command, or the entrypoint's arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    /// Path → `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volumes: Option<BTreeMap<String, Value>>,
    /// The directory in which the command starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Free text by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// The signal that asks the command to end, by name or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// Windows only: the command is one escaped string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args_escaped: Option<bool>,
    /// How to tell whether the container is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// Instructions for builds that start from this image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_build: Option<Vec<String>>,
    /// What shell-form commands are given to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<Vec<String>>,
    /// Every other field, as found.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// How to tell whether a container is well. Durations are nanoseconds; 0 and absent mean the default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Healthcheck {
    /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", …]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Vec<String>>,
    /// Between two checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<i64>,
    /// For one check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    /// In which failures do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_period: Option<i64>,
    /// Between two checks within the start period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_interval: Option<i64>,
    /// Failures in a row that make it unwell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<i64>,
    /// Every other field, as found.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl ImageConfig {
    /// Reads a config as Go would: names of fields in any case, `null` for absent.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let mut value: Value = serde_json::from_slice(bytes)?;
        keys::as_docker_writes_them(&mut value);
        serde_json::from_value(value)
    }

    /// Gives the history entries that made a layer, in layer order; `None` where their number is not the layers'.
    pub fn layer_history(&self) -> Option<Vec<&History>> {
        let made: Vec<_> = self.history.iter().filter(|step| !step.empty_layer).collect();
        (made.len() == self.rootfs.diff_ids.len()).then_some(made)
    }
}

impl Default for RootFs {
    fn default() -> Self {
        Self { kind: layers(), diff_ids: Vec::new() }
    }
}

fn layers() -> String {
    "layers".to_owned()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference here")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Reads `null` as the type's default: Go writes an empty list or string so.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::canonical;

    #[test]
    fn what_is_absent_is_not_written() {
        let text = String::from_utf8(canonical::to_vec(&ImageConfig::default()).unwrap()).unwrap();
        assert_eq!(text, r#"{"architecture":"","os":"","rootfs":{"diff_ids":[],"type":"layers"}}"#);
    }

    #[test]
    fn unknown_and_dockers_own_fields_survive_a_round_trip() {
        let text = r#"{"architecture":"arm64","config":{"Healthcheck":{"Interval":1,"New":2,"Test":["NONE"]},"Labels":{"a":"b"},"OnBuild":["RUN x"],"Shell":["sh"],"X":null},"container":"c","created":"2024-01-02T03:04:05.123456789Z","history":[{"created_by":"x","empty_layer":true,"n":1}],"os":"linux","os.version":"1","rootfs":{"diff_ids":[],"type":"layers"},"variant":"v8"}"#;
        let config = ImageConfig::parse(text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(canonical::to_vec(&config).unwrap()).unwrap(), text);
    }

    #[test]
    fn null_is_absent() {
        let text = r#"{"created":null,"architecture":null,"os":"linux","config":{"Env":null,"Cmd":null,"Labels":null,"Volumes":null,"Healthcheck":null,"User":null},"history":null,"rootfs":{"type":"layers","diff_ids":null}}"#;
        let config = ImageConfig::parse(text.as_bytes()).unwrap();
        assert_eq!(config.config, Some(ContainerConfig::default()));
        assert!(config.history.is_empty() && config.rootfs.diff_ids.is_empty());
        assert!(ImageConfig::parse(br#"{"rootfs":null,"config":null}"#).unwrap().config.is_none());
    }

    #[test]
    fn a_field_may_be_written_in_any_case() {
        let text = r#"{"Architecture":"amd64","OS":"linux","Config":{"env":["A=1"],"workingdir":"/w","HealthCheck":{"test":["NONE"]}},"rootFS":{"Type":"layers","Diff_IDs":[]},"History":[{"Created_By":"x"}]}"#;
        let config = ImageConfig::parse(text.as_bytes()).unwrap();
        assert_eq!((config.architecture.as_str(), config.os.as_str()), ("amd64", "linux"));
        assert_eq!(config.history[0].created_by.as_deref(), Some("x"));
        let inner = config.config.unwrap();
        assert_eq!((inner.env, inner.working_dir.as_deref()), (Some(vec!["A=1".into()]), Some("/w")));
        assert!(inner.healthcheck.unwrap().test.is_some());
    }

    #[test]
    fn odd_values_are_kept_for_whoever_uses_them() {
        let text = r#"{"config":{"Env":["NOVALUE","*","=x",""],"WorkingDir":"relative","User":"root:x","ExposedPorts":{"99999999/tcp":{}},"Volumes":{"/":{},"/proc":{}},"Entrypoint":["a\u0000b"]}}"#;
        let config = ImageConfig::parse(text.as_bytes()).unwrap().config.unwrap();
        assert_eq!(config.env.unwrap(), ["NOVALUE", "*", "=x", ""]);
        assert_eq!(config.working_dir.as_deref(), Some("relative"));
    }

    #[test]
    fn other_types_and_deep_nesting_are_errors() {
        let deep = format!(r#"{{"config":{}"#, r#"{"a":"#.repeat(100_000));
        for text in ["", "[]", "3", r#"{"config":[]}"#, r#"{"rootfs":{"diff_ids":["md5:00"]}}"#, &deep] {
            assert!(ImageConfig::parse(text.as_bytes()).is_err(), "{}", &text[..text.len().min(40)]);
        }
    }

    #[test]
    fn history_matches_layers_only_when_their_numbers_do() {
        let step = |empty_layer| History { empty_layer, ..History::default() };
        let mut config = ImageConfig { history: vec![step(false), step(true), step(false)], ..ImageConfig::default() };
        assert!(config.layer_history().is_none());
        config.rootfs.diff_ids = vec![DiffId::of(b"a"), DiffId::of(b"b")];
        assert_eq!(config.layer_history().unwrap().len(), 2);
    }
}
