//! How two images are stored: names, annotations and the other fields of the manifest. Told at the greatest depth alone.

use std::collections::BTreeSet;

use serde_json::Value;
use strata_image::{Image, manifest::Manifest};

use super::{
    config::{FieldDiff, differing_by_name},
    what::{Set, What},
};

/// Gives what differs. `asked` are the texts by which the images were named: a name that one of them ends in is not
/// compared, for who compares `app:1` with `app:2` knows that.
pub(super) fn compare(a: &dyn Image, b: &dyn Image, asked: [Option<&str>; 2], counts: Set) -> Vec<FieldDiff> {
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    if let (Some(a), Some(b)) = (manifest(a), manifest(b)) {
        of_a.extend(a);
        of_b.extend(b);
    }
    // a root filesystem can have no name
    if a.config().is_some() && b.config().is_some() {
        of_a.push((What::Names, "names".to_owned(), names(a, asked[0])));
        of_b.push((What::Names, "names".to_owned(), names(b, asked[1])));
    }
    differing_by_name(&of_a, &of_b, counts)
}

fn names(image: &dyn Image, asked: Option<&str>) -> Value {
    let names = image.names().iter().map(ToString::to_string);
    let names: BTreeSet<String> = names.filter(|name| !asked.is_some_and(|asked| is_meant(asked, name))).collect();
    if names.is_empty() { Value::Null } else { names.into_iter().collect() }
}

fn is_meant(asked: &str, name: &str) -> bool {
    asked.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with(['/', ':']))
        || name.strip_suffix(":latest").is_some_and(|name| asked.ends_with(name))
}

/// The fields of a manifest, but for config and layers, which are compared as what they are.
fn manifest(image: &dyn Image) -> Option<Vec<(What, String, Value)>> {
    let manifest: Manifest = serde_json::from_slice(image.raw_manifest()?).ok()?;
    let annotations = manifest.annotations.iter();
    let mut fields: Vec<_> = annotations
        .map(|(name, text)| (What::Annotations, format!("annotation {name}"), Value::from(text.as_str())))
        .collect();
    fields.push((What::Manifest, "manifest mediaType".to_owned(), manifest.media_type().into()));
    for (name, value) in &manifest.other {
        fields.push((What::Manifest, format!("manifest {name}"), value.clone()));
    }
    Some(fields)
}
