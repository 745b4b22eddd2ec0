//! The document of `--metadata-file`, in `buildx`'s words.

use serde_json::{Map, Value, json};
use strata_image::ImageName;

use super::Written;

/// Tells what came of a build's outputs, as `buildx` does; where several tell of the same, the last one does.
///
/// ```
/// use strata_builder::output::{Written, metadata};
/// use strata_image::ImageName;
///
/// let written = Written { names: vec![ImageName::parse("app:1")?], ..Written::default() };
/// assert_eq!(metadata(&[written])["image.name"], "docker.io/library/app:1");
/// # Ok::<(), strata_image::name::NameError>(())
/// ```
pub fn metadata(outputs: &[Written]) -> Value {
    let mut document = Map::new();
    let mut say = |key: &str, value: Value| document.insert(key.to_owned(), value);
    for Written { descriptor, config, names, .. } in outputs {
        if let Some(config) = config {
            say("containerimage.config.digest", json!(config));
        }
        if let Some(descriptor) = descriptor {
            say("containerimage.descriptor", json!(descriptor));
            say("containerimage.digest", json!(descriptor.digest));
        }
        if !names.is_empty() {
            let names: Vec<_> = names.iter().map(ImageName::canonical).collect();
            say("image.name", json!(names.join(",")));
        }
    }
    Value::Object(document)
}
