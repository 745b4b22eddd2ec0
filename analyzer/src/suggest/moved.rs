//! COPY followed by a RUN that moves what it brought: the COPY puts it there at once, and the RUN goes.
//!
//! ```text
//! COPY app /tmp/app            COPY app /srv/app
//! RUN mv /tmp/app /srv   ─►
//! ```
//!
//! A file that is moved is in both layers. The edit is proposed where the RUN is one `mv` of all that the COPY brought, and
//! nothing else is in their layers: what both weigh tells. Whether a command between the two needs the old place only a
//! build can tell.

use std::collections::BTreeSet;

use strata_dockerfile::{Copy, CopySource, Kind, edit::Edit, glob};
use strata_image::{layer::LayerPath, view::NodeKind};

use super::{
    Scene, Suggestion, enumerate,
    parts::Parts,
    places::resolve,
    priced,
    shell::{Certainty, PlainWord},
};
use crate::{
    Result,
    ledger::{Dead, Kind as Death},
    path_text,
};

/// The rule that these suggestions come from.
pub const MOVED_COPY: &str = "moved-copy";

/// Proposes another place for every COPY whose files one `mv` takes away.
pub(super) fn find(scene: &Scene<'_>) -> Result<Vec<Suggestion>> {
    let removed = scene.ledger.dead().iter().filter(|dead| dead.bytes > 0 && dead.kind == Death::Whiteout);
    let pairs: BTreeSet<(usize, usize)> = removed.map(|dead| (dead.creator(), dead.killer)).collect();
    let mut found = Vec::new();
    for (creator, killer) in pairs {
        let (Some((index, copy)), Some(run)) = (scene.copy(creator), scene.run(killer)) else { continue };
        let is_copy = matches!(scene.recipe.file.instructions[index].kind, Kind::Copy(_));
        let Some(parts) = Parts::of(&scene.recipe, run).ok().filter(|parts| is_copy && parts.list.iter().any(moves))
        else {
            continue;
        };
        let (layers, bytes) = (vec![creator, killer], scene.ledger.layers()[killer].total);
        let lines = scene.lines(&layers);
        let (copied, moved) = (enumerate(&lines[..1]), enumerate(&lines[1..]));
        let place = Moved { scene, creator, killer, index, copy, parts: &parts }.place()?;
        let suggestion = match place {
            Ok(place) => {
                let title = format!(
                    "let the COPY of line {copied} put its files where the RUN of line {moved} moves them, which goes: \
                     saves {}",
                    priced(bytes)
                );
                let mut edits = parts.without(&scene.recipe, &[true]);
                edits.push(Edit { span: copy.destination.span, replacement: place });
                let made = vec![(killer, bytes)];
                let suggestion = Suggestion { edits, made, ..Suggestion::new(MOVED_COPY, title, bytes, layers, lines) };
                scene.finish(suggestion)
            }
            Err(reason) => {
                let title = format!(
                    "the COPY of line {copied} cannot put its files where the RUN of line {moved} moves them, to save \
                     {}: {reason}",
                    priced(bytes)
                );
                Suggestion { refused: Some(reason), ..Suggestion::new(MOVED_COPY, title, bytes, layers, lines) }
            }
        };
        let dead = scene.ledger.dead().iter().filter(|dead| dead.bytes > 0);
        let is_moved = |dead: &&Dead| (dead.creator(), dead.killer) == (creator, killer);
        found.extend(scene.heed(suggestion, dead.filter(is_moved)));
    }
    Ok(found)
}

/// Whether a command moves files.
fn moves(part: &super::parts::Part) -> bool {
    let name = part.words.as_ref().and_then(|words| words.first());
    name.is_some_and(|name| name.text.rsplit('/').next() == Some("mv"))
}

struct Moved<'a> {
    scene: &'a Scene<'a>,
    creator: usize,
    killer: usize,
    index: usize,
    copy: &'a Copy,
    parts: &'a Parts<'a>,
}

