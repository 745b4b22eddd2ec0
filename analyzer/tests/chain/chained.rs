//! What is chained, and how it then stands in the file.

use crate::build::{Build, Waste, rewritten};

#[test]
fn the_example_that_everyone_knows() {
    let source = "FROM busybox\nMAINTAINER xiongkun\nWORKDIR /home\nRUN dd if=/dev/zero of=50M.file bs=1M count=50\nRUN rm -rf 50M.file\n";
    let build = Build::of(source);
    let suggestions = build.chain(&build.evidence(&[(4, 5, 52_428_800)]));
    let [suggestion] = suggestions.as_slice() else { panic!("{suggestions:?}") };
    assert_eq!(suggestion.rule, "chain-runs");
    assert_eq!(suggestion.title, "chain the RUNs of lines 4 and 5: saves 52.4MB (52428800 bytes)");
    assert_eq!(suggestion.saves_bytes, 52_428_800);
    assert_eq!(suggestion.layers, [2, 3]);
    assert_eq!(suggestion.lines, [4, 5]);
    assert_eq!(
        suggestion.edit.as_deref().unwrap(),
        "--- a/Dockerfile
+++ b/Dockerfile
@@ -1,5 +1,5 @@
 FROM busybox
 MAINTAINER xiongkun
 WORKDIR /home
-RUN dd if=/dev/zero of=50M.file bs=1M count=50
-RUN rm -rf 50M.file
+RUN dd if=/dev/zero of=50M.file bs=1M count=50 \\
+ && rm -rf 50M.file
"
    );
}

