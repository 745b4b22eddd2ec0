//! Any text as a word to expand: it ends, within its bounds, and says which variables it asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strata_dockerfile::{
    expand::{self, Expanded},
    mode::ModeChange,
};

/// What an expansion gives at most, as documented.
const MAX_EXPANDED: usize = 16 << 20;

fuzz_target!(|text: &str| {
    let env = |name: &str| match name {
        "E" => Some(String::new()),
        "A" => Some("aXb/c.tar.gz".to_owned()),
        "B" => Some("$A 'x' \"y\" \\z".to_owned()),
        _ => None,
    };
    for escape in ['\\', '`'] {
        if let Ok(expanded) = expand::word(text, escape, &env) {
            sound(&expanded);
        }
        if let Ok(words) = expand::words(text, escape, &env) {
            assert!(words.iter().all(|word| !word.is_empty()));
        }
    }
    if let Ok(expanded) = expand::heredoc(text, &env) {
        sound(&expanded);
    }
    if let Ok(change) = ModeChange::parse(text) {
        for mode in [0, 0o644, 0o755, 0o7777] {
            assert!(change.apply(mode, false) <= 0o7777 && change.apply(0o40000 | mode, true) & !0o7777 == 0o40000);
        }
        assert!(change.of_made_directory() <= 0o7777);
    }
});

fn sound(expanded: &Expanded) {
    assert!(expanded.text.len() <= MAX_EXPANDED);
    assert!(expanded.unset.iter().all(|name| expanded.used.contains(name)));
}
