#![allow(clippy::unwrap_used)]
use super::*;
use crate::{Kind, Parsed, Severity, parse};

fn file(mount: &str) -> (String, Parsed) {
    let source = format!("FROM scratch\nRUN --mount={mount} true\n");
    let parsed = parse(source.as_bytes());
    (source, parsed)
}

/// The mount with `V=v` and `N=7` set.
fn mount(text: &str) -> Result<Mount, String> {
    let (_, parsed) = file(text);
    let env = |name: &str| match name {
        "V" => Some("v".to_owned()),
        "N" => Some("7".to_owned()),
        _ => None,
    };
    match parsed.file.instructions.get(1).map(|run| &run.kind) {
        Some(Kind::Run(run)) => run.mounts[0].expand('\\', &env).map_err(|problem| problem.message),
        _ => Err(parsed.diagnostics[0].message.clone()),
    }
}

fn bind(from: Option<&str>, source: &str, target: &str, read_only: bool) -> Mount {
    Mount::Bind { from: from.map(str::to_owned), source: source.to_owned(), target: target.to_owned(), read_only }
}

fn cache(id: &str, target: &str) -> Mount {
    Mount::Cache {
        id: id.to_owned(),
        from: None,
        source: String::new(),
        target: target.to_owned(),
        read_only: false,
        sharing: Sharing::Shared,
        access: Access::default(),
    }
}

fn secret(id: &str, target: Option<&str>, env: Option<&str>) -> Mount {
    let [target, env] = [target, env].map(|text| text.map(str::to_owned));
    Mount::Secret { id: id.to_owned(), target, env, required: false, access: Access::default() }
}

#[test]
fn binds_are_read_only_unless_they_say() {
    for (text, expected) in [
        ("target=/x", bind(None, "", "/x", true)),
        ("type=bind,from=s,source=/a,dst=b", bind(Some("s"), "/a", "b", true)),
        ("TYPE=Bind,SRC=../a,Destination=/b,rw", bind(None, "../a", "/b", false)),
        ("target=/x,readonly=false", bind(None, "", "/x", false)),
        ("target=/x,rw=0", bind(None, "", "/x", true)),
        ("target=/$V/${V:-w},source=$U", bind(None, "", "/v/v", true)),
        ("target=/a,target=/b", bind(None, "", "/b", true)),
        ("from=,target=/b", bind(None, "", "/b", true)),
        ("source=a", bind(None, "a", "", true)),
        ("type=${U:-bind},target=/b", bind(None, "", "/b", true)),
    ] {
        assert_eq!(mount(text), Ok(expected), "{text}");
    }
}

#[test]
fn a_cache_is_named_by_its_cleaned_target() {
    for (text, expected) in [
        ("type=cache,target=/root/.cache/", cache("/root/.cache", "/root/.cache/")),
        ("type=cache,target=zz", cache("zz", "zz")),
        ("type=cache,id=zz,target=/a/../b", cache("zz", "/a/../b")),
        ("target=/c/$V,type=cache", cache("/c/v", "/c/v")),
    ] {
        assert_eq!(mount(text), Ok(expected), "{text}");
    }
    assert_eq!(
        mount("type=cache,target=/c,from=s,source=/seed,ro,sharing=Locked,mode=0700,uid=1000,gid=$N"),
        Ok(Mount::Cache {
            id: "/c".to_owned(),
            from: Some("s".to_owned()),
            source: "/seed".to_owned(),
            target: "/c".to_owned(),
            read_only: true,
            sharing: Sharing::Locked,
            access: Access { mode: Some(0o700), uid: Some(1000), gid: Some(7) },
        })
    );
}

#[test]
fn a_secret_has_a_place_or_a_variable_or_both() {
    for (text, expected) in [
        ("type=secret,id=a", secret("a", Some("/run/secrets/a"), None)),
        ("type=secret,id=a/b", secret("a/b", Some("/run/secrets/b"), None)),
        ("type=secret,source=a", secret("a", Some("/run/secrets/a"), None)),
        ("type=secret,target=/x/key", secret("key", Some("/x/key"), None)),
        ("type=secret,id=a,env=A", secret("a", None, Some("A"))),
        ("type=secret,id=a,env=A,target=/k", secret("a", Some("/k"), Some("A"))),
        ("type=secret,id=$V", secret("v", Some("/run/secrets/v"), None)),
    ] {
        assert_eq!(mount(text), Ok(expected), "{text}");
    }
    let Ok(Mount::Secret { required, access, .. }) = mount("type=secret,id=a,required,mode=0444,uid=1") else {
        panic!("no secret");
    };
    assert!(required);
    assert_eq!(access, Access { mode: Some(0o444), uid: Some(1), gid: None });
}

#[test]
fn an_ssh_socket_is_the_default_one_unless_it_says() {
    let ssh = |id: &str, target: Option<&str>, required| {
        let target = target.map(str::to_owned);
        Mount::Ssh { id: id.to_owned(), target, required, access: Access::default() }
    };
    assert_eq!(mount("type=ssh"), Ok(ssh("default", None, false)));
    assert_eq!(mount("type=ssh,id=k,target=/s,required=true"), Ok(ssh("k", Some("/s"), true)));
}

