//! `--show`: one path of both images.

use std::io::Write;

use anyhow::Result;
use strata_analyzer::compare::{self, FileDiff};

use super::{Args, Format, ROWS, table};
use crate::{
    exit::Status,
    look::{
        json,
        palette::{ERROR, FAINT, GOOD, STRONG},
        text,
    },
};

/// Lines of a diff in markdown without `--all`: GitHub takes comments of 65,536 characters.
const LINES: usize = 500;

pub(super) fn run(args: &Args, found: &FileDiff) -> Result<Status> {
    let rows = (!args.all).then_some(ROWS);
    if !args.quiet {
        match args.format {
            Format::Table => args.print_styled(|out| write(out, found, rows))?,
            Format::Json => args.print_text(&json::text(found)?)?,
            Format::Markdown => {
                args.print_text(&compare::markdown_of_file(found, (!args.all).then_some(LINES), rows))?;
            }
            Format::Html => args.print_text(&compare::html_of_file(found, rows))?,
        }
    }
    Ok(if found.equal { Status::Yes } else { Status::No })
}

fn write(out: &mut dyn Write, found: &FileDiff, rows: Option<usize>) -> Result<()> {
    for (letter, side) in found.sides() {
        writeln!(out, "{FAINT}{letter}  {}{FAINT:#}", text::safe(&side))?;
    }
    for note in found.notes() {
        writeln!(out, "{FAINT}{}{FAINT:#}", text::safe(&note))?;
    }
    for section in &compare::outline_of_file(found, rows) {
        writeln!(out)?;
        table::list(out, section, rows.is_some())?;
    }
    if found.diff.is_some() && found.below.is_some() {
        writeln!(out)?;
    }
    for line in found.diff.as_deref().unwrap_or_default().lines() {
        let style = match line.as_bytes() {
            [b'-', b'-', b'-', b' ', ..] | [b'+', b'+', b'+', b' ', ..] => STRONG,
            [b'@', ..] => FAINT,
            [b'-', ..] => ERROR,
            [b'+', ..] => GOOD,
            _ => anstyle::Style::new(),
        };
        writeln!(out, "{style}{}{style:#}", diff_line(line))?;
    }
    if found.equal {
        writeln!(out, "equal")?;
    }
    Ok(())
}

/// Tabs stay what they are in a diff.
fn diff_line(line: &str) -> String {
    line.split('\t').map(text::safe).collect::<Vec<_>>().join("\t")
}
