//! Opens large images in `strata explore` and presses every key of docs/explore.md; prints how long each took to be
//! answered, beside what docs/SPECIFICATION.md promises.
//!
//! `explore PART…` takes the images whose names contain a PART. Each is opened five times with the folder of layer indexes
//! removed and five times with it; then the keys are pressed, seven times each, at the top layer with everything open.

#![expect(clippy::print_stdout, reason = "a table is what this program is for")]

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Result, bail};
use strata_benches::{
    command::{is_asked_for, remove, strata},
    stack::{LayerMaker, Stack},
    terminal::{Answer, Terminal},
};

const OPENED: usize = 5;
const PRESSED: usize = 7;
/// Columns and rows.
const SCREEN: (u16, u16) = (160, 50);
/// Milliseconds.
const OPEN: f64 = 1000.0;
const KEY: f64 = 50.0;

struct Case {
    name: &'static str,
    /// Milliseconds within which it opens, where that is promised.
    open: Option<f64>,
    make: fn(&Path) -> Result<Stack>,
}

const CASES: [Case; 3] = [
    Case { name: "50,000 files in 60 layers", open: Some(OPEN), make: |at| layers(at) },
    Case { name: "50,000 files in one directory", open: Some(OPEN), make: |at| directory(at) },
    Case { name: "50,000 files, written again twice", open: None, make: |at| again(at) },
];

/// Where a key is pressed: one goes there with the keys before it, and back with those behind it.
struct Key {
    name: &'static str,
    /// What leads there; not measured.
    before: &'static [&'static str],
    /// What a terminal sends for it; several are measured one by one.
    bytes: &'static [&'static str],
    /// What leads back; not measured.
    after: &'static [&'static str],
}

