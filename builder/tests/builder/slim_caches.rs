//! slim: caches that package managers leave in the layer of a RUN.

use strata_analyzer::suggest::Caches;
use strata_builder::slim::{Removal, Verdict};

use crate::workshop::Workshop;

/// A base with package managers that need no network: each leaves a cache, unless it is told not to.
const MANAGERS: &str = "FROM busybox AS managers\n\
    RUN mkdir -p /usr/bin /var/lib/apt/lists /var/cache/apk && printf '#!/bin/sh\\n\
case $1 in update) head -c 40000 /dev/zero >/var/lib/apt/lists/index; : >/var/lib/apt/lists/lock;; \
install) test -s /var/lib/apt/lists/index && echo $2 >>/installed;; esac\\n' >/usr/bin/apt-get \
 && printf '#!/bin/sh\\ncase \"$*\" in *--no-cache*) ;; *) head -c 3000 /dev/zero >/var/cache/apk/index;; esac; echo apk >>/installed\\n' >/usr/bin/apk \
 && printf '#!/bin/sh\\ncase \"$*\" in *--no-cache-dir*) ;; *) mkdir -p /root/.cache/pip/http; head -c 5000 /dev/zero >/root/.cache/pip/http/x;; esac; echo pip >>/installed\\n' >/usr/bin/pip \
 && chmod 755 /usr/bin/apt-get /usr/bin/apk /usr/bin/pip\n\
    FROM managers\n";

/// A pattern, and how many paths it removes.
type Removed = (&'static str, usize);

/// Each case: the steps, lines of the patch, what is removed.
const CLEANED: &[(&str, &[&str], &[Removed])] = &[
    (
        "RUN apt-get update && apt-get install curl\n",
        &["+RUN apt-get update && apt-get install curl \\", "+ && rm -rf /var/lib/apt/lists/*"],
        &[("/var/lib/apt/lists/*", 2)],
    ),
    (
        "RUN apt-get update; apt-get install curl\n",
        &["+ && rm -rf /var/lib/apt/lists/*"],
        &[("/var/lib/apt/lists/*", 2)],
    ),
    ("RUN apk add curl\n", &["+RUN apk add --no-cache curl"], &[("/var/cache/apk/*", 1)]),
    ("RUN apk update && apk add curl\n", &["+ && rm -rf /var/cache/apk/*"], &[("/var/cache/apk/*", 1)]),
    (
        "RUN echo a >/a \\\n    && pip install \\\n      flask\n",
        &["+    && pip install --no-cache-dir \\"],
        &[("/root/.cache/pip", 4)],
    ),
    (
        "RUN apt-get update && apk add x && echo true | sh\n",
        &["+RUN apt-get update && apk add --no-cache x && echo true | sh \\", "+ && rm -rf /var/lib/apt/lists/*"],
        &[("/var/cache/apk/*", 1), ("/var/lib/apt/lists/*", 2)],
    ),
];

#[test]
fn caches_are_removed_where_they_are_made_and_nothing_else_is_gone() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    for (steps, lines, removed) in CLEANED {
        let (patch, verdict) = workshop.proved(&format!("{MANAGERS}{steps}"));
        for line in *lines {
            assert!(patch.lines().any(|found| found == *line), "{line}\n{patch}");
        }
        let removal = |&(place, paths): &Removed| Removal { place: place.to_owned(), paths };
        assert_eq!(verdict, Verdict::IdenticalBut(removed.iter().map(removal).collect()), "{patch}");
    }
}

#[test]
fn a_cache_that_is_needed_later_or_cannot_be_cleaned_stays() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    for (steps, words) in [
        ("RUN apt-get update\nENV a=b\nRUN apt-get install curl\n", "line 6 needs the package lists of apt again"),
        ("RUN apt-get update # now\n", "ends in a comment"),
        ("RUN <<EOF\napt-get update\nEOF\n", "here-document"),
        ("RUN [\"apt-get\", \"update\"]\n", "exec form"),
        ("RUN apt-get update; exit 0\n", "would not be smaller"),
        ("RUN apt-get update\nRUN test -e /var/lib/apt/lists/lock\n", "it would not build"),
    ] {
        let reasons = workshop.refused(&format!("{MANAGERS}{steps}"));
        assert!(reasons.contains(words), "{steps}: {reasons}");
    }
}

#[test]
fn a_loss_that_no_edit_speaks_of_is_no_proof() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    // what a later RUN finds in the cache is part of the image
    let steps = "RUN apt-get update\nRUN cp /var/lib/apt/lists/l* /etc/ || true\n";
    let slimmed = workshop.slim(&format!("{MANAGERS}{steps}"));
    let after = slimmed.after.unwrap();
    assert_eq!(after.verdict, Verdict::Different(vec!["/etc/lock".to_owned()]));
    assert_eq!(after.removed, [Removal { place: "/var/lib/apt/lists/*".to_owned(), paths: 2 }]);
}

#[test]
fn a_cache_mount_is_made_where_it_is_asked_for() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let dockerfile = format!("{MANAGERS}RUN apt-get update\nRUN pip install x\n");
    let slimmed = workshop.slim_with(Caches::Mount, &dockerfile);
    let after = slimmed.after.unwrap();
    for line in [
        "+RUN --mount=type=cache,target=/var/lib/apt/lists,sharing=locked apt-get update",
        "+RUN --mount=type=cache,target=/root/.cache/pip pip install x",
    ] {
        assert!(after.patch.lines().any(|found| found == line), "{}", after.patch);
    }
    assert_eq!(slimmed.bytes_before - after.bytes_after, after.predicted_saving);
    let removed: Vec<_> = after.removed.iter().map(|removed| (removed.place.as_str(), removed.paths)).collect();
    assert_eq!(removed, [("/root/.cache/pip/*", 4), ("/var/lib/apt/lists/*", 2)]);
    assert_eq!(after.verdict, Verdict::IdenticalBut(after.removed));
}

#[test]
fn a_chain_and_the_cache_mounts_of_its_runs_are_made_at_once() {
    let Some(mut workshop) = Workshop::open() else {
        return;
    };
    let dockerfile = format!(
        "{MANAGERS}RUN apt-get update && head -c 9000 /dev/zero >/big\nRUN apt-get install curl && pip install x\n\
         RUN pip install y && rm /big\n"
    );
    let slimmed = workshop.slim_with(Caches::Mount, &dockerfile);
    let after = slimmed.after.unwrap();
    for line in [
        "+RUN --mount=type=cache,target=/root/.cache/pip --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
         apt-get update && head -c 9000 /dev/zero >/big \\",
        "+ && apt-get install curl && pip install x \\",
        "+ && pip install y && rm /big",
    ] {
        assert!(after.patch.lines().any(|found| found == line), "{}", after.patch);
    }
    assert_eq!((slimmed.bytes_before - after.bytes_after, after.predicted_saving), (59_009, 59_009));
    assert_eq!(after.verdict, Verdict::IdenticalBut(after.removed));
    assert_eq!(after.suggestions.len(), 1);
}
