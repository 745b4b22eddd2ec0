//! Keys, and what is then to be seen.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod extracting;

use std::sync::atomic::AtomicBool;

use strata_analyzer::{analysis::Options, findings::Suppression, tree::Changes};
use strata_fixtures::stack::Stack;

use super::{
    content,
    extract::Outcome,
    key::Key,
    model::Model,
    screen::{Line, Pane, Role},
    state::{Effect, Focus, State},
};

const IMAGE: &str = "etc/ etc/motd:5 etc/old:100 tmp/big:1000 / -tmp -etc/old etc/motd:5@0755 srv/new:7q / etc/motd:9";

fn image(text: &str) -> Stack {
    Stack::parse("app:1", text).unwrap()
}

fn state(text: &str) -> State {
    state_with(text, &Options::default())
}

fn state_with(text: &str, options: &Options<'_>) -> State {
    let cache = tempfile::tempdir().unwrap();
    let options = Options { cache: Some(cache.path()), ..*options };
    State::new(Model::load(&image(text), "app:1", &options).unwrap())
}

fn press(state: &mut State, keys: &[Key]) {
    for key in keys {
        assert_eq!(state.press(*key), Effect::Nothing, "{key:?}");
    }
}

fn plain(line: &Line) -> String {
    line.spans.iter().map(|span| span.text.as_str()).collect::<String>().trim_end().to_owned()
}

/// The tree's lines under its head, as they are on a narrow screen.
fn tree(state: &mut State) -> Vec<String> {
    state.focus = Focus::Tree;
    let panes = state.screen(60, 24);
    panes[2].lines[1..].iter().map(plain).collect()
}

fn all(panes: &[Pane]) -> String {
    panes.iter().flat_map(|pane| pane.lines.iter().map(plain)).collect::<Vec<_>>().join("\n")
}

fn select(state: &mut State, name: &str) {
    let names: Vec<_> = state.rows.iter().map(|row| state.model.tree.name(row.node).to_vec()).collect();
    state.focus = Focus::Tree;
    state.cursor = names.iter().position(|other| other == name.as_bytes()).expect(name);
}

#[test]
fn layers_are_walked_and_each_shows_its_own_changes() {
    let mut state = state(IMAGE);
    press(&mut state, &[Key::Down]);
    state.attributes = false;
    assert_eq!(
        tree(&mut state),
        [
            "M      5B    110B  ▾ etc/",
            "P      5B     10B      motd",
            "R    100B    100B      old",
            "A      7B          ▾ srv/",
            "A      7B              new",
            "R     1kB     1kB  ▾ tmp/",
            "R     1kB     1kB      big",
        ]
    );
}

#[test]
fn control_a_aggregates_in_the_layers_and_hides_what_was_added_in_the_tree() {
    let mut state = state(IMAGE);
    press(&mut state, &[Key::End, Key::Ctrl('a')]);
    assert_eq!(state.changes, Changes::Aggregated);
    state.attributes = false;
    assert_eq!(tree(&mut state).len(), 7);
    press(&mut state, &[Key::Ctrl('a')]);
    assert!(!all(&state.screen(60, 24)).contains("srv"));
    press(&mut state, &[Key::Ctrl('a'), Key::Ctrl('r')]);
    let shown = tree(&mut state).join("\n");
    assert!(shown.contains("srv") && !shown.contains("tmp") && !shown.contains("old"), "{shown}");
    press(&mut state, &[Key::Ctrl('l')]);
    assert_eq!(state.changes, Changes::OfLayer);
}

#[test]
fn unmodified_and_modified_files_are_hidden_by_their_keys() {
    let mut state = state("a:1 b:1 / a:2 b:1@0755 c:1");
    press(&mut state, &[Key::Down, Key::Ctrl('u')]);
    assert_eq!(state.rows.len(), 3);
    press(&mut state, &[Key::Char('m')]);
    assert_eq!(state.rows.len(), 1);
    press(&mut state, &[Key::Ctrl('m')]);
    assert_eq!(state.rows.len(), 3);
}

#[test]
fn directories_close_and_open_one_by_one_and_all_at_once() {
    let mut state = state("a/b/c:1 d/e:1");
    assert_eq!(state.rows.len(), 5);
    press(&mut state, &[Key::Tab, Key::Char(' ')]);
    assert_eq!(state.rows.len(), 3);
    press(&mut state, &[Key::Char(' ')]);
    assert_eq!(state.rows.len(), 5);
    press(&mut state, &[Key::Ctrl(' ')]);
    assert_eq!(state.rows.len(), 2);
}

