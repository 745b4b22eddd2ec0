//! What keeps a step in the cache, and what does not.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use strata_builder::options::NoCache;
use strata_image::Image as _;

use crate::workshop::{Workshop, name};

const STEPS: &str = "FROM busybox\n\
    ARG A=1\n\
    ENV E=1\n\
    COPY dir/ /dir/\n\
    RUN echo built >/built\n\
    LABEL l=1\n";

fn filled() -> Option<Workshop> {
    let workshop = Workshop::open()?;
    workshop.write("dir/file", "content");
    workshop.write("dir/sub/other", "other");
    workshop.write("unrelated", "x");
    Some(workshop)
}

#[test]
fn an_unchanged_rebuild_runs_nothing_and_gives_the_same_image() {
    let Some(mut workshop) = filled() else { return };
    let first = workshop.built(STEPS);
    assert_eq!(first.ran, 2);
    let second = workshop.built(STEPS);
    assert_eq!((second.ran, second.id), (0, first.id));
    assert_eq!(workshop.notes, ["cached 4", "cached 5"]);
}

#[test]
fn no_cache_runs_everything_again() {
    let Some(mut workshop) = filled() else { return };
    workshop.built(STEPS);
    workshop.options.no_cache = NoCache::Everything;
    assert_eq!(workshop.built(STEPS).ran, 2);
}

#[test]
fn what_says_nothing_about_the_result_keeps_the_cache() {
    let Some(mut workshop) = filled() else { return };
    workshop.built(STEPS);
    let mut ran = |what: &str, dockerfile: &str, change: &dyn Fn(&Workshop)| {
        change(&workshop);
        assert_eq!(workshop.built(dockerfile).ran, 0, "{what}");
    };
    ran("the time of a file", STEPS, &|workshop| {
        let file = fs::File::options().write(true).open(workshop.context().join("dir/file")).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(1000)).unwrap();
    });
    ran("an unrelated file", STEPS, &|workshop| {
        drop(workshop.write("unrelated", "changed"));
    });
    ran("another name of a file", STEPS, &|workshop| {
        fs::hard_link(workshop.context().join("dir/file"), workshop.context().join("link")).unwrap();
    });
    ran("a comment", &STEPS.replace("RUN", "# a comment\n  RUN  "), &|_| {});
    ran(
        "the exec form of the same command",
        &STEPS.replace("RUN echo built >/built", "RUN [\"/bin/sh\",\"-c\",\"echo built >/built\"]"),
        &|_| {},
    );
    ran("metadata before", &STEPS.replace("ENV E=1\n", "ENV E=1\nLABEL x=y\nEXPOSE 80\nCMD [\"x\"]\n"), &|_| {});
    ran("an argument after", &format!("{STEPS}ARG LATER=1\n"), &|_| {});
}

#[test]
fn what_decides_the_result_breaks_the_cache() {
    let Some(mut workshop) = filled() else { return };
    workshop.built(STEPS);
    let mut ran = |what: &str, dockerfile: &str, expected: usize, change: &dyn Fn(&Workshop)| {
        change(&workshop);
        assert_eq!(workshop.built(dockerfile).ran, expected, "{what}");
    };
    ran("content", STEPS, 2, &|workshop| {
        drop(workshop.write("dir/file", "changed"));
    });
    ran("mode", STEPS, 2, &|workshop| {
        workshop.chmod("dir/file", 0o600);
    });
    ran("a name", STEPS, 2, &|workshop| {
        fs::rename(workshop.context().join("dir/file"), workshop.context().join("dir/renamed")).unwrap();
    });
    ran("an empty directory", STEPS, 2, &|workshop| {
        fs::create_dir(workshop.context().join("dir/empty")).unwrap();
    });
    ran("a variable", &STEPS.replace("E=1", "E=2"), 1, &|_| {});
    ran("an argument that nothing uses", &STEPS.replace("A=1", "A=2"), 1, &|_| {});
    ran("a space inside the command", &STEPS.replace("echo built", "echo  built"), 1, &|_| {});
    ran("the user", &STEPS.replace("RUN", "USER 0:0\nRUN"), 1, &|_| {});
    ran("the working directory", &STEPS.replace("RUN", "WORKDIR /dir\nRUN"), 2, &|_| {});
    ran("a mode flag", &STEPS.replace("COPY", "COPY --chmod=700"), 2, &|_| {});
    ran("an owner flag", &STEPS.replace("COPY", "COPY --chown=1:2"), 2, &|_| {});
}

