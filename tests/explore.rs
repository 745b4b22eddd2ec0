//! `strata explore`, through the binary and a terminal multiplexer.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod common;

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::OpenOptionsExt as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use common::{PATIENCE, Strata, until};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
    termios::tcgetwinsize,
};
use strata_fixtures::stack::Stack;

const IMAGE: &str =
    "etc/ etc/motd:5m etc/old:100 tmp/big:1000 / -tmp -etc/old etc/motd:5m@0755 srv/new:7q / etc/motd:9z";

/// A shell in a terminal of its own; all of it goes with this.
struct Screen {
    strata: Strata,
}

impl Screen {
    /// `None`, the reason printed, where there is no tmux.
    fn new(image: &str, width: u16, height: u16) -> Option<Self> {
        if !Command::new("tmux").arg("-V").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
            eprintln!("skipped: no tmux here");
            return None;
        }
        let strata = Strata::new();
        let archive = std::fs::File::create(strata.work().join("app.tar")).unwrap();
        Stack::parse("app:1", image).unwrap().save(archive).unwrap();
        let screen = Self { strata };
        let (width, height) = (width.to_string(), height.to_string());
        screen.tmux(["-f", "/dev/null", "new-session", "-d", "-x", &width, "-y", &height, "env PS1='ready> ' sh"]);
        screen.shows("ready>");
        Some(screen)
    }

    fn tmux<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let output = Command::new("tmux")
            .args(["-S", self.strata.work().join("tmux").to_str().unwrap(), "-u"])
            .args(args)
            .current_dir(self.strata.work())
            .env("LC_ALL", "C.UTF-8")
            .env_remove("TMUX")
            .env_remove("NO_COLOR")
            .output()
            .expect("tmux starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn press<S: AsRef<OsStr>>(&self, keys: impl IntoIterator<Item = S>) {
        self.tmux(["send-keys".into()].into_iter().chain(keys.into_iter().map(|key| key.as_ref().to_owned())));
    }

    fn text(&self) -> String {
        self.tmux(["capture-pane", "-p"])
    }

    /// Waits until the screen is as wanted.
    fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let text = self.text();
            if wanted(&text) {
                return text;
            }
            assert!(start.elapsed() < PATIENCE, "{what} does not come:\n{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn shows(&self, what: &str) -> String {
        self.until(what, |text| text.contains(what))
    }

    fn loses(&self, what: &str) -> String {
        self.until(&format!("the end of {what}"), |text| !text.contains(what))
    }

    /// Types a command for the shell.
    fn run(&self, command: &str) {
        self.press(["-l", command]);
        self.press(["Enter"]);
    }

    fn explore(&self) {
        self.start("app.tar");
        self.shows("LAYER");
    }

    fn start(&self, arguments: &str) {
        let (binary, root) = (self.strata.binary().display(), self.strata.root());
        self.run(&format!("{binary} --root {} explore {arguments}; echo ended $?", root.display()));
    }

    fn resize(&self, width: u16, height: u16) {
        self.tmux(["resize-window", "-x", &width.to_string(), "-y", &height.to_string()]);
    }

    /// What was drawn bit by bit is what is drawn at once.
    fn is_as_drawn_anew(&self, width: u16, height: u16) {
        let text = self.settled();
        self.resize(width + 1, height);
        self.settled();
        self.resize(width, height);
        self.until("the same screen", |anew| anew == text);
    }

    /// The screen when the program has drawn all that it was asked for.
    fn settled(&self) -> String {
        until("the program waits", || self.is_waited_for());
        let mut text = self.text();
        loop {
            // tmux has what was written when the kernel's own thread has moved it
            std::thread::sleep(Duration::from_millis(200));
            let later = self.text();
            if later == text {
                return text;
            }
            text = later;
        }
    }

    /// Whether the program knows the size of the screen, has read every key, and does nothing. Of a size that soon follows
    /// another one tmux tells it a quarter of a second later, and shows what it makes of the old screen until then.
    fn is_waited_for(&self) -> bool {
        let said = self.tmux(["display-message", "-p", "#{pane_tty} #{pane_pid} #{pane_width} #{pane_height}"]);
        let [path, shell, width, height] = said.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{said}") };
        let before = program_of(shell);
        let noctty = OFlags::NOCTTY.bits().cast_signed();
        let terminal = fs::OpenOptions::new().read(true).write(true).custom_flags(noctty).open(path).unwrap();
        let size = tcgetwinsize(&terminal).unwrap();
        let mut keys = [PollFd::new(&terminal, PollFlags::IN)];
        let has_keys = poll(&mut keys, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() > 0;
        let knows_size = (size.ws_col.to_string().as_str(), size.ws_row.to_string().as_str()) == (width, height);
        let is_asleep =
            before.iter().filter(|line| line.starts_with("State:")).all(|line| line.contains("S (sleeping)"));
        knows_size && !has_keys && is_asleep && program_of(shell) == before
    }

    /// The terminal is as the shell left it: it echoes, and takes lines.
    fn is_given_back(&self) {
        self.run("clear; stty -a | grep -c ' icanon .* echo '; echo asked");
        let text = self.until("an answer", |text| text.lines().any(|line| line == "asked"));
        assert!(text.lines().any(|line| line == "1"), "{text}");
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = Command::new("tmux")
            .args(["-S", self.strata.work().join("tmux").to_str().unwrap(), "kill-server"])
            .stderr(Stdio::null())
            .status();
    }
}

