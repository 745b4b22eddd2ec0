//! Reads the values of a Berkeley DB hash database (Berkeley DB 5.3, `src/dbinc/db_page.h`): no look-up, no log.
//!
//! ```text
//! page 0        the magic number at 12, in the byte order of the machine that wrote it │ bytes of a page at 20
//! other pages   next page at 16 │ items at 20 (u16) │ bytes used at 22 (u16) │ type at 25 │ content from 26
//!   hash        the offset of each item (u16); from the page's end downwards the items: key, value, key, value, …
//!   overflow    bytes of a long value, which goes on in the next page
//! ```

use std::borrow::Cow;

const MAGIC: u32 = 0x0006_1561;
/// Bytes of a page's header.
const HEADER: usize = 26;
const HASH: u8 = 13;
/// What hash pages were before Berkeley DB 4.6.
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
/// An item that stands in its page.
const ON_PAGE: u8 = 1;
/// An item that says where its overflow pages begin.
const OFF_PAGE: u8 = 3;

/// Visits every value of a database. `None` when this is none; what is damaged within is passed over. Where values
/// share their bytes, or pages lead back to themselves, no more bytes are gathered than there are.
pub(super) fn values(bytes: &[u8], visit: &mut dyn FnMut(&[u8])) -> Option<()> {
    let database = Database::open(bytes)?;
    let mut budget = bytes.len();
    for page in bytes.chunks_exact(database.page).skip(1) {
        if !matches!(page[25], HASH | HASH_UNSORTED) {
            continue;
        }
        let items = database.short(page, 20).unwrap_or_default();
        for number in (1..items).step_by(2) {
            if let Some(value) = database.value(page, number, &mut budget) {
                visit(&value);
            }
        }
    }
    Some(())
}

struct Database<'a> {
    bytes: &'a [u8],
    page: usize,
    is_big_endian: bool,
}

impl<'a> Database<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let magic: [u8; 4] = bytes.get(12..16)?.try_into().ok()?;
        let is_big_endian = u32::from_be_bytes(magic) == MAGIC;
        if !is_big_endian && u32::from_le_bytes(magic) != MAGIC {
            return None;
        }
        let mut database = Self { bytes, page: 0, is_big_endian };
        database.page = database.long(bytes, 20)?;
        (database.page.is_power_of_two() && (512..=65536).contains(&database.page)).then_some(database)
    }

    /// A page by its number; the first, which has no items, is 0.
    fn page(&self, number: usize) -> Option<&'a [u8]> {
        let start = number.checked_mul(self.page)?;
        self.bytes.get(start..start.checked_add(self.page)?)
    }

    /// The item of a number, which is that of a value and so not the first.
    fn value(&self, page: &'a [u8], number: usize, budget: &mut usize) -> Option<Cow<'a, [u8]>> {
        let offset = |number: usize| self.short(page, HEADER + 2 * number);
        let (kind, item) = page.get(offset(number)?..offset(number - 1)?)?.split_first()?;
        match *kind {
            ON_PAGE => {
                *budget = budget.checked_sub(item.len())?;
                Some(Cow::Borrowed(item))
            }
            OFF_PAGE => self.overflow(self.long(item, 3)?, self.long(item, 7)?, budget).map(Cow::Owned),
            _ => None,
        }
    }

    /// A value that stands on overflow pages, the first of which has this number.
    fn overflow(&self, first: usize, length: usize, budget: &mut usize) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        let mut next = first;
        while value.len() < length {
            let page = self.page(next).filter(|page| page[25] == OVERFLOW)?;
            let used = self.short(page, 22).filter(|&used| used > 0)?;
            *budget = budget.checked_sub(used)?;
            value.extend_from_slice(page.get(HEADER..HEADER + used)?);
            next = self.long(page, 16)?;
        }
        (value.len() == length).then_some(value)
    }

    fn short(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let number: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(usize::from(if self.is_big_endian { u16::from_be_bytes(number) } else { u16::from_le_bytes(number) }))
    }

    fn long(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let number: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        let number = if self.is_big_endian { u32::from_be_bytes(number) } else { u32::from_le_bytes(number) };
        usize::try_from(number).ok()
    }
}
