//! The row of one image.

use strata_image::Image as _;

use super::{
    gather::Gathered,
    report::{BaseOf, Biggest, ImageRow},
    stacks::{Stacked, Stacks},
};
use crate::{
    Finding,
    analysis::{self, FoundBase, LayerLine},
    findings::{self, Lower, Subject},
    ledger::Repeated,
    packages,
};

/// The row, the layers, and what was found above the base.
pub(super) fn of(
    gathered: &Gathered,
    stacked: &Stacked,
    found: Option<FoundBase>,
    stacks: &mut Stacks<'_>,
) -> (ImageRow, Vec<LayerLine>, Vec<Finding>) {
    let ledger = &stacked.ledger;
    let image = &gathered.image;
    let base_layers = found.as_ref().map_or(0, |found| found.layers);
    let lines = analysis::layer_lines(image, ledger, found.as_ref().map(|found| found.layers));
    let steps = vec![None; lines.len()];
    let kept = packages::kept(ledger);
    let packages = stacks.installed(ledger, &kept);
    let lower = stacked.lower.as_ref().and_then(|(layers, contents)| Lower::of(ledger, *layers, contents));
    let repeated = lower.is_none().then(|| Repeated::of(ledger));
    let subject = Subject {
        image,
        ledger,
        repeated: repeated.as_ref(),
        packages: &packages,
        kept: &kept,
        layers: &lines,
        base_layers,
        steps: &steps,
        unreachable: &[],
        lower: lower.as_ref(),
        with_owners: false,
    };
    let mut findings = findings::all(&subject, &[]).findings;
    findings.retain(|finding| !finding.base);
    let (base, own) = analysis::base_accounts(ledger, found);
    let row = ImageRow {
        name: image.names().first().map(ToString::to_string),
        source: gathered.source.clone(),
        id: image.id().map(|id| id.to_string()),
        platform: image.config().and_then(analysis::platform),
        layers: Vec::new(),
        total_bytes: ledger.total(),
        stored_bytes: image.layers().iter().map(|layer| layer.stored().1).sum(),
        wasted_bytes: ledger.wasted(),
        own_bytes: own.total_bytes,
        own_wasted_bytes: own.wasted_bytes,
        efficiency: analysis::ratio(ledger.live(), ledger.total()),
        base: base.map(|base| BaseOf {
            name: base.name,
            layers: base.layers,
            found_by: base.found_by,
            total_bytes: base.total_bytes,
            wasted_bytes: base.wasted_bytes,
            killed_bytes: base.killed_bytes,
        }),
        findings: findings.len(),
        biggest: findings.first().map(Biggest::of),
    };
    (row, lines, findings)
}
