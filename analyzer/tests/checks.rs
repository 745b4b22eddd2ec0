//! Rules about size: what is told, what is trusted, and what it costs.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use strata_analyzer::{
    checks::{self, SIZE_RULES, SizeFinding},
    index::LayerIndex,
};
use strata_dockerfile::{check, parse};
use strata_fixtures::stack::Stack;
use strata_image::Image;

fn findings(source: &str) -> Vec<SizeFinding> {
    let parsed = parse(source.as_bytes());
    assert!(!parsed.has_errors(), "{source}: {:?}", parsed.diagnostics);
    let file = parsed.file.clone();
    let report = check::check(source.as_bytes(), parsed, &check::Facts::default());
    checks::size(&file, &report)
}

fn rules(source: &str) -> Vec<&'static str> {
    findings(source).into_iter().map(|it| it.rule).collect()
}

const CASES: [(&str, &str); 20] = [
    ("RUN apt-get update && apt-get install -y --no-install-recommends git", "AptListsLeft"),
    ("RUN <<E\nset -e\napt-get update\nE", "AptListsLeft"),
    ("RUN apt-get install -y git", "AptRecommends"),
    ("RUN apk add git", "ApkCacheLeft"),
    ("RUN yum install -y git", "YumCacheLeft"),
    ("RUN zypper --non-interactive install git", "ZypperCacheLeft"),
    ("RUN microdnf install git", "DnfCacheLeft"),
    ("RUN pip install flask", "PipCacheLeft"),
    ("RUN python3 -m pip install flask", "PipCacheLeft"),
    ("RUN cd /x && sudo pip3 install -r r.txt", "PipCacheLeft"),
    ("RUN yarn install", "YarnCacheLeft"),
    ("RUN useradd -u 1000000 bob", "LargeLastlog"),
    ("RUN useradd -m --uid=200000 bob", "LargeLastlog"),
    ("RUN make\nRUN rm -rf /src", "RemovedTooLate"),
    ("COPY a.tar.gz /t/\nRUN tar -xzf /t/a.tar.gz", "ArchiveCopied"),
    ("COPY a.tgz /t/\nRUN tar xf /t/a.tgz && rm /t/a.tgz", "ArchiveCopied"),
    ("ADD app.py /app/", "AddInsteadOfCopy"),
    ("ADD src/ /app/", "AddInsteadOfCopy"),
    ("COPY --from=0 / /", "WholeStageCopied"),
    ("RUN apk add --no-cache wget\nRUN apk add --no-cache curl", "WgetAndCurl"),
];

#[test]
fn each_rule_finds_its_case_and_is_skipped_by_either_name() {
    for (text, rule) in CASES {
        let file = format!("FROM busybox\n{text}\n");
        assert_eq!(rules(&file), [rule], "{text}");
        let hadolint = SIZE_RULES.iter().find(|it| it.name == rule).unwrap().hadolint;
        for name in [rule, hadolint, "all"] {
            assert_eq!(rules(&format!("# check=skip={name}\n{file}")), [""; 0], "{name} {text}");
        }
    }
    for rule in SIZE_RULES {
        assert!(CASES.iter().any(|(_, name)| *name == rule.name), "{}", rule.name);
    }
    assert!(SIZE_RULES.is_sorted_by(|a, b| a.name < b.name));
}

#[test]
fn what_leaves_nothing_is_left_alone() {
    for text in [
        "RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*",
        "RUN apt-get update && rm -rf /var/lib/apt",
        "RUN apt-get update; rm -rf /var/{cache,lib/apt}/*",
        "RUN --mount=type=cache,target=/var/lib/apt apt-get update",
        "RUN --mount=type=tmpfs,target=/var/lib/apt/lists apt-get update",
        "RUN --mount=type=cache,target=$LISTS apt-get update",
        "RUN apt-get update && ./cleanup.sh",
        "RUN apt-get update && apt-cleanup",
        "RUN apt-get update '",
        "RUN [\"apt-get\", \"update\"]",
        "RUN apt-get -o APT::Install-Recommends=false install git",
        "RUN apk add --no-cache git",
        "RUN apk add git && rm -rf /var/cache/apk/*",
        "RUN apk del git",
        "RUN yum install -y git && yum clean all",
        "RUN zypper in git && zypper cc -a",
        "RUN dnf -y install git && rm -rf /var/cache/dnf",
        "RUN pip install --no-cache-dir flask",
        "ENV PIP_NO_CACHE_DIR=1\nRUN pip install flask",
        "RUN PIP_NO_CACHE_DIR=1 pip install flask",
        "RUN pip install flask && rm -rf ~/.cache",
        "RUN --mount=type=cache,target=/root/.cache pip install flask",
        "RUN pip list",
        "RUN yarn install && yarn cache clean",
        "RUN yarn build",
        "RUN useradd -u 1000 bob",
        "RUN useradd -l -u 1000000 bob",
        "RUN useradd --no-log-init --uid 1000000 bob",
        "RUN make && rm -rf /src",
        "RUN --mount=type=cache,target=/c rm -rf /c/*",
        "COPY a.tar.gz /t/",
        "RUN tar -cf /t/a.tar /x",
        "COPY a.txt /x\nRUN tar xf b.tar",
        "ADD a.tar.gz /x",
        "ADD https://example.com/a.txt /x",
        "ADD noext /x",
        "ADD *.py /x",
        "COPY --from=0 /app /",
        "COPY --from=0 --exclude=proc / /",
        "RUN apk add --no-cache curl",
        "RUN echo apt-get update",
    ] {
        assert_eq!(rules(&format!("FROM busybox\n{text}\n")), [""; 0], "{text}");
    }
}

#[test]
fn only_shipped_stages_count() {
    assert_eq!(rules("FROM a AS build\nRUN pip install x\nFROM scratch\nCOPY --from=build /x /x\n"), [""; 0]);
    assert_eq!(rules("FROM a AS base\nRUN pip install x\nFROM base\nRUN true\n"), ["PipCacheLeft"]);
    assert_eq!(rules("FROM a AS build\nFROM scratch\nCOPY --from=build / /\n"), [""; 0], "layers are joined so");
}

#[test]
fn a_comment_exempts_one_instruction() {
    let source = "FROM a\n# check=skip=DL3042\nRUN pip install a\nRUN pip install b\n";
    let found = findings(source);
    assert_eq!(found.len(), 1);
    assert_eq!(&source[found[0].diagnostic.span.range()], "pip install b");
}

#[test]
fn a_finding_is_priced_by_the_layer_of_its_instruction() {
    let stack =
        Stack::parse("app:1", "var/lib/apt/lists/deb:700 var/lib/apt/lists/x/y:50 var/lib/apt/other:3 usr/bin/git:9")
            .unwrap();
    let layers: Vec<Arc<_>> = stack.layers().to_vec();
    let index = LayerIndex::read(layers[0].as_ref()).unwrap();
    let found = findings("FROM a\nRUN apt-get update\n");
    assert_eq!(checks::price(&found[0], &index).unwrap(), 750);
    let found = findings("FROM a\nRUN pip install x\n");
    assert_eq!(checks::price(&found[0], &index).unwrap(), 0);
}
