//! A comparison as a person reads it: titled lists of rows, the same for the table, for markdown and for HTML.
//!
//! Whole directories are one row, and of a long list the heaviest rows are shown, with a count of the rest. Nothing is escaped
//! here: who writes the rows knows where they go.

mod fold;
mod values;

use super::{By, Class, Comparison, Depth, FileDiff, LayerDiff, LayerPair, RootfsDiff, What, details, notes};
use crate::size_text;

/// The parts of a report, in their order; parts without rows are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Whether the two are equal, in a few words.
    pub verdict: String,
    /// What does not count, in words; empty where everything does.
    pub not_counted: String,
    /// What a person wants to be told in words.
    pub notes: Vec<String>,
    /// The lists.
    pub sections: Vec<Section>,
}

/// A list with a title.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// What it lists: `Added`.
    pub title: String,
    /// How much there is of it, in words; may be empty.
    pub summary: String,
    /// The columns.
    pub heads: Vec<&'static str>,
    /// The rows that are shown.
    pub rows: Vec<Row>,
    /// How many are not.
    pub rest: usize,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it tells.
    pub mark: Mark,
    /// A cell for each column.
    pub cells: Vec<String>,
    /// Of a long list the rows that weigh most are shown.
    weight: u64,
}

/// What a row tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Only the second image has it.
    Added,
    /// Only the first image has it.
    Removed,
    /// Both have it, and it differs.
    Changed,
    /// It has another name, or stands elsewhere.
    Moved,
    /// Nothing of the kind.
    None,
}

impl Mark {
    /// The character before the row.
    pub fn character(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '~',
            Self::Moved => '>',
            Self::None => ' ',
        }
    }
}

