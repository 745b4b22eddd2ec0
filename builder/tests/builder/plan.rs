//! Which stages are built, and what they stand on.

use crate::workshop::Workshop;

#[test]
fn stages_that_nothing_needs_are_not_touched() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let built = workshop.built(
        "FROM nowhere/to-be-found AS unused\nRUN exit 1\n\
         FROM busybox AS needed\nRUN echo x >/x\n\
         FROM busybox\nCOPY --from=needed /x /x\n",
    );
    assert_eq!(built.ran, 2);
    assert_eq!(built.base_layers, 1);
    assert_eq!(built.layer_steps, [None, Some(5)]);
}

#[test]
fn layers_of_a_stage_below_keep_their_instructions() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let built = workshop.built("FROM busybox AS a\nRUN echo a >/a\nENV x=y\nFROM a\nENV z=y\nRUN echo b >/b\n");
    assert_eq!(built.layer_steps, [None, Some(1), Some(5)]);
}

#[test]
fn a_missing_base_says_how_to_bring_it() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let said = workshop.fails("FROM nowhere:1\n");
    for part in ["Dockerfile:1", "nowhere:1", "strata load", "strata import"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_target_is_found_in_any_case_and_a_typo_is_recognised() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let dockerfile = "FROM busybox AS Build\nRUN echo built\nFROM busybox\nRUN exit 1\n";
    workshop.options.target = Some("BUILD".to_owned());
    workshop.built(dockerfile);
    workshop.options.target = Some("biuld".to_owned());
    let error = workshop.build(dockerfile).unwrap_err();
    let strata_builder::Error::UnknownTarget { suggestion, .. } = error else { panic!("{error}") };
    assert_eq!(suggestion.as_deref(), Some("build"));
    workshop.options.target = Some("0".to_owned());
    assert!(workshop.build(dockerfile).is_err());
}

#[test]
fn copies_from_what_is_no_earlier_stage_are_errors() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    for (from, said) in [
        ("later", "needs to be defined before"),
        ("self", "circular dependency"),
        ("1", "invalid stage index"),
        ("5", "invalid stage index"),
        ("$S", "not supported for --from"),
        ("nowhere", "no such image"),
    ] {
        let dockerfile =
            format!("FROM busybox AS first\nFROM busybox AS self\nCOPY --from={from} /x /x\nFROM busybox AS later\n");
        workshop.options.target = Some("self".to_owned());
        let text = workshop.fails(&dockerfile);
        assert!(text.contains(said) && text.contains("Dockerfile:3"), "{from}: {text}");
    }
}

#[test]
fn an_image_of_the_store_can_be_copied_from() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let built = workshop.built("FROM scratch\nCOPY --from=busybox /bin/busybox /sh\n");
    assert_eq!(workshop.layer_from_end(&built, 0).len(), 1);
}

#[test]
fn another_platform_is_named_in_the_error() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let said = workshop.fails("FROM --platform=linux/s390x busybox\n");
    assert!(said.contains("linux/s390x") && said.contains("not supported"), "{said}");
    workshop.built("FROM --platform=$BUILDPLATFORM busybox\nRUN true\n");
}

#[test]
fn a_base_for_another_machine_is_noted() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let base = workshop.built("FROM busybox\n");
    let image = workshop.image(&base);
    let mut config = strata_image::Image::config(&image).unwrap().clone();
    config.architecture = "s390x".to_owned();
    let foreign = [crate::workshop::name("foreign")];
    let layers = image.manifest().layers.clone();
    workshop.engine.store.put_image(&config, &layers, &foreign).unwrap();
    let built = workshop.built("FROM foreign\nCOPY <<f /f\nf\n");
    assert!(workshop.notes[0].starts_with("foreign is for linux/s390x"), "{:?}", workshop.notes);
    let image = workshop.image(&built);
    assert_eq!(strata_image::Image::config(&image).unwrap().architecture, "s390x");
}

#[test]
fn what_is_not_there_yet_is_named() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let said = workshop.fails("FROM busybox\nRUN --device=vendor.com/device=all true\n");
    assert!(said.contains("RUN --device is not supported yet"), "{said}");
}

#[test]
fn a_history_of_unequal_length_does_not_stop_a_build() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let built = workshop.built("FROM scratch\n");
    assert!(built.layer_steps.is_empty());
}

#[test]
fn a_failing_step_names_its_instruction_and_its_status() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let said = workshop.fails("FROM busybox\nRUN echo before; \\\n  exit 3\n");
    assert!(said.contains("Dockerfile:2"), "{said}");
    assert!(said.contains("did not complete successfully: exit code: 3"), "{said}");
    assert_eq!(workshop.output, "before\n");
}
