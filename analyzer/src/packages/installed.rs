//! Databases that say everything in one place: apk's, rpm's and npm's.

use bstr::ByteSlice as _;

use super::{Content, Manager, Package, Paths, split};

/// The packages of apk's `installed`: lines of a letter, a colon and a value, an empty line after each package
/// (apk-tools, `doc/apk-package.5`).
pub(super) fn apk(path: &[u8], text: &[u8], paths: &mut Paths) -> impl Iterator<Item = Package> {
    let (directory, _) = split(path);
    text.split_str("\n\n").filter_map(move |block| {
        let value = |letter: u8| block.lines().find(|line| line.starts_with(&[letter, b':'])).map(|line| &line[2..]);
        let mut package = Package::new(Manager::Apk, value(b'P')?, value(b'V')?, directory);
        package.arch = value(b'A').map(|arch| String::from_utf8_lossy(arch).into_owned());
        package.size = value(b'I').and_then(|size| size.to_str().ok()?.parse().ok());
        let mut folder: &[u8] = b"";
        package.files = paths.all(block.lines().filter_map(|line| match line {
            [b'F', b':', rest @ ..] => {
                folder = rest;
                None
            }
            [b'R', b':', name @ ..] => Some([folder, b"/", name].concat()),
            _ => None,
        }));
        Some(package)
    })
}

/// The databases of rpm, in the order in which it looks for one (rpm's `lib/backend/dbi.cc`).
const RPM: [&[u8]; 3] = [b"rpmdb.sqlite", b"Packages.db", b"Packages"];

/// The packages that the index kept of an rpm database; none where the directory has another that rpm reads instead.
pub(super) fn rpm<'a>(
    path: &'a [u8],
    text: &'a [u8],
    content: &Content<'a>,
    paths: &mut Paths,
) -> impl Iterator<Item = Package> {
    let (directory, name) = split(path);
    let mut others = RPM.into_iter().take_while(|other| *other != name);
    let is_read = !others.any(|other| content(&[directory, b"/", other].concat()).is_some());
    let mut lines = text.lines().take_while(move |_| is_read).peekable();
    std::iter::from_fn(move || {
        let mut fields = lines.find_map(|line| line.strip_prefix(b"P\t"))?.split(|&byte| byte == b'\t');
        let mut field = || fields.next().unwrap_or_default();
        let mut package = Package::new(Manager::Rpm, field(), field(), directory);
        package.arch = Some(String::from_utf8_lossy(field()).into_owned()).filter(|arch| !arch.is_empty());
        package.size = field().to_str().ok().and_then(|size| size.parse().ok());
        let is_file = |line: &&[u8]| !line.starts_with(b"P\t");
        let files = std::iter::from_fn(|| lines.next_if(is_file)).filter_map(|line| line.strip_prefix(b"F\t"));
        package.files = paths.all(files);
        Some(package)
    })
}

/// The package whose `package.json` this is.
pub(super) fn npm(path: &[u8], text: &[u8]) -> Option<Package> {
    let (directory, _) = split(path);
    let mut lines = text.lines();
    let mut package = Package::new(Manager::Npm, lines.next()?, lines.next()?, directory);
    package.files.push(directory.to_vec());
    Some(package)
}
