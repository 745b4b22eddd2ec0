//! What is extracted, and where it goes.

use std::sync::atomic::AtomicBool;

use super::{all, image, press, select, state};
use crate::command::explore::{
    extract::{self, Outcome},
    key::Key,
    state::{Effect, State},
};

fn target(state: &mut State, name: &str, directory: &str) -> extract::Order {
    select(state, name);
    press(state, &[Key::Char('e')]);
    for c in directory.chars() {
        press(state, &[Key::Char(c)]);
    }
    match state.press(Key::Enter) {
        Effect::Extract(order) => order,
        other => panic!("{other:?}"),
    }
}

fn extracted(text: &str, name: &str, directory: &str) -> Result<Outcome, String> {
    let mut state = state(text);
    press(&mut state, &[Key::End]);
    let order = target(&mut state, name, directory);
    extract::run(&image(text), order, &AtomicBool::new(false))
}

#[test]
fn a_tree_is_extracted_with_its_links_and_never_over_what_is_there_unasked() {
    let there = tempfile::tempdir().unwrap();
    let directory = there.path().to_str().unwrap();
    let text = "d/a:3x d/b=d/a d/e/f:2y@0700 d/l->/etc/passwd / -d/e/f d/new:1z";
    assert!(matches!(extracted(text, "d", directory), Ok(Outcome::Done(_))));
    let read = |name: &str| std::fs::read_to_string(there.path().join(name)).unwrap();
    assert_eq!((read("d/a"), read("d/b"), read("d/new")), ("xxx".to_owned(), "xxx".to_owned(), "z".to_owned()));
    assert!(there.path().join("d/e").is_dir() && !there.path().join("d/e/f").exists());
    assert_eq!(std::fs::read_link(there.path().join("d/l")).unwrap().to_str(), Some("/etc/passwd"));
    std::fs::write(there.path().join("d/a"), "mine").unwrap();
    assert!(matches!(extracted(text, "d", directory), Ok(Outcome::Exists(_))));
    assert_eq!(read("d/a"), "mine");

    let mut state = state(text);
    press(&mut state, &[Key::End]);
    let order = target(&mut state, "d", directory);
    state.say_extracted(extract::run(&image(text), order, &AtomicBool::new(false)));
    let asked = all(&state.screen(300, 24));
    assert!(asked.contains("overwrite? y/n  ") && asked.contains("/d is there"), "{asked}");
    let Effect::Extract(order) = state.press(Key::Char('y')) else { panic!("yes is yes") };
    assert!(matches!(extract::run(&image(text), order, &AtomicBool::new(false)), Ok(Outcome::Done(_))));
    assert_eq!(read("d/a"), "xxx");
}

#[test]
fn what_is_typed_is_the_directory_and_nothing_typed_is_the_current_one() {
    let mut state = state("f:3x");
    select(&mut state, "f");
    press(&mut state, &[Key::Char('e')]);
    assert!(all(&state.screen(80, 24)).contains("extract 3B into: ▏the current directory"));
    let Effect::Extract(order) = state.press(Key::Enter) else { panic!("nothing is extracted") };
    assert!(format!("{order:?}").contains("directory: \".\""), "{order:?}");
    let order = target(&mut super::state("f:3x"), "f", "/tmp/x");
    assert!(format!("{order:?}").contains("directory: \"/tmp/x\""), "{order:?}");
}

#[test]
fn no_link_leads_an_extraction_out_of_its_directory() {
    let outside = tempfile::tempdir().unwrap();
    let there = tempfile::tempdir().unwrap();
    // as an earlier extraction of a hostile image may have left it
    std::fs::create_dir(there.path().join("d")).unwrap();
    std::os::unix::fs::symlink(outside.path(), there.path().join("d/e")).unwrap();
    let text = "d/e/f:3x";
    let mut state = state(text);
    let order = target(&mut state, "d", there.path().to_str().unwrap());
    state.say_extracted(extract::run(&image(text), order, &AtomicBool::new(false)));
    let Effect::Extract(order) = state.press(Key::Char('y')) else { panic!("it is there already") };
    assert!(matches!(extract::run(&image(text), order, &AtomicBool::new(false)), Ok(Outcome::Done(_))));
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(std::fs::read_to_string(there.path().join("d/e/f")).unwrap(), "xxx");
}
