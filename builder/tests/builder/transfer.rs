//! Caches in other places, squashed layers, epochs and second builds.

use strata_builder::{
    cache::{CacheMode, CacheTarget},
    reproduce::reproduce,
};
use strata_image::{Image as _, layer::LayerReader};

use crate::workshop::Workshop;

const STAGES: &str = "FROM busybox AS tools\nRUN echo tool >/tool\n\
    FROM busybox\nCOPY --from=tools /tool /tool\nRUN echo last >/last\n";

#[test]
fn a_cache_that_was_written_elsewhere_saves_its_steps() {
    let Some(mut here) = Workshop::open() else { return };
    let Some(mut there) = Workshop::open() else { return };
    for (mode, ran) in [(CacheMode::Max, 0), (CacheMode::Min, 1)] {
        let path = here.dir.path().join(format!("cache-{mode:?}"));
        here.options.cache_to = vec![CacheTarget { path: path.clone(), mode }];
        let first = here.built(STAGES);
        there.options.cache_from = vec![path];
        let second = there.built(STAGES);
        // without its own layers the first stage runs again, since somebody needs its name
        assert!(second.ran <= ran, "{mode:?}: {} steps ran", second.ran);
        if mode == CacheMode::Max {
            assert_eq!(first.id, second.id);
        }
        let Some(fresh) = Workshop::open() else { return };
        there = fresh;
    }
}

#[test]
fn a_cache_directory_keeps_only_what_the_last_build_named() {
    let Some(mut workshop) = Workshop::open() else { return };
    let path = workshop.dir.path().join("cache");
    let blobs = || std::fs::read_dir(path.join("blobs/sha256")).unwrap().count();
    workshop.options.cache_to = vec![CacheTarget { path: path.clone(), mode: CacheMode::Max }];
    workshop.built("FROM busybox\nRUN echo 1 >/1\nRUN echo 2 >/2\n");
    assert_eq!(blobs(), 4);
    workshop.built("FROM busybox\nRUN echo 3 >/3\n");
    assert_eq!(blobs(), 3);
}

#[test]
fn a_damaged_cache_is_an_error_and_an_absent_one_is_none() {
    let Some(mut workshop) = Workshop::open() else { return };
    let path = workshop.dir.path().join("cache");
    workshop.options.cache_from = vec![path.clone()];
    workshop.built("FROM busybox\nRUN true\n");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("index.json"), "{").unwrap();
    let said = workshop.fails("FROM busybox\nRUN true\n");
    assert!(said.contains("cache"), "{said}");
}

#[test]
fn squashed_layers_say_together_what_they_said_one_by_one() {
    let Some(mut workshop) = Workshop::open() else { return };
    workshop.write("f", "file");
    let dockerfile = "FROM busybox\nRUN mkdir /d && echo 1 >/d/one && echo 2 >/d/two && ln /d/two /d/link\n\
        COPY f /d/f\nRUN rm /d/one && chmod 700 /d && rm /bin/vi\nENV E=1\n";
    let whole = workshop.built(dockerfile);
    workshop.options.squash = true;
    let squashed = workshop.built(dockerfile);
    let (whole, squashed) = (workshop.image(&whole), workshop.image(&squashed));
    assert_eq!(squashed.layers().len(), 2);
    assert!(squashed.layers()[1].stored().1 < whole.layers()[1..].iter().map(|layer| layer.stored().1).sum());
    let compared = strata_analyzer::compare::compare(
        &whole,
        &squashed,
        &strata_analyzer::compare::Options { mtime: true, ..Default::default() },
    )
    .unwrap();
    assert!(compared.equal, "{compared:?}");
    let history = squashed.config().unwrap().history.clone();
    assert_eq!(history.iter().filter(|entry| !entry.empty_layer).count(), 2);
}

#[test]
fn an_epoch_cuts_the_times_of_new_layers_and_makes_a_second_build_the_same() {
    let Some(mut workshop) = Workshop::open() else { return };
    workshop.write("d/f", "file");
    workshop.options.epoch = Some(1_000_000_000);
    let dockerfile = "FROM busybox\nWORKDIR /w\nCOPY d /c\nRUN date >/now-is-not-in-here; date +%Y >/year; rm /now*\n";
    workshop.options.dockerfile = dockerfile.as_bytes().to_vec();
    let reproduced = reproduce(&workshop.engine, &workshop.options, &mut |_| {}).unwrap();
    assert!(reproduced.difference.is_none(), "{reproduced:?}");
    let image = workshop.image(&reproduced.first);
    for layer in &image.layers()[1..] {
        let mut reader = LayerReader::new(layer.open().unwrap());
        while let Some(entry) = reader.next_entry().unwrap() {
            assert!(entry.mtime.seconds <= 1_000_000_000, "{entry:?}");
        }
    }
    workshop.options.epoch = None;
    let dockerfile = "FROM busybox\nRUN cat /proc/sys/kernel/random/uuid >/id\n";
    workshop.options.dockerfile = dockerfile.as_bytes().to_vec();
    let reproduced = reproduce(&workshop.engine, &workshop.options, &mut |_| {}).unwrap();
    let difference = reproduced.difference.expect("another number each time");
    assert!(difference.rootfs.changed.iter().any(|changed| changed.path == "/id"), "{difference:?}");
}
