//! slim: modes and owners that a RUN gives to what a COPY brought.

use strata_analyzer::suggest::COPY_FLAGS;
use strata_builder::slim::Verdict;

use crate::workshop::Workshop;

/// A base that has a user.
const BASE: &str = "FROM busybox AS base\nRUN echo web:x:33:33::/:/bin/sh >>/etc/passwd && echo web:x:33: >>/etc/group\n\
    FROM base AS made\n";

/// Each case: what it shows, the Dockerfile below its base, and lines of the patch.
const FLAGS: &[(&str, &str, &[&str])] = &[
    (
        "a program that becomes executable",
        "COPY run.sh /usr/local/bin/run.sh\nRUN chmod +x /usr/local/bin/run.sh\nCMD run.sh\n",
        &["+COPY --chmod=755 run.sh /usr/local/bin/run.sh", "-RUN chmod +x /usr/local/bin/run.sh"],
    ),
    (
        "a folder that gets an owner, by name",
        "COPY src /app\nRUN chown -R web:web /app\n",
        &["+COPY --chown=web:web src /app", "-RUN chown -R web:web /app"],
    ),
    ("a lone name leaves the group alone", "COPY src /app\nRUN chown -R web /app\n", &["+COPY --chown=web:0 src /app"]),
    (
        "a user that a RUN between makes is known by its number only",
        "COPY src /app\nRUN echo me:x:1234:1234::/:/bin/sh >>/etc/passwd && echo me:x:1234: >>/etc/group\nRUN chown -R me:me /app\n",
        &["+COPY --chown=1234:1234 src /app"],
    ),
    (
        "both at once, the owner first",
        "COPY run.sh /r\nRUN chown 7:8 /r && chmod 4755 /r\n",
        &["+COPY --chown=7:8 --chmod=4755 run.sh /r"],
    ),
    (
        "only that part of the RUN goes",
        "COPY run.sh /r\nRUN chmod 700 /r \\\n # say so\n && echo done >/done\n",
        &["+COPY --chmod=700 run.sh /r", "-RUN chmod 700 /r \\", "+RUN echo done >/done"],
    ),
    (
        "at the end too",
        "COPY run.sh /r\nRUN echo done >/done \\\n    && chmod 700 /r\n",
        &["+COPY --chmod=700 run.sh /r", "+RUN echo done >/done"],
    ),
    (
        "a pattern that takes all that was copied",
        "WORKDIR /opt\nCOPY run.sh src/a.txt ./\nRUN chmod 600 *.sh *.txt\n",
        &["+COPY --chmod=600 run.sh src/a.txt ./"],
    ),
    (
        "the folder was there before: the RUN keeps to it",
        "WORKDIR /opt/app\nCOPY src .\nRUN chown -R 5:6 /opt/app\n",
        &["+COPY --chown=5:6 src .", "+RUN chown 5:6 /opt/app"],
    ),
    (
        "a symbolic mode where files and folders do not end up the same",
        "WORKDIR /opt/app\nCOPY src .\nRUN chmod -R g+w /opt/app\n",
        &["+COPY --chmod=g+w src .", "+RUN chmod g+w /opt/app"],
    ),
    (
        "a symbolic mode leaves the folder alone that COPY makes",
        "COPY run.sh src/a.txt /new/\nRUN chmod go-r /new/*\n",
        &["+COPY --chmod=go-r run.sh src/a.txt /new/"],
    ),
    (
        "two COPYs",
        "COPY run.sh /a\nCOPY src/a.txt /b\nRUN chmod 711 /a /b\n",
        &["+COPY --chmod=711 run.sh /a", "+COPY --chmod=711 src/a.txt /b"],
    ),
    (
        "a flag that is there is replaced",
        "COPY --chown=1:1 --chmod=600 run.sh /a\nRUN chown 2:2 /a\n",
        &["+COPY --chown=2:2 --chmod=600 run.sh /a"],
    ),
    (
        "what a stage made",
        "RUN head -c 5000 /dev/zero >/big\nFROM busybox\nCOPY --from=made /big /big\nRUN chmod 640 /big\n",
        &["+COPY --chmod=640 --from=made /big /big"],
    ),
];

