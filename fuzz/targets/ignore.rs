//! Any bytes as an ignore file, and a path after its first NUL: matching ends, and a directory that need not be entered has
//! nothing in it that belongs to the context.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strata_dockerfile::{exclude::Excludes, glob, ignore::IgnoreSet, parents::Parents};

fuzz_target!(|data: &[u8]| {
    let split = data.iter().position(|&byte| byte == 0);
    let (patterns, path) = split.map_or((data, &b"a/b/c.txt"[..]), |at| (&data[..at], &data[at + 1..]));
    // as a walk gives it: no name is empty, so that a class that takes a slash takes none at the end
    let names: Vec<&[u8]> = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).collect();
    let path = &names.join(&b'/')[..];
    if let Ok(set) = IgnoreSet::parse(patterns) {
        for end in (0..path.len()).filter(|&end| path[end] == b'/') {
            let dir = &path[..end];
            if set.excluded_by(dir).is_some() && !set.may_reinclude_below(dir) {
                assert!(set.excluded_by(path).is_some(), "{dir:?} hides {path:?}");
            }
        }
        if set.excludes_everything().is_some() && !set.has_exceptions() && !path.is_empty() {
            assert!(set.excluded_by(path).is_some());
        }
    }
    let _ = glob::matches(patterns, path);
    if let Ok(text) = std::str::from_utf8(patterns) {
        if let Ok(excludes) = Excludes::new(text.split('\n')) {
            let _ = excludes.excludes(path);
        }
        if let Ok(parents) = Parents::new(text) {
            let below = |dir: &[u8]| dir.is_empty() || parents.may_include_below(dir);
            if parents.includes(path) {
                let dirs = (0..path.len()).filter(|&end| path[end] == b'/').map(|end| &path[..end]);
                assert!(dirs.into_iter().all(below), "{text:?} {path:?}");
            }
        }
    }
});
