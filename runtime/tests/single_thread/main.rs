//! What concerns a whole process: its streams, its signals, its user namespace, its death. A test harness has
//! threads, so this is a program of its own: it runs itself in the roles of [`role`], and looks at that.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

/// Lists functions as tests of a module.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[crate::Test] = &[$((stringify!($name), $name)),*];
    };
}

mod caller;
mod groups;
mod namespace;
mod role;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../process/rootfs.rs"]
mod rootfs;
mod terminal;
mod threads;

/// Runs the tests whose names contain the first argument that is not an option, or all.
fn main() {
    if role::play() {
        return;
    }
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let filter = filter.unwrap_or_default();
    for (name, test) in [caller::TESTS, groups::TESTS, namespace::TESTS, terminal::TESTS, threads::TESTS].concat() {
        if name.contains(&filter) {
            println!("test {name}");
            test();
        }
    }
}

/// A test and its name.
type Test = (&'static str, fn());
