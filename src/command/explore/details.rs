//! What is known of the selected layer or file: above all why bytes are dead.

use strata_analyzer::{
    analysis::LayerLine,
    ledger::Kind,
    size_text,
    tree::{Death, Mark, NodeIndex, Type},
};

use super::{
    model::Told,
    panes::role_of,
    screen::{Line, Role},
    shown,
    state::{Focus, State},
};

/// Deaths under one name, and pieces of advice, that are told in full.
const MOST: usize = 20;

impl State {
    /// Lines of at most `width` characters about what is selected.
    pub(super) fn details(&self, width: usize) -> Vec<Line> {
        let mut text = Text { width: width.min(100), lines: Vec::new() };
        match (self.focus, self.selected()) {
            (Focus::Tree, Some(node)) => self.about_name(node, &mut text),
            _ => self.about_layer(&mut text),
        }
        text.lines
    }

    fn about_layer(&self, text: &mut Text) {
        let Some(layer) = self.model.layer(self.layer) else {
            text.say("the image has no layers", Role::Faint);
            return;
        };
        text.say(&format!("Layer {}{}", layer.index, line_of(layer)), Role::Strong);
        text.say(&format!("{} in {} entries", size_text(layer.size_bytes), layer.entries), Role::Plain);
        if layer.wasted_bytes > 0 {
            text.say(&format!("{} of them die in later layers or here", size_text(layer.wasted_bytes)), Role::Removed);
        }
        if layer.killed_bytes > 0 {
            text.say(&format!("it kills {}, made here or below", size_text(layer.killed_bytes)), Role::Removed);
        }
        if layer.base == Some(true) {
            text.say("of the base image", Role::Faint);
        }
        text.say(&shown::safe(layer.created_by.as_deref().unwrap_or("no history tells what made it")), Role::Plain);
        text.say(&shown::safe(&layer.diff_id), Role::Faint);
        let analysis = &self.model.analysis;
        text.gap();
        text.say("Image", Role::Strong);
        text.say(&shown::safe(&self.model.name), Role::Plain);
        if let Some(platform) = &analysis.image.platform {
            text.say(&shown::safe(platform), Role::Plain);
        }
        text.say(
            &format!("{} live of {}", size_text(analysis.live_bytes), size_text(analysis.total_bytes)),
            Role::Plain,
        );
        text.say(&format!("{} wasted", size_text(analysis.wasted_bytes)), Role::Plain);
        for suggestion in &analysis.suggestions {
            text.gap();
            text.say(&shown::safe(&suggestion.title), Role::Plain);
        }
    }

    fn about_name(&self, node: NodeIndex, text: &mut Text) {
        let tree = &self.model.tree;
        let path = tree.path(node);
        let mark = self.scene.mark(node);
        text.say(&shown::path(&path), Role::Strong);
        let word = match mark {
            Mark::Absent | Mark::Unmodified => "unmodified",
            Mark::Added => "added",
            Mark::Modified => "modified",
            Mark::Metadata => "written again, same content",
            Mark::Removed => "removed",
        };
        let version = self.version(node);
        let kind = match version.map(|version| version.kind) {
            Some(Type::Directory) => "directory",
            Some(Type::Symlink) => "symlink",
            Some(Type::Special) => "device or pipe",
            Some(Type::File) | None => "file",
        };
        text.say(&format!("{kind} of {}, {word}", size_text(self.scene.bytes(node))), role_of(mark));
        if let Some(inode) = version.and_then(|version| version.inode) {
            text.say(&format!("from {}", self.place(inode.layer as usize)), Role::Plain);
        }
        if let Some(target) = version.and_then(|version| self.model.target(version)) {
            text.say(&format!("leads to {}", shown::name(&target)), Role::Plain);
        }
        let deaths: Vec<&Death> = tree.deaths(node).filter(|death| death.bytes > 0).collect();
        for death in deaths.iter().take(MOST) {
            self.about_death(&path, death, text);
        }
        if deaths.len() > MOST {
            text.say(&format!("and {} times more", deaths.len() - MOST), Role::Faint);
        }
        let below = self.scene.wasted(node) - tree.wasted(node);
        if below > 0 {
            text.gap();
            text.say(&format!("{} wasted below it", size_text(below)), Role::Removed);
        }
        for told in self.model.advice(&path).take(MOST) {
            text.gap();
            about_finding(told, text);
        }
    }

    fn about_death(&self, path: &[u8], death: &Death, text: &mut Text) {
        text.gap();
        text.say(&format!("{} wasted: {}", size_text(death.bytes), how(death.kind)), Role::Removed);
        text.say(&format!("made by {}", self.place(death.creator)), Role::Plain);
        if death.killer != death.creator {
            text.say(&format!("killed by {}", self.place(death.killer)), Role::Plain);
        }
        if let Some(told) = self.model.finding(path, death) {
            about_finding(told, text);
        }
    }

    /// `layer 4, line 12: RUN …`.
    fn place(&self, layer: usize) -> String {
        let Some(line) = self.model.layer(layer) else { return format!("layer {layer}") };
        let by = line.created_by.as_deref().map(|by| format!(": {}", shown::safe(by))).unwrap_or_default();
        format!("layer {layer}{}{by}", line_of(line))
    }
}

/// What a rule says; of a suppressed finding who says that it is known, and why.
fn about_finding(told: Told<'_>, text: &mut Text) {
    let Told { finding, suppressed } = told;
    let rule = format!("{} {}", finding.rule, finding.name);
    match suppressed {
        Some(suppressed) => {
            let colon = if suppressed.reason.is_empty() { "" } else { ": " };
            let why = format!("{rule}, suppressed in {}{colon}{}", suppressed.by, suppressed.reason);
            text.say(&shown::safe(&why), Role::Faint);
        }
        // how it died is told already
        None if finding.exact => text.say(&format!("{rule}: {}", shown::safe(&finding.fix)), Role::Title),
        None => {
            text.say(&rule, Role::Title);
            text.say(&shown::safe(&finding.message), Role::Plain);
            text.say(&shown::safe(&finding.fix), Role::Plain);
        }
    }
}

fn line_of(layer: &LayerLine) -> String {
    layer.line.map_or_else(String::new, |line| format!(", line {line} of the Dockerfile"))
}

fn how(kind: Kind) -> &'static str {
    match kind {
        Kind::Overwrite => "overwrite, other content took the name",
        Kind::Rewrite => "rewrite, the same content was written again",
        Kind::Whiteout => "whiteout, the name or a directory above it was removed",
        Kind::Opaque => "opaque, a directory above it was made anew",
        Kind::TypeChange => "type-change, something of another type took the name",
        Kind::DuplicateEntry => "duplicate-entry, the same layer wrote it again",
    }
}

/// Lines as they grow.
struct Text {
    width: usize,
    lines: Vec<Line>,
}

impl Text {
    fn say(&mut self, text: &str, role: Role) {
        self.lines.extend(shown::wrap(text, self.width).iter().map(|line| Line::of(line, role)));
    }

    fn gap(&mut self) {
        self.lines.push(Line::default());
    }
}
