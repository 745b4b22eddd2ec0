//! The content of sparse files: its map, wherever that stands.

use std::io::BufRead;

use super::LayerReader;
use crate::layer::{
    Problem, TarError,
    header::{BLOCK, BLOCK_BYTES, Header, unsigned},
    sparse::{self, DecimalMap, Map, Segment},
};

impl<R: BufRead> LayerReader<R> {
    /// Reads the map of an old GNU sparse file; gives its expanded size.
    pub(super) fn old_sparse(&mut self, header: &Header, stored: u64) -> Result<u64, TarError> {
        let at = self.offset - BLOCK_BYTES;
        let mut segments = Vec::new();
        let fields = header.gnu().ok_or(Problem::TypeFlag(b'S'));
        let begun = fields.and_then(|fields| {
            sparse::push_old(&mut segments, &fields.sparse)?;
            Ok((unsigned("real size", &fields.realsize)?, fields.isextended[0] == 1))
        });
        let (size, mut more) = begun.map_err(|problem| self.problem(at, problem))?;
        while more {
            let mut block = [0; BLOCK];
            if !self.block(&mut block, "sparse map")? {
                return Err(self.truncated("sparse map"));
            }
            more = sparse::push_extension(&mut segments, &block).map_err(|problem| self.problem(at, problem))?;
        }
        self.sparse_content(at, segments, size, stored)
    }

    /// Takes the map of a PAX sparse file, from its content when it stands there; gives the expanded size.
    pub(super) fn pax_sparse(&mut self, map: Map, size: u64) -> Result<u64, TarError> {
        let at = self.offset - BLOCK_BYTES;
        let mut stored = self.content.stored;
        let segments = match map {
            Map::Known(segments) => segments,
            Map::InContent => {
                let mut map = DecimalMap::default();
                loop {
                    let mut block = [0; BLOCK];
                    stored = stored.checked_sub(BLOCK_BYTES).ok_or_else(|| self.problem(at, Problem::SparseMap))?;
                    if !self.block(&mut block, "sparse map")? {
                        return Err(self.truncated("sparse map"));
                    }
                    if let Some(segments) = map.push(&block).map_err(|problem| self.problem(at, problem))? {
                        break segments;
                    }
                }
            }
        };
        self.sparse_content(at, segments, size, stored)
    }

    fn sparse_content(&mut self, at: u64, segments: Vec<Segment>, size: u64, stored: u64) -> Result<u64, TarError> {
        sparse::check(&segments, size, stored).map_err(|problem| self.problem(at, problem))?;
        self.content.begin_sparse(segments, size, stored);
        Ok(size)
    }
}
