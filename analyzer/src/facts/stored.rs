//! Facts as bytes, for the cache file of an index: integers little endian, lists led by their length.

use super::{Archive, Elf, Fact, Language, LayerFacts, Member, Secret};

/// A member's hash and size.
const MEMBER_BYTES: usize = 40;

impl LayerFacts {
    /// Writes them at the end of `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let length = |out: &mut Vec<u8>, length: usize| out.extend_from_slice(&(length as u64).to_le_bytes());
        length(out, self.compressed.len());
        out.extend_from_slice(&self.compressed);
        length(out, self.facts.len());
        for (entry, fact) in &self.facts {
            out.extend_from_slice(&entry.to_le_bytes());
            match fact {
                Fact::Elf(elf) => {
                    out.extend_from_slice(&[0, elf.language as u8, u8::from(elf.is_core)]);
                    out.extend_from_slice(&elf.symbols.to_le_bytes());
                    out.extend_from_slice(&elf.debug.to_le_bytes());
                }
                Fact::Zeros(bytes) => {
                    out.push(1);
                    out.extend_from_slice(&bytes.to_le_bytes());
                }
                Fact::Archive(archive) => {
                    out.extend_from_slice(&[2, u8::from(archive.is_whole)]);
                    length(out, archive.members.len());
                    for member in &archive.members {
                        out.extend_from_slice(&member.hash);
                        out.extend_from_slice(&member.size.to_le_bytes());
                    }
                }
                Fact::Secret(secret) => out.extend_from_slice(&[3, *secret as u8]),
                Fact::Kept { start, length } => {
                    out.push(4);
                    out.extend_from_slice(&start.to_le_bytes());
                    out.extend_from_slice(&length.to_le_bytes());
                }
            }
        }
    }

    /// Reads what [`LayerFacts::encode`] wrote; `None` for anything else.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let length = input.length()?;
        let compressed = input.take(length)?.to_vec();
        let count = input.length()?;
        let mut facts = Vec::new();
        for _ in 0..count {
            let entry = u32::from_le_bytes(input.array()?);
            facts.push((entry, input.fact()?));
        }
        let is_ordered = facts.is_sorted_by_key(|(entry, _)| *entry);
        (is_ordered && input.0.is_empty()).then(|| Self { facts, compressed, ..Self::default() })
    }

    /// Gives them when no file says more than it has; `size` gives that of a file, by the number of its entry.
    pub(crate) fn if_within(self, size: &dyn Fn(u32) -> Option<u64>) -> Option<Self> {
        let is_within = |(entry, fact): &(u32, Fact)| {
            let Some(size) = size(*entry) else { return false };
            match fact {
                Fact::Elf(elf) => elf.symbols.checked_add(elf.debug).is_some_and(|bytes| bytes <= size),
                Fact::Zeros(bytes) => *bytes <= size,
                Fact::Archive(archive) => {
                    let add = |sum: u64, member: &Member| sum.checked_add(member.size);
                    archive.members.iter().try_fold(0, add).is_some()
                }
                Fact::Secret(_) | Fact::Kept { .. } => true,
            }
        };
        self.facts.iter().all(is_within).then_some(self)
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.u64()?).ok()
    }

    fn fact(&mut self) -> Option<Fact> {
        let [tag] = self.array()?;
        Some(match tag {
            0 => {
                let [language, is_core] = self.array()?;
                let language = *[Language::Other, Language::Go, Language::Rust].get(usize::from(language))?;
                Fact::Elf(Elf { language, is_core: is_core == 1, symbols: self.u64()?, debug: self.u64()? })
            }
            1 => Fact::Zeros(self.u64()?),
            2 => {
                let [is_whole] = self.array()?;
                let count = self.length()?;
                if count > self.0.len() / MEMBER_BYTES {
                    return None;
                }
                let mut members = Vec::with_capacity(count);
                for _ in 0..count {
                    members.push(Member { hash: self.array()?, size: self.u64()? });
                }
                Fact::Archive(Archive { members, is_whole: is_whole == 1 })
            }
            3 => {
                let [number] = self.array()?;
                Fact::Secret(*Secret::ALL.get(usize::from(number))?)
            }
            4 => Fact::Kept { start: u32::from_le_bytes(self.array()?), length: u32::from_le_bytes(self.array()?) },
            _ => return None,
        })
    }
}
