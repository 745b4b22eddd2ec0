//! The fields of two configs: those that decide how a container starts, and at the greatest depth all of them.

use serde::Serialize;
use serde_json::Value;
use strata_image::{ContainerConfig, DiffId, Image, ImageConfig};

use super::what::{Depth, Set, What};

/// A field of the config, or of what else is stored beside the layers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldDiff {
    /// As the config spells it: `Env`, `architecture`.
    pub field: String,
    /// The kind of difference that it is.
    pub what: What,
    /// The first image's value; null where it has none.
    pub a: Value,
    /// The second image's value; null where it has none.
    pub b: Value,
}

/// Gives the fields that differ, and count. Docker writes an empty field or none for the same thing, so the two are equal.
pub(super) fn compare(a: &ImageConfig, b: &ImageConfig, counts: Set, depth: Depth) -> Vec<FieldDiff> {
    let (mut of_a, mut of_b) = (fields(a), fields(b));
    // one that names no variant runs where any does
    if a.variant.is_some() && b.variant.is_some() {
        of_a.push((What::Platform, "variant".to_owned(), value(&a.variant)));
        of_b.push((What::Platform, "variant".to_owned(), value(&b.variant)));
    }
    let mut differing = differing(of_a, of_b, counts);
    if depth == Depth::Exact {
        let is_windows = [a, b].iter().any(|config| config.os == "windows");
        let (mut rest_a, mut rest_b) = (rest(a, is_windows), rest(b, is_windows));
        if a.variant.is_none() || b.variant.is_none() {
            rest_a.push((What::ConfigOther, "variant".to_owned(), value(&a.variant)));
            rest_b.push((What::ConfigOther, "variant".to_owned(), value(&b.variant)));
        }
        differing.extend(differing_by_name(&rest_a, &rest_b, counts));
    }
    differing
}

/// What only the bytes of the two configs can tell, where everything that they say is equal, whether it counts or not.
pub(super) fn form(a: &dyn Image, b: &dyn Image, counts: Set) -> Option<FieldDiff> {
    let (id_a, id_b) = (a.id()?, b.id()?);
    if id_a == id_b || !counts.has(What::ConfigForm) {
        return None;
    }
    let (of_a, of_b) = (a.config()?, b.config()?);
    let diff_ids = |image: &dyn Image| -> Vec<DiffId> { image.layers().iter().map(|layer| layer.diff_id()).collect() };
    let says_the_same = compare(of_a, of_b, Set::all(), Depth::Exact).is_empty()
        && of_a.history == of_b.history
        && diff_ids(a) == diff_ids(b);
    says_the_same.then(|| FieldDiff {
        field: "the way it is written".to_owned(),
        what: What::ConfigForm,
        a: id_a.to_string().into(),
        b: id_b.to_string().into(),
    })
}

type Field = (What, String, Value);

fn differing(a: Vec<Field>, b: Vec<Field>, counts: Set) -> Vec<FieldDiff> {
    a.into_iter()
        .zip(b)
        .filter(|((what, _, a), (_, _, b))| !is_same(*what, a, b) && counts.has(*what))
        .map(|((what, field, a), (_, _, b))| FieldDiff { field, what, a, b })
        .collect()
}

/// Whether two values say the same: a container without a directory of its own starts in the root.
fn is_same(what: What, a: &Value, b: &Value) -> bool {
    let is_root = |value: &Value| value.is_null() || value == "/";
    a == b || what == What::Workdir && is_root(a) && is_root(b)
}

/// Joins two lists of fields, each in the order of its names.
pub(super) fn differing_by_name(a: &[Field], b: &[Field], counts: Set) -> Vec<FieldDiff> {
    let mut names: Vec<(String, What)> = a.iter().chain(b).map(|(what, name, _)| (name.clone(), *what)).collect();
    names.sort_unstable();
    names.dedup();
    let find = |fields: &[Field], name: &str| {
        fields.iter().find(|(_, field, _)| field == name).map_or(Value::Null, |(_, _, value)| value.clone())
    };
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for (name, what) in names {
        of_a.push((what, name.clone(), find(a, &name)));
        of_b.push((what, name.clone(), find(b, &name)));
    }
    differing(of_a, of_b, counts)
}

/// How many fields a config sets, by name.
pub(super) fn set_fields(image: &ImageConfig) -> Vec<String> {
    let is_set = |(_, _, value): &Field| !value.is_null();
    let started = |(what, _, _): &Field| *what != What::Platform;
    fields(image).into_iter().filter(started).filter(is_set).map(|(_, name, _)| name).collect()
}

fn fields(image: &ImageConfig) -> Vec<Field> {
    let none = ContainerConfig::default();
    let config = image.config.as_ref().unwrap_or(&none);
    [
        (What::User, "User", value(&config.user)),
        (What::Ports, "ExposedPorts", value(&config.exposed_ports)),
        (What::Env, "Env", value(&config.env)),
        (What::Entrypoint, "Entrypoint", value(&config.entrypoint)),
        (What::Cmd, "Cmd", value(&config.cmd)),
        (What::Volumes, "Volumes", value(&config.volumes)),
        (What::Workdir, "WorkingDir", value(&config.working_dir)),
        (What::Labels, "Labels", value(&config.labels)),
        (What::StopSignal, "StopSignal", value(&config.stop_signal)),
        (What::Shell, "Shell", value(&config.shell)),
        (What::Healthcheck, "Healthcheck", value(&config.healthcheck)),
        (What::OnBuild, "OnBuild", value(&config.on_build)),
        (What::Platform, "architecture", value(&image.architecture)),
        (What::Platform, "os", value(&image.os)),
    ]
    .map(|(what, name, value)| (what, name.to_owned(), value))
    .into()
}

/// Fields that docker's builders left of the containers in which steps ran, and of themselves. Docker takes none of them from
/// an image when it makes a container (moby, `daemon/commit.go`, `merge`).
const UNUSED: [&str; 19] = [
    "AttachStderr",
    "AttachStdin",
    "AttachStdout",
    "Domainname",
    "Hostname",
    "Image",
    "MacAddress",
    "NetworkDisabled",
    "OpenStdin",
    "StdinOnce",
    "Tty",
    "container",
    "container_config",
    "docker_version",
    "id",
    "moby.buildkit.buildinfo.v1",
    "moby.buildkit.cache.v0",
    "parent",
    "parent_id",
];

/// Everything else that a config says, but for the layers, the history and the variant. `ArgsEscaped`, which docker's builders
/// set everywhere for a time, is read on Windows alone.
fn rest(image: &ImageConfig, is_windows: bool) -> Vec<Field> {
    let none = ContainerConfig::default();
    let config = image.config.as_ref().unwrap_or(&none);
    let escaped = if is_windows { What::ConfigOther } else { What::ConfigUnused };
    let mut fields = vec![
        (What::Created, "created".to_owned(), value(&image.created)),
        (What::ConfigOther, "author".to_owned(), value(&image.author)),
        (escaped, "ArgsEscaped".to_owned(), value(&config.args_escaped)),
    ];
    let other = |(name, found): (&String, &Value)| {
        let what = if UNUSED.contains(&name.as_str()) { What::ConfigUnused } else { What::ConfigOther };
        (what, name.clone(), value(found))
    };
    fields.extend(image.other.iter().map(other));
    fields.extend(config.other.iter().map(other));
    fields
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
