//! slim: files of the context that a COPY brings and a RUN removes.

use std::process::{Command, Stdio};

use strata_builder::slim::Verdict;

use crate::workshop::Workshop;

fn filled() -> Option<Workshop> {
    let workshop = Workshop::open()?;
    workshop.write("main.c", &"int main;\n".repeat(10));
    workshop.write("docs/a.md", &"a".repeat(4000));
    workshop.write("docs/sub/b.md", &"b".repeat(5000));
    workshop.write("test/#big", &"c".repeat(6000));
    workshop.write("test/small", "s");
    Some(workshop)
}

/// Each case: the steps, lines of the patch.
const IGNORED: &[(&str, &[&str])] = &[
    ("COPY . /app\nRUN rm -rf /app/docs\n", &["--- /dev/null", "+docs", "-RUN rm -rf /app/docs"]),
    ("WORKDIR /app\nCOPY . .\nRUN rm -rf docs\n", &["+docs", "-RUN rm -rf docs"]),
    ("COPY . /app\nRUN rm '/app/test/#big'\n", &["+test/#big", "-RUN rm '/app/test/#big'"]),
    ("COPY test /t\nRUN rm -f /t/* && echo done >/done\n", &["+test/#big", "+test/small"]),
    ("COPY docs/* /d/\nRUN rm /d/a.md\n", &["+docs/a.md", "-RUN rm /d/a.md"]),
    ("COPY . /app\nRUN echo built >/built\nRUN rm -rf /app/docs /app/none\n", &["+docs"]),
];

#[test]
fn files_that_nothing_keeps_are_left_out_of_the_context() {
    let Some(mut workshop) = filled() else {
        return;
    };
    for (steps, lines) in IGNORED {
        let (patch, verdict) = workshop.proved(&format!("FROM busybox\n{steps}"));
        assert_eq!(verdict, Verdict::Identical, "{patch}");
        for line in *lines {
            assert!(patch.lines().any(|found| found == *line), "{line}\n{patch}");
        }
    }
}

#[test]
fn an_ignore_file_that_is_there_is_continued() {
    let Some(mut workshop) = filled() else {
        return;
    };
    workshop.write(".dockerignore", "test\n.dockerignore");
    let dockerfile = "FROM busybox\nCOPY . /app\nRUN rm -rf /app/docs\n";
    let slimmed = workshop.slim(dockerfile);
    let after = slimmed.after.unwrap();
    assert_eq!(after.verdict, Verdict::Identical);
    let ignore = after.ignore.unwrap();
    assert_eq!(ignore.path, workshop.context().join(".dockerignore"));
    assert_eq!(ignore.bytes, b"test\n.dockerignore\ndocs\n");
}

#[test]
fn what_would_change_a_file_that_the_image_holds_is_refused_and_says_where() {
    let Some(mut workshop) = filled() else {
        return;
    };
    let steps = "RUN head -c 9000 /dev/zero > /big\nRUN rm /big\n";
    let dockerfile = format!("FROM busybox\nCOPY . /app\n{steps}");
    // as it is in a project: beside what it builds
    workshop.options.dockerfile_path = workshop.write("Dockerfile", &dockerfile);
    let slimmed = workshop.slim(&dockerfile);
    assert!(slimmed.after.is_none());
    let reason = slimmed.refused[0].refused.as_deref().unwrap();
    assert!(reason.contains("the image holds Dockerfile at /app/Dockerfile"), "{reason}");
    // by way of another stage, too
    let dockerfile = format!("FROM busybox AS a\nCOPY . /app\nFROM busybox\nCOPY --from=a /app /b\n{steps}");
    workshop.write("Dockerfile", &dockerfile);
    assert!(workshop.slim(&dockerfile).after.is_none());
    // one that does not come into the image is in nobody's way
    let dockerfile = format!("FROM busybox\nCOPY main.c /app/\n{steps}");
    workshop.write("Dockerfile", &dockerfile);
    assert_eq!(workshop.slim(&dockerfile).after.unwrap().verdict, Verdict::Identical);
    // the same holds for an ignore file
    let dockerfile = "FROM busybox\nCOPY . /app\nRUN rm -rf /app/docs\n";
    workshop.write("Dockerfile", dockerfile);
    workshop.write(".dockerignore", "Dockerfile\ntest\n");
    let slimmed = workshop.slim(dockerfile);
    assert!(slimmed.after.is_none());
    let reason = slimmed.refused[0].refused.as_deref().unwrap();
    assert!(reason.contains("the image holds .dockerignore at /app/.dockerignore"), "{reason}");
}

