//! The content of one file, as much of it as a person reads.

use std::{
    io::Read,
    sync::atomic::{AtomicBool, Ordering},
};

use strata_analyzer::size_text;
use strata_image::{Image, layer::LayerReader, view::InodeId};

use super::{
    pager::Pager,
    screen::{Line, Role},
    shown,
    state::File,
};

/// Bytes that are read: more lines than anyone pages through.
const MOST: u64 = 1 << 20;
/// Bytes in which a zero makes a file binary, as in git.
const LOOKED_AT: usize = 8000;
/// Bytes of a binary file that are shown.
const DUMPED: usize = 4096;

/// The beginning of a file.
pub(super) struct Content {
    path: Vec<u8>,
    size: u64,
    bytes: Vec<u8>,
}

/// Reads the beginning of a file.
///
/// # Errors
/// Says in one line what could not be read.
pub(super) fn read(image: &dyn Image, file: File, stop: &AtomicBool) -> Result<Content, String> {
    let mut bytes = Vec::new();
    let mut reader = seek(image, file.inode, stop).map_err(|error| said(&error))?;
    reader.by_ref().take(MOST).read_to_end(&mut bytes).map_err(|error| format!("cannot read the file: {error}"))?;
    Ok(Content { path: file.path, size: file.size, bytes })
}

/// A layer's reader at the content of an inode.
fn seek(image: &dyn Image, inode: InodeId, stop: &AtomicBool) -> anyhow::Result<impl Read> {
    let layer = image.layers().get(inode.layer as usize).ok_or_else(|| anyhow::anyhow!("no such layer"))?;
    let mut reader = LayerReader::new(layer.open()?);
    for _ in 0..=inode.entry {
        if stop.load(Ordering::Relaxed) {
            anyhow::bail!("stopped");
        }
        if reader.next_entry()?.is_none() {
            anyhow::bail!("the layer has changed since it was indexed");
        }
    }
    Ok(reader)
}

/// An error with its causes, in one line.
pub(super) fn said(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

impl Content {
    /// As text, or the beginning of what is none in hexadecimal digits.
    pub(super) fn pager(&self) -> Pager {
        let mut title = format!("{}  {}", shown::path(&self.path), size_text(self.size));
        let lines = if self.bytes.iter().take(LOOKED_AT).any(|&byte| byte == 0) {
            title.push_str(", binary");
            self.dump()
        } else {
            if self.size > self.bytes.len() as u64 {
                title = format!("{title}, the first {}", size_text(self.bytes.len() as u64));
            }
            let text = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
            text.split(|&byte| byte == b'\n').map(|line| Line::of(&shown::line(line), Role::Plain)).collect()
        };
        Pager::of_file(title, lines)
    }

    fn dump(&self) -> Vec<Line> {
        let shown = &self.bytes[..self.bytes.len().min(DUMPED)];
        shown
            .chunks(16)
            .enumerate()
            .map(|(row, bytes)| {
                let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let hex = hex.join(" ");
                let text: String =
                    bytes.iter().map(|&byte| if byte.is_ascii_graphic() { char::from(byte) } else { '.' }).collect();
                Line::of(&format!("{:08x}  ", row * 16), Role::Faint).and(&format!("{hex:47}  {text}"), Role::Plain)
            })
            .collect()
    }
}
