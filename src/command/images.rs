//! `images`: what the store holds, in docker's columns.

use anyhow::Result;
use serde::Serialize;
use strata_analyzer::size_text;
use strata_image::{Image, ImageName, Store, Timestamp, store::StoredImage};

use crate::{
    cli::Format,
    exit::Status,
    look::{age, json, table::Columns, text},
    places::Places,
};

/// List the images of the store
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only this repository, or this name with its tag
    name: Option<String>,

    /// Print image IDs alone
    #[arg(short, long)]
    quiet: bool,

    /// Do not cut IDs
    #[arg(long)]
    no_trunc: bool,

    /// How to print the list
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    repository: String,
    tag: String,
    #[serde(rename = "ID")]
    id: String,
    created_at: Option<String>,
    /// Stored bytes of all layers.
    size: u64,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let mut rows = Vec::new();
    let images = places.store_to_read().map(Store::images).transpose()?;
    for image in images.unwrap_or_default() {
        rows.extend(rows_of(&image, args)?);
    }
    if !args.no_trunc && args.format == Format::Table {
        for row in &mut rows {
            row.id = text::short_id(&row.id);
        }
    }
    if args.quiet {
        rows.dedup_by(|a, b| a.id == b.id);
        for row in rows {
            anstream::println!("{}", row.id);
        }
        return Ok(Status::Yes);
    }
    if args.format == Format::Json {
        json::print(&rows)?;
        return Ok(Status::Yes);
    }
    let now = Timestamp::now();
    let mut columns = Columns::new(&["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"]);
    for row in rows {
        columns.row([row.repository, row.tag, row.id, age::ago(row.created_at.as_deref(), now), size_text(row.size)]);
    }
    columns.print();
    Ok(Status::Yes)
}

/// One row a name; `<none>` for an image without one.
fn rows_of(image: &StoredImage, args: &Args) -> Result<Vec<Row>> {
    let row = |repository: &str, tag: &str| Row {
        repository: repository.to_owned(),
        tag: tag.to_owned(),
        id: image.id().map(|id| id.to_string()).unwrap_or_default(),
        created_at: image.config().and_then(|config| config.created.clone()),
        size: super::stored_bytes(image),
    };
    let Some(wanted) = &args.name else {
        if image.names().is_empty() {
            return Ok(vec![row("<none>", "<none>")]);
        }
        return Ok(image.names().iter().map(|name| row(name.repository(), name.tag())).collect());
    };
    let exact = ImageName::parse(wanted)?;
    let tagged = wanted.rsplit('/').next().is_some_and(|last| last.contains(':'));
    let matches = |name: &&ImageName| name.repository() == exact.repository() && (!tagged || name.tag() == exact.tag());
    Ok(image.names().iter().filter(matches).map(|name| row(name.repository(), name.tag())).collect())
}
