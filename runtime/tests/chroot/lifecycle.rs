//! The end of a command, and of every process that came of it.

use std::time::Duration;

use strata_runtime::process::{Exit, Stdio};

use crate::{
    rootfs::{marker, processes_with},
    tree::{Tree, chrooted, shell},
};

#[test]
fn the_status_is_the_commands() {
    let Some(tree) = Tree::new() else { return };
    for (script, expected) in [
        ("exit 0", Exit::Code(0)),
        ("exit 3", Exit::Code(3)),
        ("exit 255", Exit::Code(255)),
        ("kill -TERM $$", Exit::Signal(15)),
        ("kill -KILL $$", Exit::Signal(9)),
        ("kill -SEGV $$", Exit::Signal(11)),
    ] {
        assert_eq!(tree.run(&shell(script)).unwrap().0, expected, "{script}");
    }
}

#[test]
fn processes_in_the_background_end_with_the_command() {
    let Some(tree) = Tree::new() else { return };
    let marker = marker();
    // the pipe would stay open while one lives
    let script = format!(
        "sleep {marker} & setsid sleep {marker} & (setsid sh -c 'sleep {marker} & sleep {marker}; :' &) ; echo started"
    );
    assert_eq!(tree.run(&shell(&script)).unwrap(), (Exit::Code(0), "started\n".to_owned()));
    assert_eq!(processes_with(&marker), 0);
}

#[test]
fn many_processes_end_with_the_command() {
    let Some(tree) = Tree::new() else { return };
    let marker = marker();
    // their list is longer than what is read of it at once
    let script = format!("i=0; while [ $i -lt 1000 ]; do sleep {marker} & i=$((i+1)); done");
    tree.shell(&script);
    assert_eq!(processes_with(&marker), 0);
}

#[test]
fn killing_it_and_dropping_it_end_all_of_it() {
    let Some(tree) = Tree::new() else { return };
    let before = tree.inventory();
    let start = |marker: &str| {
        let running = tree.start(&shell(&format!("sleep {marker} & setsid sleep {marker} & sleep {marker}"))).unwrap();
        while processes_with(marker) < 3 {
            std::thread::sleep(Duration::from_millis(1));
        }
        running
    };
    let (killed, dropped) = (marker(), marker());
    let running = start(&killed);
    running.kill().unwrap();
    let exit = running.wait().unwrap();
    assert_eq!((exit, processes_with(&killed)), (Exit::Signal(9), 0));
    drop(start(&dropped));
    assert_eq!(processes_with(&dropped), 0);
    assert_eq!((tree.inventory(), tree.beside()), (before, 0));
}

#[test]
fn stdin_is_empty_where_it_is_not_relayed() {
    let Some(tree) = Tree::new() else { return };
    assert_eq!(tree.run(&chrooted(&["cat"])).unwrap().1, "");
    let mut spec = chrooted(&["cat"]);
    spec.stdio = Stdio::Inherit { stdin: false };
    assert_eq!(tree.start(&spec).unwrap().wait().unwrap(), Exit::Code(0));
}
