//! The kinds of difference: the word of each, from which depth on it counts, and whether it can matter to a user.
//!
//! One table makes the enum, the words of reports and of `--ignore`, and the table of docs/compare.md.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};
use strata_dockerfile::suggest;

/// How closely two images are looked at. What counts at one depth counts at all that are deeper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// What a container sees: the merged root filesystem and how its process starts.
    #[default]
    Merged,
    /// Also how the files lie in layers, and the history.
    Layers,
    /// Also every byte of the layers' tars, every field of the config, and how the image is stored.
    Exact,
}

macro_rules! kinds {
    ($($kind:ident $word:literal $depth:ident $matters:literal $says:literal)*) => {
        /// What can differ.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum What {
            $(#[doc = $says] $kind,)*
        }

        impl What {
            /// All of them, in the order in which reports list them.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The word that reports and options use.
            pub fn word(self) -> &'static str {
                match self { $(Self::$kind => $word,)* }
            }

            /// What it is about, in a sentence.
            pub fn says(self) -> &'static str {
                match self { $(Self::$kind => $says,)* }
            }

            /// From which depth on it counts.
            pub fn depth(self) -> Depth {
                match self { $(Self::$kind => Depth::$depth,)* }
            }

            /// Whether it can matter to who runs the image: what cannot is left out by `--semantic`.
            pub fn matters(self) -> bool {
                match self { $(Self::$kind => $matters,)* }
            }
        }
    };
}

kinds! {
    Added       "added"       Merged true  "A path that only the second image has."
    Removed     "removed"     Merged true  "A path that only the first image has."
    Renamed     "renamed"     Merged true  "A file or a whole directory of the same content under another name."
    Copied      "copied"      Merged true  "A new file with the content of one that the first image has."
    Type        "type"        Merged true  "File, directory, symlink, device or fifo; where it differs, content, link and device are not looked at."
    Content     "content"     Merged true  "A regular file's bytes."
    Mode        "mode"        Merged true  "The 12 permission bits; a symlink has none that count."
    Uid         "uid"         Merged true  "The owner's number."
    Gid         "gid"         Merged true  "The group's number."
    Mtime       "mtime"       Exact  false "The time of the last change."
    Xattrs      "xattrs"      Merged true  "Extended attributes, names and values; file capabilities are one."
    Link        "link"        Merged true  "A symlink's target."
    Device      "device"      Merged true  "A device's numbers."
    Hardlinks   "hardlinks"   Merged true  "The set of paths that share the inode; in a layer, which path a hard link names."

    User        "user"        Merged true  "The config's `User`."
    Ports       "ports"       Merged true  "The config's `ExposedPorts`."
    Env         "env"         Merged true  "The config's `Env`, in its order."
    Entrypoint  "entrypoint"  Merged true  "The config's `Entrypoint`."
    Cmd         "cmd"         Merged true  "The config's `Cmd`."
    Volumes     "volumes"     Merged true  "The config's `Volumes`."
    Workdir     "workdir"     Merged true  "The config's `WorkingDir`; none is `/`."
    Labels      "labels"      Merged true  "The config's `Labels`."
    StopSignal  "stop-signal" Merged true  "The config's `StopSignal`."
    Shell       "shell"       Merged true  "The config's `Shell`."
    Healthcheck "healthcheck" Merged true  "The config's `Healthcheck`."
    OnBuild     "onbuild"     Merged true  "The config's `OnBuild`."
    Platform    "platform"    Merged true  "Architecture and operating system, with their variants."
    ConfigOther "config-other" Exact true  "Any other field of the config."
    ConfigUnused "config-unused" Exact false "Fields that builders left in the config and no container reads: `docker_version`, `Hostname`, …"
    ConfigForm  "config-form" Exact  false "How the config is written, where all that it says is equal."
    Created     "created"     Exact  false "When the image and the steps of its history were made, as config and annotations say."
    Packages    "packages"    Merged true  "A package that came, went or has another version."

    Layers      "layers"      Layers false "A layer that the other image lacks, has changed, or has elsewhere in the stack."
    History     "history"     Layers false "The instructions that the history tells, and the remarks there."

    Order       "order"       Exact  false "The order of the entries in a layer's tar."
    Format      "format"      Exact  false "The tar format of an entry: v7, ustar, pax or gnu."
    Pax         "pax"         Exact  false "PAX records that say nothing of the above."
    Uname       "uname"       Exact  false "The owner's name in the tar."
    Gname       "gname"       Exact  false "The group's name in the tar."
    Atime       "atime"       Exact  false "The time of the last reading, where the tar has it."
    Ctime       "ctime"       Exact  false "The time of the inode's last change, where the tar has it."
    Duplicates  "duplicates"  Exact  false "How often a path stands in a layer's tar."
    PathForm    "path-form"   Exact  false "How a path is spelled: `a`, `./a`, `/a`."
    ModeBits    "mode-bits"   Exact  false "Bits of the mode beyond the twelve."
    Header      "header"      Exact  false "Bytes of a tar header that mean nothing."
    Padding     "padding"     Exact  false "What stands between and behind the entries of a layer's tar."
    Compression "compression" Exact  false "How a layer is compressed: digest, size and media type as stored."
    Names       "names"       Exact  false "The image's names, and annotations that repeat them."
    Annotations "annotations" Exact  true  "Annotations of the manifest, but for those of times and names."
    Manifest    "manifest"    Exact  false "Any other field of the manifest."
    ManifestForm "manifest-form" Exact false "How the manifest is written, where all that it says is equal."
}

