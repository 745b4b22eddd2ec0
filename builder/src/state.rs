//! What a stage has come to: its config, its variables, its history and its layers.

use std::collections::BTreeMap;

use serde_json::Value;
use strata_image::{
    ContainerConfig, History, ImageConfig,
    config::{DEFAULT_PATH, DEFAULT_SHELL, RootFs},
    manifest::Platform,
};

use crate::{
    stack::Stack,
    vars::{Declared, Vars},
};

/// The comment of every history entry, `BuildKit`'s: tools recognise by it what `created_by` is written in.
pub(crate) const COMMENT: &str = "buildkit.dockerfile.v0";

/// The state of a stage between two instructions.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) platform: Platform,
    pub(crate) author: Option<String>,
    pub(crate) config: ContainerConfig,
    /// Entries of this build have no time until they are stamped.
    pub(crate) history: Vec<History>,
    /// Entries of it that are the base image's.
    base_entries: usize,
    base_created: Option<String>,
    /// ENV and ARG values, the last setting winning.
    pub(crate) vars: Vars,
    /// ARGs in the order of their declaration.
    pub(crate) args: Vec<Declared>,
    /// Whether CMD was set in this very stage: ENTRYPOINT clears an inherited one.
    pub(crate) own_cmd: bool,
    pub(crate) stack: Stack,
    /// The instruction that made each layer, where one of this Dockerfile did.
    pub(crate) layer_steps: Vec<Option<usize>>,
    pub(crate) base_layers: usize,
}

impl State {
    /// `FROM scratch`.
    pub(crate) fn scratch(platform: Platform) -> Self {
        let config = ContainerConfig { working_dir: Some("/".to_owned()), ..ContainerConfig::default() };
        Self::new(platform, None, config, Stack::default())
    }

    /// `FROM` a directory, before the layer of its files.
    pub(crate) fn directory(platform: Platform) -> Self {
        Self::new(platform, None, ContainerConfig::default(), Stack::default())
    }

    /// Makes everything so far the base's.
    pub(crate) fn becomes_base(&mut self) {
        self.stack.becomes_base();
        self.base_layers = self.stack.diff_ids().len();
        self.base_entries = self.history.len();
        self.layer_steps = vec![None; self.base_layers];
    }

    /// `FROM` an image. What only a container's past says in its config (`Hostname`, `Image`, …) is left behind.
    pub(crate) fn image(image: &ImageConfig, stack: Stack, fallback: &Platform) -> Self {
        let mut config = image.config.clone().unwrap_or_default();
        config.other.clear();
        let platform = Platform {
            os: or(&image.os, &fallback.os),
            architecture: or(&image.architecture, &fallback.architecture),
            variant: image.variant.clone(),
            other: BTreeMap::new(),
        };
        let layers = stack.diff_ids().len();
        let mut state = Self::new(platform, image.author.clone(), config, stack);
        state.base_created.clone_from(&image.created);
        state.history = complete_history(image, layers);
        state.base_entries = state.history.len();
        state
    }

    /// `FROM` an earlier stage: everything but what belongs to that stage alone.
    pub(crate) fn child(&self) -> Self {
        let mut state = self.clone();
        state.own_cmd = false;
        state.config.on_build = None;
        state
    }

    fn new(platform: Platform, author: Option<String>, mut config: ContainerConfig, stack: Stack) -> Self {
        let env = config.env.get_or_insert_default();
        if !env.iter().any(|line| line.starts_with("PATH=")) {
            env.push(format!("PATH={DEFAULT_PATH}"));
        }
        let vars = Vars::from_lines(env);
        config.on_build = None;
        let layers = stack.diff_ids().len();
        Self {
            platform,
            author,
            config,
            history: Vec::new(),
            base_entries: 0,
            base_created: None,
            vars,
            args: Vec::new(),
            own_cmd: false,
            stack,
            layer_steps: vec![None; layers],
            base_layers: layers,
        }
    }

    pub(crate) fn shell(&self) -> Vec<String> {
        match &self.config.shell {
            Some(shell) if !shell.is_empty() => shell.clone(),
            _ => DEFAULT_SHELL.map(str::to_owned).to_vec(),
        }
    }

    pub(crate) fn workdir(&self) -> &str {
        match self.config.working_dir.as_deref() {
            None | Some("") => "/",
            Some(dir) => dir,
        }
    }

    pub(crate) fn user(&self) -> &str {
        self.config.user.as_deref().unwrap_or_default()
    }

    /// Adds a history entry; `created` is known for steps that made a layer.
    pub(crate) fn record(&mut self, created_by: String, layer: Option<String>) {
        self.history.push(History {
            empty_layer: layer.is_none(),
            created: layer,
            created_by: Some(created_by),
            comment: Some(COMMENT.to_owned()),
            ..History::default()
        });
    }

    /// Goes back to the base's layers, to get one layer for the `number` that the steps made: their history stays, as that of
    /// steps without a layer, and one entry more stands for the one.
    pub(crate) fn squashed(&mut self, base: Stack, number: usize, created: String) {
        for entry in &mut self.history[self.base_entries..] {
            entry.empty_layer = true;
        }
        self.record(format!("SQUASH {number} layers"), Some(created));
        self.layer_steps.truncate(self.base_layers);
        self.layer_steps.push(None);
        self.stack = base;
    }