/// What the threads of the program in the foreground of a shell's terminal do, and how often they have done something else.
fn program_of(shell: &str) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{shell}/stat")).unwrap();
    // after the name of the program: its state, its parent, group, session and terminal, and who has that
    let program = stat.rsplit(") ").next().unwrap().split(' ').nth(5).unwrap();
    let mut lines = Vec::new();
    for thread in fs::read_dir(format!("/proc/{program}/task")).unwrap() {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap_or_default();
        let told = status.lines().filter(|line| line.starts_with("State:") || line.contains("ctxt_switches:"));
        lines.extend(told.map(str::to_owned));
    }
    lines
}

#[test]
fn layers_files_and_the_reason_of_a_death_are_found_with_dives_keys() {
    let Some(screen) = Screen::new(IMAGE, 100, 30) else { return };
    screen.explore();
    screen.shows("app.tar");
    screen.press(["Down"]);
    screen.shows("LAYER 1");
    screen.until("every mark", |text| {
        ["P      5B", "R    100B", "R     1kB", "A      7B"].iter().all(|line| text.contains(line))
    });
    screen.press(["Tab", "Down", "Down"]);
    screen.until("why /etc/old is dead", |text| {
        ["/etc/old", "whiteout", "made by layer 0", "killed by layer 1"].iter().all(|part| text.contains(part))
    });
    screen.press(["C-r"]);
    screen.loses("/etc/old");
    screen.press(["C-r"]);
    screen.shows("tmp/");
    screen.press(["/"]);
    screen.press(["-l", "srv"]);
    screen.press(["Enter"]);
    screen.loses("tmp/");
    screen.press(["Escape"]);
    screen.shows("tmp/");
    screen.press(["C-Space"]);
    screen.loses("motd");
    screen.press(["?"]);
    screen.shows("Everywhere");
    screen.press(["q"]);
    screen.press(["Tab", "Down", "C-a"]);
    screen.shows("LAYERS 0-2");
    screen.press(["q"]);
    screen.shows("ended 0");
    screen.is_given_back();
}

#[test]
fn a_file_is_read_and_a_tree_is_extracted_after_asking() {
    let Some(screen) = Screen::new(IMAGE, 80, 24) else { return };
    screen.explore();
    screen.press(["End"]);
    screen.shows("LAYER 2");
    screen.press(["Tab", "Down", "Enter"]);
    screen.shows("zzzzzzzzz");
    screen.press(["q"]);
    screen.loses("zzzzzzzzz");
    screen.press(["Up", "C-e"]);
    screen.shows("into: ▏the current directory");
    screen.press(["-l", "out"]);
    screen.press(["Enter"]);
    screen.shows("extracted 1 file");
    assert_eq!(screen.strata.read("out/etc/motd"), "zzzzzzzzz");
    screen.press(["C-e"]);
    screen.shows("into: ▏the current directory");
    screen.press(["-l", "out"]);
    screen.press(["Enter"]);
    screen.shows("overwrite? y/n");
    screen.press(["n"]);
    screen.loses("overwrite?");
    screen.press(["C-c"]);
    screen.shows("ended 0");
}

