//! `--ssh ID=KEYFILE`, through the binary, with OpenSSH's own programs.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use common::{Strata, until};

/// A step that shows the keys of the agent, by OpenSSH's `ssh-add` of this machine.
const LISTS: &str = "RUN --mount=type=ssh,id=work --mount=from=tools,target=/t \
    /t/ld.so --library-path /t /t/ssh-add -L >/keys\n";

/// strata with a base image, and the folder `tools` with what [`LISTS`] takes. `None`, the reason printed, where the machine
/// has no OpenSSH.
fn ground() -> Option<Strata> {
    let find = |program: &str| {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
        if !found.status.success() {
            eprintln!("skipped: {program} is not installed");
        }
        found.status.success().then(|| PathBuf::from(String::from_utf8(found.stdout).unwrap().trim()))
    };
    find("ssh-agent")?;
    find("ssh-keygen")?;
    let program = find("ssh-add")?;
    let strata = Strata::with_base()?;
    copy_with_libraries(&program, &strata.work().join("tools"))?;
    fs::create_dir(strata.work().join("temporary")).unwrap();
    Some(strata)
}

/// `None` for a program that is linked in another way.
fn copy_with_libraries(program: &Path, folder: &Path) -> Option<()> {
    fs::create_dir_all(folder).unwrap();
    fs::copy(program, folder.join(program.file_name()?)).unwrap();
    let listed = Command::new("ldd").arg(program).output().ok().filter(|output| output.status.success());
    let Some(listed) = listed else {
        eprintln!("skipped: ldd does not tell the libraries of {}", program.display());
        return None;
    };
    for word in String::from_utf8(listed.stdout).unwrap().split_whitespace().filter(|word| word.starts_with('/')) {
        let name = Path::new(word).file_name()?.to_str()?;
        let name = if name.starts_with("ld-") { "ld.so" } else { name };
        fs::copy(word, folder.join(name)).unwrap();
    }
    Some(())
}

/// Makes a key; gives its public half.
fn key(strata: &Strata, name: &str, kind: &str, passphrase: &str) -> String {
    let path = strata.work().join(name);
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", passphrase, "-C", name, "-f"]).arg(&path).status();
    assert!(made.unwrap().success());
    fs::read_to_string(path.with_extension("pub")).unwrap()
}

/// strata with a folder of its own for temporary files, where agents listen.
fn build(strata: &Strata, flags: &[&str], context: &str) -> Command {
    let mut command = strata.command(["build", "-t", "app", "--build-context", "tools=tools"]);
    command.args(flags).arg(context).env("TMPDIR", strata.work().join("temporary")).env_remove("SSH_AUTH_SOCK");
    command
}

fn temporary(strata: &Strata) -> usize {
    fs::read_dir(strata.work().join("temporary")).unwrap().count()
}

#[test]
fn steps_see_an_agent_that_has_the_keys_and_nothing_of_it_is_left() {
    let Some(strata) = ground() else { return };
    let public = [key(&strata, "one", "ed25519", ""), key(&strata, "two", "rsa", "")].concat();
    let context = strata.context(&format!("FROM busybox\n{LISTS}RUN echo after >/f\n"));
    let output = build(&strata, &["--ssh", "work=one,two"], &context).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");
    let seen = strata.ok(["run", "--rm", "app", "cat", "/keys"]);
    let halves = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    assert_eq!(halves(&seen), halves(&public));
    // other keys are the same step
    key(&strata, "three", "ed25519", "");
    let output = build(&strata, &["--ssh", "work=three"], &context).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap().matches(" CACHED\n").count(), 2);
    assert_eq!(temporary(&strata), 0);
    let secret: Vec<String> = ["one", "two", "three"].iter().map(|name| secret_line(&strata, name)).collect();
    let holds = |path: &Path| {
        let content = fs::read(path).unwrap();
        secret.iter().any(|line| content.windows(line.len()).any(|window| window == line.as_bytes()))
    };
    assert!(holds(&strata.work().join("one")), "the search finds what is there");
    assert_eq!(files(&strata.root()).into_iter().filter(|path| holds(path)).count(), 0);
}

/// A line of the private half that no other key has.
fn secret_line(strata: &Strata, name: &str) -> String {
    strata.read(name).lines().rev().nth(2).unwrap().to_owned()
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files(&entry.path())),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

#[test]
fn an_encrypted_key_is_refused_before_anything_is_built() {
    let Some(strata) = ground() else { return };
    key(&strata, "locked", "ed25519", "a passphrase");
    let context = strata.context("FROM busybox\n");
    let output = build(&strata, &["--ssh", "work=locked"], &context).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the key locked is encrypted") && said.contains("hint: give it to an agent"), "{said}");
    assert_eq!(temporary(&strata), 0);
}

#[test]
fn the_agent_ends_with_a_build_that_is_killed() {
    let Some(strata) = ground() else { return };
    key(&strata, "one", "ed25519", "");
    let context = strata.context("FROM busybox\nRUN --mount=type=ssh,id=work echo begun; sleep 1000\n");
    let mut command = build(&strata, &["--ssh", "work=one"], &context);
    let mut killed = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let shown = std::io::BufReader::new(killed.stderr.take().unwrap());
    let mut lines = std::io::BufRead::lines(shown).map(Result::unwrap);
    assert!(lines.any(|line| line.ends_with(" begun")));
    assert_eq!(temporary(&strata), 1, "the agent listens");
    killed.kill().unwrap();
    killed.wait().unwrap();
    // an agent that itself sees that its parent is gone leaves the folder
    until("the agent ends with the build", || temporary(&strata) == 0);
}
