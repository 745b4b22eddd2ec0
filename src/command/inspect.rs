//! `inspect`: everything about images, as docker prints it: an indented JSON array.

use anyhow::Result;
use serde_json::{Map, Value, json};
use strata_image::{Image, ImageConfig};

use crate::{exit::Status, look::json, places::Places};

/// Show everything about images as JSON
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Images: names in the store, archives, layouts
    #[arg(required = true)]
    images: Vec<String>,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let images = args.images.iter().map(|name| places.image(name)).collect::<Result<Vec<_>>>()?;
    let described = images.iter().map(|image| describe(image.as_ref())).collect::<Result<Vec<_>>>()?;
    json::print(&described)?;
    Ok(Status::Yes)
}

/// Docker's fields, in docker's order as far as JSON objects have one.
fn describe(image: &dyn Image) -> Result<Value> {
    let nothing = ImageConfig::default();
    let config = image.config().unwrap_or(&nothing);
    let names: Vec<String> = image.names().iter().map(ToString::to_string).collect();
    let last = config.history.last();
    let diff_ids: Vec<String> = image.layers().iter().map(|layer| layer.diff_id().to_string()).collect();
    let mut fields = Map::new();
    fields.insert("Id".into(), json!(image.id().map(|id| id.to_string()).unwrap_or_default()));
    fields.insert("RepoTags".into(), json!(names));
    fields.insert("RepoDigests".into(), json!([]));
    fields.insert("Comment".into(), json!(last.and_then(|step| step.comment.as_deref()).unwrap_or_default()));
    fields.insert("Created".into(), json!(config.created));
    fields.insert("Author".into(), json!(config.author.as_deref().unwrap_or_default()));
    fields.insert("Config".into(), serde_json::to_value(&config.config)?);
    fields.insert("Architecture".into(), json!(config.architecture));
    if let Some(variant) = &config.variant {
        fields.insert("Variant".into(), json!(variant));
    }
    fields.insert("Os".into(), json!(config.os));
    fields.insert("Size".into(), json!(super::stored_bytes(image)));
    fields.insert("RootFS".into(), json!({ "Type": "layers", "Layers": diff_ids }));
    Ok(Value::Object(fields))
}
