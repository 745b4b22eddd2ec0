//! Names of fields in any case, which Go's JSON reader takes and some writers make use of.

use serde_json::{Map, Value};

const CONFIG: &[&str] = &["created", "author", "architecture", "os", "variant", "config", "rootfs", "history"];
const ROOTFS: &[&str] = &["type", "diff_ids"];
const HISTORY: &[&str] = &["created", "created_by", "author", "comment", "empty_layer"];
const CONTAINER: &[&str] = &[
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "ArgsEscaped",
    "Healthcheck",
    "OnBuild",
    "Shell",
];
const HEALTHCHECK: &[&str] = &["Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"];

/// Renames the fields of an image config that are known, whatever case they are written in.
pub(super) fn as_docker_writes_them(config: &mut Value) {
    rename(config, CONFIG);
    if let Some(rootfs) = config.get_mut("rootfs") {
        rename(rootfs, ROOTFS);
    }
    if let Some(Value::Array(steps)) = config.get_mut("history") {
        for step in steps {
            rename(step, HISTORY);
        }
    }
    if let Some(container) = config.get_mut("config") {
        rename(container, CONTAINER);
        if let Some(healthcheck) = container.get_mut("Healthcheck") {
            rename(healthcheck, HEALTHCHECK);
        }
    }
}

/// Gives an object's fields their known spelling; one that is there in that spelling already wins.
pub(crate) fn rename(value: &mut Value, known: &[&str]) {
    let Value::Object(fields) = value else { return };
    for &name in known {
        if fields.contains_key(name) {
            continue;
        }
        if let Some(spelt) = spelt_otherwise(fields, name)
            && let Some(value) = fields.remove(&spelt)
        {
            fields.insert(name.to_owned(), value);
        }
    }
}

fn spelt_otherwise(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()
}
