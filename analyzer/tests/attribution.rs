//! Layers are joined to the lines of the Dockerfile that made them, or to none.
#![allow(clippy::unwrap_used)]

mod memory;

use strata_analyzer::analysis::{Analysis, Options, analyze};
use strata_image::{ContainerConfig, History, ImageConfig};

use memory::{Memory, file};

/// An image of as many layers as there are entries of history that made one.
fn image(history: &[(&str, bool)]) -> Memory {
    let contents: Vec<Vec<u8>> = (0..history.len()).map(|number| number.to_string().into_bytes()).collect();
    let layers: Vec<Vec<_>> = history
        .iter()
        .zip(&contents)
        .filter(|((_, empty), _)| !empty)
        .map(|(_, content)| vec![file("a", content)])
        .collect();
    let layers: Vec<_> = layers.iter().map(Vec::as_slice).collect();
    let history = history.iter().map(|(text, empty)| History {
        created_by: Some((*text).to_owned()),
        empty_layer: *empty,
        ..History::default()
    });
    let config = ImageConfig { history: history.collect(), ..ImageConfig::default() };
    Memory::new(&layers).and_config(config)
}

fn analyzed(history: &[(&str, bool)], dockerfile: &str) -> Analysis {
    let options = Options { dockerfile: Some(("Dockerfile", dockerfile.as_bytes())), ..Options::default() };
    analyze(&image(history), &options).unwrap()
}

fn lines(analysis: &Analysis) -> Vec<Option<u32>> {
    analysis.layers.iter().map(|layer| layer.line).collect()
}

const BASE: (&str, bool) = ("ADD rootfs.tar / # buildkit", false);
const CMD: (&str, bool) = ("CMD [\"sh\"]", true);

#[test]
fn history_tells_which_line_made_a_layer() {
    let dockerfile = "FROM b\nWORKDIR /home\nENV e=1\nCOPY x /x\nADD y /y\nRUN a && \\\n  b\nRUN [\"c\", \"d\"]\n";
    let expected = [None, Some(2), Some(4), Some(5), Some(6), Some(8)];
    let histories: [(&str, &[(&str, bool)]); 4] = [
        (
            "BuildKit",
            &[
                BASE,
                CMD,
                ("WORKDIR /home", false),
                ("ENV e=1", true),
                ("COPY x /x # buildkit", false),
                ("ADD y /y # buildkit", false),
                ("RUN /bin/sh -c a &&   b # buildkit", false),
                ("RUN c d # buildkit", false),
            ],
        ),
        (
            "BuildKit with arguments",
            &[
                BASE,
                ("WORKDIR /home", false),
                ("COPY x /x # buildkit", false),
                ("ADD y /y # buildkit", false),
                ("RUN |1 v=2 /bin/sh -c a &&   b # buildkit", false),
                ("RUN |1 v=2 c d # buildkit", false),
            ],
        ),
        (
            "docker's older builder",
            &[
                ("/bin/sh -c #(nop) ADD file:abc in / ", false),
                ("/bin/sh -c #(nop) WORKDIR /home", false),
                ("/bin/sh -c #(nop)  ENV e=1", true),
                ("/bin/sh -c #(nop) COPY file:abc in /x ", false),
                ("/bin/sh -c #(nop) ADD file:abc in /y ", false),
                ("/bin/sh -c a &&   b", false),
                ("c d", false),
            ],
        ),
        (
            "the same with arguments",
            &[
                BASE,
                ("/bin/sh -c #(nop) WORKDIR /home", false),
                ("/bin/sh -c #(nop) COPY dir:abc in /x ", false),
                ("/bin/sh -c #(nop) ADD file:abc in /y ", false),
                ("|1 v=2 /bin/sh -c a &&   b", false),
                ("|1 v=2 c d", false),
            ],
        ),
    ];
    for (builder, history) in histories {
        let analysis = analyzed(history, dockerfile);
        assert_eq!(lines(&analysis), expected, "{builder}");
        let base: Vec<_> = analysis.layers.iter().map(|layer| layer.base).collect();
        assert_eq!(base, [Some(true), Some(false), Some(false), Some(false), Some(false), Some(false)], "{builder}");
    }
}

#[test]
fn a_workdir_need_not_be_a_layer() {
    let history = [BASE, ("/bin/sh -c #(nop) WORKDIR /home", true), ("/bin/sh -c a", false)];
    assert_eq!(lines(&analyzed(&history, "FROM b\nWORKDIR /home\nRUN a\n")), [None, Some(3)]);
}

#[test]
fn stages_that_the_image_starts_from_are_part_of_it() {
    let dockerfile = "FROM b AS one\nRUN a\nFROM b AS two\nRUN x\nFROM ONE\nRUN c\n";
    let history = [BASE, ("RUN /bin/sh -c a # buildkit", false), ("RUN /bin/sh -c c # buildkit", false)];
    assert_eq!(lines(&analyzed(&history, dockerfile)), [None, Some(2), Some(6)]);
    let of_two = [BASE, ("RUN /bin/sh -c x # buildkit", false)];
    assert_eq!(lines(&analyzed(&of_two, dockerfile)), [None, Some(4)], "built with --target two");
}

