//! The fields of two configs that decide how a container starts.

use serde::Serialize;
use serde_json::Value;
use strata_image::{ContainerConfig, ImageConfig};

use super::FieldDiff;

/// Gives the fields that differ. Docker writes an empty field or none for the same thing, so the two are equal.
pub(super) fn compare(a: &ImageConfig, b: &ImageConfig) -> Vec<FieldDiff> {
    fields(a)
        .into_iter()
        .zip(fields(b))
        .filter(|((_, a), (_, b))| a != b)
        .map(|((field, a), (_, b))| FieldDiff { field: field.to_owned(), a, b })
        .collect()
}

fn fields(image: &ImageConfig) -> [(&'static str, Value); 14] {
    let none = ContainerConfig::default();
    let config = image.config.as_ref().unwrap_or(&none);
    [
        ("User", value(&config.user)),
        ("ExposedPorts", value(&config.exposed_ports)),
        ("Env", value(&config.env)),
        ("Entrypoint", value(&config.entrypoint)),
        ("Cmd", value(&config.cmd)),
        ("Volumes", value(&config.volumes)),
        ("WorkingDir", value(&config.working_dir)),
        ("Labels", value(&config.labels)),
        ("StopSignal", value(&config.stop_signal)),
        ("Shell", value(&config.shell)),
        ("Healthcheck", value(&config.healthcheck)),
        ("OnBuild", value(&config.on_build)),
        ("architecture", value(&image.architecture)),
        ("os", value(&image.os)),
    ]
}

/// A field as JSON; empty text, lists and maps are null.
fn value(field: &impl Serialize) -> Value {
    // what a config holds was JSON before
    match serde_json::to_value(field).unwrap_or_default() {
        Value::String(text) if text.is_empty() => Value::Null,
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Object(fields) if fields.is_empty() => Value::Null,
        value => value,
    }
}
