//! What a step depends on, by name: its cache key, and what explains why a step ran again.

use strata_image::ChainId;

use crate::key::{CacheKey, KeyWriter};

/// Everything that decides what a step does: content where its definition does not.
pub(crate) struct Inputs {
    key: KeyWriter,
    named: Vec<(String, String)>,
}

impl Inputs {
    /// The inputs of a kind of step on top of a stack of layers; kinds never share a key.
    pub(crate) fn new(kind: &str, below: Option<ChainId>) -> Self {
        let mut inputs = Self { key: KeyWriter::new(kind), named: Vec::new() };
        inputs.text(BELOW, &below.map(|chain| chain.to_string()).unwrap_or_default());
        inputs
    }

    /// Adds one.
    pub(crate) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.bytes(name, value.as_bytes())
    }

    /// Adds one that need not be text.
    pub(crate) fn bytes(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.key.field(name.as_bytes()).field(value);
        self.named.push((name.to_owned(), String::from_utf8_lossy(value).into_owned()));
        self
    }

    /// Adds a list, whose members do not run together.
    pub(crate) fn list<T: AsRef<[u8]>>(&mut self, name: &str, values: &[T]) -> &mut Self {
        self.key.field(name.as_bytes()).list(values);
        let shown: Vec<_> = values.iter().map(|value| String::from_utf8_lossy(value.as_ref())).collect();
        self.named.push((name.to_owned(), shown.join(" ")));
        self
    }

    /// Adds one that may be absent, which is not the same as empty.
    pub(crate) fn optional(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.text(name, value);
        }
        self
    }

    /// The key of all inputs.
    pub(crate) fn key(&self) -> CacheKey {
        self.key.finish()
    }

    /// Names and values, in order.
    pub(crate) fn named(&self) -> &[(String, String)] {
        &self.named
    }
}

/// The name of what stands below a step.
pub(crate) const BELOW: &str = "the layers below";
