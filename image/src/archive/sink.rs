//! Where the files of an archive or layout go: into a tar, or into a directory.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::{
    error::{Error, Result},
    layer::{Entry, EntryKind, LayerPath, LayerWriter},
};

/// Comes after the blobs in the order of names, and is what leads to them.
const INDEX: &str = "index.json";
/// Bytes collected before a system call.
const BUFFER: usize = 256 << 10;

/// Takes the files of a plan, in byte order of their names.
pub(super) trait Sink {
    /// Takes a file of exactly `size` bytes, and reads `content` to its end, so that it is verified.
    fn file(&mut self, name: &str, size: u64, content: &mut dyn Read) -> Result<()>;
}

/// Writes a tar in which nothing depends on when and by whom it is written.
pub(super) struct TarSink<W: Write> {
    tar: LayerWriter<BufWriter<W>>,
    folders: Vec<String>,
}

impl<W: Write> TarSink<W> {
    pub(super) fn new(out: W) -> Self {
        Self { tar: LayerWriter::new(BufWriter::with_capacity(BUFFER, out)), folders: Vec::new() }
    }

    /// Ends the tar.
    pub(super) fn finish(self) -> Result<()> {
        self.tar.finish()?.flush().map_err(Error::write("the end of the archive"))
    }

    fn folder(&mut self, name: &str) -> Result<()> {
        if self.folders.iter().all(|known| known != name) {
            let path = LayerPath::new(name.as_bytes())?;
            self.tar.append(&Entry { mode: 0o755, ..Entry::new(path, EntryKind::Directory) }, io::empty())?;
            self.folders.push(name.to_owned());
        }
        Ok(())
    }
}

impl<W: Write> Sink for TarSink<W> {
    fn file(&mut self, name: &str, size: u64, content: &mut dyn Read) -> Result<()> {
        for (slash, _) in name.match_indices('/') {
            self.folder(&name[..slash])?;
        }
        let entry = Entry { mode: 0o644, size, ..Entry::new(LayerPath::new(name.as_bytes())?, EntryKind::File) };
        self.tar.append(&entry, &mut *content)?;
        io::copy(content, &mut io::sink()).map_err(Error::write(name)).map(drop)
    }
}

/// Writes into a directory, each file whole or not at all.
pub(super) struct DirectorySink<'a> {
    directory: &'a Path,
    /// Folders and files that were not there before, the folders from the inside out.
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
    is_named: bool,
}

impl<'a> DirectorySink<'a> {
    /// Makes the directory of a layout, where it is missing.
    pub(super) fn new(directory: &'a Path) -> Result<Self> {
        let blobs = directory.join("blobs/sha256");
        let folders = blobs.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        let folders = folders.map(Path::to_owned).collect();
        DirBuilder::new().recursive(true).create(&blobs).map_err(Error::io("create", blobs))?;
        Ok(Self { directory, folders, files: Vec::new(), is_named: false })
    }

    /// Takes back what was written, as long as the index does not name it.
    pub(super) fn undo(self) {
        if self.is_named {
            return;
        }
        // what cannot be removed is in nobody's way
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for folder in &self.folders {
            let _ = fs::remove_dir(folder);
        }
    }

    fn target(&self, name: &str) -> (PathBuf, PathBuf) {
        let target = self.directory.join(name);
        let folder = target.parent().unwrap_or(self.directory).to_owned();
        (target, folder)
    }
}

impl Sink for DirectorySink<'_> {
    fn file(&mut self, name: &str, _size: u64, content: &mut dyn Read) -> Result<()> {
        let (target, folder) = self.target(name);
        let mut file = NamedTempFile::new_in(&folder).map_err(Error::io("create a file in", &folder))?;
        io::copy(content, file.as_file_mut()).map_err(Error::io("write", &target))?;
        readable(file.as_file()).and_then(|()| file.as_file().sync_all()).map_err(Error::io("write", &target))?;
        let is_new = !target.exists();
        file.persist(&target).map_err(|e| Error::io("create", &target)(e.error))?;
        self.is_named |= name == INDEX;
        if is_new {
            self.files.push(target);
        }
        Ok(())
    }
}

/// Lets others read a file that was temporary.
fn readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}
