//! The report as one page: it loads nothing, nothing of an image is markup, and every byte is in it.
#![allow(clippy::unwrap_used)]

mod memory;

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::Value;
use strata_analyzer::{
    Analysis, Finding,
    analysis::{self, Options},
    report::Report,
};
use strata_fixtures::stack::Stack;
use strata_image::{
    Digest, History, Image, ImageConfig,
    layer::{Entry, EntryKind, LayerPath},
};

use memory::{Memory, file};

/// A page whose own parts, with the tables of a small image, may be so long.
const MAX_OWN: usize = 100_000;

fn page(image: &dyn Image) -> (Analysis, String) {
    let ledger = analysis::fold(image, &Options::default()).unwrap();
    let analysis = analysis::with_ledger(image, &ledger, &Options::default()).unwrap();
    let page = Report { analysis: &analysis, gate: None, compat: None, dockerfile: None }.html(Some(&ledger));
    (analysis, page)
}

fn stack(layers: &str) -> (Analysis, String) {
    page(&Stack::parse("app:1", layers).unwrap())
}

/// What stands between two texts that a page has once.
fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    assert_eq!(page.matches(start).count(), 1, "{start}");
    let rest = &page[page.find(start).unwrap() + start.len()..];
    &rest[..rest.find(end).unwrap()]
}

fn data(page: &str) -> Value {
    serde_json::from_str(between(page, "id=\"data\">", "</script>")).unwrap()
}

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

/// Every path of the map with the number, the layers and the size of what stands there.
fn files(page: &str) -> Vec<(String, u64, Vec<u64>, u64)> {
    let data = data(page);
    let mut paths = vec![String::new()];
    let mut above = vec![String::new()];
    let names = data["names"].as_str().unwrap();
    for (name, depth) in names.split('/').zip(numbers(&data["depths"])) {
        let depth = usize::try_from(depth).unwrap();
        above.truncate(depth);
        above.push(format!("{}/{name}", above[depth - 1]));
        paths.push(above[depth].clone());
    }
    let mut at = 0;
    let columns = [&data["at"], &data["sizes"], &data["state"]].map(numbers);
    (0..columns[0].len())
        .map(|record| {
            at += columns[0][record];
            let state = data["states"][usize::try_from(columns[2][record]).unwrap()].as_array().unwrap();
            let layers = state[1..].iter().filter_map(Value::as_u64).collect();
            (paths[usize::try_from(at).unwrap()].clone(), state[0].as_u64().unwrap(), layers, columns[1][record])
        })
        .collect()
}

#[test]
fn a_page_loads_nothing_and_runs_its_own_script_alone() {
    let (_, page) = stack("a:100 d/b:900 / -a");
    let style = between(&page, "<style>", "</style>");
    let script = between(&page, "<script>", "</script>");
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Digest::of(text.as_bytes()).as_bytes()));
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    assert_eq!(
        policy,
        format!(
            "default-src 'none';style-src {};script-src {};base-uri 'none';form-action 'none'",
            hash(style),
            hash(script)
        )
    );
    let markup = page.replace(script, "").replace(style, "");
    for reference in ["http:", "https:", " src=", "url(", "@import", "<link", "<iframe", " style=\"", " onclick"] {
        assert!(!markup.contains(reference) && !style.contains(reference), "{reference}");
    }
    for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "XMLHttpRequest"]
    {
        assert!(!script.contains(word), "{word}");
    }
}

const HOSTILE: [&str; 9] = [
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "\"'`&amp;",
    "line\nbreak\ttab",
    "\u{2028}separator\u{2029}",
    "gpj\u{202e}exe.txt",
    "\u{2066}isolate\u{feff}\u{200b}",
    "\u{1b}[2J\u{9b}",
    "]]>\\u003c${x}{{y}}",
];

