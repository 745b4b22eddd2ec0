//! All keys.

use super::{
    screen::{Line, Role},
    shown,
};

const KEYS: &[(&str, &str)] = &[
    ("", "Everywhere"),
    ("Tab", "the other pane"),
    ("q, Ctrl-C", "quit"),
    ("Ctrl-Z", "back to the shell; fg returns"),
    ("?", "this list"),
    ("i", "all that is known of what is selected"),
    ("/, Ctrl-F", "filter paths by a regular expression; Esc drops it"),
    ("arrows, h j k l", "move; in the tree left goes to the directory above, right into one; in the layers as i"),
    ("PgUp PgDn, u d", "a page up, down"),
    ("g G", "first, last"),
    ("Ctrl-A", "in the layers: changes since the lowest layer"),
    ("Ctrl-L", "changes of the layer alone"),
    ("", "In the tree"),
    ("Space, Enter", "close or open a directory"),
    ("Ctrl-Space", "close or open all"),
    ("Enter, v", "view a file"),
    ("e, Ctrl-E", "extract a file, or a directory with all in it"),
    ("o, Ctrl-O", "sort by name, size, waste"),
    ("Ctrl-A", "show or hide what was added"),
    ("Ctrl-R", "what was removed"),
    ("m, Ctrl-M", "what was modified (most terminals send Ctrl-M as Enter: then m)"),
    ("Ctrl-U", "what is unmodified"),
    ("Ctrl-B", "modes and owners"),
    ("Ctrl-P", "long names go on in the next line"),
    ("", "Marks"),
    ("A", "added"),
    ("M", "modified: content, target or type; of a directory: something in it changed"),
    ("P", "written again with the same content: mode, owner, attributes or time"),
    ("R", "removed"),
    ("", "Bytes"),
    ("SIZE", "of a file, of all files in a directory, of what was removed"),
    ("WASTED", "bytes of all layers that are stored under the name and that nobody can see at the end"),
];

/// Columns of the keys.
const WIDTH: usize = 17;
/// Blanks before a key, and before what it does where that has a line of its own.
const INDENT: usize = 2;
/// Columns that are enough for what a key does to stand beside it.
const ENOUGH: usize = 24;

/// Lines of at most so many columns.
pub(super) fn lines(columns: usize) -> Vec<Line> {
    KEYS.iter().flat_map(|&(key, meaning)| entry(key, meaning, columns)).collect()
}

fn entry(key: &str, meaning: &str, columns: usize) -> Vec<Line> {
    if key.is_empty() {
        return vec![Line::of(meaning, Role::Strong)];
    }
    let is_beside = columns >= INDENT + WIDTH + ENOUGH;
    let hang = if is_beside { INDENT + WIDTH } else { 2 * INDENT };
    let indented = |text: &String| Line::of(&" ".repeat(hang), Role::Plain).and(text, Role::Plain);
    let meaning = shown::wrap(meaning, columns.saturating_sub(hang));
    if let (true, Some((first, rest))) = (is_beside, meaning.split_first()) {
        let first = Line::of(&format!("  {key:WIDTH$}"), Role::Title).and(first, Role::Plain);
        return std::iter::once(first).chain(rest.iter().map(indented)).collect();
    }
    std::iter::once(Line::of(&format!("  {key}"), Role::Title)).chain(meaning.iter().map(indented)).collect()
}
