//! Why a step was not in the cache: what it was made from the last time, compared with now.
//!
//! ```text
//! <root>/cache/steps/<place, hashed>         the inputs of the step that stood there last, by name
//!                    <text, hashed>.files    the files among them: length of a path, path, head of the hash of what it held
//! ```
//!
//! A step is looked for under its own text first, wherever it stood, then under its place in the stage.

use std::{
    collections::BTreeMap,
    ops::Deref,
    path::{Path, PathBuf},
};

use bstr::BString;
use serde::{Deserialize, Serialize};

use crate::{
    cache::{Cache, STEPS, read_whole, write_whole},
    inputs::{BELOW, Inputs},
    key::KeyWriter,
    selection::Files,
};

/// Characters of a value that are told.
const SHOWN: usize = 60;
/// Files that are named one by one.
const NAMED_FILES: usize = 5;
/// Bytes of a file of `steps/`: one that names a million files is smaller.
const LIMIT: u64 = 256 << 20;

/// Where a step stands.
pub(crate) struct Site<'s> {
    /// What tells one Dockerfile, and one context, from another.
    pub(crate) project: &'s str,
    pub(crate) stage: &'s str,
    /// In its stage, triggers included.
    pub(crate) ordinal: usize,
    /// The instruction.
    pub(crate) text: &'s str,
}

/// A step as it was.
#[derive(Serialize, Deserialize)]
struct Seen {
    key: String,
    text: String,
    inputs: Vec<(String, String)>,
}

/// The head of a file's hash: enough to tell that it changed.
type Head = [u8; 8];

/// Says what of a step's inputs is not as it was. `files` are listed only where that is asked.
pub(crate) fn reasons(
    cache: &Cache,
    site: &Site<'_>,
    inputs: &Inputs,
    files: &dyn Deref<Target = Files>,
) -> Vec<String> {
    let places = places(cache, site);
    let seen = places.iter().find_map(|place| read(place));
    let Some(seen) = seen else {
        return vec!["the step is new".to_owned()];
    };
    if seen.text != site.text {
        return vec![format!("the instruction is new here: it was {:?}", shown(&seen.text))];
    }
    let mut reasons = Vec::new();
    for (name, value) in inputs.named() {
        match seen.inputs.iter().find(|(seen, _)| seen == name) {
            None => reasons.push(format!("{name} is new")),
            Some((_, before)) if before == value => {}
            Some(_) if name == BELOW => {
                reasons.push("what is below changed: an earlier step ran again, or the base is another".to_owned());
            }
            Some(_) if name.starts_with("the content of ") || name.starts_with("what is mounted at ") => {
                reasons.push(format!("{name} changed{}", changed_files(&places[0], files)));
            }
            Some((_, before)) => {
                reasons.push(format!("{name} changed from {:?} to {:?}", shown(before), shown(value)));
            }
        }
    }
    let is_gone = |name: &str| inputs.named().iter().all(|(now, _)| now != name);
    reasons.extend(seen.inputs.iter().filter(|(name, _)| is_gone(name)).map(|(name, _)| format!("{name} is gone")));
    if reasons.is_empty() {
        reasons.push(if seen.key == inputs.key().to_string() {
            "its result is no longer kept".to_owned()
        } else {
            "its inputs stand in another order".to_owned()
        });
    }
    reasons
}

/// Remembers a step. What cannot be written is not there to explain the next build, and nothing else.
pub(crate) fn remember(cache: &Cache, site: &Site<'_>, inputs: &Inputs, files: &dyn Deref<Target = Files>) {
    let key = inputs.key().to_string();
    let places = places(cache, site);
    if places.iter().all(|place| read(place).is_some_and(|seen| seen.key == key && seen.text == site.text)) {
        return;
    }
    let seen = Seen { key, text: site.text.to_owned(), inputs: inputs.named().to_vec() };
    for place in &places {
        if let Ok(bytes) = serde_json::to_vec(&seen) {
            let _ = write_whole(&cache.partial(), place, &bytes);
        }
    }
    if files.is_empty() {
        return;
    }
    let mut bytes = Vec::new();
    for (path, hash) in files.iter() {
        let length = u32::try_from(path.len()).unwrap_or_default();
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(path);
        bytes.extend_from_slice(&hash[..8]);
    }
    let _ = write_whole(&cache.partial(), &files_of(&places[0]), &bytes);
}

fn files_of(place: &Path) -> PathBuf {
    place.with_extension("files")
}

fn read_files(place: &Path) -> Option<BTreeMap<BString, Head>> {
    let bytes = read_whole(&files_of(place), LIMIT)?;
    let mut files = BTreeMap::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (path, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        let (head, after) = after.split_first_chunk::<8>()?;
        files.insert(path.into(), *head);
        rest = after;
    }
    Some(files)
}

fn changed_files(place: &Path, files: &Files) -> String {
    let Some(mut before) = read_files(place).filter(|_| !files.is_empty()) else {
        return String::new();
    };
    let mut changes = Vec::new();
    for (path, hash) in files {
        match before.remove(path) {
            None => changes.push(format!("{path} is new")),
            Some(head) if head != hash[..8] => changes.push(format!("{path} changed")),
            Some(_) => {}
        }
    }
    changes.extend(before.keys().map(|path| format!("{path} is gone")));
    let more = changes.len().saturating_sub(NAMED_FILES);
    changes.truncate(NAMED_FILES);
    if more > 0 {
        changes.push(format!("and {more} more"));
    }
    if changes.is_empty() { String::new() } else { format!(": {}", changes.join(", ")) }
}

fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// By text, then by place.
fn places(cache: &Cache, site: &Site<'_>) -> [PathBuf; 2] {
    [place(cache, STEPS, site), hashed(cache, STEPS, site, &site.ordinal.to_le_bytes())]
}

/// The file of a step in a folder of the cache, wherever the step stands in its stage.
pub(crate) fn place(cache: &Cache, folder: &str, site: &Site<'_>) -> PathBuf {
    hashed(cache, folder, site, site.text.as_bytes())
}

fn hashed(cache: &Cache, folder: &str, site: &Site<'_>, last: &[u8]) -> PathBuf {
    let mut key = KeyWriter::new("step");
    key.field(site.project.as_bytes()).field(site.stage.as_bytes()).field(last);
    cache.dir().join(folder).join(key.finish().to_string())
}

fn read(path: &Path) -> Option<Seen> {
    serde_json::from_slice(&read_whole(path, LIMIT)?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::LazyCell;

    use super::*;

    const SITE: Site<'_> = Site { project: "p", stage: "s", ordinal: 1, text: "COPY . /" };

    fn inputs(content: &str) -> Inputs {
        let mut inputs = Inputs::new("copy", None);
        inputs.text("the content of .", content);
        inputs
    }

    #[test]
    fn files_are_listed_only_when_a_step_is_not_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path(), &[], None).unwrap();
        let files = |hash: u8| -> Files { vec![("f".into(), [hash; 32])] };
        remember(&cache, &SITE, &inputs("one"), &LazyCell::new(|| files(1)));
        // as in a build in which the step is found
        remember(&cache, &SITE, &inputs("one"), &LazyCell::new(|| panic!("the files of a step of the cache")));
        let gone = reasons(&cache, &SITE, &inputs("one"), &LazyCell::new(|| panic!("files that are as they were")));
        assert_eq!(gone, ["its result is no longer kept"]);
        let changed = reasons(&cache, &SITE, &inputs("two"), &LazyCell::new(|| files(2)));
        assert_eq!(changed, ["the content of . changed: f changed"]);
    }
}
