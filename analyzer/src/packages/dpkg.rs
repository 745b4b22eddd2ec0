//! What dpkg keeps: stanzas of fields (deb-control(5)), and lists of files beside them.

use std::collections::HashSet;

use bstr::ByteSlice as _;

use super::{Content, Manager, Package, Paths, split};

/// What a Debian package says about others, and how it came in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Relations {
    /// What it cannot do without, as it stands there: names taken apart would be many times as large.
    depends: [String; 2],
    /// What else it is.
    provides: String,
    /// Whether the system cannot do without it.
    pub(crate) is_essential: bool,
    /// Whether it was installed for the sake of another one.
    pub(crate) is_auto: bool,
}

impl Relations {
    /// The names of what it cannot do without, all alternatives among them.
    pub(crate) fn depends(&self) -> impl Iterator<Item = &str> {
        self.depends.iter().flat_map(|field| names(field))
    }

    /// The names of what else it is.
    pub(crate) fn provides(&self) -> impl Iterator<Item = &str> {
        names(&self.provides)
    }
}

/// The packages of `var/lib/dpkg/status`.
pub(super) fn installed<'a>(
    path: &'a [u8],
    text: &'a [u8],
    content: &Content<'a>,
    paths: &mut Paths,
) -> impl Iterator<Item = Package> {
    let states = content(b"var/lib/apt/extended_states").unwrap_or_default();
    let auto: HashSet<&[u8]> = stanzas(states)
        .filter(|stanza| stanza.get("Auto-Installed") == Some(b"1"))
        .filter_map(|stanza| stanza.get("Package"))
        .collect();
    let is_installed = |stanza: &Stanza<'_>| stanza.get("Status").is_some_and(|status| status.ends_with(b" installed"));
    stanzas(text).filter(is_installed).filter_map(move |stanza| {
        let name = stanza.get("Package")?;
        let arch = stanza.get("Architecture").unwrap_or_default();
        let list = |name: &[u8]| content(&[b"var/lib/dpkg/info/", name, b".list"].concat());
        let files = list(name).or_else(|| list(&[name, b":", arch].concat())).unwrap_or_default();
        let mut package = package(path, &stanza)?;
        package.files = paths.all(files.lines());
        if let Some(relations) = &mut package.relations {
            relations.is_auto = auto.contains(name);
        }
        Some(package)
    })
}

/// The package of one file of `var/lib/dpkg/status.d`, as distroless images have them.
pub(super) fn distroless<'a>(path: &[u8], text: &'a [u8], content: &Content<'a>, paths: &mut Paths) -> Option<Package> {
    let mut package = package(path, &stanzas(text).next()?)?;
    let sums = content(&[path, b".md5sums"].concat()).unwrap_or_default();
    // a sum of 32 digits, two blanks, a path
    package.files = paths.all(sums.lines().filter_map(|line| line.get(34..)));
    Some(package)
}

fn package(path: &[u8], stanza: &Stanza<'_>) -> Option<Package> {
    let version = stanza.get("Version")?;
    let (directory, _) = split(path);
    let mut package = Package::new(Manager::Dpkg, stanza.get("Package")?, version, directory);
    package.arch = stanza.get("Architecture").map(|arch| String::from_utf8_lossy(arch).into_owned());
    let kibibytes = stanza.get("Installed-Size").and_then(|size| size.to_str().ok()?.parse::<u64>().ok());
    package.size = kibibytes.map(|size| size.saturating_mul(1024));
    let text = |name: &str| String::from_utf8_lossy(stanza.get(name).unwrap_or_default()).into_owned();
    package.relations = Some(Box::new(Relations {
        depends: [text("Depends"), text("Pre-Depends")],
        provides: text("Provides"),
        is_essential: stanza.get("Essential") == Some(b"yes") || stanza.get("Priority") == Some(b"required"),
        is_auto: false,
    }));
    Some(package)
}

/// `a (>= 1) | b:any, c`: names, without versions and architectures.
fn names(field: &str) -> impl Iterator<Item = &str> {
    let parts = field.split([',', '|']).filter_map(|part| part.trim().split([' ', '(', ':', '[']).next());
    parts.filter(|name| !name.is_empty())
}

/// One package's fields; lines that continue a field are not part of it here, since no field that is read has any.
struct Stanza<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Stanza<'a> {
    fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.0.iter().find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| *value)
    }
}

fn stanzas(text: &[u8]) -> impl Iterator<Item = Stanza<'_>> {
    text.split_str("\n\n").map(|stanza| {
        let lines = stanza.lines().filter(|line| !line.starts_with(b" "));
        Stanza(lines.filter_map(|line| line.split_once_str(":").map(|(name, value)| (name, value.trim()))).collect())
    })
}