#[test]
fn an_image_on_standard_input_is_explored_with_the_keys_of_the_terminal() {
    let Some(screen) = Screen::new(IMAGE, 100, 30) else { return };
    for how in ["- <app.tar", "docker-archive:-:app:1 <app.tar", "app.tar </dev/null"] {
        screen.start(how);
        screen.shows("LAYER 0");
        screen.press(["End"]);
        screen.shows("LAYER 2");
        screen.press(["Tab", "Down", "Enter"]);
        screen.shows("zzzzzzzzz");
        screen.press(["C-z"]);
        screen.loses("zzzzzzzzz");
        screen.run("clear; fg; echo ended $?");
        screen.shows("zzzzzzzzz");
        screen.press(["q"]);
        screen.loses("zzzzzzzzz");
        screen.press(["q"]);
        screen.shows("ended 0");
        screen.is_given_back();
    }
}

#[test]
fn a_terminal_of_any_size_can_be_used() {
    let Some(screen) = Screen::new(IMAGE, 36, 9) else { return };
    screen.explore();
    screen.press(["Tab"]);
    screen.shows("motd");
    screen.press(["Down", "i"]);
    screen.shows("/etc/motd");
    screen.press(["q"]);
    screen.resize(20, 5);
    screen.until("names on the smallest screen", |text| text.contains("motd") && text.lines().count() <= 5);
    screen.press(["?"]);
    screen.shows("Keys");
    screen.press(["q"]);
    screen.resize(3, 2);
    screen.resize(1, 1);
    screen.resize(120, 40);
    screen.shows("│");
    screen.is_as_drawn_anew(120, 40);
    screen.press(["q"]);
    screen.shows("ended 0");
}

#[test]
fn it_stops_and_comes_back_and_gives_the_terminal_back_to_a_signal() {
    let Some(screen) = Screen::new(IMAGE, 80, 24) else { return };
    screen.run("set -m");
    let root = screen.strata.root();
    screen.run(&format!("{} --root {} explore app.tar", screen.strata.binary().display(), root.display()));
    screen.shows("WASTED");
    screen.press(["C-z"]);
    screen.shows("Stopped");
    screen.is_given_back();
    screen.run("clear; fg");
    screen.shows("WASTED");
    screen.press(["Down"]);
    screen.shows("LAYER 1");
    screen.press(["C-z"]);
    screen.shows("Stopped");
    screen.run("clear; kill -TERM %1; fg; echo ended $?");
    screen.shows("ended 143");
    screen.is_given_back();
}

#[test]
fn names_of_an_image_do_not_reach_the_terminal() {
    let Some(screen) = Screen::new("a\u{1b}]2;owned\u{7}:1 b:1", 80, 24) else { return };
    screen.explore();
    screen.shows("a\\u{1b}]2;owned\\u{7}");
    assert_ne!(screen.tmux(["display-message", "-p", "#{pane_title}"]).trim(), "owned");
    screen.press(["q"]);
    screen.shows("ended 0");
}

/// Letters of two columns, letters of none, letters that terminals make pictures of, and letters that turn the line.
const NAMES: [(&str, &str); 9] = [
    ("名前.txt", "名前.txt"),
    ("e\u{301}te\u{301}", "e\u{301}te\u{301}"),
    ("👍.png", "👍.png"),
    ("👍\u{1f3fd}.png", "👍\\u{1f3fd}.png"),
    ("👨\u{200d}👩\u{200d}👧", "👨\\u{200d}👩\\u{200d}👧"),
    ("🇩🇪", "\\u{1f1e9}\\u{1f1ea}"),
    ("❤\u{fe0f}", "❤\\u{fe0f}"),
    ("a\u{202e}gpj.exe", "a\\u{202e}gpj.exe"),
    ("שלום", "שלום"),
];