impl Moved<'_> {
    /// Where the COPY has to put its files, as it is written in the Dockerfile; or why it cannot.
    fn place(&self) -> Result<std::result::Result<String, String>> {
        let (from, to) = match self.operands() {
            Ok(operands) => operands,
            Err(reason) => return Ok(Err(reason)),
        };
        if let Err(reason) = self.is_all(&from) {
            return Ok(Err(reason));
        }
        let (below, before) = (self.scene.below(self.creator)?, self.scene.below(self.killer)?);
        let made = from.parent().filter(|parent| !parent.is_root() && below.view().get(parent).is_none());
        if let Some(made) = made {
            return Ok(Err(format!("the COPY also makes {}, which stays", path_text(made.as_bytes()))));
        }
        let place = match before.view().get(&to).map(|node| node.meta.kind) {
            Some(NodeKind::Directory) => from.file_name().and_then(|name| to.join(name).ok()),
            Some(NodeKind::Symlink(_)) => None,
            _ => Some(to),
        };
        let unknown = || "it is not known where they come to lie".to_owned();
        let text = place.and_then(|place| plain(&place)).ok_or_else(unknown);
        Ok(text)
    }

    /// What the RUN moves, and where to.
    fn operands(&self) -> std::result::Result<(LayerPath, LayerPath), String> {
        let [part] = self.parts.list.as_slice() else {
            return Err("the RUN does more than that".to_owned());
        };
        let is_option = |word: &&PlainWord| matches!(word.text.as_str(), "-f" | "-v" | "-fv" | "-vf" | "--");
        let words: Vec<&PlainWord> = part.words.iter().flatten().skip(1).skip_while(is_option).collect();
        let [from, to] = words.as_slice() else {
            return Err("its mv is not of one file or directory".to_owned());
        };
        let workdir = self.scene.workdir(self.parts.run.index);
        let path = |word: &PlainWord| {
            let is_known = word.certainty == Certainty::Literal && !word.text.starts_with('-');
            resolve(workdir.as_ref(), &word.text).filter(|_| is_known)
        };
        path(from).zip(path(to)).ok_or_else(|| "what its mv moves shows only when it runs".to_owned())
    }

    /// Whether that is all that the COPY brought, by one source, and all that the RUN wrote.
    fn is_all(&self, from: &LayerPath) -> std::result::Result<(), String> {
        let word = match self.copy.sources.as_slice() {
            [CopySource::Path(word)] => self.scene.literal(word),
            _ => None,
        };
        let is_one = word.is_some_and(|word| !glob::has_meta(word.as_bytes()));
        let written = self.scene.recipe.source.get(self.copy.destination.span.range());
        let is_plain = !self.copy.json && written == Some(self.copy.destination.value.as_bytes());
        if !is_one || !is_plain || self.copy.parents.is_some() {
            return Err("the COPY does not name one source and its place plainly".to_owned());
        }
        let destination = self.scene.destination(self.index);
        if !destination.is_some_and(|place| place == *from || from.parent() == Some(place)) {
            return Err("the mv is not of what the COPY names".to_owned());
        }
        let moved: u64 = self
            .scene
            .ledger
            .dead()
            .iter()
            .filter(|dead| (dead.creator(), dead.killer) == (self.creator, self.killer) && dead.path.starts_with(from))
            .map(|dead| dead.bytes)
            .sum();
        let totals = |layer: usize| self.scene.ledger.layers()[layer].total;
        if totals(self.creator) != moved || totals(self.killer) != moved {
            return Err("the COPY brings more than the RUN moves, or the RUN writes more".to_owned());
        }
        Ok(())
    }
}

/// A path as it can stand in a Dockerfile without quotes.
fn plain(path: &LayerPath) -> Option<String> {
    let is_plain = path.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.+".contains(byte));
    (is_plain && !path.is_root()).then(|| format!("/{}", path_text(path.as_bytes()).trim_start_matches('/')))
}
