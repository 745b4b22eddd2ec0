//! Suggestions: changes of a Dockerfile, or of its ignore file, that save bytes, each with its price.
//!
//! | rule | what it does | price |
//! |---|---|---|
//! | [`CHAIN_RUNS`] | makes one RUN of several | bytes that one of them made and another killed |
//! | [`COPY_FLAGS`] | gives files their modes and owners where they are copied | bytes that a `chmod` or `chown` copied |
//! | [`MOVED_COPY`] | has a COPY put its files where a RUN moves them | bytes that the `mv` copied |
//! | [`PACKAGE_CACHES`] | keeps caches of package managers out of a layer | bytes of them that the layer has |
//! | [`UNKEPT_FILES`] | leaves files out of the context that a RUN removes | bytes that a COPY made and the RUN killed |
//!
//! Chaining:
//!
//! ```text
//! Dockerfile ─► segments of RUNs without a barrier ─► ranges that save bytes ─► edit at spans ─► read again
//!                    ▲ shell scanner                      ▲ dead inodes, broken links
//! ```
//!
//! Chaining layers `i` to `j` saves exactly the bytes of the inodes that were made in `i` or later and died in `j` or
//! earlier, in another layer than the one that made them. Against that stands what it costs later builds, where the times of
//! the steps are known. What would change the result is refused in words; that commands may not be deterministic is said
//! beside a suggestion, and is for a proof to decide.

mod attributes;
mod caches;
mod chaining;
mod chance;
mod comments;
mod compressed;
mod copy_flags;
mod cost;
mod moved;
mod overlap;
mod partition;
mod parts;
mod places;
mod rewrite;
mod scene;
mod segment;
pub(crate) mod shell;
mod suppressed;
mod target;
mod unkept;
mod unshipped;
mod worth;

use serde::Serialize;
use strata_dockerfile::{Dockerfile, edit::Edit};

use crate::size_text;
use caches::Portion;
pub use caches::{Caches, PACKAGE_CACHES};
pub use chaining::{DeadBytes, Evidence, chain};
pub use compressed::{Basis, Compressed};
pub use copy_flags::COPY_FLAGS;
pub use cost::{Again, Cost, Costs, SECOND, Times};
pub use moved::MOVED_COPY;
pub use overlap::together;
pub use partition::Point;
pub use scene::{Proposals, Scene, all};
pub use suppressed::SuppressedBy;
pub use target::is_removed;
pub use unkept::{Context, Files, Found, UNKEPT_FILES};
pub use worth::MinSaving;

/// The rule of chaining.
pub const CHAIN_RUNS: &str = "chain-runs";

/// A change of the Dockerfile that saves bytes, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suggestion {
    /// One of the rules above.
    pub rule: &'static str,
    /// For people.
    pub title: String,
    /// Content bytes that the image no longer has afterwards, exactly. Of several see [`together`].
    pub saves_bytes: u64,
    /// What a registry no longer holds, as an estimate; `None` where nothing is saved.
    pub saves_compressed: Option<Compressed>,
    /// The layers that become one, or those that made the bytes and, last, the one that killed or copied them.
    pub layers: Vec<usize>,
    /// The first line of each of their instructions.
    pub lines: Vec<u32>,
    /// A unified diff of the Dockerfile, and of the ignore file; `None` where it is refused.
    pub edit: Option<String>,
    /// Files that the image loses by it, as patterns that [`is_removed`] reads. All else stays as it is.
    pub removes: Vec<String>,
    /// Lines for the end of the ignore file.
    pub ignore: Vec<String>,
    /// What is to be known beside it, each a sentence: commands that need not give the same when a proof runs them again.
    pub notes: Vec<String>,
    /// What a chain costs later builds; `None` for other rules, and where times are not known.
    pub cost: Option<Cost>,
    /// Whether another suggestion before it changes the same lines, so that its bytes are not to be added to theirs.
    pub alternative: bool,
    /// Why there is no edit, in words.
    #[serde(rename = "reason", skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Who wants it left out, where that is the reason: suppressions are about all that it would save.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suppressed: Vec<SuppressedBy>,
    /// What changes in the Dockerfile. Edits of one rule's suggestions do not overlap.
    #[serde(skip)]
    pub edits: Vec<Edit>,
    /// The layers that made the bytes, each with how many.
    #[serde(skip)]
    pub(crate) made: Vec<(usize, u64)>,
    /// What it removes of caches: part of its price where it is of its own layers, and of what it saves beside a chain
    /// where it is of another RUN of that.
    #[serde(skip)]
    pub(crate) left: Vec<Portion>,
}

impl Suggestion {
    /// One that changes nothing yet.
    fn new(rule: &'static str, title: String, saves_bytes: u64, layers: Vec<usize>, lines: Vec<u32>) -> Self {
        Self {
            rule,
            title,
            saves_bytes,
            saves_compressed: None,
            made: layers.first().map(|layer| (*layer, saves_bytes)).into_iter().collect(),
            layers,
            lines,
            edit: None,
            removes: Vec::new(),
            ignore: Vec::new(),
            notes: Vec::new(),
            cost: None,
            alternative: false,
            refused: None,
            suppressed: Vec::new(),
            edits: Vec::new(),
            left: Vec::new(),
        }
    }

    /// Makes one that changes nothing of it, and says why.
    pub fn refuse(&mut self, reason: String) {
        self.title = format!("{}, but {reason}", self.title);
        self.leave(reason);
    }

    /// Has it change nothing, for a reason that its title does not say.
    fn leave(&mut self, reason: String) {
        self.refused = Some(reason);
        self.edit = None;
        self.edits.clear();
        self.ignore.clear();
        self.removes.clear();
        self.left.clear();
    }

    /// Whether there is something to apply.
    pub fn is_possible(&self) -> bool {
        self.refused.is_none() && !(self.edits.is_empty() && self.ignore.is_empty())
    }
}

/// A Dockerfile and what it made.
#[derive(Clone, Copy, Debug)]
pub struct Recipe<'a> {
    /// The Dockerfile's name, for the headers of the diff.
    pub name: &'a str,
    /// Its bytes.
    pub source: &'a [u8],
    /// What they say. A file with errors gives no suggestions that could be trusted.
    pub file: &'a Dockerfile,
    /// For each layer of the image, bottom first, the index of the instruction that made it; `None` for a base's.
    pub steps: &'a [Option<usize>],
    /// The base image's `Shell`, or the built image's where no SHELL instruction stands; `None` is docker's default.
    pub base_shell: Option<&'a [String]>,
}

impl Recipe<'_> {
    /// The name as `patch` takes it, which is never absolute and begins with no `./`.
    fn diff_name(&self) -> &str {
        self.name.trim_start_matches("./").trim_start_matches('/')
    }
}

/// `4 and 5`, `4, 5 and 6`.
fn enumerate(lines: &[u32]) -> String {
    let words: Vec<String> = lines.iter().map(ToString::to_string).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// `52.4MB (52428800 bytes)`, and plain bytes below one kB.
fn priced(bytes: u64) -> String {
    match bytes {
        ..1_000 => format!("{bytes} bytes"),
        _ => format!("{} ({bytes} bytes)", size_text(bytes)),
    }
}