#[test]
fn left_goes_to_the_directory_above_and_right_into_one_that_it_opens() {
    let mut state = state("a/b/c:1 d/e:1");
    let at = |state: &State| String::from_utf8(state.model.tree.name(state.selected().unwrap()).to_vec()).unwrap();
    press(&mut state, &[Key::Tab, Key::Down, Key::Down, Key::Left]);
    assert_eq!(at(&state), "b");
    press(&mut state, &[Key::Char('h'), Key::Char('h')]);
    assert_eq!((at(&state), state.rows.len()), ("a".to_owned(), 5));
    press(&mut state, &[Key::Char(' '), Key::Right]);
    assert_eq!((at(&state), state.rows.len()), ("b".to_owned(), 5));
    press(&mut state, &[Key::Char('l'), Key::Char('l')]);
    assert_eq!(at(&state), "c");
}

#[test]
fn in_the_layers_left_and_right_tell_of_the_layer() {
    for key in [Key::Left, Key::Right, Key::Char('h'), Key::Char('l')] {
        let mut state = state(IMAGE);
        press(&mut state, &[Key::Down, key]);
        let shown = all(&state.screen(80, 24));
        assert!(shown.contains("About") && shown.contains("Layer 1"), "{shown}");
    }
}

#[test]
fn a_long_name_goes_on_in_the_next_lines_when_names_are_wrapped() {
    let name = "0123456789".repeat(12);
    let mut state = state(&format!("a:1 {name}:1 z:1"));
    state.attributes = false;
    assert_eq!(tree(&mut state).len(), 3);
    press(&mut state, &[Key::Ctrl('p')]);
    let lines = tree(&mut state);
    assert_eq!(lines.len(), 6);
    assert!(lines[4].ends_with('a') && lines[5].ends_with('z'));
    let joined: String =
        lines[..4].iter().map(|line| line.trim_start_matches(['A', ' ']).replace("1B", "").trim().to_owned()).collect();
    assert_eq!(joined, name);
    assert!(lines.iter().all(|line| line.chars().count() <= 60), "{lines:?}");
    let under = state.screen(60, 24)[2].lines.iter().filter(|line| line.cursor == Some(true)).count();
    assert_eq!(under, 4);
}

#[test]
fn of_many_wrapped_names_the_one_under_the_cursor_is_always_whole() {
    let names: Vec<String> = (0..40).map(|number| format!("{number:02}{}:1", "x".repeat(3 * number))).collect();
    let mut state = state(&names.join(" "));
    press(&mut state, &[Key::Tab, Key::Ctrl('p')]);
    for key in [Key::Down, Key::PageDown, Key::End, Key::PageUp, Key::Up, Key::Home] {
        press(&mut state, &[key]);
        let name = state.model.tree.name(state.selected().unwrap()).len();
        let body = &state.screen(40, 12)[2].lines;
        let shown: String = body.iter().filter(|line| line.cursor.is_some()).map(plain).collect();
        assert_eq!(shown.matches('x').count() + 2, name, "{key:?}");
        assert!(body.len() <= 10);
    }
}

#[test]
fn of_a_deep_tree_the_name_under_the_cursor_is_on_the_screen() {
    let deep: Vec<String> = (0..200).map(|depth| format!("d{depth}")).collect();
    let mut state = state(&format!("{}/bottom:1 top:1", deep.join("/")));
    let at_cursor = |state: &mut State| {
        let panes = state.screen(60, 24);
        let line = panes[2].lines.iter().find(|line| line.cursor.is_some()).unwrap().clone();
        line.cut(60).spans.iter().map(|span| span.text.clone()).collect::<String>()
    };
    press(&mut state, &[Key::Tab]);
    for depth in 0..200 {
        assert!(at_cursor(&mut state).ends_with(&format!("d{depth}/")), "{}", at_cursor(&mut state));
        press(&mut state, &[Key::Down]);
    }
    assert!(at_cursor(&mut state).ends_with("bottom"));
    assert!(all(&state.screen(60, 24)).contains('‹') || state.tree_left > 0);
    for depth in (0..200).rev() {
        press(&mut state, &[Key::Left]);
        assert!(at_cursor(&mut state).ends_with(&format!("d{depth}/")));
    }
    assert_eq!(state.tree_left, 0);
}