#[test]
fn a_tmpfs_has_a_size_as_docker_writes_it() {
    for (size, bytes) in [
        ("64m", Some(64 << 20)),
        ("1.5GiB", Some(3 << 29)),
        ("100", Some(100)),
        ("100b", Some(100)),
        ("2 KB", Some(2048)),
        ("1T", Some(1 << 40)),
        ("1x", None),
        ("1mm", None),
        ("1bb", None),
        ("-1", None),
        ("m", None),
        ("", None),
        ("1é", None),
    ] {
        let tmpfs = |size| Mount::Tmpfs { target: "/t".to_owned(), size: Some(size), read_only: false };
        assert_eq!(mount(&format!("\"type=tmpfs,size={size},target=/t\"")).ok(), bytes.map(tmpfs), "{size}");
    }
}

#[test]
fn what_is_wrong_is_found_while_the_file_is_read_and_suggested() {
    for (text, code, place, help) in [
        ("type=cahce,target=/c", "invalid-mount", "type=cahce", Some("did you mean cache?")),
        ("type=,target=/c", "invalid-mount", "type=", None),
        ("type=cache,tagret=/c", "unknown-mount-option", "tagret", Some("did you mean target?")),
        ("type=cache,", "invalid-mount", "", None),
        ("type=cache,target", "invalid-mount", "target", None),
        ("type=cache,target=/c,sharing=lokced", "invalid-mount", "sharing=lokced", Some("did you mean locked?")),
        ("type=cache,target=/c,mode=9", "invalid-mount", "mode=9", None),
        ("type=cache,target=/c,mode=10000", "invalid-mount", "mode=10000", None),
        ("type=cache,target=/c,mode=+7", "invalid-mount", "mode=+7", None),
        ("type=cache,target=/c,uid=bob", "invalid-mount", "uid=bob", None),
        ("type=cache,target=/c,ro=yes", "invalid-mount", "ro=yes", None),
        ("type=cache,size=1m,target=/c", "invalid-mount", "size=1m", None),
        ("type=cache,required,target=/c", "invalid-mount", "required", None),
        ("target=/c,mode=0755", "invalid-mount", "mode=0755", None),
        ("target=/c,sharing=locked", "invalid-mount", "sharing=locked", None),
        ("target=/x/..", "invalid-mount", "target=/x/..", None),
        ("from=$S,target=/c", "variable-in-from", "$S", None),
        ("type=secret", "invalid-mount", "type=secret", None),
        ("type=secret,id=a,source=b", "invalid-mount", "type=secret,id=a,source=b", None),
        ("type=secret,id=a,from=b", "invalid-mount", "from=b", None),
        ("type=ssh,source=/a", "invalid-mount", "source=/a", None),
        ("", "invalid-mount", "", None),
        ("\\\"type=cache", "invalid-mount", "\\\"type=cache", None),
    ] {
        let (source, parsed) = file(text);
        let found: Vec<_> =
            parsed.diagnostics.iter().map(|it| (it.code, &source[it.span.range()], it.help.as_deref())).collect();
        assert_eq!(found, [(code, place, help)], "{text}");
        assert!(parsed.has_errors(), "{text}");
    }
}

#[test]
fn what_does_nothing_is_a_warning() {
    for (text, code, place) in [
        ("target=/a,target=/b", "repeated-mount-option", "target=/a"),
        ("target=/a,ro,rw", "repeated-mount-option", "ro"),
        ("target=/a,src=x,source=y", "repeated-mount-option", "src=x"),
        ("target=/a,id=x", "ignored-mount-option", "id=x"),
        ("target=/a,env=x", "ignored-mount-option", "env=x"),
        ("type=tmpfs,target=/a,source=x", "ignored-mount-option", "source=x"),
        ("type=secret,id=x,ro", "ignored-mount-option", "ro"),
    ] {
        let (source, parsed) = file(text);
        let found: Vec<_> =
            parsed.diagnostics.iter().map(|it| (it.severity, it.code, &source[it.span.range()])).collect();
        assert_eq!(found, [(Severity::Warning, code, place)], "{text}");
    }
}

#[test]
fn what_needs_variables_is_checked_when_they_are_known() {
    for (text, message) in [
        ("type=$V,target=/c", "unsupported mount type \"v\""),
        ("type=cache,target=/c,mode=$V", "invalid value for mode: v"),
        ("target=$U/", "invalid mount target \"/\""),
        ("target=/${U:?none}", "U: none"),
        ("type=secret,id=$U", "invalid secret mount: one of id, target required"),
    ] {
        let (_, parsed) = file(text);
        assert!(parsed.diagnostics.is_empty(), "{text}: {:?}", parsed.diagnostics);
        assert_eq!(mount(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn options_keep_their_places() {
    let (source, parsed) = file("type=bind,from=stage,\"target=/a b\"");
    let Kind::Run(run) = &parsed.file.instructions[1].kind else { panic!("no RUN") };
    // the quotes are gone from the value, so that its options have no place of their own
    assert_eq!(&source[run.mounts[0].from().unwrap().span.range()], "type=bind,from=stage,\"target=/a b\"");
    let (source, parsed) = file("type=bind,from=stage,target=/a");
    let Kind::Run(run) = &parsed.file.instructions[1].kind else { panic!("no RUN") };
    let from = run.mounts[0].from().unwrap();
    assert_eq!((from.value.as_str(), &source[from.span.range()]), ("stage", "stage"));
}
