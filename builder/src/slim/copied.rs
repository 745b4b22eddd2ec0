//! Files that a rewrite changes, and that the image holds itself: `COPY . /app` takes the Dockerfile along. The proof is built
//! from the context as it is, and so says nothing of them.

use std::path::Path;

use strata_analyzer::{
    Ledger,
    index::{LayerIndex, content_hash},
    suggest::Suggestion,
};
use strata_image::Image;

use super::source::Source;
use crate::{Result, engine::Engine, options::Options};

/// Refuses what would change such a file.
pub(super) fn refuse(
    suggestions: &mut [Suggestion],
    image: &dyn Image,
    engine: &Engine,
    options: &Options,
    source: &Source,
) -> Result<()> {
    let ignore = source.context().ignore;
    let dockerfile = source.shows(options, &options.dockerfile_path).then_some(options.dockerfile.as_slice());
    let ignore = ignore.filter(|_| source.shows(options, &source.ignore_path));
    if dockerfile.is_none() && ignore.is_none() {
        return Ok(());
    }
    let ledger = Ledger::fold(&LayerIndex::all(image.layers(), Some(&engine.analysis))?)?;
    let dockerfile = dockerfile.and_then(|bytes| place(&ledger, bytes));
    let ignore = ignore.and_then(|bytes| place(&ledger, bytes));
    for suggestion in suggestions {
        let changes_dockerfile = !suggestion.edits.is_empty();
        let changed = [
            (&dockerfile, changes_dockerfile, &*options.dockerfile_path),
            (&ignore, !suggestion.ignore.is_empty(), &*source.ignore_path),
        ];
        for (place, is_changed, file) in changed {
            if let (Some(place), true) = (place, is_changed) {
                let name = name(file);
                suggestion.refused = Some(format!(
                    "the image holds {name} at {place}, and would not be the same with another one: leave it out with a line of the ignore file"
                ));
            }
        }
    }
    Ok(())
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Where the image shows a file of this content.
fn place(ledger: &Ledger, bytes: &[u8]) -> Option<String> {
    let wanted = content_hash(bytes);
    let mut found = None;
    ledger.view().walk(&mut |node| {
        if found.is_none() && ledger.content(node.inode) == Some(&wanted) {
            found = Some(format!("/{}", node.path));
        }
    });
    found
}
