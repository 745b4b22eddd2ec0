//! Paths inside a layer.

use std::fmt;

use bstr::{BString, ByteSlice};

use super::{PathProblem, TarError, error::excerpt};

/// The longest path in bytes: Linux's `PATH_MAX`.
pub const MAX_PATH: usize = 4096;
/// The longest component in bytes: Linux's `NAME_MAX`.
pub const MAX_NAME: usize = 255;

/// A path in a root filesystem: cleaned, relative, bytes. It has no `.` or `..` component and no NUL; the root is the
/// empty path. Ordered by bytes.
///
/// ```
/// use strata_image::layer::LayerPath;
///
/// let path = LayerPath::new(b"./usr//lib/../bin/")?;
/// assert_eq!(path.as_bytes(), b"usr/bin");
/// assert_eq!(LayerPath::new(b"../../etc/passwd")?.as_bytes(), b"etc/passwd");
/// # Ok::<(), strata_image::layer::TarError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LayerPath(BString);

impl LayerPath {
    /// The root: the empty path.
    pub fn root() -> Self {
        Self::default()
    }

    /// Cleans a path as Docker's readers do, without looking at any filesystem: slashes at both ends, doubled slashes
    /// and `.` go, `..` takes back the component before it and is nothing at the root.
    ///
    /// # Errors
    ///
    /// [`TarError::Path`] when it holds a NUL, is longer than [`MAX_PATH`] or has a component longer than [`MAX_NAME`].
    pub fn new(raw: &[u8]) -> Result<Self, TarError> {
        Self::clean(raw).map_err(|problem| TarError::Path { path: excerpt(raw), problem })
    }

    pub(super) fn clean(raw: &[u8]) -> Result<Self, PathProblem> {
        let mut path = Vec::with_capacity(raw.len());
        for component in raw.split(|&byte| byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => path.truncate(path.rfind_byte(b'/').unwrap_or(0)),
                name if name.len() > MAX_NAME => return Err(PathProblem::NameTooLong),
                name if name.contains(&0) => return Err(PathProblem::Nul),
                name => {
                    if !path.is_empty() {
                        path.push(b'/');
                    }
                    path.extend_from_slice(name);
                }
            }
        }
        if path.len() > MAX_PATH {
            return Err(PathProblem::TooLong);
        }
        Ok(Self(path.into()))
    }

    /// Takes bytes that are known to be a clean path.
    pub(crate) fn from_clean(path: Vec<u8>) -> Self {
        Self(path.into())
    }

    /// The bytes, without a slash at either end.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The directory that holds it; `None` for the root.
    pub fn parent(&self) -> Option<LayerPath> {
        self.split_last().map(|(parent, _)| Self(parent.into()))
    }

    /// The last component; `None` for the root.
    pub fn file_name(&self) -> Option<&[u8]> {
        self.split_last().map(|(_, name)| name)
    }

    /// The parent's bytes and the last component; `None` for the root.
    pub(crate) fn split_last(&self) -> Option<(&[u8], &[u8])> {
        match self.0.rfind_byte(b'/') {
            Some(slash) => Some((&self.0[..slash], &self.0[slash + 1..])),
            None if self.is_root() => None,
            None => Some((&[], &self.0)),
        }
    }

    /// The path of `name` below this one, cleaned as by [`LayerPath::new`].
    pub fn join(&self, name: &[u8]) -> Result<LayerPath, TarError> {
        Self::new(&[self.as_bytes(), b"/", name].concat())
    }

    /// The path of a name in this directory. Of the result only the name is looked at, so that the paths of many files in
    /// one directory cost little.
    ///
    /// ```
    /// # use strata_image::layer::LayerPath;
    /// let bin = LayerPath::new(b"usr/bin")?;
    /// assert_eq!(bin.child(b"env")?.as_bytes(), b"usr/bin/env");
    /// assert_eq!(LayerPath::root().child(b"usr")?.as_bytes(), b"usr");
    /// assert_eq!(bin.child(b"../lib")?.as_bytes(), b"usr/lib");
    /// assert!(bin.child(b"a\0b").is_err() && bin.child(&[b'n'; 256]).is_err());
    /// # Ok::<(), strata_image::layer::TarError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TarError::Path`] as for [`LayerPath::new`]; a name that is no component, as `..` or one with a slash, is cleaned.
    pub fn child(&self, name: &[u8]) -> Result<LayerPath, TarError> {
        let mut path = Self(Vec::with_capacity(self.0.len() + 1 + name.len()).into());
        path.set_child(self, name).map(|()| path)
    }

    /// Makes this the path of a name in another directory, as [`LayerPath::child`], in the memory that it has.
    ///
    /// # Errors
    ///
    /// Those of [`LayerPath::child`]; it is what it was then.
    pub fn set_child(&mut self, directory: &LayerPath, name: &[u8]) -> Result<(), TarError> {
        let is_odd = name.iter().any(|byte| matches!(byte, 0 | b'/'));
        let length = directory.0.len() + 1 + name.len();
        if is_odd || matches!(name, b"" | b"." | b"..") || name.len() > MAX_NAME || length > MAX_PATH {
            *self = directory.join(name)?;
            return Ok(());
        }
        self.0.clear();
        self.0.extend_from_slice(&directory.0);
        if !directory.is_root() {
            self.0.push(b'/');
        }
        self.0.extend_from_slice(name);
        Ok(())
    }

    /// The components from the top; none for the root.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|&byte| byte == b'/').filter(|component| !component.is_empty())
    }

    /// Whether it is `dir` or lies below it.
    pub fn starts_with(&self, dir: &LayerPath) -> bool {
        dir.is_root()
            || self.0.strip_prefix(dir.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }
}

/// For people: what is not UTF-8 is replaced.
impl fmt::Display for LayerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.as_bstr(), f)
    }
}

impl fmt::Debug for LayerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.as_bstr(), f)
    }
}
