//! docs/rules.md, made from the table of rules.

use std::fmt::Write as _;

use super::{About, Confidence, Level, RULES};

const HEAD: &str = "# Rules

What `strata analyze` finds, by rule. This page is made from the table in `analyzer/src/findings/rules.rs`; `strata analyze
--explain RULE` says the same of one rule.

Rules whose number begins with A are **exact**: they share out the dead bytes of an image, so that their findings sum to its
wasted bytes, and no byte is counted twice. Those that begin with B are **advice** about what the image shows: two of them may
speak of the same file, and their bytes are what the fix is thought to save. S rules are about more than bytes.

What lies in the base image alone is counted apart: who builds on it cannot change it. The table tells of it what is an error, and
nothing else.

Every form of the report tells errors before warnings and these before notes, then what is not the base's alone, then the most bytes.
No form leaves an error out that has room for it. A list that has no room for all keeps a quarter of its places for the largest that
would not be in it, so that many small findings hide no large one of a lower level; none of the base's is told for its size. In
the table, rules that together find less than 100 kB and less than a thousandth of the image, and nothing grave, are counted in one
line; `--all` tells them too, and every other form of the report has all findings or says how many it leaves out.

A finding that shall not be told is named in `strata.toml`, with a reason:

```toml
[[ignore]]
rule = \"B7\"                       # or the rule's name, or a list of both; all rules when it is left out
path = [\"/usr/share/man/**\"]      # as in a .dockerignore; all paths when it is left out
layer = 3                         # or the first digits of a diff ID; all layers when it is left out
reason = \"this image is for reading manuals\"
```

or above the instruction whose layer made it, or killed it:

```dockerfile
# strata ignore=B7,A3 this image is for reading manuals
RUN apt-get install -y man-db
```

It is counted, and listed apart with its reason; `--all` says in the table what it was. A comment that is nearly such a one, and a
suppression that is about nothing, is told on standard error; `strata check` warns of such comments too.

Nor is it a reason to change the Dockerfile. Where all that a suggestion would save is suppressed, `analyze` and `slim` leave it out, and
say how many those are, by whom and why. Where a part of it is, the rest decides, and what goes along with that is part of its price:

- a chain reaches as far as what is not suppressed asks for, and no further;
- of the files that a COPY brings and a RUN removes, the ignore file gets those that are not suppressed;
- a cache that a RUN leaves, the modes and owners of what a COPY brings, and the place that it is moved to change as a whole.

Comments above RUNs that `slim` chains come to stand above the chain, and are about all of it. One that suppresses findings, or turns off
checks, goes with its instruction where that goes.

| rule | name | finds | level | confidence |
|---|---|---|---|---|
";

/// Gives the page: a table of all rules, then each of them.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for about in RULES.iter().map(|rule| rule.about()) {
        // writing to a string cannot fail
        let _ = writeln!(
            page,
            "| [{}](#{}) | `{}` | {} | {} | {} |",
            about.id,
            anchor(about),
            about.name,
            about.title,
            level(about.level),
            confidence(about.confidence)
        );
    }
    for about in RULES.iter().map(|rule| rule.about()) {
        let _ = write!(
            page,
            "\n## {} {}\n\n{}.\n\n{}\n\n**Found:** {}\n\n**Fix:** {}\n\n| kind | means |\n|---|---|\n",
            about.id, about.name, about.title, about.explanation, about.detection, about.fix
        );
        for (kind, means) in about.kinds {
            let _ = writeln!(page, "| `{kind}` | {means} |");
        }
    }
    page
}

/// What makes a link to a heading.
fn anchor(about: &About) -> String {
    format!("{}-{}", about.id.to_ascii_lowercase(), about.name)
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    }
}