#[test]
fn nothing_of_an_image_is_markup_or_unseen() {
    let hostile: String = HOSTILE.concat();
    let mut entries: Vec<(Entry, &[u8])> = HOSTILE
        .iter()
        .flat_map(|name| name.split('/'))
        .filter(|name| !name.is_empty())
        .map(|name| file(&format!("d-{name}"), &[7; 900]))
        .collect();
    entries.push((Entry::new(LayerPath::new(b"caf\xe9</script>").unwrap(), EntryKind::File), &[]));
    let killers: Vec<(Entry, &[u8])> = entries
        .iter()
        .map(|(one, _)| {
            let name = [b".wh.".as_slice(), one.path.file_name().unwrap()].concat();
            (Entry::new(one.path.parent().unwrap().join(&name).unwrap(), EntryKind::File), [].as_slice())
        })
        .collect();
    let by = |by: &str| History { created_by: Some(by.to_owned()), ..History::default() };
    let config = ImageConfig {
        architecture: hostile.clone(),
        os: hostile.clone(),
        history: vec![by(&hostile), by(&format!("RUN {hostile}")), by("")],
        ..ImageConfig::default()
    };
    let image = Memory::new(&[&entries, &killers, &entries]).and_config(config);
    let options = Options { name: Some(&hostile), ..Options::default() };
    let ledger = analysis::fold(&image, &options).unwrap();
    let mut analysis = analysis::with_ledger(&image, &ledger, &options).unwrap();
    for finding in &mut analysis.findings {
        *finding = Finding { message: hostile.clone(), fix: hostile.clone(), ..finding.clone() };
    }
    let page = Report { analysis: &analysis, gate: None, compat: None, dockerfile: None }.html(Some(&ledger));
    // the data and the script, and no more
    assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (2, 2));
    assert!(!page.contains("<img") && !page.contains("<!--"));
    let unseen = |c: &char| {
        c.is_control() && *c != '\n'
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    assert_eq!(page.chars().find(unseen), None);
    let paths: Vec<String> = files(&page).into_iter().map(|(path, ..)| path).collect();
    for shown in [
        "/d-gpj\\u{202e}exe.txt",
        "/d-line\\nbreak\\ttab",
        "/d-\\u{1b}[2J\\u{9b}",
        "/caf\u{fffd}e9<",
        "/d-]]>\\u003c${x}{{y}}",
    ] {
        assert!(paths.iter().any(|path| path == shown), "{shown} is not in {paths:?}");
    }
    assert!(page.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"));
}

#[test]
fn the_tables_need_no_script() {
    let (analysis, page) = stack("d/a:5000 e:10 / -d/a f:300 g:300f");
    let markup = page.split("<script").next().unwrap();
    for text in [
        "<th scope=\"row\">0</th><td class=\"instruction\"><code>layer 0</code>",
        "layer 1 deletes what layer 0 wrote: /d/a (5kB)",
        "<dt>Made by</dt><dd>layer 0 <code>layer 0</code></dd>",
        "<dt>Killed by</dt><dd>layer 1 <code>layer 1</code></dd>",
        "<code class=\"path\">/d/a</code>",
        "high: nobody can need the bytes",
        "<code class=\"path\">/g</code>",
        "<small>layer 1</small>",
        "need this page's script",
    ] {
        assert!(markup.contains(text), "{text} is not in {markup}");
    }
    let finding = &analysis.findings[0];
    assert!(markup.contains(&format!("<dt>Fix</dt><dd>{}</dd>", finding.fix)), "{markup}");
}

#[test]
fn a_note_of_several_suggestions_is_said_once() {
    let source = "FROM base\nRUN make a\nRUN rm a\nUSER x\nRUN make b\nRUN rm b\nRUN curl x\n";
    let steps = [None, Some(1), Some(2), Some(4), Some(5), Some(6)];
    let image = Stack::parse("app:1", "base:1 / a:900 / -a / b:800 / -b / c:7").unwrap();
    let dockerfile = Some(("Dockerfile", source.as_bytes()));
    let analysis =
        analysis::analyze(&image, &Options { dockerfile, steps: Some(&steps), ..Options::default() }).unwrap();
    let notes: Vec<_> = analysis.suggestions.iter().map(|suggestion| suggestion.notes.clone()).collect();
    assert!(notes.len() == 2 && notes[0] == notes[1] && notes[0].len() == 1, "{notes:?}");
    let page = Report { analysis: &analysis, gate: None, compat: None, dockerfile }.html(None);
    assert_eq!(page.matches("the RUN of line 7 calls curl").count(), 1);
}

#[test]
fn without_a_ledger_a_page_has_tables_alone() {
    let (analysis, _) = stack("a:5 / -a");
    let page = Report { analysis: &analysis, gate: None, compat: None, dockerfile: None }.html(None);
    assert!(page.contains("<code class=\"path\">/a</code>"), "{page}");
    for part in ["script-src", "<script", "id=\"map\"", "#map", "id=\"search\""] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn a_file_has_its_state_its_creator_and_its_killer() {
    let (_, page) = stack("a:5 b:7 h:3 h2=h l->a d/ d/x:9 / a:6 c:7b -d");
    let expected = [
        ("/a", 0, vec![1], 6),
        ("/a", 2, vec![0, 1], 5),
        ("/b", 0, vec![0], 7),
        ("/c", 1, vec![1], 7),
        ("/d/x", 2, vec![0, 1], 9),
        ("/h", 0, vec![0], 3),
        ("/h2", 3, vec![0], 0),
        ("/l", 4, vec![0], 0),
    ];
    let expected: Vec<_> =
        expected.map(|(path, class, layers, size)| (path.to_owned(), class, layers, size)).into_iter().collect();
    assert_eq!(files(&page), expected);
    // the copy names the file that was first, the link the file that it is
    assert_eq!(data(&page)["first"], serde_json::json!([2, 6]));
}

#[test]
fn an_empty_image_has_a_page_and_its_own_parts_are_small() {
    let (_, page) = page(&Memory::new(&[]));
    assert!(page.len() < MAX_OWN, "{}", page.len());
    assert_eq!(files(&page), []);
    assert!(page.contains("Nothing was found that costs bytes."));
}

#[test]
fn a_file_costs_a_page_few_bytes() {
    let text: Vec<String> =
        (0..5_000).map(|number| format!("usr/lib/python3/dir{}/module_{number}.py:{number}", number / 20)).collect();
    let (_, small) = stack("usr/lib/python3/a:1");
    let (_, large) = stack(&text.join(" "));
    let data = |page: &str| between(page, "id=\"data\">", "</script>").len();
    let each = (data(&large) - data(&small)) / 5_000;
    assert!(each < 50, "{each} bytes a file");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_map_has_every_byte_of_the_ledger_and_two_pages_are_equal(
        layers in prop::collection::vec(
            prop::collection::vec(
                prop_oneof![
                    ("[abd]", 1_u32..60, "[pq]?").prop_map(|(name, size, content)| format!("{name}:{size}{content}")),
                    ("[abd]/[abc]", 1_u32..60, "[pq]?").prop_map(|(name, size, content)| format!("{name}:{size}{content}")),
                    "-[abd]", "-[ad]/[abc]", "[ad]!", "[abd]/", "[bd]=[ac]", "l->[ab]",
                ],
                1..6,
            ),
            1..5,
        )
    ) {
        let text: Vec<String> = layers.iter().map(|entries| entries.join(" ")).collect();
        let image = Stack::parse("any:1", &text.join(" / ")).unwrap();
        prop_assume!(analysis::analyze(&image, &Options::default()).is_ok());
        let (analysis, first) = page(&image);
        prop_assert_eq!(&page(&image).1, &first);
        let mut bytes = BTreeMap::<u64, u64>::new();
        let mut layers = vec![(0, 0, 0); analysis.layers.len()];
        for (path, class, of, size) in files(&first) {
            prop_assert!(path.starts_with('/'));
            *bytes.entry(class).or_default() += size;
            let creator = usize::try_from(of[0]).unwrap();
            layers[creator].0 += size;
            if class == 2 {
                layers[creator].1 += size;
                layers[usize::try_from(of[1]).unwrap()].2 += size;
            }
        }
        let sum = |class: u64| bytes.get(&class).copied().unwrap_or(0);
        prop_assert_eq!(sum(0) + sum(1), analysis.live_bytes);
        prop_assert_eq!(sum(1), analysis.duplicates_total_bytes);
        prop_assert_eq!(sum(2), analysis.wasted_bytes);
        let expected: Vec<_> =
            analysis.layers.iter().map(|layer| (layer.size_bytes, layer.wasted_bytes, layer.killed_bytes)).collect();
        prop_assert_eq!(layers, expected);
    }
}
