//! Tars put together block by block, right or wrong on purpose.

use std::io::Read;

use strata_image::layer::{Entry, LayerReader, TarError};

/// A header block that is open to every change until its checksum is taken.
#[derive(Clone)]
pub(crate) struct Block(pub(crate) [u8; 512]);

impl Block {
    /// A ustar header.
    pub(crate) fn new(name: &str, flag: u8, size: usize) -> Self {
        let mut block = Self([0; 512]);
        block
            .put(0, name.as_bytes())
            .put(100, b"0000644\0")
            .put(108, b"0001750\0")
            .put(116, b"0001751\0")
            .put(124, format!("{size:011o}\0").as_bytes())
            .put(136, b"14544676445\0")
            .put(156, &[flag])
            .put(257, b"ustar\x0000");
        block
    }

    pub(crate) fn gnu(name: &str, flag: u8, size: usize) -> Self {
        let mut block = Self::new(name, flag, size);
        block.put(257, b"ustar  \0");
        block
    }

    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) -> &mut Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub(crate) fn link(&mut self, target: &str) -> &mut Self {
        self.put(157, target.as_bytes())
    }

    /// The block with its checksum.
    pub(crate) fn done(&self) -> Vec<u8> {
        let mut bytes = self.0.to_vec();
        bytes[148..156].fill(b' ');
        let sum: u32 = bytes.iter().map(|&byte| u32::from(byte)).sum();
        bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes
    }
}

/// Data padded to whole blocks.
pub(crate) fn padded(data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    data.resize(data.len().next_multiple_of(512), 0);
    data
}

pub(crate) fn file(name: &str, content: &[u8]) -> Vec<u8> {
    [Block::new(name, b'0', content.len()).done(), padded(content)].concat()
}

/// An extended header: PAX's `x` or `g`, GNU's `L` or `K`.
pub(crate) fn extension(flag: u8, data: &[u8]) -> Vec<u8> {
    [Block::new("extension", flag, data.len()).done(), padded(data)].concat()
}

pub(crate) fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut data = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let mut length = rest;
        while length != rest + length.to_string().len() {
            length += 1;
        }
        data.extend_from_slice(format!("{length} {key}=").as_bytes());
        data.extend_from_slice(value);
        data.push(b'\n');
    }
    extension(b'x', &data)
}

pub(crate) const END: [u8; 1024] = [0; 1024];

/// Every entry with its content.
pub(crate) fn read(tar: &[u8]) -> Result<Vec<(Entry, Vec<u8>)>, TarError> {
    let mut reader = LayerReader::new(tar);
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut content = Vec::new();
        if let Err(error) = reader.read_to_end(&mut content) {
            return Err(error.downcast().unwrap());
        }
        entries.push((entry, content));
    }
    Ok(entries)
}

/// The only entry.
pub(crate) fn read_one(tar: &[Vec<u8>]) -> (Entry, Vec<u8>) {
    let mut entries = read(&[tar.concat(), END.to_vec()].concat()).unwrap();
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}
