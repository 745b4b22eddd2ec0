//! Byte strings kept end to end in one allocation and named by number.

/// The number of a text in its [`Texts`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TextId(pub(super) u32);

/// Byte strings, end to end; `ends[n]` is where text `n` ends and the next one starts.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Texts {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<u32>,
}

impl Texts {
    /// Adds a text; `None` when all of them together would pass `limit` bytes.
    pub(super) fn push(&mut self, text: &[u8], limit: usize) -> Option<TextId> {
        let end = self.bytes.len().checked_add(text.len()).filter(|&end| end <= limit)?;
        let id = TextId(u32::try_from(self.ends.len()).ok()?);
        self.ends.push(u32::try_from(end).ok()?);
        self.bytes.extend_from_slice(text);
        Some(id)
    }

    pub(super) fn get(&self, id: TextId) -> &[u8] {
        let index = id.0 as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.bytes[start..self.ends[index] as usize]
    }
}