fn filled() -> Option<Workshop> {
    let workshop = Workshop::open()?;
    workshop.write("run.sh", &"echo hello\n".repeat(300));
    workshop.write("src/a.txt", &"a".repeat(2000));
    workshop.write("src/sub/b.txt", &"b".repeat(3000));
    Some(workshop)
}

#[test]
fn modes_and_owners_become_flags_of_copy() {
    let Some(mut workshop) = filled() else {
        return;
    };
    for (what, steps, lines) in FLAGS {
        let (patch, verdict) = workshop.proved(&format!("{BASE}{steps}"));
        assert_eq!(verdict, Verdict::Identical, "{what}\n{patch}");
        for line in *lines {
            assert!(patch.lines().any(|found| found == *line), "{what}: {line}\n{patch}");
        }
    }
}

/// Each trap: the Dockerfile below its base, and words of the reason.
const REFUSED: &[(&str, &str)] = &[
    ("COPY src /app\nRUN chmod 600 /app/a.txt\n", "also brings /app, which ends with mode 755"),
    ("COPY src /new/app\nRUN chown -R 5:6 /new/app\n", "also brings /new, which ends with 0:0"),
    ("COPY src /app\nRUN chmod -R go-rwx /app\n", "also brings /app/a.txt, which ends with mode 600"),
    ("COPY src /app\nRUN chmod -R 640 /app/sub\n", "also brings /app, which ends with mode 755"),
    ("COPY run.sh src/a.txt /opt/\nRUN chmod 600 /opt/*.sh\n", "also brings /opt, which ends with mode 755"),
    ("COPY run.sh /r\nRUN chmod 700 /r /bin/busybox\n", "also changes /bin/busybox, which no COPY"),
    ("ARG M=700\nCOPY run.sh /r\nRUN chmod $M /r\n", "shows only when it runs"),
    ("COPY run.sh /r\nRUN echo x >>/r && chmod 700 /r && rm /r\n", ""),
    ("COPY run.sh /r\nRUN chown -R -L 1:1 /r\n", "its chown has the option -L"),
    ("COPY run.sh /r\nRUN if true; then chmod 700 /r; fi\n", "no plain list of commands"),
    ("COPY run.sh /r\nRUN chmod 700 /r || true\n", "no plain list of commands"),
    ("COPY run.sh /r\nRUN find /r | xargs chmod 700\n", "part of another command"),
    ("COPY run.sh /r\nRUN <<EOF\nchmod 700 /r\nEOF\n", "here-document"),
    ("COPY run.sh /r\nRUN [\"chmod\", \"700\", \"/r\"]\n", "exec form"),
    ("COPY run.sh /opt/r\nRUN cd /opt && chmod 700 r\n", "the directory that its chmod runs in is not known"),
    ("COPY src /app\nRUN chown -R 1:1 /app/sub\n", "which ends with 0:0"),
    ("ONBUILD RUN chmod 700 /r\nCOPY run.sh /r\nRUN touch /r\n", ""),
];

#[test]
fn what_flags_would_do_otherwise_is_refused() {
    let Some(mut workshop) = filled() else {
        return;
    };
    for (steps, words) in REFUSED {
        let dockerfile = format!("{BASE}{steps}");
        let slimmed = workshop.slim(&dockerfile);
        let flags = slimmed.after.iter().flat_map(|after| &after.suggestions).filter(|made| made.rule == COPY_FLAGS);
        assert_eq!(flags.count(), 0, "{dockerfile}");
        let reasons: Vec<_> = slimmed.refused.into_iter().filter_map(|refused| refused.refused).collect();
        assert!(words.is_empty() || reasons.iter().any(|reason| reason.contains(words)), "{dockerfile}\n{reasons:?}");
    }
}

#[test]
fn what_a_command_between_sees_is_for_the_proof_to_say() {
    let Some(mut workshop) = filled() else {
        return;
    };
    let slimmed = workshop.slim("FROM busybox\nCOPY run.sh /r\nRUN stat -c %a /r >/seen\nRUN chmod 700 /r\n");
    let after = slimmed.after.unwrap();
    assert_eq!(after.verdict, Verdict::Different(vec!["/seen".to_owned()]));
    let slimmed = workshop.slim("FROM busybox\nCOPY run.sh /r\nRUN test ! -x /r\nRUN chmod 700 /r\n");
    assert!(slimmed.after.is_none());
    assert!(slimmed.refused[0].refused.as_deref().unwrap().starts_with("it would not build"));
}