impl Section {
    fn new(title: impl Into<String>, heads: &[&'static str]) -> Self {
        Self { title: title.into(), heads: heads.to_vec(), ..Self::default() }
    }

    fn row<const N: usize>(&mut self, mark: Mark, weight: u64, cells: [String; N]) {
        self.rows.push(Row { mark, cells: cells.into(), weight });
    }

    /// Keeps the heaviest rows, in their order.
    fn shorten(&mut self, limit: Option<usize>) {
        let Some(limit) = limit.filter(|limit| *limit < self.rows.len()) else { return };
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by_key(|&row| (std::cmp::Reverse(self.rows[row].weight), row));
        order.truncate(limit);
        order.sort_unstable();
        self.rest = self.rows.len() - limit;
        self.rows = order.into_iter().map(|row| self.rows[row].clone()).collect();
    }

    /// Whether a column holds numbers, which stand at its right edge.
    pub fn is_number(&self, column: usize) -> bool {
        self.heads.get(column).is_some_and(|head| NUMBERS.contains(head))
    }

    /// The columns as they are called where nothing is in capitals: `in A`.
    pub(super) fn names(&self) -> Vec<String> {
        // a letter alone names an image
        let name = |word: &str| if word.len() == 1 { word.to_owned() } else { word.to_lowercase() };
        self.heads.iter().map(|head| head.split(' ').map(name).collect::<Vec<_>>().join(" ")).collect()
    }
}

/// Characters of what differs at a path: as many as a row of the table has for it.
const WHAT: usize = 60;

/// Columns of numbers.
const NUMBERS: [&str; 11] = ["LAYERS", "PATHS", "SHOWN", "CONTENT", "STORED", "SIZE", "IN A", "IN B", "STEP", "A", "B"];

/// Arranges a comparison; `limit` is how many rows of each list are shown, all without one.
pub fn outline(comparison: &Comparison, limit: Option<usize>) -> Outline {
    let mut sections = vec![images(comparison), classes(comparison)];
    sections.extend(Class::ALL.into_iter().map(|class| paths(&comparison.rootfs, class)));
    sections.push(packages(comparison));
    sections.push(fields("Config", &comparison.config));
    sections.push(history(comparison));
    if comparison.depth > Depth::Merged {
        sections.push(layers(comparison));
        sections.extend(comparison.layers.pairs.iter().filter_map(|pair| layer(comparison, pair)));
    }
    sections.push(fields("Stored", &comparison.stored));
    let mut notes = comparison.notes.clone();
    if let (Some(first), Some(last)) = (&comparison.history.first, notes.last_mut()) {
        *last = notes::first_step(first, true);
    }
    let not_counted = match words(&comparison.ignored) {
        words if words.is_empty() => words,
        words => format!("not counted: {words}"),
    };
    Outline { verdict: verdict(comparison), not_counted, notes, sections: shortened(sections, limit) }
}

/// Arranges what differs below a path that is a directory in both images, as [`outline`] does.
pub fn outline_of_file(found: &FileDiff, limit: Option<usize>) -> Vec<Section> {
    let paths = |below| Class::ALL.into_iter().map(|class| paths(below, class)).collect();
    shortened(found.below.as_ref().map(paths).unwrap_or_default(), limit)
}

fn shortened(mut sections: Vec<Section>, limit: Option<usize>) -> Vec<Section> {
    for section in &mut sections {
        section.shorten(limit);
    }
    sections.retain(|section| !section.rows.is_empty());
    sections
}

/// Claims no more than was compared.
fn verdict(comparison: &Comparison) -> String {
    if !comparison.equal {
        return "different".to_owned();
    }
    let is_whole = comparison.ignored.is_empty();
    let has_config = comparison.a.id.is_some() && comparison.b.id.is_some();
    let counts = |depth: Depth, what: What| comparison.depth >= depth && !comparison.ignored.contains(&what);
    let is_stored = [What::Layers, What::Compression, What::Names, What::Manifest]
        .into_iter()
        .all(|what| counts(Depth::Exact, what));
    let parts = [
        (true, "root filesystem"),
        (has_config, "config"),
        (has_config && counts(Depth::Layers, What::History), "history"),
        (counts(Depth::Layers, What::Layers), "layers"),
        (has_config && is_stored, "how they are stored"),
    ];
    let mut parts: Vec<&str> = parts.into_iter().filter(|(counts, _)| *counts).map(|(_, part)| part).collect();
    let last = parts.pop().unwrap_or_default();
    let parts = if parts.is_empty() { last.to_owned() } else { format!("{} and {last}", parts.join(", ")) };
    match (comparison.depth, is_whole, has_config) {
        (Depth::Exact, true, true) => "equal: every byte, as the digests say".to_owned(),
        (Depth::Exact, true, false) => "equal: every byte of the layers, as the digests say".to_owned(),
        (_, true, _) => format!("equal: {parts}"),
        (_, false, _) => format!("equal in what counts: {parts}"),
    }
}

fn images(comparison: &Comparison) -> Section {
    let heads = ["IMAGE", "LAYERS", "PATHS", "SHOWN", "CONTENT", "STORED", "PLATFORM", "NAME"];
    let mut section = Section::new("Images", &heads);
    let unknown = || "-".to_owned();
    for (letter, image) in [("A", &comparison.a), ("B", &comparison.b)] {
        let cells = [
            letter.to_owned(),
            image.layers.to_string(),
            image.paths.map_or_else(unknown, |paths| paths.to_string()),
            image.live_bytes.map_or_else(unknown, size_text),
            image.total_bytes.map_or_else(unknown, size_text),
            size_text(image.stored_bytes),
            image.platform.clone().unwrap_or_else(unknown),
            image.name.clone().or_else(|| image.id.clone()).unwrap_or_else(unknown),
        ];
        // never cut
        section.row(Mark::None, u64::MAX, cells);
    }
    section
}

fn classes(comparison: &Comparison) -> Section {
    let mut section = Section::new("Paths", &["CLASS", "PATHS", "IN A", "IN B"]);
    for total in &comparison.rootfs.classes {
        let (in_a, in_b) = (size_text(total.bytes_a), size_text(total.bytes_b));
        let cells = match total.class {
            Class::Added | Class::Copied => {
                [total.class.word().to_owned(), total.paths.to_string(), String::new(), in_b]
            }
            Class::Removed => [total.class.word().to_owned(), total.paths.to_string(), in_a, String::new()],
            class => [class.word().to_owned(), total.paths.to_string(), in_a, in_b],
        };
        section.row(Mark::None, u64::MAX, cells);
    }
    section
}

fn paths(rootfs: &RootfsDiff, class: Class) -> Section {
    let mut section = match class {
        Class::Added => singles("Added", Mark::Added, &rootfs.added),
        Class::Removed => singles("Removed", Mark::Removed, &rootfs.removed),
        Class::Renamed => moves("Renamed", Mark::Moved, &rootfs.renamed),
        Class::Copied => moves("Copied", Mark::Added, &rootfs.copied),
        Class::Modified => changes("Modified", rootfs, class),
        Class::Metadata => changes("Metadata only", rootfs, class),
        Class::TypeChanged => changes("Type changed", rootfs, class),
    };
    section.summary = rootfs.total(class).map(|total| count(total.paths, "path")).unwrap_or_default();
    section
}

fn singles(title: &str, mark: Mark, list: &[super::Single]) -> Section {
    let mut section = Section::new(title, &["PATH", "SIZE", ""]);
    for folded in fold::singles(list) {
        let note = match folded.paths {
            1 if folded.kind == "file" => String::new(),
            1 => folded.kind.to_owned(),
            paths => count(paths, "path"),
        };
        section.row(mark, folded.bytes, [folded.path, size_text(folded.bytes), note]);
    }
    section
}

fn moves(title: &str, mark: Mark, list: &[super::Moved]) -> Section {
    let mut section = Section::new(title, &["FROM", "TO", "SIZE", ""]);
    for folded in fold::moves(list) {
        let mut notes: Vec<String> = folded.what.iter().map(ToString::to_string).collect();
        if folded.paths > 1 {
            notes.insert(0, count(folded.paths, "path"));
        }
        section.row(mark, folded.bytes, [folded.from, folded.to, size_text(folded.bytes), notes.join(", ")]);
    }
    section
}

fn changes(title: &str, rootfs: &super::RootfsDiff, class: Class) -> Section {
    let mut section = Section::new(title, &["PATH", "WHAT", "IN A", "IN B"]);
    for changed in rootfs.changed.iter().filter(|changed| changed.class == class) {
        let (in_a, in_b) = (size_text(changed.bytes_a), size_text(changed.bytes_b));
        let weight = changed.bytes_a.max(changed.bytes_b);
        section.row(
            Mark::Changed,
            weight,
            [changed.path.clone(), details::words(&changed.what, &changed.details, WHAT), in_a, in_b],
        );
    }
    section
}

fn packages(comparison: &Comparison) -> Section {
    let mut section = Section::new("Packages", &["PACKAGE", "OF", "VERSION IN A", "VERSION IN B", "IN A", "IN B"]);
    section.summary = count(comparison.packages.len(), "package");
    for package in &comparison.packages {
        let mark = match (package.a.is_empty(), package.b.is_empty()) {
            (true, _) => Mark::Added,
            (_, true) => Mark::Removed,
            _ => Mark::Changed,
        };
        let size = |bytes: Option<u64>| bytes.map_or_else(String::new, size_text);
        let weight = package.bytes_a.unwrap_or_default().max(package.bytes_b.unwrap_or_default());
        let cells = [
            package.name.clone(),
            package.manager.to_string(),
            package.a.join(", "),
            package.b.join(", "),
            size(package.bytes_a),
            size(package.bytes_b),
        ];
        section.row(mark, weight, cells);
    }
    section
}

fn fields(title: &str, list: &[super::FieldDiff]) -> Section {
    let mut section = Section::new(title, &["FIELD", "VALUE"]);
    for field in list {
        for (mark, text) in values::changes(&field.a, &field.b) {
            section.row(mark, 0, [field.field.clone(), text]);
        }
    }
    section
}

fn history(comparison: &Comparison) -> Section {
    let mut section = Section::new("History", &["STEP", "INSTRUCTION"]);
    let history = &comparison.history;
    if history.what.is_empty() {
        return section;
    }
    let step = |text: &str| super::history::instruction(text);
    let (of_a, of_b): (Vec<_>, Vec<_>) =
        (history.a.iter().map(|s| step(s)).collect(), history.b.iter().map(|s| step(s)).collect());
    for (mark, number, text) in values::steps(&of_a, &of_b) {
        section.row(mark, 0, [number.to_string(), text]);
    }
    if section.rows.is_empty() && history.what.contains(&What::History) {
        let told = "the instructions are the same, how they are written or what is remarked is not";
        section.row(Mark::Changed, 0, [String::new(), told.to_owned()]);
    }
    if history.what.contains(&What::Created) {
        section.row(Mark::Changed, 0, [String::new(), "created: when the steps were made".to_owned()]);
    }
    section
}

fn layers(comparison: &Comparison) -> Section {
    let mut section = Section::new("Layers", &["A", "B", "PAIRED BY", "IN A", "IN B", "DIFFERENCES", "CREATED BY"]);
    let layers = &comparison.layers;
    for pair in &layers.pairs {
        let (a, b) = (pair.a.map(|a| &layers.a[a]), pair.b.map(|b| &layers.b[b]));
        let number = |layer: Option<usize>| layer.map_or_else(|| "-".to_owned(), |layer| layer.to_string());
        let size = |layer: Option<&super::LayerFacts>| {
            layer.map_or_else(String::new, |layer| size_text(layer.content_bytes.unwrap_or(layer.stored_bytes)))
        };
        let (mark, by) = match (pair.a, pair.b, pair.by) {
            (_, _, Some(By::DiffId)) if pair.moved => (Mark::Moved, "digest, moved"),
            (_, _, Some(By::DiffId)) if pair.diff.is_some() => (Mark::Changed, "digest"),
            (_, _, Some(By::DiffId)) => (Mark::None, "digest"),
            (_, _, Some(By::History)) => (Mark::Changed, "history"),
            (_, _, Some(By::Content)) => (Mark::Changed, "content"),
            (Some(_), ..) => (Mark::Removed, ""),
            _ => (Mark::Added, ""),
        };
        let created_by = b.or(a).and_then(|layer| layer.created_by.clone()).unwrap_or_default();
        let differences = pair.diff.as_ref().map_or_else(String::new, layer_summary);
        let cells = [number(pair.a), number(pair.b), by.to_owned(), size(a), size(b), differences, created_by];
        section.row(mark, 0, cells);
    }
    section
}

fn layer_summary(diff: &LayerDiff) -> String {
    let mut parts = Vec::new();
    for (list, word) in [(diff.added.len(), "added"), (diff.removed.len(), "removed"), (diff.changed.len(), "changed")]
    {
        if list > 0 {
            parts.push(format!("{list} {word}"));
        }
    }
    parts.extend(diff.whole.iter().map(|what| match what {
        What::Order => format!("order of {}", count(diff.out_of_order, "entry").replace("entrys", "entries")),
        what => what.to_string(),
    }));
    if parts.is_empty() { "none that count".to_owned() } else { parts.join(", ") }
}

/// What differs between two layers, entry by entry.
fn layer(comparison: &Comparison, pair: &LayerPair) -> Option<Section> {
    let diff = pair.diff.as_ref().filter(|diff| diff.entries() > 0)?;
    let mut section = Section::new(format!("Layer {} and layer {}", pair.a?, pair.b?), &["ENTRY", "WHAT"]);
    section.summary = comparison.layers.b[pair.b?].created_by.clone().unwrap_or_default();
    for (mark, list) in [(Mark::Removed, &diff.removed), (Mark::Added, &diff.added)] {
        for single in list {
            section.row(
                mark,
                single.bytes,
                [single.path.clone(), format!("{} {}", single.kind, size_text(single.bytes))],
            );
        }
    }
    for changed in &diff.changed {
        let told = details::words(&changed.what, &changed.details, WHAT);
        section.row(Mark::Changed, 0, [changed.path.clone(), told]);
    }
    Some(section)
}

fn words(whats: &[What]) -> String {
    whats.iter().map(|what| what.word()).collect::<Vec<_>>().join(", ")
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
