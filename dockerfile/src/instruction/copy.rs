//! COPY and ADD: flags, sources (paths and heredocs) and a destination.

use std::collections::BTreeMap;

use super::{Reader, Takes};
use crate::{
    Copy, CopySource, Heredoc, Spanned,
    expand::{self, Expanded},
    heredoc::Marker,
    mode::ModeChange,
};

pub(super) const COPY_FLAGS: &[(&str, Takes)] = &[
    ("from", Takes::Value),
    ("chown", Takes::Value),
    ("chmod", Takes::Value),
    ("link", Takes::Switch),
    ("parents", Takes::Switch),
    ("exclude", Takes::Values),
];

pub(super) const ADD_FLAGS: &[(&str, Takes)] = &[
    ("chown", Takes::Value),
    ("chmod", Takes::Value),
    ("link", Takes::Switch),
    ("exclude", Takes::Values),
    ("checksum", Takes::Value),
    ("keep-git-dir", Takes::Switch),
    ("unpack", Takes::Switch),
];

impl Reader<'_, '_, '_> {
    pub(super) fn copy(&mut self, heredocs: &[Heredoc], known: &[(&'static str, Takes)]) -> Option<Copy> {
        let flags = self.flags(known);
        let (mut words, json) = self.list()?;
        let destination = words.pop();
        let (Some(destination), false) = (destination, words.is_empty()) else {
            return self.wrong_arguments("requires at least two arguments: sources and a destination");
        };
        // the strings of an array are paths, whatever they look like
        let marker = |word: &Spanned<String>| {
            let marker = if json { None } else { Marker::parse(&word.value).ok() };
            marker.flatten()
        };
        if marker(&destination).is_some() {
            let name = self.statement.name();
            let message = format!("{name} cannot accept a heredoc as a destination");
            return self.fail("heredoc-destination", destination.span, message);
        }
        // of several heredocs with one name the last body counts, and makes one file
        let mut bodies: BTreeMap<&str, &Heredoc> =
            heredocs.iter().map(|heredoc| (heredoc.name.as_str(), heredoc)).collect();
        let mut sources = Vec::new();
        for word in words {
            let Some(marker) = marker(&word) else {
                sources.push(CopySource::Path(word));
                continue;
            };
            if marker.name.contains('/') || matches!(marker.name.as_str(), "." | "..") {
                let message = format!("a heredoc cannot make a file of the name {:?}", marker.name);
                return self.fail("invalid-heredoc", word.span, message);
            }
            let body = bodies.remove(marker.name.as_str());
            sources.extend(body.cloned().map(CopySource::Heredoc));
        }
        let flags = flags?;
        let from = flags.value("from");
        if let Some(from) = &from {
            let nothing_is_set = |_: &str| None;
            let expanded = expand::word(&from.value, self.escape, &nothing_is_set);
            if expanded.is_ok_and(|expanded| !expanded.used.is_empty()) {
                let message = "variable expansion is not supported for --from, define a new stage \
                               with FROM using ARG from global scope as a workaround";
                return self.fail("variable-in-from", from.span, message);
            }
        }
        if let Some(chmod) = flags.value("chmod") {
            self.check_chmod(&chmod)?;
        }
        Some(Copy {
            sources,
            destination,
            json,
            from,
            chown: flags.value("chown"),
            chmod: flags.value("chmod"),
            link: flags.switch("link"),
            parents: flags.switch("parents"),
            exclude: flags.list("exclude"),
            checksum: flags.value("checksum"),
            keep_git_dir: flags.switch("keep-git-dir"),
            unpack: flags.switch("unpack"),
        })
    }

    /// Checks a `--chmod` that has no variables; another one is checked when they are known.
    fn check_chmod(&mut self, chmod: &Spanned<String>) -> Option<()> {
        let nothing_is_set = |_: &str| None;
        let Ok(Expanded { text, used, .. }) = expand::word(&chmod.value, self.escape, &nothing_is_set) else {
            return Some(());
        };
        match ModeChange::parse(&text) {
            Err(problem) if used.is_empty() && !text.is_empty() => {
                self.fail("invalid-flag-value", chmod.span, problem.to_string())
            }
            _ => Some(()),
        }
    }
}