/// Each case: what it shows, the Dockerfile, which lines waste, and the Dockerfile as it becomes.
const CHAINED: &[(&str, &str, &[Waste], &str)] = &[
    (
        "comments between come to stand above, blank lines go",
        "FROM b\nRUN a\n\n# why\n\n  # still why\nRUN b\n# end\n",
        &[(2, 7, 1)],
        "FROM b\n# why\n# still why\nRUN a \\\n && b\n# end\n",
    ),
    (
        "comments of all RUNs stand above the chain, in their order",
        "FROM b\n\n# strata ignore=A1 why a\n\n  RUN a\n# why b\n# strata ignore=A3,B7 why not\nRUN b\n#why c\nRUN c\n",
        &[(5, 10, 1)],
        "FROM b\n\n# strata ignore=A1 why a\n\n  # why b\n  # strata ignore=A3,B7 why not\n  #why c\n  RUN a \\\n && b \\\n && c\n",
    ),
    (
        "what an empty comment keeps apart from a RUN stays apart from the chain",
        "FROM b\n# of a\n#\n# why a\nRUN a\n# strata ignore=A3 of nothing\n #  \n# why b\nRUN b\n",
        &[(5, 9, 1)],
        "FROM b\n# of a\n#\n# strata ignore=A3 of nothing\n#\n# why a\n# why b\nRUN a \\\n && b\n",
    ),
    (
        "also where nothing is above the first",
        "FROM b\nRUN a\n# a heading\n#\nRUN b\n",
        &[(2, 5, 1)],
        "FROM b\n# a heading\n#\nRUN a \\\n && b\n",
    ),
    (
        "a comment that turns off checks does so for the chain",
        "FROM b\nRUN a\n# check=skip=all\nRUN b\n",
        &[(2, 4, 1)],
        "FROM b\n# check=skip=all\nRUN a \\\n && b\n",
    ),
    (
        "continuations and comments within stay",
        "FROM b\nRUN a \\\n    # one\n    && aa\nRUN b   \\\n\n  && bb\n",
        &[(2, 5, 1)],
        "FROM b\nRUN a \\\n    # one\n    && aa \\\n && b   \\\n\n  && bb\n",
    ),
    (
        "the range is from creator to killer and no further",
        "FROM b\nRUN a\nRUN c\nRUN d\nRUN e\nRUN f\n",
        &[(3, 5, 2000)],
        "FROM b\nRUN a\nRUN c \\\n && d \\\n && e\nRUN f\n",
    ),
    (
        "two ranges are two edits that fit together",
        "FROM b\nRUN a\nRUN c\nRUN d\nRUN e\n",
        &[(2, 3, 1), (4, 5, 2)],
        "FROM b\nRUN a \\\n && c\nRUN d \\\n && e\n",
    ),
    (
        "metadata is moved over, and takes along the comment above",
        "FROM b\nRUN a\n# about the label\nLABEL l=1\n\n# why b\nRUN b\nCMD [\"c\"]\n",
        &[(2, 7, 1)],
        "FROM b\n# why b\nRUN a \\\n && b\n# about the label\nLABEL l=1\n\nCMD [\"c\"]\n",
    ),
    (
        "and all that is above, but what an empty comment keeps apart",
        "FROM b\nRUN a\nLABEL l=1\n# a heading\n#\n# strata ignore=A3\n\n# why b\nRUN b\nCMD c\n",
        &[(2, 9, 1)],
        "FROM b\n# strata ignore=A3\n# why b\nRUN a \\\n && b\nLABEL l=1\n# a heading\n#\nCMD c\n",
    ),
    (
        "every metadata instruction is moved over",
        "FROM b\nRUN a\nLABEL l=1\nEXPOSE 80\nCMD c\nENTRYPOINT e\nSTOPSIGNAL 9\nHEALTHCHECK NONE\nONBUILD RUN x\nMAINTAINER m\nRUN b\n",
        &[(2, 11, 1)],
        "FROM b\nRUN a \\\n && b\nLABEL l=1\nEXPOSE 80\nCMD c\nENTRYPOINT e\nSTOPSIGNAL 9\nHEALTHCHECK NONE\nONBUILD RUN x\nMAINTAINER m\n",
    ),
    (
        "what follows a moved RUN moves too",
        "FROM b\nRUN a\nLABEL l=1\nRUN b\n# why c\nRUN c\nLABEL m=1\n  RUN d\nUSER u\n",
        &[(2, 8, 1)],
        "FROM b\n# why c\nRUN a \\\n && b \\\n && c \\\n && d\nLABEL l=1\nLABEL m=1\nUSER u\n",
    ),
    (
        "the file need not end in a line feed",
        "FROM b\nRUN a\nLABEL l=1\nRUN b",
        &[(2, 4, 1)],
        "FROM b\nRUN a \\\n && b\nLABEL l=1\n",
    ),
    ("nor the chain", "FROM b\nRUN a\nRUN b", &[(2, 3, 1)], "FROM b\nRUN a \\\n && b"),
    (
        "the escape directive says what continues a line",
        "# escape=`\nFROM b\nRUN a\nRUN b\n",
        &[(3, 4, 1)],
        "# escape=`\nFROM b\nRUN a `\n && b\n",
    ),
    (
        "line ends stay what they are",
        "FROM b\r\nRUN a\r\n# why\r\nRUN b\r\n",
        &[(2, 4, 1)],
        "FROM b\r\n# why\r\nRUN a \\\r\n && b\r\n",
    ),
    ("keywords stay as written", "from b\nrun a\nrun b\n", &[(2, 3, 1)], "from b\nrun a \\\n && b\n"),
    (
        "equal flags are kept once",
        "FROM b\nRUN --network=none a\nRUN --network=none b\n",
        &[(2, 3, 1)],
        "FROM b\nRUN --network=none a \\\n && b\n",
    ),
    (
        "a change of directory is isolated",
        "FROM b\nRUN cd /x && make\nRUN rm -rf /x\n",
        &[(2, 3, 1)],
        "FROM b\nRUN /bin/sh -c 'cd /x && make' \\\n && rm -rf /x\n",
    ),
    (
        "but harmless in the last command",
        "FROM b\nRUN make\nRUN cd /x && rm -rf y\n",
        &[(2, 3, 1)],
        "FROM b\nRUN make \\\n && cd /x && rm -rf y\n",
    ),
    (
        "errexit is isolated",
        "FROM b\nRUN set -e; a; aa\nRUN set -ex && b\n",
        &[(2, 3, 1)],
        "FROM b\nRUN /bin/sh -c 'set -e; a; aa' \\\n && set -ex && b\n",
    ),
    (
        "a list that is not joined by && alone is isolated wherever it stands",
        "FROM b\nRUN a\nRUN b || true\nRUN c; d\n",
        &[(2, 4, 1)],
        "FROM b\nRUN a \\\n && /bin/sh -c 'b || true' \\\n && /bin/sh -c 'c; d'\n",
    ),
    (
        "a trailing comment is isolated, and left to the last command",
        "FROM b\nRUN a # note\nRUN b # note\n",
        &[(2, 3, 1)],
        "FROM b\nRUN /bin/sh -c 'a # note' \\\n && b # note\n",
    ),
    (
        "exit and exec are isolated",
        "FROM b\nRUN exit 0\nRUN exec true\nRUN b\n",
        &[(2, 4, 1)],
        "FROM b\nRUN /bin/sh -c 'exit 0' \\\n && /bin/sh -c 'exec true' \\\n && b\n",
    ),
    (
        "quotes, continuations and comments are kept in isolation",
        "FROM b\nRUN export A='it'; \\\n  # don't touch\n  echo \"it's $A\" \\\n   > f\nRUN b\n",
        &[(2, 6, 1)],
        "FROM b\nRUN /bin/sh -c 'export A='\\''it'\\''; \\\n  # don't touch\n  echo \"it'\\''s $A\" \\\n   > f' \\\n && b\n",
    ),
    (
        "a compound command is isolated",
        "FROM b\nRUN if a; then aa; fi\nRUN for i in 1 2; do b; done\n",
        &[(2, 3, 1)],
        "FROM b\nRUN /bin/sh -c 'if a; then aa; fi' \\\n && /bin/sh -c 'for i in 1 2; do b; done'\n",
    ),
    (
        "the shell is the image's",
        "FROM b\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nRUN cd / && a\nRUN b | bb\n",
        &[(3, 4, 1)],
        "FROM b\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nRUN /bin/bash -o pipefail -c 'cd / && a' \\\n && b | bb\n",
    ),
    (
        "the shell of an earlier stage is inherited",
        "FROM b AS one\nSHELL [\"/bin/bash\", \"-c\"]\nFROM one\nRUN umask 0 && a\nRUN b\n",
        &[(4, 5, 1)],
        "FROM b AS one\nSHELL [\"/bin/bash\", \"-c\"]\nFROM one\nRUN /bin/bash -c 'umask 0 && a' \\\n && b\n",
    ),
    (
        "a heredoc's marker within quotes is no heredoc",
        "FROM b\nRUN cd / && echo '<<EOF'\nRUN b\n",
        &[(2, 3, 1)],
        "FROM b\nRUN /bin/sh -c 'cd / && echo '\\''<<EOF'\\''' \\\n && b\n",
    ),
    (
        "a barrier splits, and each side is chained for itself",
        "FROM b\nRUN a\nRUN c\nENV e=1\nRUN d\nRUN f\n",
        &[(2, 3, 1), (5, 6, 1)],
        "FROM b\nRUN a \\\n && c\nENV e=1\nRUN d \\\n && f\n",
    ),
];

#[test]
fn runs_are_chained_at_their_spans() {
    for (name, source, dead, expected) in CHAINED {
        assert_eq!(rewritten(source, dead).as_deref(), Some(*expected), "{name}");
    }
}
