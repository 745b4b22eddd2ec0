//! Python's packages: a directory of metadata beside what it is about (the "core metadata" and "recording installed
//! projects" specifications of packaging.python.org).

use bstr::ByteSlice as _;

use super::{Content, Manager, Package, Paths, split};

/// The package of one `METADATA` or `PKG-INFO`.
pub(super) fn installed<'a>(path: &[u8], text: &'a [u8], content: &Content<'a>, paths: &mut Paths) -> Option<Package> {
    let value = |name: &[u8]| text.lines().find_map(|line| line.strip_prefix(name));
    let (information, _) = split(path);
    let (site, _) = split(information);
    let mut package = Package::new(Manager::Pip, value(b"Name: ")?, value(b"Version: ")?, information);
    let record = content(&[information, b"/RECORD"].concat());
    let mut size = 0_u64;
    package.files = paths.all(record.unwrap_or_default().lines().map(|line| {
        // path, hash, size: of these only the path may have a comma, and then it is quoted
        let mut fields = line.rsplitn(3, |&byte| byte == b',');
        let bytes = fields.next().and_then(|bytes| bytes.to_str().ok()?.trim().parse::<u64>().ok());
        let path = fields.nth(1).unwrap_or_default();
        let path = match path.strip_prefix(b"\"").and_then(|path| path.strip_suffix(b"\"")) {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => path.to_vec(),
        };
        size = size.saturating_add(bytes.unwrap_or_default());
        let is_absolute = path.starts_with(b"/");
        if is_absolute { path } else { [site, b"/", &path].concat() }
    }));
    package.size = record.map(|_| size);
    Some(package)
}
