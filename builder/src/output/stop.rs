//! Writing that ends when the build is stopped: whatever is under way reads layers and writes to a destination, and both look
//! at the switch first.

use std::{
    io::{self, Read, Write},
    os::fd::AsFd,
    sync::Arc,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{FileType, fstat},
    io::Errno,
};
use strata_image::{DiffId, Digest, Image, ImageConfig, ImageId, ImageName, Layer, store::StoredImage};

use crate::cancel::Cancel;

/// Bytes that a pipe takes without waiting once it takes any: `PIPE_BUF` of Linux.
const PIPE_BUF: usize = 4096;

fn stopped() -> io::Error {
    io::Error::other("the build was stopped")
}

/// An image whose layers can be read until then.
pub(super) struct Stoppable<'a> {
    image: &'a StoredImage,
    layers: Vec<Arc<dyn Layer>>,
}

impl<'a> Stoppable<'a> {
    pub(super) fn new(image: &'a StoredImage, cancel: &Cancel) -> Self {
        let stoppable = |layer: &Arc<dyn Layer>| {
            Arc::new(StoppableLayer { layer: Arc::clone(layer), cancel: cancel.clone() }) as Arc<dyn Layer>
        };
        Self { image, layers: image.layers().iter().map(stoppable).collect() }
    }
}

impl Image for Stoppable<'_> {
    fn names(&self) -> &[ImageName] {
        self.image.names()
    }

    fn config(&self) -> Option<&ImageConfig> {
        self.image.config()
    }

    fn raw_config(&self) -> Option<&[u8]> {
        self.image.raw_config()
    }

    fn raw_manifest(&self) -> Option<&[u8]> {
        self.image.raw_manifest()
    }

    fn layers(&self) -> &[Arc<dyn Layer>] {
        &self.layers
    }

    fn id(&self) -> Option<ImageId> {
        self.image.id()
    }
}

struct StoppableLayer {
    layer: Arc<dyn Layer>,
    cancel: Cancel,
}

impl StoppableLayer {
    fn until(&self, inner: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        Box::new(Reader { inner, cancel: self.cancel.clone() })
    }
}

impl Layer for StoppableLayer {
    fn diff_id(&self) -> DiffId {
        self.layer.diff_id()
    }

    fn media_type(&self) -> &str {
        self.layer.media_type()
    }

    fn stored(&self) -> (Digest, u64) {
        self.layer.stored()
    }

    fn open(&self) -> strata_image::Result<Box<dyn Read + Send>> {
        Ok(self.until(self.layer.open()?))
    }

    fn open_stored(&self) -> strata_image::Result<Box<dyn Read + Send>> {
        Ok(self.until(self.layer.open_stored()?))
    }

    fn fraction(&self, path: &[u8]) -> u32 {
        self.layer.fraction(path)
    }
}

struct Reader {
    inner: Box<dyn Read + Send>,
    cancel: Cancel,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(stopped());
        }
        self.inner.read(buffer)
    }
}

/// Writes until then. A pipe whose reader takes its time is not waited for longer.
pub(super) struct Writer<'c, W> {
    out: W,
    cancel: &'c Cancel,
    /// Whether writing may have to wait for somebody.
    may_wait: bool,
}

impl<'c, W: AsFd> Writer<'c, W> {
    pub(super) fn new(out: W, cancel: &'c Cancel) -> Self {
        let is_file = |mode| FileType::from_raw_mode(mode) == FileType::RegularFile;
        let may_wait = !fstat(&out).is_ok_and(|stat| is_file(stat.st_mode));
        Self { out, cancel, may_wait }
    }

    /// Waits until something can be written, or the build is stopped.
    fn wait(&self) -> io::Result<()> {
        let signal = self.cancel.signal();
        let mut fds = vec![PollFd::new(&self.out, PollFlags::OUT)];
        fds.extend(signal.as_ref().map(|signal| PollFd::new(signal, PollFlags::IN)));
        loop {
            match poll(&mut fds, None) {
                Err(Errno::INTR) => {}
                polled => return Ok(polled.map(drop)?),
            }
        }
    }
}

impl<W: AsFd> Write for Writer<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.may_wait && !self.cancel.is_cancelled() {
            self.wait()?;
        }
        if self.cancel.is_cancelled() {
            return Err(stopped());
        }
        let at_once = if self.may_wait { bytes.len().min(PIPE_BUF) } else { bytes.len() };
        Ok(rustix::io::write(&self.out, &bytes[..at_once])?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
