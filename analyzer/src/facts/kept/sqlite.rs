//! Reads the rows of one table of an `SQLite` database (sqlite.org/fileformat2.html): no index, no journal, no query.

use std::{borrow::Cow, mem};

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const LEAF: u8 = 13;
const INTERIOR: u8 = 5;
/// Bytes of the database's header, before that of the first page.
const HEADER: usize = 100;
/// Columns of a row: as many as `SQLite` allows unless it is built otherwise.
const MAX_COLUMNS: usize = 2000;

/// Visits every row of a table: its texts and blobs, in order, without the columns of other types. `None` when this is no
/// database or has no such table; what is damaged within is passed over.
pub(super) fn rows(bytes: &[u8], table: &str, visit: &mut dyn FnMut(&[&[u8]])) -> Option<()> {
    let database = Database::open(bytes)?;
    let mut root = None;
    database.walk(1, &mut |payload| {
        let columns = columns(payload);
        // type, name, tbl_name, rootpage, sql
        let text = |number: usize| columns.get(number).map(|column| column.bytes);
        if text(0) == Some(b"table") && text(1) == Some(table.as_bytes()) {
            root = root.or(columns.get(3).and_then(Column::integer));
        }
    });
    database.walk(usize::try_from(root?).ok()?, &mut |payload| {
        let columns = columns(payload);
        let texts: Vec<&[u8]> = columns.iter().filter(|column| column.kind >= 12).map(|column| column.bytes).collect();
        visit(&texts);
    });
    Some(())
}

struct Database<'a> {
    bytes: &'a [u8],
    page: usize,
    /// Bytes of a page that are used.
    usable: usize,
}

struct Column<'a> {
    kind: u64,
    bytes: &'a [u8],
}

impl Column<'_> {
    fn integer(&self) -> Option<u64> {
        match self.kind {
            1..=6 => Some(self.bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))),
            9 => Some(1),
            _ => None,
        }
    }
}

impl<'a> Database<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let head = bytes.get(..HEADER).filter(|head| head.starts_with(MAGIC))?;
        let page = match u16::from_be_bytes([head[16], head[17]]) {
            1 => 65536,
            size if size >= 512 && size.is_power_of_two() => usize::from(size),
            _ => return None,
        };
        Some(Self { bytes, page, usable: page.checked_sub(usize::from(head[20])).filter(|&left| left >= 480)? })
    }

    /// A page by its number; the first is 1.
    fn page(&self, number: usize) -> Option<&'a [u8]> {
        let start = number.checked_sub(1)?.checked_mul(self.page)?;
        self.bytes.get(start..start.checked_add(self.page)?)
    }

    /// Visits the payloads of a table's tree. In a tree that meets itself no page is visited twice, and no more bytes
    /// are gathered than there are.
    fn walk(&self, root: usize, visit: &mut dyn FnMut(&[u8])) {
        let mut seen = vec![false; self.bytes.len() / self.page + 1];
        let mut is_new = |number: &usize| seen.get_mut(*number).is_some_and(|seen| !mem::replace(seen, true));
        let mut budget = self.bytes.len();
        let mut waiting: Vec<usize> = [root].into_iter().filter(&mut is_new).collect();
        while let Some(number) = waiting.pop() {
            let Some(page) = self.page(number) else {
                continue;
            };
            let start = if number == 1 { HEADER } else { 0 };
            let short =
                |at: usize| page.get(at..at + 2).map(|bytes| usize::from(u16::from_be_bytes([bytes[0], bytes[1]])));
            let (kind, count) = (page[start], short(start + 3).unwrap_or_default());
            let cells = (0..count).filter_map(|cell| short(start + if kind == INTERIOR { 12 } else { 8 } + 2 * cell));
            match kind {
                LEAF => {
                    for payload in cells.filter_map(|at| self.payload(page, at, &mut budget)) {
                        visit(&payload);
                    }
                }
                INTERIOR => {
                    waiting.extend(long(page, start + 8).filter(&mut is_new));
                    let children: Vec<usize> = cells.filter_map(|at| long(page, at)).collect();
                    waiting.extend(children.into_iter().rev().filter(&mut is_new));
                }
                _ => {}
            }
        }
    }

    /// A cell's payload, with what stands on overflow pages.
    fn payload(&self, page: &'a [u8], at: usize, budget: &mut usize) -> Option<Cow<'a, [u8]>> {
        let mut cell = page.get(at..)?;
        let length = usize::try_from(varint(&mut cell)?).ok()?;
        varint(&mut cell)?;
        *budget = budget.checked_sub(length)?;
        if length <= self.usable - 35 {
            return cell.get(..length).map(Cow::Borrowed);
        }
        // how much stays on the page: "Cell Payload Overflow Pages"
        let least = (self.usable - 12) * 32 / 255 - 23;
        let fitting = least + (length - least) % (self.usable - 4);
        let local = if fitting <= self.usable - 35 { fitting } else { least };
        let mut payload = cell.get(..local)?.to_vec();
        let mut next = long(cell, local)?;
        while payload.len() < length {
            let overflow = self.page(next)?;
            next = long(overflow, 0)?;
            let wanted = (length - payload.len()).min(self.usable - 4);
            payload.extend_from_slice(overflow.get(4..4 + wanted)?);
        }
        Some(Cow::Owned(payload))
    }
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(bytes)).ok()
}

/// Seven bits a byte, the highest first; the ninth byte has eight.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for count in 1..=9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if count == 9 {
            return Some(number << 8 | u64::from(byte));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(number)
}

/// The columns of a row, as far as they are whole.
fn columns(payload: &[u8]) -> Vec<Column<'_>> {
    let mut columns = Vec::new();
    let mut kinds = payload;
    let Some(header) = varint(&mut kinds).and_then(|length| usize::try_from(length).ok()) else {
        return columns;
    };
    let Some((_, mut body)) = payload.split_at_checked(header) else {
        return columns;
    };
    let mut left = header.saturating_sub(payload.len() - kinds.len());
    while left > 0 && columns.len() < MAX_COLUMNS {
        let before = kinds.len();
        let Some(kind) = varint(&mut kinds) else {
            break;
        };
        left = left.saturating_sub(before - kinds.len());
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => break,
            12.. => (kind - 12) / 2,
        };
        let Some((bytes, rest)) = usize::try_from(length).ok().and_then(|length| body.split_at_checked(length)) else {
            break;
        };
        body = rest;
        columns.push(Column { kind, bytes });
    }
    columns
}