#[test]
fn the_patch_is_one_that_patch_takes() {
    let Some(mut workshop) = filled() else {
        return;
    };
    if !Command::new("patch").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        println!("skipped: this machine has no patch");
        return;
    }
    for ignore in [None, Some("docs\n.dockerignore")] {
        if let Some(ignore) = ignore {
            workshop.write(".dockerignore", ignore);
        }
        let dockerfile = "FROM busybox\nCOPY main.c /app/\nCOPY test /t\nRUN rm '/t/#big'\n";
        workshop.options.dockerfile_path = workshop.write("Dockerfile", dockerfile);
        let after = workshop.slim(dockerfile).after.unwrap();
        let diff = workshop.dir.path().join("diff");
        std::fs::write(&diff, &after.patch).unwrap();
        let patch = |reverse: &[&str]| {
            let mut command = Command::new("patch");
            command.args(["-s", "-p1", "-i"]).arg(&diff).args(reverse).current_dir(workshop.context());
            assert!(command.status().unwrap().success(), "{}", after.patch);
        };
        patch(&[]);
        let read = |name: &str| std::fs::read(workshop.context().join(name)).unwrap();
        assert_eq!((read("Dockerfile"), read(".dockerignore")), (after.source.clone(), after.ignore.unwrap().bytes));
        patch(&["-R"]);
    }
}

/// Each trap: the steps, and words of the reason.
const REFUSED: &[(&str, &str)] = &[
    ("COPY . /app\nRUN test -f /app/docs/a.md\nRUN rm -rf /app/docs\n", "it would not build"),
    ("COPY . /app\nRUN test -f /app/docs/a.md && rm -rf /app/docs\n", "it would not build"),
    ("COPY main.c /app/\nRUN rm /app/main.c\n", "the COPY names it"),
    ("COPY . /app\nCOPY docs /docs\nRUN rm -rf /app/docs\n", "line 3 uses docs too"),
    ("COPY . /app\nCOPY docs/a.m? /docs/\nRUN rm -rf /app/docs\n", "line 3 uses docs too"),
    ("COPY . /app\nRUN rm -rf /app/docs\nFROM scratch AS other\nCOPY docs /\nFROM stage\n", "line 5 uses docs too"),
    ("ARG D=docs\nCOPY . /app\nCOPY $D /docs\nRUN rm -rf /app/docs\n", "line 4 uses docs too"),
    ("ARG D=test\nCOPY $D /t\nRUN rm -rf /t/small /t/#big\n", "the sources of line 3 have variables"),
];

#[test]
fn files_that_someone_uses_are_not_ignored() {
    let Some(mut workshop) = filled() else {
        return;
    };
    for (steps, words) in REFUSED {
        let dockerfile = format!("FROM busybox AS stage\n{steps}");
        let slimmed = workshop.slim(&dockerfile);
        let ignored = slimmed.after.iter().find_map(|after| after.ignore.as_ref());
        let reasons: Vec<_> = slimmed.refused.iter().filter_map(|refused| refused.refused.as_deref()).collect();
        assert!(ignored.is_none(), "{dockerfile}\n{reasons:?}");
        assert!(reasons.iter().any(|reason| reason.contains(words)), "{dockerfile}\n{reasons:?}");
    }
}

#[test]
fn a_file_that_a_command_reads_is_part_of_the_proof() {
    let Some(mut workshop) = filled() else {
        return;
    };
    let after =
        workshop.slim("FROM busybox\nCOPY . /app\nRUN ls /app/docs | wc -l >/count\nRUN rm -rf /app/docs\n").after;
    let after = after.unwrap();
    assert_eq!(after.verdict, Verdict::Different(vec!["/count".to_owned()]));
}

#[test]
fn a_stage_that_is_copied_from_later_keeps_what_it_had() {
    let Some(mut workshop) = filled() else {
        return;
    };
    // the removal is in a stage of which the image takes files only: no layer of the image has the bytes
    let dockerfile = "FROM busybox AS build\nCOPY . /app\nRUN cp /app/docs/a.md /a && rm -rf /app/docs\nFROM busybox\nCOPY --from=build /a /a\n";
    assert_eq!(workshop.refused(dockerfile), "");
}
