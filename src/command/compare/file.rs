//! `--show`: one path of both images.

use std::io::Write;

use anyhow::{Result, bail};
use strata_analyzer::{
    compare::{FileDiff, FileFacts},
    size_text,
};

use super::{Args, Format};
use crate::{
    exit::Status,
    look::{
        json,
        palette::{ERROR, FAINT, GOOD, STRONG},
        text,
    },
};

pub(super) fn run(args: &Args, found: &FileDiff) -> Result<Status> {
    if !args.quiet {
        match args.format {
            Format::Table => args.print_styled(|out| write(out, found))?,
            Format::Json => args.print_text(&json::text(found)?)?,
            Format::Markdown | Format::Html => bail!("--show prints a diff or JSON\nhint: leave --format out"),
        }
    }
    Ok(if found.equal { Status::Yes } else { Status::No })
}

fn write(out: &mut dyn Write, found: &FileDiff) -> Result<()> {
    for (letter, facts) in [("A", &found.a), ("B", &found.b)] {
        writeln!(out, "{FAINT}{letter}  {}{FAINT:#}", text::safe(&line(facts.as_ref())))?;
    }
    if !found.what.is_empty() {
        let words: Vec<&str> = found.what.iter().map(|what| what.word()).collect();
        writeln!(out, "{FAINT}differs in {}{FAINT:#}", words.join(", "))?;
    }
    if let Some(reason) = found.not_shown {
        writeln!(out, "the contents differ, and are not shown: {reason}")?;
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

fn line(facts: Option<&FileFacts>) -> String {
    let Some(facts) = facts else {
        return "has no such path".to_owned();
    };
    let link = facts.link.as_ref().map(|link| format!(" -> {link}")).unwrap_or_default();
    format!(
        "{}{link}  {}, {}, mode {}, owner {}:{}, {}, from layer {}",
        facts.path,
        facts.kind,
        size_text(facts.bytes),
        facts.mode,
        facts.uid,
        facts.gid,
        facts.mtime,
        facts.layer
    )
}