#[test]
fn a_line_is_cut_where_a_wide_letter_does_not_fit() {
    let cut = |text: &str, columns| plain(&Line::of(text, Role::Plain).cut(columns));
    let cases = [
        ("名前", 4, "名前"),
        ("名前x", 4, "名…"),
        ("名前x", 3, "名…"),
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("a", 0, ""),
    ];
    for (text, columns, shown) in cases {
        assert_eq!(cut(text, columns), shown);
    }
}

#[test]
fn what_is_suppressed_is_told_with_its_reason() {
    let suppressions = [Suppression {
        rules: vec!["A3".to_owned()],
        reason: "nobody minds".to_owned(),
        by: "strata.toml".to_owned(),
        ..Suppression::default()
    }];
    let mut state = state_with(IMAGE, &Options { suppressions: &suppressions, ..Options::default() });
    press(&mut state, &[Key::Down]);
    select(&mut state, "old");
    let text = state.details(200).iter().map(plain).collect::<Vec<_>>().join("\n");
    assert!(text.contains("A3 deleted-file, suppressed in strata.toml: nobody minds"), "{text}");
}

#[test]
fn names_are_sorted_by_name_then_by_size_then_by_waste() {
    let mut state = state("a:1 b:100 c:10 w:50 / w:2");
    press(&mut state, &[Key::Down]);
    let order = |state: &State| -> String {
        state.rows.iter().map(|row| char::from(state.model.tree.name(row.node)[0])).collect()
    };
    assert_eq!(order(&state), "abcw");
    press(&mut state, &[Key::Ctrl('o')]);
    assert_eq!(order(&state), "bcwa");
    press(&mut state, &[Key::Ctrl('o')]);
    assert_eq!(order(&state), "wbca");
}

#[test]
fn a_filter_is_a_regular_expression_over_paths_and_a_wrong_one_changes_nothing() {
    let mut state = state("etc/motd:1 etc/passwd:1 usr/bin/env:1");
    press(&mut state, &[Key::Char('/'), Key::Char('e'), Key::Char('n'), Key::Char('v'), Key::Char('$')]);
    assert_eq!(state.rows.len(), 3);
    press(&mut state, &[Key::Char('(')]);
    assert_eq!(state.rows.len(), 3);
    assert!(all(&state.screen(80, 24)).contains("unclosed group"));
    press(&mut state, &[Key::Backspace, Key::Enter]);
    assert_eq!((state.rows.len(), state.focus), (3, Focus::Tree));
    press(&mut state, &[Key::Esc]);
    assert_eq!(state.rows.len(), 6);
    press(&mut state, &[Key::Ctrl('f'), Key::Char('m'), Key::Ctrl('f')]);
    assert_eq!(state.rows.len(), 6);
    press(&mut state, &[Key::Ctrl('f'), Key::Char('m'), Key::Tab, Key::Down]);
    assert_eq!((state.rows.len(), state.cursor), (2, 1));
}