const fn key(name: &'static str, bytes: &'static [&'static str]) -> Key {
    Key { name, before: &[], bytes, after: &[] }
}

const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";
const RIGHT: &str = "\x1b[C";
const LEFT: &str = "\x1b[D";
const PAGE_UP: &str = "\x1b[5~";
const PAGE_DOWN: &str = "\x1b[6~";
const HOME: &str = "\x1b[H";
const END: &str = "\x1b[F";

/// In the layers, at the top one.
const IN_LAYERS: &[Key] = &[
    key("arrows: the layer below, above", &[UP, DOWN]),
    key("k, j", &["k", "j"]),
    key("PgUp, PgDn", &[PAGE_UP, PAGE_DOWN]),
    key("g, G", &["g", "G"]),
    key("Ctrl-A, Ctrl-L: aggregated, alone", &["\x01", "\x0c"]),
    key("i, then q", &["i", "q"]),
];

/// In the tree, at its first row, everything open.
const IN_TREE: &[Key] = &[
    key("arrows: a row down, up", &[DOWN, UP]),
    key("j, k", &["j", "k"]),
    key("Right, Left", &[RIGHT, LEFT]),
    key("PgDn, PgUp", &[PAGE_DOWN, PAGE_UP]),
    key("d, u", &["d", "u"]),
    key("End, Home", &[END, HOME]),
    key("Space: close and open a directory", &[" ", " "]),
    key("Ctrl-Space: close and open all", &["\0", "\0"]),
    key("Ctrl-A: added", &["\x01", "\x01"]),
    key("Ctrl-R: removed", &["\x12", "\x12"]),
    key("m: modified", &["m", "m"]),
    key("Ctrl-U: unmodified", &["\x15", "\x15"]),
    key("Ctrl-B: attributes", &["\x02", "\x02"]),
    key("Ctrl-P: wrap", &["\x10", "\x10"]),
    key("Ctrl-O: sort by size, waste, name", &["\x0f", "\x0f", "\x0f"]),
    Key {
        name: "filter, letter by letter",
        before: &["/"],
        bytes: &["m", "o", "d", "u", "l", "e", ".", "*", "7", "$", "\x7f", "\x7f"],
        after: &["\x1b"],
    },
    Key { name: "filter that is no expression", before: &["/"], bytes: &["(", "[", "\x7f", "\x7f"], after: &["\x1b"] },
    Key { name: "Esc: no filter", before: &["/", "7", "\r"], bytes: &["\x1b"], after: &[HOME] },
    Key {
        name: "arrows in a filtered tree",
        before: &["/", "7", "\r"],
        bytes: &[DOWN, UP, END, HOME],
        after: &["\x1b", HOME],
    },
    Key { name: "Enter: view a file", before: &[END], bytes: &["\r"], after: &["q", HOME] },
    Key { name: "e: extract, and Esc", before: &[], bytes: &["e", "\x1b"], after: &[] },
    key("i, then q", &["i", "q"]),
    key("?, then q", &["?", "q"]),
    key("Tab, twice", &["\t", "\t"]),
];

fn main() -> Result<()> {
    for case in CASES.iter().filter(|case| is_asked_for(case.name)) {
        let scratch = tempfile::tempdir()?;
        let stack = (case.make)(scratch.path())?;
        println!("\n{}\n{:45} {:>9} {:>9}  promise", case.name, "", "median ms", "worst ms");
        measure(case, &stack, scratch.path())?;
    }
    Ok(())
}

fn measure(case: &Case, stack: &Stack, scratch: &Path) -> Result<()> {
    let root = scratch.join("root");
    for (name, seen) in [("open, never seen", false), ("open, seen before", true)] {
        let mut times = Vec::new();
        for _ in 0..OPENED {
            if !seen {
                remove(&root)?;
            }
            let (terminal, answer) = open(stack, scratch, &root)?;
            times.push(answer.time);
            terminal.leave("q")?;
        }
        show(name, &mut times, case.open);
    }
    let (mut terminal, _) = open(stack, scratch, &root)?;
    let mut all = Vec::new();
    terminal.press("G")?;
    for (pane, keys) in [("layers", IN_LAYERS), ("tree", IN_TREE)] {
        if pane == "tree" {
            terminal.press("\t")?;
        }
        for key in keys {
            let mut times = Vec::new();
            for _ in 0..PRESSED {
                press(&mut terminal, key.before, &mut Vec::new())?;
                press(&mut terminal, key.bytes, &mut times)?;
                press(&mut terminal, key.after, &mut Vec::new())?;
            }
            all.extend(times.iter().copied());
            show(&format!("{pane}: {}", key.name), &mut times, Some(KEY));
        }
    }
    show("all keys", &mut all, Some(KEY));
    terminal.leave("q")
}

fn press(terminal: &mut Terminal, keys: &[&str], times: &mut Vec<Duration>) -> Result<()> {
    for key in keys {
        times.push(terminal.press(key)?.time);
    }
    Ok(())
}

fn open(stack: &Stack, scratch: &Path, root: &Path) -> Result<(Terminal, Answer)> {
    let mut command = Command::new(strata()?);
    // no Dockerfile and no settings of where this runs
    command.current_dir(scratch).arg("--root").arg(root).arg("explore").arg(&stack.archive);
    let (terminal, answer) = Terminal::start(&mut command, SCREEN.0, SCREEN.1)?;
    if !answer.text.contains("WASTED") || !answer.text.contains("help") {
        bail!("this is no first screen: {:?}", answer.text);
    }
    Ok((terminal, answer))
}

fn show(name: &str, times: &mut [Duration], most: Option<f64>) {
    times.sort_unstable();
    let milliseconds = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1000.0);
    let (median, worst) = (milliseconds(times.get(times.len() / 2)), milliseconds(times.last()));
    let promise = match most {
        Some(most) if worst <= most => format!("{most} ms"),
        Some(most) => format!("{most} ms: BROKEN"),
        None => String::new(),
    };
    println!("{name:45} {median:>9.1} {worst:>9.1}  {promise}");
}

/// Every layer adds files of its own, writes some of the layers below again and removes some.
fn layers(folder: &Path) -> Result<Stack> {
    const EACH: u32 = 50_000 / 60;
    Stack::make(folder, 60, |layer, maker| {
        for number in layer * EACH..(layer + 1) * EACH {
            if number % 100 == 0 {
                maker.directory(&format!("usr/lib/package-{}", number / 100))?;
            } else {
                maker.file(&path(number), 1000)?;
            }
        }
        for lower in 0..layer {
            // never the first of a directory, and never the same twice
            maker.file(&path(lower * EACH + 101 + layer), 1000)?;
            if lower % 4 == 0 {
                maker.whiteout(&path(lower * EACH + 301 + layer))?;
            }
        }
        Ok(())
    })
}

fn directory(folder: &Path) -> Result<Stack> {
    Stack::make(folder, 3, |layer, maker| match layer {
        0 => (0..50_000).try_for_each(|number| maker.file(&format!("srv/module-{number:06}.so"), 1000)),
        _ => (0..500).try_for_each(|number| maker.whiteout(&format!("srv/module-{:06}.so", number * 100 + layer))),
    })
}

fn again(folder: &Path) -> Result<Stack> {
    Stack::make(folder, 3, |_, maker| write_all(maker))
}

fn write_all(maker: &mut LayerMaker) -> Result<()> {
    (0..50_000).try_for_each(|number| maker.file(&path(number), 1000))
}

fn path(number: u32) -> String {
    format!("usr/lib/package-{}/module-{number:06}.so", number / 100)
}
