//! The output of a step that is shown only if the step fails.

use std::{
    io::{self, Seek, Write},
    time::Duration,
};

use strata_builder::Event;
use tempfile::SpooledTempFile;

use super::{face::Face, plain::Plain, stderr};

/// Bytes of a step's output that are kept in memory; what is more goes to a temporary file.
const IN_MEMORY: usize = 1 << 20;

/// The output of one step, as the plain face shows it.
pub(super) struct Kept {
    number: usize,
    plain: Plain<'static, Spool>,
}

impl Kept {
    pub(super) fn new(number: usize, at: Duration) -> Self {
        let spool = Spool { file: SpooledTempFile::new(IN_MEMORY), is_full: false };
        let mut plain = Plain::new(spool, None, false);
        plain.begin(number, at);
        Self { number, plain }
    }

    /// Takes an event of the step.
    pub(super) fn add(&mut self, event: &Event<'_>, at: Duration) {
        self.plain.show(event, at);
    }

    /// Shows all of it on standard error.
    pub(super) fn tell(mut self, at: Duration) {
        self.plain.flush(self.number, at);
        let mut file = self.plain.into_inner().file;
        // a progress that cannot be shown stops no build
        let _ = file.rewind().and_then(|()| io::copy(&mut file, &mut stderr()));
    }
}

/// A place for output. When it is full, output is shown at once, for it must not be lost.
struct Spool {
    file: SpooledTempFile,
    is_full: bool,
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_full {
            self.is_full = self.file.write_all(bytes).is_err();
        }
        if self.is_full {
            return stderr().write(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
