//! What an ELF file carries that running it does not need, read as it streams by.
//!
//! The section headers most often stand at the end of a file, and the names of sections right before them; Go's linker
//! puts the headers first and the names later. So a window that ends with the headers is kept, and, when the names lie
//! behind it, they are caught when they come. Layout: System V ABI, gabi 4, "Object Files".

use std::ops::Range;

/// Bytes of an ELF header of 64 bits; that of 32 bits is shorter.
const HEADER: usize = 64;
/// Bytes of a section header of 64 bits. Nobody writes larger ones, and all of the table is kept.
const MAX_ENTRY: u64 = 64;
/// Section headers that are looked at. Programs have about 40; object files with a section a function have thousands.
const MAX_SECTIONS: u64 = 4096;
/// Bytes kept before the section headers: the names of sections are a few hundred.
const BEFORE: u64 = 64 << 10;
/// Bytes of names kept.
const MAX_NAMES: u64 = 64 << 10;

const ET_CORE: u64 = 4;
const SHT_SYMTAB: u64 = 2;
const SHT_STRTAB: u64 = 3;
const SHT_NOBITS: u64 = 8;

/// An ELF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elf {
    /// Bytes of `.symtab` and of the names that belong to it.
    pub symbols: u64,
    /// Bytes of `.debug_*`.
    pub debug: u64,
    /// Whether it is a core dump.
    pub is_core: bool,
    /// Who made it, where that shows.
    pub language: Language,
}

/// A compiler that strips in a way of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Language {
    /// Any other.
    Other = 0,
    /// Go: `-ldflags="-s -w"`.
    Go = 1,
    /// Rust: `strip = true`.
    Rust = 2,
}

/// An ELF file as it streams by.
pub(super) struct Watching {
    layout: Layout,
    kind: u64,
    size: u64,
    /// Where the headers are, and what stands before them.
    window: Capture,
    table: Range<u64>,
    entry_size: u64,
    names_section: u64,
    names: Option<Capture>,
}

#[derive(Clone, Copy)]
struct Layout {
    wide: bool,
    big_endian: bool,
}

/// A part of a stream that is wanted.
struct Capture {
    range: Range<u64>,
    bytes: Vec<u8>,
}

struct Section {
    name: u64,
    kind: u64,
    offset: u64,
    size: u64,
    link: u64,
}

impl Watching {
    /// Begins with the first bytes; `None` when they are no ELF file's, or when nothing can be said about it.
    pub(super) fn begin(head: &[u8], size: u64) -> Option<Self> {
        let head = head.get(..HEADER).filter(|head| head.starts_with(b"\x7fELF"))?;
        let layout = Layout { wide: head[4] == 2, big_endian: head[5] == 2 };
        let (table, entry_size, count, names_section) = if layout.wide {
            (layout.number(head, 40, 8)?, layout.number(head, 58, 2)?, layout.number(head, 60, 2)?, 62)
        } else {
            (layout.number(head, 32, 4)?, layout.number(head, 46, 2)?, layout.number(head, 48, 2)?, 50)
        };
        if entry_size > MAX_ENTRY {
            return None;
        }
        let names_section = layout.number(head, names_section, 2)?;
        let kind = layout.number(head, 16, 2)?;
        let end = table.checked_add(entry_size.checked_mul(count.min(MAX_SECTIONS))?)?;
        let table = table..end.min(size).max(table);
        let range = table.start.saturating_sub(BEFORE)..table.end;
        let window = Capture { range, bytes: Vec::new() };
        Some(Self { layout, kind, size, window, table, entry_size, names_section, names: None })
    }

    /// Takes a chunk that begins at `offset`; chunks come in order.
    pub(super) fn take(&mut self, offset: u64, chunk: &[u8]) {
        let is_new = !self.window.is_whole();
        self.window.take(offset, chunk);
        if is_new && self.window.is_whole() && self.names.is_none() {
            // names behind the headers are still to come; of this chunk they may be a part
            let names = self.section(self.names_section).map(|names| names.offset..names.offset + names.size);
            if let Some(range) = names.filter(|range| range.start >= offset && range.end > self.window.range.end) {
                let end = range.end.min(range.start + MAX_NAMES);
                self.names = Some(Capture { range: range.start..end, bytes: Vec::new() });
            }
        }
        if let Some(names) = &mut self.names {
            names.take(offset, chunk);
        }
    }

