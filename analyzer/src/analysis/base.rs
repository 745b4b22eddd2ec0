//! Which of the layers belong to the base image, and how that is known.
//!
//! The surest answer counts: who asks says so; the builder remembers; the Dockerfile matches the history; the manifest or
//! the labels name the base and it is among the known images; a known image has the same layers at the bottom; the
//! history has the end of another image in it.

use serde::Serialize;
use strata_image::{DiffId, Image};

use super::Options;
use crate::{Ledger, attribution::Attribution};

/// Names the base (image-spec, annotations.md).
const BASE_NAME: &str = "org.opencontainers.image.base.name";
/// The digest of its manifest.
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";

/// An image that may be the base of others.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its name, or its ID when it has none.
    pub name: String,
    /// The digest of its manifest, where that is known.
    pub digest: Option<String>,
    /// Its layers, bottom first.
    pub diff_ids: Vec<DiffId>,
}

/// How the base was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundBy {
    /// Who asks said so.
    Asked,
    /// The builder remembers.
    Build,
    /// The Dockerfile made the layers above it.
    Dockerfile,
    /// Annotations or labels of the image name it.
    Annotation,
    /// A known image has the same layers.
    Layers,
    /// The history goes on after a `CMD`, with which images end: a guess.
    History,
}

/// The base image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaseLine {
    /// Its name, where it is known.
    pub name: Option<String>,
    /// How many layers it has.
    pub layers: usize,
    /// How that is known.
    pub found_by: FoundBy,
    /// Content bytes of its layers.
    pub total_bytes: u64,
    /// Those that a layer of its own killed.
    pub wasted_bytes: u64,
    /// Those that a layer above it killed.
    pub killed_bytes: u64,
}

/// What the layers above the base come to; all of them where there is no base, or none is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Own {
    /// Content bytes.
    pub total_bytes: u64,
    /// Those of them that are dead.
    pub wasted_bytes: u64,
    /// Live over total; 1.0 where there are none.
    pub efficiency: f64,
}

/// The base's layers, its name and how it was found.
pub(crate) struct Found {
    pub(crate) layers: usize,
    pub(super) name: Option<String>,
    pub(super) by: FoundBy,
}

impl Candidate {
    /// Whether its layers are those at the bottom of an image that has more.
    pub fn is_below(&self, image: &dyn Image) -> bool {
        let own = self.diff_ids.len();
        let layers = image.layers();
        own > 0 && own < layers.len() && layers.iter().zip(&self.diff_ids).all(|(layer, id)| layer.diff_id() == *id)
    }
}

/// Finds the base of an image.
pub(super) fn find(image: &dyn Image, options: &Options<'_>, origin: Option<&Attribution>) -> Option<Found> {
    let annotated = annotated(image);
    let known = options.bases.iter().filter(|candidate| candidate.is_below(image));
    let named = annotated.as_ref().map(|(name, _)| name.clone());
    let name_of = |layers: usize| {
        let same = known.clone().find(|candidate| candidate.diff_ids.len() == layers);
        same.map(|candidate| candidate.name.clone()).or_else(|| named.clone())
    };
    if let Some(base) = options.base {
        return Some(Found { layers: base.diff_ids.len(), name: Some(base.name.clone()), by: FoundBy::Asked });
    }
    let by = if options.steps.is_some() { FoundBy::Build } else { FoundBy::Dockerfile };
    if let Some(layers) = options.base_layers {
        return (layers > 0).then(|| Found { layers, name: name_of(layers), by: FoundBy::Build });
    }
    if let Some(layers) = origin.map(|origin| origin.base_layers) {
        return (layers > 0).then(|| Found { layers, name: name_of(layers), by });
    }
    if let Some((name, digest)) = &annotated {
        let is_it = |candidate: &&Candidate| {
            digest.is_some() && candidate.digest == *digest || same_name(&candidate.name, name)
        };
        if let Some(base) = known.clone().find(is_it) {
            return Some(Found { layers: base.diff_ids.len(), name: Some(name.clone()), by: FoundBy::Annotation });
        }
    }
    // the largest, and of those the first by name
    let largest = known.clone().max_by(|a, b| a.diff_ids.len().cmp(&b.diff_ids.len()).then(b.name.cmp(&a.name)));
    if let Some(base) = largest {
        return Some(Found { layers: base.diff_ids.len(), name: Some(base.name.clone()), by: FoundBy::Layers });
    }
    let layers = layers_before_the_last_command(image)?;
    Some(Found { layers, name: named, by: FoundBy::History })
}

/// The base's account, and that of the layers above it.
pub(crate) fn accounts(ledger: &Ledger, found: Option<Found>) -> (Option<BaseLine>, Own) {
    let layers = found.as_ref().map_or(0, |found| found.layers).min(ledger.layers().len());
    let total = |range: &[crate::ledger::LayerTotals]| range.iter().map(|layer| layer.total).sum::<u64>();
    let (below, above) = ledger.layers().split_at(layers);
    let dead = |wanted: &dyn Fn(bool, bool) -> bool| -> u64 {
        let is_wanted = |dead: &&crate::ledger::Dead| wanted(dead.creator() < layers, dead.killer < layers);
        ledger.dead().iter().filter(is_wanted).map(|dead| dead.bytes).sum()
    };
    let own_total = total(above);
    let own_wasted = dead(&|made_below, _| !made_below);
    let base = found.map(|found| BaseLine {
        name: found.name,
        layers,
        found_by: found.by,
        total_bytes: total(below),
        wasted_bytes: dead(&|made_below, killed_below| made_below && killed_below),
        killed_bytes: dead(&|made_below, killed_below| made_below && !killed_below),
    });
    let efficiency = super::ratio(own_total - own_wasted, own_total);
    (base, Own { total_bytes: own_total, wasted_bytes: own_wasted, efficiency })
}

/// The base that annotations of the manifest, or labels of the config, name: its name, and the digest of its manifest.
fn annotated(image: &dyn Image) -> Option<(String, Option<String>)> {
    #[derive(serde::Deserialize)]
    struct Manifest {
        #[serde(default)]
        annotations: std::collections::BTreeMap<String, String>,
    }
    let manifest: Option<Manifest> = image.raw_manifest().and_then(|raw| serde_json::from_slice(raw).ok());
    let labels = image.config().and_then(|config| config.config.as_ref()?.labels.clone());
    [manifest.map(|manifest| manifest.annotations), labels]
        .into_iter()
        .flatten()
        .find_map(|all| Some((all.get(BASE_NAME)?.clone(), all.get(BASE_DIGEST).cloned())))
}

/// `docker.io/library/debian:12` is `debian:12`.
fn same_name(a: &str, b: &str) -> bool {
    let parse = |text: &str| strata_image::ImageName::parse(text).ok();
    parse(a).is_some() && parse(a) == parse(b)
}

/// The layers before the last `CMD` that is not the image's own: the history goes on after it.
fn layers_before_the_last_command(image: &dyn Image) -> Option<usize> {
    let history = &image.config()?.history;
    let mut layers = 0;
    let mut before = None;
    let mut waiting = None;
    for line in history {
        let text = line.created_by.as_deref().unwrap_or_default();
        let text = text.split("#(nop)").last().unwrap_or_default().trim_start();
        if line.empty_layer {
            if text.starts_with("CMD ") {
                waiting = Some(layers);
            }
        } else {
            before = waiting.or(before);
            layers += 1;
        }
    }
    before.filter(|&layers| layers > 0)
}