    /// The image's config. Entries without a time take that of the first new layer, or of the layer before them; `epoch`
    /// replaces all new times.
    pub(crate) fn finish(&self, epoch: Option<&str>) -> ImageConfig {
        let mut history = self.history.clone();
        stamp(&mut history, self.base_entries, epoch, self.base_created.as_deref());
        let created = history
            .iter()
            .rev()
            .find_map(|entry| entry.created.clone())
            .or_else(|| self.base_created.clone())
            .or_else(|| epoch.map(str::to_owned));
        let mut config = self.config.clone();
        forget_empty(&mut config);
        ImageConfig {
            created,
            author: self.author.clone(),
            architecture: self.platform.architecture.clone(),
            os: self.platform.os.clone(),
            variant: self.platform.variant.clone(),
            config: Some(config),
            rootfs: RootFs { kind: "layers".to_owned(), diff_ids: self.stack.diff_ids() },
            history,
            other: BTreeMap::new(),
        }
    }
}

fn or(text: &str, fallback: &str) -> String {
    if text.is_empty() { fallback } else { text }.to_owned()
}

/// A base's history with an entry for every layer, so that history and layers agree.
fn complete_history(image: &ImageConfig, layers: usize) -> Vec<History> {
    let mut history = image.history.clone();
    let told = history.iter().filter(|entry| !entry.empty_layer).count();
    let missing = layers.saturating_sub(told);
    history.extend(std::iter::repeat_n(History { created: image.created.clone(), ..History::default() }, missing));
    history
}

fn stamp(history: &mut [History], base_entries: usize, epoch: Option<&str>, base_created: Option<&str>) {
    let (base, new) = history.split_at_mut(base_entries.min(history.len()));
    if let Some(epoch) = epoch {
        for entry in new {
            entry.created = Some(epoch.to_owned());
        }
        return;
    }
    let first_new = new.iter().find_map(|entry| entry.created.clone());
    let mut time = first_new
        .or_else(|| base.iter().rev().find_map(|entry| entry.created.clone()))
        .or_else(|| base_created.map(str::to_owned));
    for entry in new {
        match &entry.created {
            Some(created) => time = Some(created.clone()),
            None => entry.created.clone_from(&time),
        }
    }
}

/// Go leaves empty lists and maps out.
fn forget_empty(config: &mut ContainerConfig) {
    config.env = config.env.take().filter(|list| !list.is_empty());
    config.entrypoint = config.entrypoint.take().filter(|list| !list.is_empty());
    config.cmd = config.cmd.take().filter(|list| !list.is_empty());
    config.on_build = config.on_build.take().filter(|list| !list.is_empty());
    config.shell = config.shell.take().filter(|list| !list.is_empty());
    config.labels = config.labels.take().filter(|map| !map.is_empty());
    config.volumes = config.volumes.take().filter(|map| !map.is_empty());
    config.exposed_ports = config.exposed_ports.take().filter(|map| !map.is_empty());
    config.user = config.user.take().filter(|text| !text.is_empty());
    config.working_dir = config.working_dir.take().filter(|text| !text.is_empty());
    config.stop_signal = config.stop_signal.take().filter(|text| !text.is_empty());
    config.args_escaped = config.args_escaped.filter(|escaped| *escaped);
}

/// `{}`: what sets are made of in configs.
pub(crate) fn member() -> Value {
    Value::Object(serde_json::Map::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(created: Option<&str>) -> History {
        History { created: created.map(str::to_owned), ..History::default() }
    }

    fn stamped(entries: &[Option<&str>], base: usize, epoch: Option<&str>) -> Vec<Option<String>> {
        let mut history: Vec<History> = entries.iter().map(|created| entry(*created)).collect();
        stamp(&mut history, base, epoch, Some("c"));
        history.into_iter().map(|entry| entry.created).collect()
    }

    fn times(times: &[&str]) -> Vec<Option<String>> {
        times.iter().map(|time| Some((*time).to_owned())).collect()
    }

    #[test]
    fn entries_without_a_layer_take_the_time_of_the_layer_near_them() {
        assert_eq!(
            stamped(&[Some("b"), None, Some("1"), None, Some("2"), None], 1, None),
            times(&["b", "1", "1", "1", "2", "2"])
        );
        assert_eq!(stamped(&[Some("b"), None], 1, None), times(&["b", "b"]));
        assert_eq!(stamped(&[None], 0, None), times(&["c"]));
    }

    #[test]
    fn an_epoch_is_the_time_of_new_entries_only() {
        assert_eq!(stamped(&[Some("b"), None, Some("1")], 1, Some("e")), times(&["b", "e", "e"]));
    }

    #[test]
    fn history_and_layers_of_a_base_agree() {
        let image = ImageConfig { created: Some("c".to_owned()), ..ImageConfig::default() };
        assert_eq!(complete_history(&image, 2).len(), 2);
        assert!(complete_history(&image, 0).is_empty());
    }
}
