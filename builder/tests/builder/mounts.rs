//! RUN's `--mount`, `--network` and `--security`, seen from inside the step and in what it leaves.

use std::{io::Read as _, os::unix::net::UnixListener, sync::Arc};

use strata_builder::options::{Entitlement, Secret};

use crate::workshop::Workshop;

/// What a RUN says with these mounts.
fn said(workshop: &mut Workshop, before: &str, run: &str) -> String {
    workshop.built(&format!("FROM busybox\n{before}\nRUN {run}\n"));
    workshop.output.trim().to_owned()
}

#[test]
fn a_bind_shows_the_context_without_what_is_ignored_and_takes_no_writes() {
    let Some(mut workshop) = Workshop::open() else { return };
    workshop.write("d/file", "of the context");
    workshop.write("d/ignored", "");
    workshop.write(".dockerignore", "d/ignored\n");
    let run = "--mount=type=bind,source=d,target=/m cat /m/file; ls /m; (echo x >/m/new) 2>/dev/null || echo refused";
    assert_eq!(said(&mut workshop, "", run), "of the contextfile\nrefused");
    let run = "--mount=type=bind,source=d,target=/m,rw echo changed >/m/file; cat /m/file";
    assert_eq!(said(&mut workshop, "", run), "changed");
    assert_eq!(std::fs::read_to_string(workshop.context().join("d/file")).unwrap(), "of the context");
}

#[test]
fn what_a_bind_shows_is_part_of_the_key_and_its_times_are_not() {
    let Some(mut workshop) = Workshop::open() else { return };
    let path = workshop.write("file", "one");
    let dockerfile = "FROM busybox\nRUN --mount=source=file,target=/m cat /m >/seen\n";
    assert_eq!(workshop.built(dockerfile).ran, 1);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(workshop.built(dockerfile).ran, 0);
    workshop.write("file", "two");
    assert_eq!(workshop.built(dockerfile).ran, 1);
}

#[test]
fn a_bind_from_a_stage_stays_in_the_stage_wherever_its_links_lead() {
    let Some(mut workshop) = Workshop::open() else { return };
    for source in ["/l", "../../..", "/up"] {
        let dockerfile = format!(
            "FROM busybox AS s\nRUN echo inside >/marker && ln -s / /l && ln -s ../../.. /up\n\
             FROM busybox\nRUN --mount=from=s,source={source},target=/m cat /m/marker\n"
        );
        workshop.built(&dockerfile);
        assert_eq!(workshop.output, "inside\n", "{source}");
    }
}

#[test]
fn a_cache_mount_outlives_the_step_and_leaves_nothing_in_the_layer() {
    let Some(mut workshop) = Workshop::open() else { return };
    let built = workshop.built(
        "FROM busybox\nRUN --mount=type=cache,target=/c echo kept >/c/file\n\
         RUN --mount=type=cache,id=/c,target=/other cat /other/file\n",
    );
    assert_eq!(workshop.output, "kept\n");
    assert_eq!(workshop.layer_from_end(&built, 0), Vec::<String>::new());
    assert_eq!(workshop.layer_from_end(&built, 1), Vec::<String>::new());
    let run = "--mount=type=cache,id=mine,target=/c,uid=1000,mode=0700 stat -c '%u %a' /c";
    assert_eq!(said(&mut workshop, "", run), "1000 700");
}

#[test]
fn a_cache_mount_begins_with_what_its_stage_has() {
    let Some(mut workshop) = Workshop::open() else { return };
    let dockerfile = "FROM busybox AS s\nRUN mkdir /seed && echo seeded >/seed/file\n\
        FROM busybox\nRUN --mount=type=cache,target=/c,from=s,source=/seed cat /c/file && echo more >/c/more\n\
        RUN --mount=type=cache,target=/c,from=s,source=/seed cat /c/more\n";
    workshop.built(dockerfile);
    assert_eq!(workshop.output, "seeded\nmore\n");
}

#[test]
fn a_tmpfs_hides_what_is_there_for_one_step() {
    let Some(mut workshop) = Workshop::open() else { return };
    let before = "RUN mkdir /d && echo below >/d/file";
    assert_eq!(said(&mut workshop, before, "--mount=type=tmpfs,target=/d ls /d; echo x >/d/y"), "");
    assert_eq!(said(&mut workshop, before, "ls /d"), "file");
}

