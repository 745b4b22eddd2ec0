//! Reads the blobs of rpm's ndb database (rpm's `lib/backend/ndb/rpmpkg.c`).
//!
//! ```text
//! header (32)   "RpmP" │ version │ generation │ pages of slots │ …
//! slots (16)    "Slot" │ number of the package │ first block, 0 where the slot is free │ blocks
//! blocks (16)   "BlbS" │ number of the package │ generation │ length │ blob │ padding │ checksum │ length │ "BlbE"
//! ```
//!
//! Numbers are of 32 bits, little endian; blocks and pages count from the file's begin. The checksum is not looked at,
//! as in rpm when it reads.

/// Bytes of the header.
const HEADER: usize = 32;
/// Bytes of a slot, and of a block.
const BLOCK: usize = 16;
/// Slots of a page; the header takes the place of the first two.
const SLOTS: usize = 4096 / BLOCK;

/// Visits every blob of a database. `None` when this is none; what is damaged within is passed over. Where slots share
/// a blob, no more bytes are visited than there are.
pub(super) fn blobs(bytes: &[u8], visit: &mut dyn FnMut(&[u8])) -> Option<()> {
    let header = bytes.get(..HEADER).filter(|header| header.starts_with(b"RpmP") && number(header, 4) == Some(0))?;
    let slots = number(header, 12)?.saturating_mul(SLOTS).saturating_sub(HEADER / BLOCK);
    let mut budget = bytes.len();
    for slot in bytes[HEADER..].chunks_exact(BLOCK).take(slots).filter(|slot| slot.starts_with(b"Slot")) {
        if let Some(blob) = blob(bytes, slot)
            && let Some(left) = budget.checked_sub(blob.len())
        {
            budget = left;
            visit(blob);
        }
    }
    Some(())
}

fn blob<'a>(bytes: &'a [u8], slot: &[u8]) -> Option<&'a [u8]> {
    let block = number(slot, 8).filter(|&block| block > 0)?;
    let (head, content) = bytes.get(block.checked_mul(BLOCK)?..)?.split_at_checked(BLOCK)?;
    let is_of_slot = head.starts_with(b"BlbS") && head.get(4..8) == slot.get(4..8);
    content.get(..number(head, 12)?).filter(|_| is_of_slot)
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)).ok()
}