#[test]
fn heredocs_are_matched_by_their_bodies() {
    let history = [BASE, ("RUN /bin/sh -c a\nb\n # buildkit", false), ("RUN /bin/sh -c c # buildkit", false)];
    assert_eq!(lines(&analyzed(&history, "FROM b\nRUN <<EOF\na\nb\nEOF\nRUN c\n")), [None, Some(2), Some(6)]);
}

#[test]
fn another_dockerfile_gives_no_lines() {
    let history = [BASE, ("RUN /bin/sh -c a # buildkit", false), ("RUN /bin/sh -c b # buildkit", false)];
    for dockerfile in [
        "FROM b\nRUN a\nRUN c\n",
        "FROM b\nRUN x\nRUN b\n",
        "FROM b\nRUN a\nRUN b\nRUN c\n",
        "FROM b\nCOPY a /\nRUN b\n",
        "FROM b\nRUN [\"a\"]\nRUN [\"b\"]\n",
        "FROM b\nRUN -c b\n",
        "FROM b\nENV e=1\n",
        "FROM b\n",
        "",
        "RUN",
        "\u{0}\u{1}",
    ] {
        let analysis = analyzed(&history, dockerfile);
        assert_eq!(lines(&analysis), [None, None, None], "{dockerfile}");
        assert!(analysis.layers.iter().all(|layer| layer.base.is_none()), "{dockerfile}");
        assert!(analysis.suggestions.is_empty(), "{dockerfile}");
    }
    let longer = [BASE, ("RUN /bin/sh -c echo b # buildkit", false)];
    assert_eq!(lines(&analyzed(&longer, "FROM b\nRUN b\n")), [None, None]);
    assert_eq!(lines(&analyzed(&history, "FROM b\nRUN b\n")), [None, None, Some(2)], "a base may have its own layers");
}

#[test]
fn history_that_does_not_fit_the_layers_tells_nothing() {
    let mut image = image(&[BASE, ("RUN /bin/sh -c a # buildkit", false)]);
    image.history().truncate(1);
    let options = Options { dockerfile: Some(("Dockerfile", b"FROM b\nRUN a\n")), ..Options::default() };
    let analysis = analyze(&image, &options).unwrap();
    assert_eq!(lines(&analysis), [None, None]);
    assert!(analysis.layers.iter().all(|layer| layer.created_by.is_none()));
}

#[test]
fn what_the_builder_remembers_comes_before_history() {
    let image = image(&[BASE, ("anything", false), ("anything", false)]);
    let dockerfile = b"FROM b\nRUN a\nRUN b\n";
    let options = Options {
        dockerfile: Some(("Dockerfile", dockerfile)),
        steps: Some(&[None, Some(1), Some(2)]),
        ..Options::default()
    };
    let analysis = analyze(&image, &options).unwrap();
    assert_eq!(lines(&analysis), [None, Some(2), Some(3)]);
    let base: Vec<_> = analysis.layers.iter().map(|layer| layer.base).collect();
    assert_eq!(base, [Some(true), Some(false), Some(false)]);
    let [suggestion] = analysis.suggestions.as_slice() else { panic!("{:?}", analysis.suggestions) };
    assert_eq!((suggestion.saves_bytes, suggestion.lines.as_slice()), (1, [2, 3].as_slice()));

    let short = Options { steps: Some(&[None]), ..options };
    assert_eq!(lines(&analyze(&image, &short).unwrap()), [None, None, None]);
    let wrong = Options { steps: Some(&[None, Some(9), Some(99)]), ..options };
    assert_eq!(lines(&analyze(&image, &wrong).unwrap()), [None, None, None]);
}

#[test]
fn only_what_can_be_done_is_suggested() {
    let history =
        [BASE, ("RUN /bin/sh -c a # buildkit", false), ("USER u", true), ("RUN /bin/sh -c b # buildkit", false)];
    let analysis = analyzed(&history, "FROM b\nRUN a\nUSER u\nRUN b\n");
    assert_eq!(lines(&analysis), [None, Some(2), Some(4)]);
    assert_eq!(analysis.wasted_bytes, 2);
    assert_eq!(analysis.suggestions, []);
}

#[test]
fn the_shell_of_the_image_runs_what_is_isolated() {
    let mut image =
        image(&[BASE, ("RUN /bin/bash -c cd a # buildkit", false), ("RUN /bin/bash -c b # buildkit", false)]);
    let shell = Some(vec!["/bin/bash".to_owned(), "-c".to_owned()]);
    image.set_config(ContainerConfig { shell, ..ContainerConfig::default() });
    let options = Options { dockerfile: Some(("Dockerfile", b"FROM b\nRUN cd a\nRUN b\n")), ..Options::default() };
    let analysis = analyze(&image, &options).unwrap();
    assert_eq!(analysis.suggestions[0].edits[0].replacement, "/bin/bash -c 'cd a' \\\n && b");
}
