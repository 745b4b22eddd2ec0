//! Cache keys: BLAKE3 over fields that are framed by their length, so that no two different lists of fields run together.

use std::fmt;

/// Identity of a step together with everything it depends on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey([u8; 32]);

impl CacheKey {
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({self})")
    }
}

/// Changes when the meaning of keys changes: records of older versions are never found again.
const VERSION: &str = "strata build step 2";

/// Takes the fields of a key in order.
pub(crate) struct KeyWriter(blake3::Hasher);

impl KeyWriter {
    /// Starts a key; kinds never share one.
    pub(crate) fn new(kind: &str) -> Self {
        let mut writer = Self(blake3::Hasher::new());
        writer.field(VERSION.as_bytes());
        writer.field(kind.as_bytes());
        writer
    }

    /// Adds one field.
    pub(crate) fn field(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds a list: its length, then its items.
    pub(crate) fn list<I>(&mut self, items: I) -> &mut Self
    where
        I: IntoIterator<Item: AsRef<[u8]>, IntoIter: ExactSizeIterator>,
    {
        let items = items.into_iter();
        self.number(items.len() as u64);
        for item in items {
            self.field(item.as_ref());
        }
        self
    }

    /// Adds a number.
    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        self.field(&number.to_le_bytes())
    }

    /// Adds a field that may be absent, which is not the same as empty.
    pub(crate) fn optional(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        self.list(bytes)
    }

    /// The key of all fields so far.
    pub(crate) fn finish(&self) -> CacheKey {
        CacheKey(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fields: &[&[u8]]) -> CacheKey {
        let mut writer = KeyWriter::new("run");
        for field in fields {
            writer.field(field);
        }
        writer.finish()
    }

    #[test]
    fn fields_do_not_run_together() {
        assert_ne!(key(&[b"a|bc"]), key(&[b"ab|c"]));
        assert_ne!(key(&[b"a", b"bc"]), key(&[b"ab", b"c"]));
        assert_ne!(key(&[b"ab"]), key(&[b"ab", b""]));
        assert_eq!(key(&[b"a", b"b"]), key(&[b"a", b"b"]));
    }

    #[test]
    fn a_list_does_not_run_into_the_next() {
        let two = |first: &[&str], second: &[&str]| KeyWriter::new("run").list(first).list(second).finish();
        assert_ne!(two(&["a", "b"], &[]), two(&["a"], &["b"]));
        assert_ne!(two(&[], &["a"]), two(&["a"], &[]));
    }

    #[test]
    fn absent_is_not_empty() {
        let one = |value: Option<&[u8]>| KeyWriter::new("run").optional(value).finish();
        assert_ne!(one(None), one(Some(b"")));
    }

    #[test]
    fn kinds_have_different_keys() {
        assert_ne!(KeyWriter::new("copy").finish(), KeyWriter::new("add").finish());
    }
}
