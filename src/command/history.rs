//! `history`: what made an image, newest first, in docker's columns.

use anyhow::Result;
use serde::Serialize;
use strata_analyzer::size_text;
use strata_image::{Image, Timestamp};

use crate::{
    cli::Format,
    exit::Status,
    look::{age, json, table::Columns, text},
    places::Places,
};

/// Show what made an image, step by step
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The image: a name in the store, an archive, a layout
    image: String,

    /// Do not cut long commands and IDs
    #[arg(long)]
    no_trunc: bool,

    /// How to print the list
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    #[serde(rename = "ID")]
    id: String,
    created_at: Option<String>,
    created_by: String,
    /// Stored bytes of the layer.
    size: u64,
    comment: String,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let image = places.image(&args.image)?;
    let rows = rows(image.as_ref());
    if args.format == Format::Json {
        json::print(&rows)?;
        return Ok(Status::Yes);
    }
    let now = Timestamp::now();
    let mut columns = Columns::new(&["IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"]);
    for row in rows {
        let (id, by) = if args.no_trunc {
            (row.id, row.created_by)
        } else {
            (text::short_id(&row.id), text::ellipsis(&text::safe(&row.created_by), 45))
        };
        columns.row([id, age::ago(row.created_at.as_deref(), now), by, size_text(row.size), row.comment]);
    }
    columns.print();
    Ok(Status::Yes)
}

fn rows(image: &dyn Image) -> Vec<Row> {
    let Some(config) = image.config() else {
        return Vec::new();
    };
    let mut sizes = image.layers().iter().map(|layer| layer.stored().1);
    let mut rows: Vec<Row> = config
        .history
        .iter()
        .map(|step| Row {
            id: "<missing>".to_owned(),
            created_at: step.created.clone(),
            created_by: step.created_by.clone().unwrap_or_default(),
            size: if step.empty_layer { 0 } else { sizes.next().unwrap_or(0) },
            comment: step.comment.clone().unwrap_or_default(),
        })
        .collect();
    rows.reverse();
    if let (Some(first), Some(id)) = (rows.first_mut(), image.id()) {
        first.id = id.to_string();
    }
    rows
}