#[test]
fn a_secret_is_a_file_or_a_variable_and_reaches_no_layer_history_key_or_record() {
    let Some(mut workshop) = Workshop::open() else { return };
    let give = |workshop: &mut Workshop, value: &str| {
        workshop.options.secrets.insert("token".to_owned(), Secret(Arc::from(value.as_bytes())));
    };
    give(&mut workshop, "hunter2-one");
    let dockerfile = "FROM busybox\n\
        RUN --mount=type=secret,id=token stat -c '%a %u' /run/secrets/token && wc -c </run/secrets/token\n\
        RUN --mount=type=secret,id=token,env=TOKEN test ${#TOKEN} = 11 && ! test -e /run/secrets/token\n\
        RUN --mount=type=secret,id=absent ls /run/secrets 2>/dev/null; true\n";
    assert_eq!(workshop.built(dockerfile).ran, 3);
    assert_eq!(workshop.output, "400 0\n11\n");
    give(&mut workshop, "hunter2-two");
    assert_eq!(workshop.built(dockerfile).ran, 0);
    let mut pending = vec![workshop.dir.path().join("root")];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.is_file() {
            let mut bytes = Vec::new();
            std::fs::File::open(&path).unwrap().read_to_end(&mut bytes).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("hunter2-"), "{path:?}");
        }
    }
}

#[test]
fn a_required_secret_that_is_absent_fails_the_build_and_says_how_to_give_it() {
    let Some(mut workshop) = Workshop::open() else { return };
    let said = workshop.fails("FROM busybox\nRUN --mount=type=secret,id=nope,required=true true\n");
    assert!(said.contains("secret nope: not found") && said.contains("--secret id=nope"), "{said}");
}

#[test]
fn an_agent_is_a_socket_of_the_steps_own() {
    let Some(mut workshop) = Workshop::open() else { return };
    let socket = workshop.dir.path().join("agent");
    let _agent = UnixListener::bind(&socket).unwrap();
    let run = "--mount=type=ssh,mode=0640,uid=7 test -S $SSH_AUTH_SOCK && stat -c '%a %u' $SSH_AUTH_SOCK";
    workshop.options.ssh.insert("default".to_owned(), socket);
    assert_eq!(said(&mut workshop, "", run), "640 7");
    let said = workshop.fails("FROM busybox\nRUN --mount=type=ssh,id=other,required true\n");
    assert!(said.contains("no SSH key \"other\" forwarded"), "{said}");
}

#[test]
fn what_leaves_the_sandbox_must_be_allowed() {
    let Some(mut workshop) = Workshop::open() else { return };
    for (flag, what, entitlement) in [
        ("--network=host", "network.host", Entitlement::NetworkHost),
        ("--security=insecure", "security.insecure", Entitlement::SecurityInsecure),
    ] {
        let dockerfile = format!("FROM busybox\nRUN {flag} grep CapEff /proc/self/status\n");
        let said = workshop.fails(&dockerfile);
        assert!(said.contains(&format!("{what} is not allowed")), "{said}");
        workshop.options.allow.insert(entitlement);
        workshop.built(&dockerfile);
    }
    assert!(!workshop.output.contains("00000000a80425fb"), "{}", workshop.output);
}

#[test]
fn cve_2024_9675_neither_id_nor_source_of_a_cache_mount_leads_out_of_it() {
    let Some(mut workshop) = Workshop::open() else { return };
    for options in ["id=../../..", "id=/../../..", "source=../../.."] {
        workshop.built(&format!("FROM busybox\nRUN --mount=type=cache,{options},target=/c touch /c/escaped\n"));
    }
    let mounts = workshop.dir.path().join("root/cache/mounts");
    let mut pending = vec![workshop.dir.path().to_owned()];
    let mut found = 0;
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
            } else if entry.file_name() == "escaped" {
                found += 1;
                let inside = folder.strip_prefix(&mounts).unwrap();
                assert_eq!((inside.components().count(), inside.file_name().unwrap()), (2, "fs".as_ref()));
            }
        }
    }
    assert!(found >= 2, "{found}");
}
