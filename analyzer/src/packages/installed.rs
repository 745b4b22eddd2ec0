//! Databases that say everything in one place: apk's, rpm's and npm's.

use bstr::ByteSlice as _;

use super::{Content, Manager, Package, Paths, split};

/// The packages of apk's `installed`: lines of a letter, a colon and a value, an empty line after each package
/// (apk-tools, `doc/apk-package.5`).
pub(super) fn apk(path: &[u8], text: &[u8], paths: &mut Paths) -> Vec<Package> {
    let (directory, _) = split(path);
    let mut packages = Vec::new();
    for block in text.split_str("\n\n") {
        let value = |letter: u8| block.lines().find(|line| line.starts_with(&[letter, b':'])).map(|line| &line[2..]);
        let (Some(name), Some(version)) = (value(b'P'), value(b'V')) else {
            continue;
        };
        let mut package = Package::new(Manager::Apk, name, version, directory);
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
        packages.push(package);
    }
    packages
}

/// The databases of rpm, in the order in which it looks for one (rpm's `lib/backend/dbi.cc`).
const RPM: [&[u8]; 3] = [b"rpmdb.sqlite", b"Packages.db", b"Packages"];

/// The packages that the index kept of an rpm database; none where the directory has another that rpm reads instead.
pub(super) fn rpm<'a>(path: &[u8], text: &'a [u8], content: &Content<'a>, paths: &mut Paths) -> Vec<Package> {
    let (directory, name) = split(path);
    let mut others = RPM.into_iter().take_while(|other| *other != name);
    if others.any(|other| content(&[directory, b"/", other].concat()).is_some()) {
        return Vec::new();
    }
    let mut packages: Vec<Package> = Vec::new();
    for line in text.lines() {
        let mut fields = line.split(|&byte| byte == b'\t');
        match (fields.next(), fields.next()) {
            (Some(b"P"), Some(name)) => {
                let mut field = || fields.next().unwrap_or_default();
                let mut package = Package::new(Manager::Rpm, name, field(), directory);
                package.arch = Some(String::from_utf8_lossy(field()).into_owned()).filter(|arch| !arch.is_empty());
                package.size = field().to_str().ok().and_then(|size| size.parse().ok());
                packages.push(package);
            }
            (Some(b"F"), Some(file)) => {
                if let Some(package) = packages.last_mut() {
                    package.files.extend(paths.all([file]));
                }
            }
            _ => {}
        }
    }
    packages
}

/// The package whose `package.json` this is.
pub(super) fn npm(path: &[u8], text: &[u8]) -> Option<Package> {
    let (directory, _) = split(path);
    let mut lines = text.lines();
    let mut package = Package::new(Manager::Npm, lines.next()?, lines.next()?, directory);
    package.files.push(directory.to_vec());
    Some(package)
}