    pub(super) fn finish(self) -> Elf {
        let mut elf = Elf { symbols: 0, debug: 0, is_core: self.kind == ET_CORE, language: Language::Other };
        // a relocatable file needs its symbols, and a core dump has none
        if !matches!(self.kind, 2 | 3) || !self.window.is_whole() {
            return elf;
        }
        let count = (self.table.end - self.table.start) / self.entry_size.max(1);
        for section in (0..count).filter_map(|number| self.section(number)) {
            let name = self.name(section.name).unwrap_or_default();
            if section.kind == SHT_SYMTAB {
                let names = self.section(section.link).filter(|names| names.kind == SHT_STRTAB);
                let names = names.map_or(0, |names| names.size);
                elf.symbols = elf.symbols.saturating_add(section.size).saturating_add(names);
            } else if name.starts_with(b".debug_") || name.starts_with(b".zdebug_") {
                elf.debug = elf.debug.saturating_add(section.size);
            }
            match name {
                b".gopclntab" | b".go.buildinfo" | b".note.go.buildid" => elf.language = Language::Go,
                // rustc writes it for the debugger, also into what it links of its own library
                b".debug_gdb_scripts" => elf.language = Language::Rust,
                _ => {}
            }
        }
        // what a header claims is no more than there is
        elf.symbols = elf.symbols.min(self.size);
        elf.debug = elf.debug.min(self.size - elf.symbols);
        elf
    }

    fn section(&self, number: u64) -> Option<Section> {
        let start = self.table.start.checked_add(number.checked_mul(self.entry_size)?)?;
        let bytes = self.window.get(start, self.entry_size)?;
        let number = |wide: usize, narrow: usize| {
            let (at, length) = if self.layout.wide { (wide, 8) } else { (narrow, 4) };
            self.layout.number(bytes, at, length)
        };
        let size = number(32, 20)?;
        let offset = number(24, 16)?;
        let is_inside = offset.checked_add(size).is_some_and(|end| end <= self.size);
        let link = self.layout.number(bytes, if self.layout.wide { 40 } else { 24 }, 4)?;
        let kind = self.layout.number(bytes, 4, 4)?;
        let name = self.layout.number(bytes, 0, 4)?;
        match kind {
            // its place in the file says nothing
            SHT_NOBITS => Some(Section { name, kind, offset: 0, size: 0, link }),
            _ => is_inside.then_some(Section { name, kind, offset, size, link }),
        }
    }

    fn name(&self, at: u64) -> Option<&[u8]> {
        let names = self.section(self.names_section)?;
        let left = names.size.checked_sub(at)?.min(64);
        let start = names.offset + at;
        let within = |capture: &Capture| left.min(capture.range.end.saturating_sub(start));
        let bytes = match &self.names {
            Some(capture) => capture.get(start, within(capture))?,
            None => self.window.get(start, within(&self.window))?,
        };
        bytes.split(|&byte| byte == 0).next()
    }
}

impl Layout {
    fn number(self, bytes: &[u8], at: usize, length: usize) -> Option<u64> {
        let field = bytes.get(at..at.checked_add(length)?)?;
        let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big_endian { field.iter().fold(0, push) } else { field.iter().rev().fold(0, push) })
    }
}

impl Capture {
    fn take(&mut self, offset: u64, chunk: &[u8]) {
        let end = offset + chunk.len() as u64;
        let (from, to) = (self.range.start.max(offset), self.range.end.min(end));
        let part = |at: u64| usize::try_from(at - offset).ok();
        if from < to
            && let (Some(from), Some(to)) = (part(from), part(to))
        {
            self.bytes.extend_from_slice(&chunk[from..to]);
        }
    }

    fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.range.end - self.range.start
    }

    fn get(&self, start: u64, length: u64) -> Option<&[u8]> {
        let from = usize::try_from(start.checked_sub(self.range.start)?).ok()?;
        self.bytes.get(from..from.checked_add(usize::try_from(length).ok()?)?)
    }
}
