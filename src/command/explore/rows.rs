//! Which names are shown, in which order, under which filter.

use std::cmp::Reverse;

use regex::bytes::Regex;
use strata_analyzer::tree::{Mark, NodeIndex, ROOT, Scene, Tree};

/// Bytes that a filter may compile to: far more than anyone types, far less than anyone has.
const FILTER_SIZE: usize = 4 << 20;

/// What the names of a directory are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Name,
    Size,
    Waste,
}

impl Order {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Name => Self::Size,
            Self::Size => Self::Waste,
            Self::Waste => Self::Name,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Waste => "waste",
        }
    }
}

/// The marks that are not shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hidden {
    pub(super) added: bool,
    /// Metadata-only changes too.
    pub(super) modified: bool,
    pub(super) removed: bool,
    pub(super) unmodified: bool,
}

impl Hidden {
    fn hides(self, mark: Mark) -> bool {
        match mark {
            Mark::Absent => true,
            Mark::Unmodified => self.unmodified,
            Mark::Added => self.added,
            Mark::Modified | Mark::Metadata => self.modified,
            Mark::Removed => self.removed,
        }
    }

    pub(super) fn words(self) -> Vec<&'static str> {
        let all = [
            (self.added, "added"),
            (self.modified, "modified"),
            (self.removed, "removed"),
            (self.unmodified, "unmodified"),
        ];
        all.into_iter().filter(|(hidden, _)| *hidden).map(|(_, word)| word).collect()
    }
}

/// A regular expression over absolute paths, and which names it matches.
#[derive(Default)]
pub(super) struct Filter {
    pub(super) text: String,
    matching: Option<Vec<bool>>,
}

impl Filter {
    /// Takes an expression; an empty one matches everything.
    ///
    /// # Errors
    /// Says in one line what is wrong with the expression, and stays as it was.
    pub(super) fn set(&mut self, text: &str, tree: &Tree) -> Result<(), String> {
        if text.is_empty() {
            *self = Self::default();
            return Ok(());
        }
        let expression = regex::bytes::RegexBuilder::new(text).size_limit(FILTER_SIZE).build();
        let expression = expression.map_err(|error| {
            let text = error.to_string();
            text.lines().last().unwrap_or_default().trim().to_owned()
        })?;
        self.matching = Some(matching(tree, &expression));
        text.clone_into(&mut self.text);
        Ok(())
    }

    pub(super) fn is_set(&self) -> bool {
        self.matching.is_some()
    }

    fn matches(&self, node: usize) -> bool {
        self.matching.as_ref().is_none_or(|matching| matching.get(node).copied().unwrap_or(false))
    }
}

fn matching(tree: &Tree, expression: &Regex) -> Vec<bool> {
    let mut matching = vec![false; tree.len()];
    let mut path = Vec::new();
    // a directory again, to take its name off the path once all that is in it was seen
    let mut waiting = vec![(ROOT, None)];
    while let Some((node, length)) = waiting.pop() {
        if let Some(length) = length {
            path.truncate(length);
            continue;
        }
        let length = path.len();
        if node != ROOT {
            path.push(b'/');
            path.extend_from_slice(tree.name(node));
            matching[node as usize] = expression.is_match(&path);
        }
        waiting.push((node, Some(length)));
        waiting.extend(tree.children(node).iter().map(|&child| (child, None)));
    }
    matching
}

/// One line of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) node: NodeIndex,
    pub(super) depth: u16,
}

/// What the rows are made of.
pub(super) struct Rows<'a> {
    pub(super) tree: &'a Tree,
    pub(super) scene: &'a Scene,
    pub(super) hidden: Hidden,
    pub(super) filter: &'a Filter,
    pub(super) order: Order,
    pub(super) collapsed: &'a [bool],
}

impl Rows<'_> {
    /// The rows from the top. Time grows with the number of names, those that are not shown included.
    pub(super) fn list(&self) -> Vec<Row> {
        let visible = self.visible();
        let mut rows = Vec::new();
        let mut waiting: Vec<Row> = self.below(ROOT, 0, &visible);
        while let Some(row) = waiting.pop() {
            rows.push(row);
            if self.filter.is_set() || !self.collapsed[row.node as usize] {
                waiting.extend(self.below(row.node, row.depth.saturating_add(1), &visible));
            }
        }
        rows
    }

    /// A name is visible when its mark is, or when something below it is.
    fn visible(&self) -> Vec<bool> {
        let mut visible = vec![false; self.tree.len()];
        for node in (1..self.tree.len()).rev() {
            let index = NodeIndex::try_from(node).unwrap_or(NodeIndex::MAX);
            if !visible[node] {
                visible[node] = !self.hidden.hides(self.scene.mark(index)) && self.filter.matches(node);
            }
            if visible[node] {
                visible[self.tree.parent(index) as usize] = true;
            }
        }
        visible
    }

    /// The visible names in a directory, the last one first.
    fn below(&self, node: NodeIndex, depth: u16, visible: &[bool]) -> Vec<Row> {
        let mut children: Vec<NodeIndex> =
            self.tree.children(node).iter().copied().filter(|&child| visible[child as usize]).collect();
        match self.order {
            Order::Name => {}
            // both keep the order of names where sizes are equal
            Order::Size => children.sort_by_key(|&child| Reverse(self.scene.bytes(child))),
            Order::Waste => {
                children.sort_by_key(|&child| Reverse((self.scene.wasted(child), self.scene.bytes(child))));
            }
        }
        children.into_iter().rev().map(|node| Row { node, depth }).collect()
    }
}
