//! Where two histories part, and the line of the Dockerfile that tells of it.

use std::sync::Arc;

use strata_analyzer::compare::{Options, compare};
use strata_image::Layer;

use crate::memory::{Memory, MemoryLayer, file, with_history};

/// An image of these steps, each with whether it made no layer, and these layers.
fn image(steps: &[(&str, bool)], layers: &[&'static str]) -> Memory {
    let layers = layers.iter().map(|name| Arc::new(MemoryLayer::of(&[file(name, name.as_bytes())])) as Arc<dyn Layer>);
    Memory::of_layers(layers.collect()).and_config(with_history(steps))
}

#[test]
fn the_first_step_that_differs_is_said() {
    let base = ("/bin/sh -c #(nop) ADD file in / ", false);
    let run = |text: &'static str| (text, false);
    let a = image(&[base, ("ENV A=1", true), run("RUN /bin/sh -c make # buildkit")], &["base", "made"]);
    for (b, expected) in [
        (
            image(&[base, ("ENV A=2", true), run("RUN /bin/sh -c make # buildkit")], &["base", "made"]),
            "step 2 of the history is the first that differs: ENV A=1 in the first image, ENV A=2 in the second",
        ),
        (
            image(&[base, ("ENV A=1", true), run("/bin/sh -c make")], &["base", "other"]),
            "step 3 of the history is the first that differs: the instruction is the same, what it made is not: RUN make",
        ),
        (
            image(&[base, ("ENV A=1", true)], &["base"]),
            "step 3 of the history is the first that only the first image has: RUN make",
        ),
    ] {
        let notes = compare(&a, &b, &Options::default()).unwrap().notes;
        assert_eq!(notes.last().map(String::as_str), Some(expected), "{notes:?}");
    }
    // another builder writes the same steps in other words
    let b = image(&[base, ("ENV A=1", true), run("/bin/sh -c make")], &["base", "made"]);
    assert_eq!(compare(&a, &b, &Options::default()).unwrap().notes, [""; 0]);

    let dockerfile = b"FROM base\nENV A=1\n\nRUN make\n";
    let b = image(&[base, ("ENV A=1", true), run("RUN /bin/sh -c make # buildkit")], &["base", "other"]);
    let options = Options { dockerfile: Some(dockerfile), ..Options::default() };
    let first = compare(&a, &b, &options).unwrap().history.first.unwrap();
    assert_eq!((first.step, first.line), (3, Some(4)));

    // steps without a layer have their line, and only where the file is that of the image
    for (steps, file, expected) in [
        (&["ENV A=2", "CMD [\"true\"]"][..], "FROM base\n# one\nENV A=2\nCMD [\"true\"]\n", Some(3)),
        (&["ENV A=2"], "FROM base AS one\nENV \\\n A=2\nFROM one\n", Some(2)),
        (&["ENV A=2"], "FROM base\nENV A=3\n", None),
        (&["ENV A=2"], "FROM base\nENV A=$B\n", Some(2)),
        (&["ENV A=2", "LABEL a=b"], "FROM base\nENV A=2\n", None),
        (&["ENV A=2", "EXPOSE map[80/tcp:{}]"], "FROM base\nARG B\nENV A 2\nEXPOSE 80\n", Some(3)),
    ] {
        let steps: Vec<_> = [base].into_iter().chain(steps.iter().map(|step| (*step, true))).collect();
        let b = image(&steps, &["base"]);
        let options = Options { dockerfile: Some(file.as_bytes()), ..Options::default() };
        let first = compare(&a, &b, &options).unwrap().history.first.unwrap();
        assert_eq!((first.step, first.line), (2, expected), "{file}");
    }
}

#[test]
fn a_step_of_the_base_has_the_line_of_its_from() {
    const MADE: (&str, bool) = ("RUN /bin/sh -c make # buildkit", false);
    let on = |base: &[(&'static str, bool)], layer: &'static str| image(&[base, &[MADE]].concat(), &[layer, "made"]);
    let old = [("ADD old.tar /", false), ("CMD [\"sh\"]", true)];
    let new = [("ADD new.tar /", false), ("CMD [\"sh\"]", true)];
    let told = |a: &Memory, b: &Memory, file: &str| {
        let options = Options { dockerfile: Some(file.as_bytes()), ..Options::default() };
        let comparison = compare(a, b, &options).unwrap();
        let first = comparison.history.first.unwrap();
        (first.line, first.in_base, comparison.notes.last().unwrap().clone())
    };
    let (a, b) = (on(&old, "old"), on(&new, "new"));
    let note = |line: u32| {
        format!(
            "the base differs: FROM at line {line} of the Dockerfile; step 1 of the history is the first that differs: \
             ADD old.tar / in the first image, ADD new.tar / in the second"
        )
    };
    for (file, line) in [
        ("FROM base\nRUN make\n", 1),
        ("# one\nARG TAG\nFROM base:$TAG AS one\nFROM other\nRUN x\nFROM one\nRUN make\n", 3),
        ("ARG TAG\nFROM \\\n base:$TAG\nRUN make\n", 2),
    ] {
        assert_eq!(told(&a, &b, file), (Some(line), true, note(line)), "{file}");
    }
    // the same words, and another content
    let (line, in_base, note) = told(&on(&old, "old"), &on(&old, "other"), "FROM base\nRUN make\n");
    assert_eq!((line, in_base), (Some(1), true));
    assert!(note.ends_with("the instruction is the same, what it made is not: ADD old.tar /"), "{note}");
    // a step more in the first image's base is one in place of the second image's own
    let longer = [old[0], old[1], ("LABEL a=b", true)];
    let (line, in_base, _) = told(&on(&longer, "old"), &on(&old, "old"), "FROM base\nRUN make\n");
    assert_eq!((line, in_base), (Some(2), false));
    // nothing is below a stage from scratch, and nothing is known of another image's file
    for file in ["FROM scratch\nRUN make\n", "FROM base\nRUN other\n", "FROM base\n"] {
        let (line, in_base, note) = told(&a, &b, file);
        assert_eq!((line, in_base), (None, false), "{file}");
        assert!(note.starts_with("step 1 of the history is the first that differs: ADD old.tar /"), "{note}");
    }
    // where the history tells of layers alone
    let steps = |base: &'static str| image(&[(base, false), ("COPY x /x # buildkit", false)], &[base, "x"]);
    let (line, in_base, _) = told(&steps("one"), &steps("two"), "FROM base\nENV A=1\nCOPY x /x\n");
    assert_eq!((line, in_base), (Some(1), true));
}