#[test]
fn a_dead_file_says_who_made_it_who_killed_it_how_and_which_rule_that_is() {
    let mut state = state(IMAGE);
    press(&mut state, &[Key::Down]);
    select(&mut state, "old");
    let text = state.details(80).iter().map(plain).collect::<Vec<_>>().join("\n");
    for part in ["100B wasted: whiteout", "made by layer 0: layer 0", "killed by layer 1: layer 1", "A3 deleted-file"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn on_a_narrow_screen_the_pane_with_the_keys_has_all_of_it() {
    let mut state = state(IMAGE);
    for (width, height) in [(0, 0), (1, 1), (20, 3), (39, 10), (69, 24), (70, 5), (80, 24), (300, 100)] {
        for focus in [Focus::Layers, Focus::Tree] {
            state.focus = focus;
            for pane in state.screen(width, height) {
                assert!(pane.area.x + pane.area.width <= width, "{width}x{height}");
                assert!(pane.area.y + pane.area.height <= height, "{width}x{height}");
            }
        }
    }
    state.focus = Focus::Tree;
    for width in [12, 20, 30, 40, 60, 69] {
        let shown = state.screen(width, 8)[2].lines.iter().map(|line| plain(&line.cut(width))).collect::<Vec<_>>();
        assert!(shown.iter().any(|line| line.ends_with("motd")), "{width}: {shown:?}");
    }
    state.focus = Focus::Layers;
    assert!(all(&state.screen(40, 10)).contains("LAYER"));
    assert!(!all(&state.screen(40, 10)).contains("motd"));
    press(&mut state, &[Key::Tab]);
    assert!(all(&state.screen(40, 10)).contains("motd"));
}

#[test]
fn no_key_and_no_line_about_one_is_cut_on_a_screen_with_room_for_it() {
    for (width, height, rows) in [(140, 24, 1), (80, 24, 2), (55, 24, 3), (80, 10, 1), (38, 10, 1)] {
        let mut state = state(IMAGE);
        press(&mut state, &[Key::Tab]);
        let panes = state.screen(width, height);
        let keys = panes[1].lines.iter().map(|line| plain(&line.cut(width))).collect::<Vec<_>>();
        assert!(keys.iter().all(|line| !line.ends_with('…')), "{width}: {keys:?}");
        assert_eq!((keys.len(), panes[1].area.height), (rows, u16::try_from(rows).unwrap()), "{width}: {keys:?}");
        assert!(keys[rows - 1].ends_with("wrap") || height == 10, "{width}: {keys:?}");
        press(&mut state, &[Key::Char('?')]);
        let shown = |state: &mut State| {
            let panes = state.screen(width, height);
            panes[2].lines.iter().map(|line| plain(&line.cut(width))).collect::<Vec<_>>()
        };
        let first = shown(&mut state);
        press(&mut state, &[Key::End]);
        let last = shown(&mut state);
        assert!(first.iter().chain(&last).all(|line| !line.ends_with('…')), "{first:?} {last:?}");
        assert!(last.last().unwrap().ends_with("at the end"), "{last:?}");
    }
}

#[test]
fn what_is_asked_is_read_on_a_narrow_screen() {
    let mut state = state("f:3x");
    select(&mut state, "f");
    state.say_extracted(Ok(Outcome::Exists("d".repeat(90).into())));
    let panes = state.screen(40, 24);
    let asked = panes[1].lines.iter().map(plain).collect::<Vec<_>>();
    assert!(asked.len() == 3 && asked[0].starts_with("overwrite? y/n") && asked[2].ends_with("is there"), "{asked:?}");
    assert!(all(&state.screen(20, 5)).contains("overwrite? y/n"));
}

#[test]
fn the_cursor_stays_on_its_name_when_the_layer_changes_and_is_always_to_be_seen() {
    let names: Vec<String> = (0..100).map(|number| format!("f{number:02}:1")).collect();
    let names = names.join(" ");
    let mut state = state(&format!("{names} / -f10"));
    state.screen(60, 24);
    press(&mut state, &[Key::Tab, Key::End, Key::Tab, Key::Down]);
    assert_eq!(state.model.tree.name(state.selected().unwrap()), b"f99");
    assert!(tree(&mut state).last().unwrap().ends_with("f99"));
    press(&mut state, &[Key::Home]);
    assert!(tree(&mut state)[0].ends_with("f00"));
    press(&mut state, &[Key::Char('d')]);
    assert_eq!(state.cursor, 19);
}

#[test]
fn a_hostile_name_cannot_drive_the_terminal() {
    let mut state = state("a\u{1b}[2J:1 b\u{202e}c:1");
    let shown = tree(&mut state).join("\n");
    assert!(shown.contains("a\\u{1b}[2J") && shown.contains("b\\u{202e}c"), "{shown}");
}

/// Runs what a key asks for, as the job would.
fn view(text: &str, name: &str) -> String {
    let mut state = state(text);
    press(&mut state, &[Key::End]);
    select(&mut state, name);
    let Effect::Read(file) = state.press(Key::Enter) else { panic!("nothing is read") };
    state.show_content(content::read(&image(text), file, &AtomicBool::new(false)));
    all(&state.screen(200, 24))
}

#[test]
fn a_file_is_shown_as_it_is_at_the_layer_also_one_that_was_removed() {
    assert!(view("f:3x / f:4y", "f").contains("yyyy"));
    assert!(view("f:3x / -f", "f").contains("xxx"));
    assert!(view("f:3x / g=f", "g").contains("xxx"));
}
