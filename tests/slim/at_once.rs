//! Several of them at once, and what they leave behind.

use std::process::Output;

use crate::common::Strata;

/// Of two chains the first cannot be proved, so that there are several attempts.
const HALF_PROVED: &str = "FROM busybox\nRUN head -c 70000 /dev/zero >/a; cat /proc/sys/kernel/random/uuid >/id\nRUN rm /a\n\
                           ENV between=them\nRUN head -c 50000 /dev/zero >/b\nRUN rm /b\n";

fn args<'a>(context: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["slim", "--min-saving", "0", "--second", "0"], more, &[context]].concat()
}

/// Runs the same several times at once.
fn at_once(strata: &Strata, args: &[&str], times: usize) -> Vec<Output> {
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..times).map(|_| scope.spawn(|| strata.output(args))).collect();
        started.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

#[test]
fn no_attempt_leaves_an_image() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let images = strata.ok(["images", "-q"]);
    let text = strata.ok(args(&strata.context(HALF_PROVED), &[]));
    assert!(text.contains("identical"), "{text}");
    let different = HALF_PROVED.split("ENV").next().unwrap();
    strata.ends(1, args(&strata.context(different), &[]));
    assert_eq!(strata.ok(["images", "-q"]), images);
    let audit = strata.json(["audit", "--format", "json"]);
    assert_eq!(audit["totals"]["images"], 1);
    strata.ok(["system", "check"]);
}

#[test]
fn several_of_one_dockerfile_do_not_take_each_others_images() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(HALF_PROVED);
    for _ in 0..3 {
        for output in at_once(&strata, &args(&context, &[]), 3) {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn an_image_that_someone_else_built_stays() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(HALF_PROVED);
    let built = std::thread::scope(|scope| {
        let slim = scope.spawn(|| strata.ok(args(&context, &[])));
        let built = strata.ok(["build", "-q", &context]);
        slim.join().unwrap();
        built
    });
    assert!(strata.ok(["images", "-q", "--no-trunc"]).contains(built.trim()));
}

#[test]
fn of_several_that_write_one_does_and_the_others_say_that_the_file_is_another() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("");
    std::fs::remove_file(strata.work().join(&context).join("Dockerfile")).unwrap();
    strata.file(&format!("{context}/docs/manual"), "m".repeat(5000));
    strata.file("Dockerfile", "FROM busybox\nWORKDIR /app\nCOPY . .\nRUN rm -rf docs\n");
    let outputs = at_once(&strata, &args(&context, &["--write", "-f", "Dockerfile"]), 4);
    let (written, others): (Vec<_>, Vec<_>) = outputs.iter().partition(|output| output.status.success());
    assert!(!written.is_empty());
    for output in others {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("is not what was built: it is left as it was"), "{said}");
    }
    assert_eq!(strata.read("Dockerfile"), "FROM busybox\nWORKDIR /app\nCOPY . .\n");
    assert_eq!(strata.read(&format!("{context}/.dockerignore")), ".dockerignore\ndocs\n");
}
