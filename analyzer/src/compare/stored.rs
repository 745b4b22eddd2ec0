//! How two images are stored: names, annotations and the other fields of the manifest. Told at the greatest depth alone.

use std::collections::BTreeSet;

use serde_json::Value;
use strata_image::{
    Digest, Image,
    manifest::{Descriptor, Manifest},
};

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
        of_a.push((What::Names, "names".to_owned(), names(a, asked)));
        of_b.push((What::Names, "names".to_owned(), names(b, asked)));
    }
    let mut differing = differing_by_name(&of_a, &of_b, counts);
    differing.extend(form(a, b, counts));
    differing
}

/// What only the bytes of the two manifests can tell, where everything that they say is equal, whether it counts or not.
fn form(a: &dyn Image, b: &dyn Image, counts: Set) -> Option<FieldDiff> {
    let (bytes_a, bytes_b) = (a.raw_manifest()?, b.raw_manifest()?);
    let stored = |image: &dyn Image| -> Vec<(Digest, u64, String)> {
        let layers = image.layers().iter();
        layers.map(|layer| (layer.stored().0, layer.stored().1, layer.media_type().to_owned())).collect()
    };
    let is_told = bytes_a == bytes_b || !counts.has(What::ManifestForm) || a.id() != b.id() || stored(a) != stored(b);
    if is_told || !differing_by_name(&manifest(a)?, &manifest(b)?, Set::all()).is_empty() {
        return None;
    }
    Some(FieldDiff {
        field: "the way the manifest is written".to_owned(),
        what: What::ManifestForm,
        a: Digest::of(bytes_a).to_string().into(),
        b: Digest::of(bytes_b).to_string().into(),
    })
}

fn names(image: &dyn Image, asked: [Option<&str>; 2]) -> Value {
    let is_asked = |name: &String| asked.iter().flatten().any(|asked| is_meant(asked, name));
    let names = image.names().iter().map(ToString::to_string);
    let names: BTreeSet<String> = names.filter(|name| !is_asked(name)).collect();
    if names.is_empty() { Value::Null } else { names.into_iter().collect() }
}

/// Whether a text ends in a name: `docker-archive:a.tar:app:1` in `app:1`, and `app` in `app:latest`.
fn is_meant(asked: &str, name: &str) -> bool {
    let spellings = [Some(name), name.strip_suffix(":latest")];
    let mut heads = spellings.iter().flatten().filter_map(|name| asked.strip_suffix(name));
    heads.any(|head| head.is_empty() || head.ends_with(['/', ':']))
}

/// The fields of a manifest. Of config and layers only what is said beside them: they are compared as what they are.
fn manifest(image: &dyn Image) -> Option<Vec<(What, String, Value)>> {
    let manifest: Manifest = serde_json::from_slice(image.raw_manifest()?).ok()?;
    let annotations = manifest.annotations.iter();
    let mut fields: Vec<_> = annotations
        .map(|(name, text)| (annotation(name), format!("annotation {name}"), Value::from(text.as_str())))
        .collect();
    fields.push((What::Manifest, "manifest mediaType".to_owned(), manifest.media_type().into()));
    for (name, value) in &manifest.other {
        fields.push((What::Manifest, format!("manifest {name}"), value.clone()));
    }
    fields.push((What::Manifest, "manifest config".to_owned(), beside(&manifest.config, &["digest", "size"])));
    let layers = manifest.layers.iter().map(|layer| beside(layer, &["digest", "size", "mediaType"]));
    let layers: Vec<Value> = layers.collect();
    if layers.iter().any(|layer| !layer.is_null()) {
        fields.push((What::Manifest, "manifest layers".to_owned(), layers.into()));
    }
    Some(fields)
}

/// What an annotation is about: some repeat what is told elsewhere (image-spec, annotations.md; containerd, images/annotations.go).
fn annotation(name: &str) -> What {
    match name {
        "org.opencontainers.image.created" => What::Created,
        "org.opencontainers.image.ref.name" | "io.containerd.image.name" => What::Names,
        _ => What::Annotations,
    }
}

/// What a descriptor says but for these fields.
fn beside(descriptor: &Descriptor, but: &[&str]) -> Value {
    match serde_json::to_value(descriptor) {
        Ok(Value::Object(mut fields)) => {
            fields.retain(|name, _| !but.contains(&name.as_str()));
            if fields.is_empty() { Value::Null } else { fields.into() }
        }
        // a descriptor was JSON before
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::is_meant;

    #[test]
    fn a_name_is_meant_by_what_ends_in_it() {
        for (asked, name, meant) in [
            ("app:1", "app:1", true),
            ("docker-archive:a.tar:app:1", "app:1", true),
            ("docker.io/library/app:1", "app:1", true),
            ("app", "app:latest", true),
            ("myapp", "app:latest", false),
            ("myapp:1", "app:1", false),
            ("app:1", "app:2", false),
            ("app.tar", "app:1", false),
        ] {
            assert_eq!(is_meant(asked, name), meant, "{asked} {name}");
        }
    }
}
