//! What is suppressed is counted, and told apart with its reason.

use strata_analyzer::{
    Analysis, Error,
    analysis::Options,
    analyze,
    findings::{LayerName, Suppression},
    settings::Settings,
};
use strata_fixtures::stack::Stack;

use crate::row;

const LAYERS: &str = "a:100 usr/share/doc/x:40 usr/share/doc/y:2 / -a b:10 / b:20";

fn suppressed(suppression: Suppression) -> (Analysis, Vec<String>) {
    let image = Stack::parse("app:1", LAYERS).unwrap();
    let analysis = analyze(&image, &Options { suppressions: &[suppression], ..Options::default() }).unwrap();
    let rows = analysis.suppressed.iter().map(|suppressed| row(&suppressed.finding)).collect();
    (analysis, rows)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[test]
fn rules_paths_and_layers_say_what_is_meant() {
    let rule = |name: &str| suppressed(Suppression { rules: texts(&[name]), ..Suppression::default() }).1;
    assert_eq!(rule("A3"), ["A3 whiteout 0>1 100 /a"]);
    assert_eq!(rule("overwritten-file"), ["A1 overwrite 1>2 10 /b"]);
    let path = |path: &str| suppressed(Suppression { paths: texts(&[path]), ..Suppression::default() }).1;
    assert_eq!(path("/usr/share/doc"), ["B7 doc 0 42 /usr/share/doc"]);
    assert_eq!(path("usr/**/x"), ["B7 doc 0 40 /usr/share/doc"], "a file of what is told as one directory");
    assert_eq!(path("?"), ["A3 whiteout 0>1 100 /a", "A1 overwrite 1>2 10 /b"]);
    let layer = |layer| suppressed(Suppression { layer: Some(layer), ..Suppression::default() }).1;
    assert_eq!(layer(LayerName::Index(2)), ["A1 overwrite 1>2 10 /b"], "killed here");
    assert_eq!(layer(LayerName::Index(7)), [""; 0]);
    let id = Stack::parse("app:1", LAYERS)
        .map(|image| strata_image::Image::layers(&image)[2].diff_id().to_string())
        .unwrap();
    assert_eq!(layer(LayerName::DiffId(id[..20].to_owned())), ["A1 overwrite 1>2 10 /b"]);
}

#[test]
fn what_is_suppressed_is_not_lost() {
    let suppression = Suppression {
        rules: texts(&["A3"]),
        reason: "known".to_owned(),
        by: "here".to_owned(),
        ..Suppression::default()
    };
    let (analysis, _) = suppressed(suppression);
    assert_eq!((analysis.suppressed[0].reason.as_str(), analysis.suppressed[0].by.as_str()), ("known", "here"));
    let told: u64 = analysis.findings.iter().filter(|finding| finding.exact).map(|finding| finding.bytes).sum();
    assert_eq!(told + 100, analysis.wasted_bytes);
    assert!(analysis.findings.iter().all(|finding| finding.rule != "A3"));
}

#[test]
fn a_comment_above_an_instruction_is_about_its_layer() {
    let image = Stack::parse("app:1", "a:100 / b:10 / b:20 / -b -a").unwrap();
    let dockerfile =
        b"FROM base\n# strata ignore=A1,deleted-file the base has it\nRUN two\n# strata ignore=A1\n#\nRUN three\n";
    let steps = [None, Some(1), Some(2), None];
    let options = Options { dockerfile: Some(("Dockerfile", dockerfile)), steps: Some(&steps), ..Options::default() };
    let analysis = analyze(&image, &options).unwrap();
    let rows: Vec<_> =
        analysis.suppressed.iter().map(|suppressed| (row(&suppressed.finding), suppressed.by.as_str())).collect();
    assert_eq!(rows, [("A1 overwrite 1>2 10 /b".to_owned(), "Dockerfile:2")]);
    assert_eq!(analysis.suppressed[0].reason, "the base has it");
    let unknown = b"FROM base\n# strata ignore=overwriten-file\nRUN two\nRUN three\n";
    let options = Options { dockerfile: Some(("Dockerfile", unknown)), ..options };
    let error = analyze(&image, &options).unwrap_err();
    assert!(matches!(error, Error::UnknownRule { nearest: Some("overwritten-file"), .. }), "{error}");
    assert!(error.to_string().starts_with("Dockerfile:2: "), "{error}");
}

#[test]
fn a_suppression_that_does_nothing_is_told() {
    let image = Stack::parse("app:1", "a:100 / b:10 / b:20").unwrap();
    let dockerfile = b"FROM base\n# strata ingore=A1\n# strata ignore=A5 why not\nRUN two\n# strata ignore A1\n\
                       RUN three\nFROM base\n# strata ignore=A1\nRUN two\n# strata ignore=A1\nRUN three\n";
    let steps = [None, Some(1), Some(2)];
    let by = || "strata.toml".to_owned();
    let suppressions = [
        Suppression { rules: texts(&["A1"]), layer: Some(LayerName::Index(2)), by: by(), ..Suppression::default() },
        Suppression { rules: texts(&["A1"]), by: by(), ..Suppression::default() },
        Suppression { rules: texts(&["A2"]), by: by(), ..Suppression::default() },
    ];
    let options = Options {
        dockerfile: Some(("Dockerfile", dockerfile)),
        steps: Some(&steps),
        suppressions: &suppressions,
        ..Options::default()
    };
    let notes = analyze(&image, &options).unwrap().notes;
    let told: Vec<String> =
        notes.iter().map(|note| format!("{:?} {}: {}", note.level, note.by, note.message)).collect();
    assert_eq!(
        told,
        [
            "Warning Dockerfile:2: `strata ingore` suppresses nothing; did you mean `# strata ignore=A1`?",
            "Warning Dockerfile:5: `strata ignore` suppresses nothing; did you mean `# strata ignore=A1`?",
            "Note strata.toml: `ignore[2]` suppresses nothing: there is no such finding",
            "Note Dockerfile:3: `ignore=A5` suppresses nothing: there is no such finding",
        ],
        "one behind another that is about the same is about something"
    );
}

#[test]
fn settings_are_read_and_what_they_do_not_know_is_an_error() {
    let read = |text: &str| Settings::parse(text, "strata.toml");
    let text = "[[ignore]]\nrule = [\"A1\", \"B7\"]\npath = \"/usr\"\nlayer = 3\nreason = \"why not\"\n\
                [[ignore]]\nlayer = \"sha256:ab\"\nreason = \"r\"\n";
    let settings = read(text).unwrap();
    let first = &settings.ignore[0];
    assert_eq!((&first.rules, &first.paths), (&texts(&["A1", "B7"]), &texts(&["/usr"])));
    assert_eq!((first.layer.clone(), first.reason.as_str()), (Some(LayerName::Index(3)), "why not"));
    assert_eq!(settings.ignore[1].layer, Some(LayerName::DiffId("sha256:ab".to_owned())));
    assert!(read("").unwrap().ignore.is_empty());
    for (text, message) in [
        ("ignroe = 1", "unknown key `ignroe`; did you mean `ignore`?"),
        ("[[ignore]]\nrule = \"A1\"\nreasons = \"r\"", "unknown key `ignore[0].reasons`; did you mean `reason`?"),
        ("[[ignore]]\nrule = \"A1\"", "`ignore[0]` has no `reason`"),
        ("[[ignore]]\nreason = \"r\"", "`ignore[0]` has no `rule`"),
        ("[[ignore]]\nrule = 3\nreason = \"r\"", "`ignore[0].rule` must be a text, or a list of texts"),
        (
            "[[ignore]]\nlayer = -1\nreason = \"r\"",
            "`ignore[0].layer` must be a number from 0, or the first digits of a diff ID",
        ),
        ("ignore = 3", "`ignore` must be a list of tables: [[ignore]]"),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), message, "{text}");
    }
    assert!(read("[[ignore").unwrap_err().to_string().contains("TOML"));
}
