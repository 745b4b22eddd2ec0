//! What must not be reached, and what must not be believed.

use std::{fs, os::unix::fs::symlink};

use crate::workshop::Workshop;

#[test]
fn a_context_link_to_the_host_leads_nowhere() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let outside = workshop.dir.path().join("secret");
    fs::write(&outside, "secret").unwrap();
    symlink(&outside, workshop.context().join("absolute")).unwrap();
    symlink("../secret", workshop.context().join("relative")).unwrap();
    for source in ["absolute", "relative", "../secret"] {
        let said = workshop.fails(&format!("FROM busybox\nCOPY {source} /x\n"));
        assert!(said.contains("not found"), "{source}: {said}");
    }
}

#[test]
fn an_ignore_file_that_is_a_link_out_of_the_context_is_an_error() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    fs::write(workshop.dir.path().join("patterns"), "x").unwrap();
    symlink("../patterns", workshop.context().join(".dockerignore")).unwrap();
    workshop.write("x", "");
    let said = workshop.fails("FROM busybox\nCOPY x /x\n");
    assert!(said.contains(".dockerignore") && said.contains("link"), "{said}");
}

#[test]
fn a_fifo_for_an_ignore_file_is_not_waited_for() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let path = workshop.context().join(".dockerignore");
    let made = std::process::Command::new("mkfifo").arg(path).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: there is no mkfifo");
        return;
    }
    let said = workshop.fails("FROM busybox\nCOPY . /x\n");
    assert!(said.contains(".dockerignore"), "{said}");
}

#[test]
fn a_destination_link_in_the_image_stays_in_the_image() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    workshop.write("f", "content");
    let outside = workshop.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let target = outside.to_str().unwrap();
    let built = workshop.built(&format!(
        "FROM busybox\nRUN ln -s {target} /l && ln -s ../../../..{target} /m\nCOPY f /l/f\nCOPY f /m/g\nWORKDIR /l/dir\n"
    ));
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    let entries = workshop.layer_from_end(&built, 2);
    assert!(entries.last().unwrap().ends_with(&format!("{}/f", target.trim_start_matches('/'))), "{entries:?}");
}

#[test]
fn a_working_directory_that_is_a_descriptor_of_ours_is_refused() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    for fd in 3..12 {
        let dockerfile = format!("FROM busybox\nWORKDIR /proc/self/fd/{fd}\nRUN ls\n");
        assert!(workshop.build(&dockerfile).is_err(), "descriptor {fd}: {}", workshop.output);
    }
}

#[test]
fn a_trigger_that_smuggles_another_instruction_is_refused() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let base = workshop.built("FROM busybox\nONBUILD RUN echo triggered >/t\n");
    let image = workshop.image(&base);
    let mut config = strata_image::Image::config(&image).unwrap().clone();
    let container = config.config.as_mut().unwrap();
    for trigger in ["FROM scratch", "RUN true\nRUN true", "ONBUILD RUN true", "NOPE", ""] {
        container.on_build = Some(vec![trigger.to_owned()]);
    }
    for trigger in ["FROM scratch", "RUN true\nRUN true", "ONBUILD RUN true", "NOPE", ""] {
        let mut config = config.clone();
        config.config.as_mut().unwrap().on_build = Some(vec![trigger.to_owned()]);
        let layers = image.manifest().layers.clone();
        workshop.engine.store.put_image(&config, &layers, &[crate::workshop::name("hostile")]).unwrap();
        let said = workshop.fails("FROM hostile\n");
        assert!(said.contains("trigger") && said.contains("Dockerfile:1"), "{trigger:?}: {said}");
    }
}

#[test]
fn environment_of_a_base_without_a_value_takes_nothing_from_outside() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let base = workshop.built("FROM busybox\n");
    let image = workshop.image(&base);
    let mut config = strata_image::Image::config(&image).unwrap().clone();
    config.config.as_mut().unwrap().env = Some(vec!["PATH=/bin".to_owned(), "HOSTNAME".to_owned(), "=x".to_owned()]);
    let layers = image.manifest().layers.clone();
    let hostile = [crate::workshop::name("hostile")];
    workshop.engine.store.put_image(&config, &layers, &hostile).unwrap();
    workshop.built("FROM hostile\nRUN echo \"[$HOSTNAME]\"\n");
    assert_eq!(workshop.output, "[]\n");
}

#[test]
fn a_fifo_for_the_user_table_is_not_waited_for() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let said =
        workshop.fails("FROM busybox\nRUN rm -f /etc/passwd; mkdir -p /etc; mkfifo /etc/passwd\nUSER bob\nRUN true\n");
    assert!(said.contains("bob") || said.contains("passwd"), "{said}");
}

#[test]
fn a_zero_byte_in_a_command_fails_rather_than_cutting_it_short() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    assert!(workshop.build("FROM busybox\nRUN echo a\0b\n").is_err());
}

#[test]
fn a_failed_build_leaves_the_name_where_it_was() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let good = workshop.built("FROM busybox\nRUN true\n");
    workshop.fails("FROM busybox\nRUN false\n");
    let found = workshop.engine.store.find("built").unwrap().unwrap();
    assert_eq!(strata_image::Image::id(&found), Some(good.id));
}

#[test]
fn a_relative_working_directory_of_a_base_does_no_harm() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let base = workshop.built("FROM busybox\n");
    let image = workshop.image(&base);
    let mut config = strata_image::Image::config(&image).unwrap().clone();
    config.config.as_mut().unwrap().working_dir = Some("../../relative".to_owned());
    let layers = image.manifest().layers.clone();
    let hostile = [crate::workshop::name("hostile")];
    workshop.engine.store.put_image(&config, &layers, &hostile).unwrap();
    workshop.write("f", "");
    let built = workshop.built("FROM hostile\nCOPY f f\n");
    assert_eq!(workshop.layer_from_end(&built, 0), ["0755 0:0 relative", "0644 0:0 relative/f"]);
    if workshop.build("FROM hostile\nRUN pwd\n").is_ok() {
        assert_eq!(workshop.output, "/relative\n");
    }
}