/// Words for several kinds at once, and those that users of diffoci know.
const GROUPS: &[(&str, &[What])] = &[
    ("times", &[What::Mtime, What::Atime, What::Ctime, What::Created]),
    ("owner", &[What::Uid, What::Gid, What::Uname, What::Gname]),
    (
        "config",
        &[
            What::User,
            What::Ports,
            What::Env,
            What::Entrypoint,
            What::Cmd,
            What::Volumes,
            What::Workdir,
            What::Labels,
            What::StopSignal,
            What::Shell,
            What::Healthcheck,
            What::OnBuild,
            What::Platform,
            What::ConfigOther,
            What::ConfigUnused,
            What::ConfigForm,
        ],
    ),
    ("timestamps", &[What::Mtime, What::Atime, What::Ctime, What::Created]),
    ("file-timestamps", &[What::Mtime, What::Atime, What::Ctime]),
    ("image-timestamps", &[What::Created]),
    ("file-order", &[What::Order]),
    ("file-mode-redundant-bits", &[What::ModeBits]),
    ("image-name", &[What::Names]),
    ("tar-format", &[What::Format, What::Pax, What::Header]),
];

/// Writes [`What::word`].
impl fmt::Display for What {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

impl Serialize for What {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// The word is none of [`What::ALL`], and for none of the groups.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no kind of difference{}", after(*.nearest))]
pub struct UnknownWhat {
    /// What was given instead.
    pub word: String,
    /// The known word that could have been meant.
    pub nearest: Option<&'static str>,
}

fn after(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!(": did you mean {nearest}?"),
        None => format!(": there are {}", words().join(", ")),
    }
}

/// Every word that is understood.
fn words() -> Vec<&'static str> {
    What::ALL.iter().map(|what| what.word()).chain(GROUPS.iter().map(|(name, _)| *name)).collect()
}

impl FromStr for What {
    type Err = UnknownWhat;

    fn from_str(word: &str) -> Result<Self, UnknownWhat> {
        let found = Self::ALL.iter().copied().find(|what| what.word() == word);
        found.ok_or_else(|| UnknownWhat::new(word))
    }
}

impl What {
    /// Reads a word for one kind or for several: `times`, `owner`, `config`, and those by which diffoci's options end.
    ///
    /// # Errors
    /// For any other word, with the nearest.
    pub fn group(word: &str) -> Result<Vec<Self>, UnknownWhat> {
        match GROUPS.iter().find(|(name, _)| *name == word) {
            Some((_, whats)) => Ok(whats.to_vec()),
            None => word.parse().map(|what| vec![what]),
        }
    }

    const fn bit(self) -> u64 {
        1 << self as u32
    }
}

impl UnknownWhat {
    fn new(word: &str) -> Self {
        let (words, small) = (words(), word.to_lowercase());
        let is_it = words.iter().copied().find(|known| *known == small);
        Self { word: word.to_owned(), nearest: is_it.or_else(|| suggest::nearest(&small, &words)) }
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    pub(super) fn insert(&mut self, what: What) {
        self.0 |= what.bit();
    }

    pub(super) fn insert_if(&mut self, what: What, differs: bool) {
        if differs {
            self.insert(what);
        }
    }

    pub(super) fn has(self, what: What) -> bool {
        self.0 & what.bit() != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn all() -> Self {
        What::ALL.iter().copied().collect()
    }

    /// Those that are in both.
    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// In the order of [`What::ALL`].
    pub(super) fn list(self) -> Vec<What> {
        What::ALL.iter().copied().filter(|what| self.has(*what)).collect()
    }
}

impl FromIterator<What> for Set {
    fn from_iter<I: IntoIterator<Item = What>>(whats: I) -> Self {
        whats.into_iter().fold(Self::default(), |set, what| Self(set.0 | what.bit()))
    }
}