#[test]
fn names_of_every_script_keep_to_their_rows() {
    let image = NAMES.map(|(name, _)| format!("{name}:1")).join(" ");
    let Some(screen) = Screen::new(&format!("{image} zz:1 / -zz"), 100, 30) else { return };
    screen.explore();
    for (_, shown) in NAMES {
        screen.until(shown, |text| text.lines().any(|line| line.trim_end().ends_with(shown)));
    }
    screen.press(["Tab"]);
    for key in ["Down", "Down", "Down", "Down", "Down", "Down", "Down", "Down", "C-b", "C-o", "Up", "C-p", "C-b"] {
        screen.press([key]);
    }
    screen.is_as_drawn_anew(100, 30);
    screen.press(["/"]);
    screen.press(["-l", "名"]);
    screen.until("one name", |text| text.contains("名前.txt") && !text.contains("zz"));
    screen.press(["Escape"]);
    screen.shows("zz");
    // every name stands behind equally wide columns, on a screen too narrow for it too
    screen.resize(40, 14);
    screen.is_as_drawn_anew(40, 14);
    screen.press(["q"]);
    screen.shows("ended 0");
    screen.is_given_back();
}

#[test]
fn long_names_and_deep_trees_are_read_to_their_end() {
    let long = format!("{}end", "0123456789".repeat(25));
    let deep = (0..300).map(|depth| format!("d{depth}")).collect::<Vec<_>>().join("/");
    let Some(screen) = Screen::new(&format!("{deep}/bottom:1 {long}:1"), 80, 24) else { return };
    screen.explore();
    screen.press(["Tab"]);
    screen.shows("d0/");
    screen.until("the long name", |text| text.contains("  0123456789") && text.contains('…'));
    screen.press(["C-p"]);
    screen.until("its end", |text| text.lines().any(|line| line.trim_end().ends_with("end")));
    screen.press(["C-p", "End"]);
    screen.until("the bottom", |text| text.contains("‹") && text.contains("bottom"));
    screen.is_as_drawn_anew(80, 24);
    screen.press(["q"]);
    screen.shows("ended 0");
}

#[test]
fn an_image_without_layers_has_nothing_to_show() {
    let Some(screen) = Screen::new(IMAGE, 80, 24) else { return };
    screen.strata.build("empty:1", "FROM scratch\nLABEL a=b\n");
    screen.start("empty:1");
    screen.shows("0 layers");
    screen.shows("nothing to show");
    for key in [
        "Down", "End", "C-a", "C-l", "i", "q", "Tab", "Down", "Right", "Left", "Space", "C-Space", "Enter", "C-o",
        "C-e",
    ] {
        screen.press([key]);
    }
    screen.shows("Tab goes to the tree");
    screen.press(["q"]);
    screen.shows("ended 0");
}

#[test]
fn what_strata_toml_suppresses_is_told_with_its_reason() {
    let Some(screen) = Screen::new(IMAGE, 100, 30) else { return };
    screen.strata.file("strata.toml", "[[ignore]]\nrule = \"A3\"\nreason = \"known\"\n");
    screen.strata.file("wrong.toml", "[[ignore]]\nruel = \"A3\"\n");
    screen.start("--config wrong.toml app.tar");
    screen.shows("did you mean `rule`?");
    screen.shows("ended 2");
    screen.run("clear");
    screen.explore();
    screen.press(["Down", "Tab", "Down", "Down", "i"]);
    screen.shows("A3 deleted-file, suppressed in strata.toml: known");
    screen.press(["q"]);
    screen.press(["q"]);
    screen.shows("ended 0");
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let strata = Strata::new();
    let text = strata.ends(2, ["explore", "app.tar"]);
    assert!(text.contains("needs a terminal") && text.contains("strata analyze"), "{text}");
}