#[test]
fn a_proxy_is_no_part_of_the_key() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let dockerfile = "FROM busybox\nRUN echo proxy=$http_proxy\n";
    workshop.options.build_args.insert("HTTP_PROXY".to_owned(), "http://one".to_owned());
    workshop.built(dockerfile);
    assert_eq!(workshop.output, "proxy=http://one\n");
    workshop.options.build_args.insert("HTTP_PROXY".to_owned(), "http://two".to_owned());
    assert_eq!(workshop.built(dockerfile).ran, 0);
}

#[test]
fn a_stage_that_gives_the_same_files_again_keeps_what_copies_from_it() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let dockerfile = |text: &str| {
        format!(
            "FROM busybox AS make\nRUN echo {text}; echo result >/result\nFROM busybox\nCOPY --from=make /result /result\n"
        )
    };
    workshop.built(&dockerfile("one"));
    let again = workshop.built(&dockerfile("two"));
    assert_eq!(again.ran, 1);
}

#[test]
fn an_owner_in_a_stage_is_part_of_what_is_copied() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let dockerfile = |uid: u32| {
        format!("FROM busybox AS make\nRUN echo x >/x && chown {uid} /x\nFROM busybox\nCOPY --from=make /x /x\n")
    };
    workshop.built(&dockerfile(1));
    assert_eq!(workshop.built(&dockerfile(2)).ran, 2);
}

#[test]
fn a_step_whose_layer_is_gone_runs_again() {
    let Some(mut workshop) = filled() else { return };
    let built = workshop.built(STEPS);
    let layers = workshop.image(&built).layers().len();
    let last = workshop.image(&built).layers()[layers - 1].diff_id();
    fs::remove_file(workshop.engine.store.blob_path(&last.into())).unwrap();
    assert_eq!(workshop.built(STEPS).ran, 1);
}

#[test]
fn layers_are_enough_where_snapshots_are_gone() {
    let Some(mut workshop) = filled() else { return };
    let first = workshop.built(STEPS);
    workshop.engine.snapshots.gc(&[]).unwrap();
    let second = workshop.built(STEPS);
    assert_eq!((second.ran, second.id), (0, first.id));
    let more = workshop.built(&format!("{STEPS}RUN cat /built /dir/file\n"));
    assert_eq!(more.ran, 1);
    assert_eq!(workshop.output, "built\ncontent");
}

#[test]
fn the_cache_keeps_its_layers_from_garbage_collection() {
    let Some(mut workshop) = filled() else { return };
    workshop.built(STEPS);
    let id = workshop.engine.store.find("built").unwrap().unwrap().id().unwrap();
    workshop.engine.store.remove(&id, true).unwrap();
    let roots = strata_builder::cache::roots(&workshop.engine.cache).unwrap();
    assert_eq!(roots.len(), 2);
    workshop.engine.store.gc(&roots).unwrap();
    workshop.options.names = vec![name("again")];
    assert_eq!(workshop.built(STEPS).ran, 0);
}

#[test]
fn an_epoch_is_the_time_of_everything_new() {
    let Some(mut workshop) = filled() else { return };
    workshop.options.epoch = Some(1_000_000_000);
    let built = workshop.built("FROM busybox\nLABEL a=b\nWORKDIR /w\n");
    let image = workshop.image(&built);
    let config = image.config().unwrap();
    assert_eq!(config.created.as_deref(), Some("2001-09-09T01:46:40Z"));
    let times: Vec<_> = config.history.iter().map(|entry| entry.created.as_deref().unwrap()).collect();
    assert_eq!(times, ["1970-01-01T00:00:00Z", "2001-09-09T01:46:40Z", "2001-09-09T01:46:40Z"]);
    let mut reader = strata_image::layer::LayerReader::new(image.layers().last().unwrap().open().unwrap());
    let entry = reader.next_entry().unwrap().unwrap();
    assert_eq!((entry.path.as_bytes(), entry.mtime.seconds), (&b"w"[..], 1_000_000_000));
}

#[test]
fn heredocs_need_no_context() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    workshop.options.context = workshop.dir.path().join("nowhere").into();
    let built = workshop.built("FROM scratch\nCOPY <<one <<two /d/\n1\none\n2\ntwo\n");
    assert_eq!(workshop.layer_from_end(&built, 0).len(), 3);
}
