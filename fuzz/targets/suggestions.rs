//! Any bytes as a Dockerfile, whose instructions made and killed files of each other: what is proposed can be applied,
//! each by itself and all that are no alternatives together; the file that comes of it has no errors, and what was
//! chained in it is read again.
#![no_main]

#[path = "../../analyzer/tests/memory/mod.rs"]
mod memory;

use libfuzzer_sys::fuzz_target;
use memory::{Memory, file};
use strata_analyzer::{
    Analysis, Error,
    analysis::Options,
    analyze, checks,
    index::LayerIndex,
    suggest::{CHAIN_RUNS, Caches, Context, DeadBytes, Evidence, Files, Found, Recipe, Suggestion, chain},
};
use strata_dockerfile::{Dockerfile, Kind, Parsed, check, edit, parse};
use strata_image::{History, Image as _, ImageConfig};

/// Steps of the largest file that is looked at: each costs a layer.
const MAX_STEPS: usize = 12;
/// What package managers leave.
const CACHES: [&str; 4] = ["var/lib/apt/lists/a", "root/.cache/pip/b", "var/cache/apk/c", "root/.npm/d"];

fuzz_target!(|source: &[u8]| {
    let parsed = parse(source);
    let steps = steps(&parsed.file);
    if parsed.has_errors() || !(2..=MAX_STEPS).contains(&steps.len()) {
        return;
    }
    let image = built(&parsed.file, &steps);
    prices(source, &parsed, &image);
    let _ = analyzed(&image, source, None, Caches::CleanUp);
    for caches in [Caches::CleanUp, Caches::Mount] {
        let Some(report) = analyzed(&image, source, Some(&steps), caches) else { return };
        let possible = report.suggestions.iter();
        for suggestion in possible.clone() {
            let after = applied(source, &[suggestion]);
            if suggestion.rule == CHAIN_RUNS {
                assert!(is_chained(&parsed.file, &parse(&after).file, suggestion));
                assert!(is_command(&after, suggestion.layers[0]), "{}", String::from_utf8_lossy(&after));
            }
        }
        let together: Vec<&Suggestion> = possible.filter(|suggestion| !suggestion.alternative).collect();
        applied(source, &together);
    }
});

/// A layer of the base image, and one for each instruction of the last stage that makes one.
fn steps(file: &Dockerfile) -> Vec<Option<usize>> {
    let mut steps = vec![None];
    for (index, instruction) in file.instructions.iter().enumerate() {
        match instruction.kind {
            Kind::From(_) => steps.truncate(1),
            Kind::Run(_) | Kind::Copy(_) | Kind::Add(_) | Kind::Workdir(_) => steps.push(Some(index)),
            _ => {}
        }
    }
    steps
}

/// What the steps may have left: each removes a file of the one before it, gives another one a mode of its own, and
/// leaves caches.
fn built(dockerfile: &Dockerfile, steps: &[Option<usize>]) -> Memory {
    let names: Vec<[String; 2]> =
        (0..steps.len()).map(|step| [format!("srv/.wh.{step}"), format!("srv/{}", step + 1)]).collect();
    let layers: Vec<Vec<_>> = names
        .iter()
        .enumerate()
        .map(|(step, [gone, made])| {
            let mut run = file("srv/run", b"the same bytes");
            run.0.mode = [0o644, 0o755][step % 2];
            let caches = CACHES.map(|path| file(path, made.as_bytes()));
            [run, file(gone, b""), file(made, made.as_bytes())].into_iter().chain(caches).collect()
        })
        .collect();
    let layers: Vec<&[_]> = layers.iter().map(Vec::as_slice).collect();
    let history = steps.iter().map(|step| {
        let text = step.map_or("base", |step| dockerfile.instructions[step].original.as_str());
        let created_by = text.replacen("RUN ", "RUN /bin/sh -c ", 1);
        History { created_by: Some(created_by), ..History::default() }
    });
    Memory::new(&layers).and_config(ImageConfig { history: history.collect(), ..ImageConfig::default() })
}

/// A context that has everything.
#[derive(Debug)]
struct Everything;

impl Files for Everything {
    fn look_up(&self, path: &[u8]) -> Option<Found> {
        let is_file = path.ends_with(b"1") || path.ends_with(b"run");
        Some(if is_file { Found::File(path.len() as u64) } else { Found::Directory })
    }
}

/// What there is to say, unless a comment names a rule that there is not.
fn analyzed(image: &Memory, source: &[u8], steps: Option<&[Option<usize>]>, caches: Caches) -> Option<Analysis> {
    let context = Context { files: &Everything, ignore_name: ".dockerignore", ignore: None };
    let (dockerfile, context) = (Some(("Dockerfile", source)), Some(context));
    match analyze(image, &Options { dockerfile, steps, context, caches, ..Options::default() }) {
        Ok(report) => Some(report),
        Err(Error::UnknownRule { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Asks the rules about size, and what their findings cost.
fn prices(source: &[u8], parsed: &Parsed, image: &Memory) {
    let report = check::check(source, parsed.clone(), &check::Facts::default());
    let index = LayerIndex::cached(image.layers()[0].as_ref(), None).expect("the tar is sound");
    for finding in checks::size(&parsed.file, &report) {
        assert!(finding.diagnostic.span.end <= source.len() && finding.instruction.end <= source.len());
        checks::price(&finding, &index).expect("the index is sound");
    }
}

/// The file with some suggestions made.
fn applied(source: &[u8], suggestions: &[&Suggestion]) -> Vec<u8> {
    let edits: Vec<_> = suggestions.iter().flat_map(|suggestion| suggestion.edits.iter().cloned()).collect();
    let after = edit::apply(source, &edits).expect("they do not overlap");
    assert!(!parse(&after).has_errors(), "{}", String::from_utf8_lossy(&after));
    after
}

/// Whether RUNs became one, and all else is what it was, in its order.
fn is_chained(before: &Dockerfile, after: &Dockerfile, suggestion: &Suggestion) -> bool {
    let others = |file: &Dockerfile| {
        let others = file.instructions.iter().filter(|instruction| !matches!(instruction.kind, Kind::Run(_)));
        others.map(|instruction| instruction.original.clone()).collect::<Vec<_>>()
    };
    others(before) == others(after)
        && before.instructions.len() == after.instructions.len() + suggestion.layers.len() - 1
}

/// Whether the command that came of a chain can be read as those that it was made of could.
fn is_command(after: &[u8], layer: usize) -> bool {
    let source = [after, b"\nRUN true\n"].concat();
    let file = parse(&source).file;
    let steps = steps(&file);
    let recipe = Recipe { name: "Dockerfile", source: &source, file: &file, steps: &steps, base_shell: None };
    let dead = vec![DeadBytes { creator: layer, killer: steps.len() - 1, bytes: 1 }];
    let line = steps[layer].map(|step| file.instructions[step].lines.0).unwrap_or_default();
    let unreadable = format!("the RUN of line {line} cannot be read");
    let found = chain(&recipe, &Evidence { dead, ..Evidence::default() });
    found.iter().all(|suggestion| suggestion.refused.as_ref().is_none_or(|reason| !reason.contains(&unreadable)))
}
