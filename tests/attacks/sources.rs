//! What comes from elsewhere: archives as contexts, servers, repositories.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    process::{Command, Output},
};

use tar::EntryType;

use crate::{
    common::Strata,
    hostile::{entry, file, link, tar},
};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

#[test]
fn cve_2026_44517_a_context_archive_reaches_nothing_through_its_dockerfile() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let (_untouched, victim) = strata.victim();
    let up = format!("../../../../../../../..{victim}/secret");
    let good = || file("Dockerfile", "FROM busybox\nCOPY . /x/\nRUN cat /x/* /x/d/* || true\n");
    let hard = |name: &str, target: &str| entry(EntryType::Link, name, target, b"");
    for entries in [
        vec![link("Dockerfile", &format!("{victim}/secret"))],
        vec![link("Dockerfile", &up)],
        vec![hard("Dockerfile", &format!("{victim}/secret"))],
        vec![link("d", &victim), hard("Dockerfile", "d/secret")],
        vec![link("Dockerfile", &format!("{victim}/secret")), file("Dockerfile", "FROM busybox\n")],
        vec![good(), link("d", &victim), file("d/secret", "evil"), file("d/new", "evil")],
        vec![good(), file(&up, "evil"), file(&format!("{victim}/secret"), "evil")],
        vec![good(), link(".dockerignore", &format!("{victim}/secret"))],
        vec![good(), hard("x", &format!("{victim}/secret")), hard("y", &up)],
        vec![good(), link(".", &victim)],
    ] {
        let archive = strata.file("context.tar", tar(&entries));
        let from_file = strata.command(["build", "context.tar"]).output().unwrap();
        let from_stdin = strata.command(["build", "-"]).stdin(File::open(&archive).unwrap()).output().unwrap();
        for output in [from_file, from_stdin] {
            let said = said(&output);
            assert!(!said.contains("untouched") && !said.contains("panicked"), "{said}");
        }
    }
}

/// Answers one request after another with these headers and a body, from a free port, for as long as the process lives.
fn server(headers: String, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let requests = BufReader::new(stream.try_clone().unwrap());
            let head = requests.lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            let is_head = head.collect::<String>().starts_with("HEAD");
            let body = if is_head { "" } else { body };
            let _ = write!(stream, "HTTP/1.1 {headers}Connection: close\r\n\r\n{body}");
        }
    });
    address
}

#[test]
fn cve_2026_33747_a_server_does_not_choose_where_a_file_goes() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let (_untouched, victim) = strata.victim();
    for name in [format!("../../../../../..{victim}/new"), format!("{victim}/secret"), "a/b".into(), "..".into()] {
        let address = server(
            format!("200 OK\r\nContent-Length: 4\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n"),
            "body",
        );
        strata
            .builds(&format!("FROM busybox\nADD http://{address}/dir/name /d/\nRUN test \"$(cat /d/name)\" = body\n"));
    }
}

#[test]
fn a_server_leads_to_no_file_of_this_machine() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let (_untouched, victim) = strata.victim();
    for location in [format!("file://{victim}/secret"), format!("{victim}/secret"), "gopher://127.0.0.1:1/".into()] {
        let address = server(format!("302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n"), "");
        let said = strata.fails(&format!("FROM busybox\nADD http://{address}/f /f\nRUN cat /f\n"));
        assert!(!said.contains("untouched"), "{said}");
    }
    for source in [format!("file://{victim}/secret"), format!("http://127.0.0.1:1/..{victim}/secret")] {
        strata.fails(&format!("FROM busybox\nADD {source} /f\n"));
    }
}

/// A repository with a Dockerfile, and a folder that is a link to a folder of the host. `None`, the reason printed, without git.
fn repository(strata: &Strata, victim: &str) -> Option<String> {
    let path = strata.work().join("repository");
    fs::create_dir_all(path.join("sub")).unwrap();
    fs::write(path.join("Dockerfile"), "FROM busybox\nCOPY . /x/\nRUN cat /x/secret || true\n").unwrap();
    fs::copy(path.join("Dockerfile"), path.join("sub/Dockerfile")).unwrap();
    std::os::unix::fs::symlink(victim, path.join("out")).unwrap();
    std::os::unix::fs::symlink("../../../../..", path.join("up")).unwrap();
    for arguments in [
        &["init", "-q", "-b", "main"][..],
        &["add", "."],
        &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "all"],
    ] {
        let run = Command::new("git").arg("-C").arg(&path).args(arguments).env("HOME", strata.work()).status();
        if !run.is_ok_and(|status| status.success()) {
            eprintln!("skipped: there is no git");
            return None;
        }
    }
    Some(format!("file://{}", path.display()))
}

#[test]
fn cve_2026_33748_a_subdirectory_of_a_repository_is_inside_it() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let (_untouched, victim) = strata.victim();
    let Some(url) = repository(&strata, &victim) else {
        return;
    };
    strata.ok(["build", "-q", &format!("{url}#main:sub")]);
    for folder in
        ["out", "up", "../..", "sub/../../..", "out/../out", "/../..", &format!("../../../../..{victim}"), &victim]
    {
        let (success, said) = strata.at_once(&["build", &format!("{url}#main:{folder}")]);
        assert!(!success && !said.contains("untouched"), "{folder}: {said}");
    }
}

#[test]
fn cve_2023_26054_credentials_of_a_url_are_shown_and_kept_nowhere() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let address = server("403 Forbidden\r\nContent-Length: 0\r\n".to_owned(), "");
    let contexts =
        [format!("http://me:t0ken@{address}/repository.git#main"), format!("http://me:t0ken@{address}/context.tar")];
    for context in contexts {
        let (success, said) = strata.at_once(&["build", &context]);
        assert!(!success && !said.contains("t0ken"), "{said}");
    }
    let found = Command::new("grep").args(["-rl", "t0ken"]).arg(strata.root()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}
