//! The table of rules: what `strata check` explains, and docs/checks.md shows.

/// A rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name, which is the code of its diagnostics and what `# check=skip=` takes.
    pub name: &'static str,
    /// What it asks for, in one line.
    pub description: &'static str,
    /// Why, and what to do.
    pub explanation: &'static str,
    /// Whether it counts only when `# check=experimental=` asks for it.
    pub experimental: bool,
}

const fn rule(name: &'static str, description: &'static str, explanation: &'static str) -> Rule {
    Rule { name, description, explanation, experimental: false }
}

/// All of them, in the order of their names.
pub const RULES: [Rule; 22] = [
    rule(
        "ConsistentInstructionCasing",
        "All keywords should be in one case",
        "Keywords work in any case, but a file that mixes `RUN` and `run` is harder to read. The case of most of them is \
         taken for the wanted one; upper case when it is a draw.",
    ),
    rule(
        "CopyIgnoredFile",
        "COPY and ADD should not name what the ignore file excludes",
        "The step will fail, or copy nothing, since the file is not part of the context. Change the source, or the line of \
         `.dockerignore` that the warning names. An ignore file with a `!` line is not judged.",
    ),
    rule(
        "DuplicateStageName",
        "Stage names should be unique",
        "A second stage of the same name hides the first one from every `FROM` and `COPY --from` after it.",
    ),
    rule(
        "ExposeInvalidFormat",
        "EXPOSE should have no address and no port of the host",
        "An image says which ports its process listens on. Where they appear on a host is said when it is run: \
         `-p 127.0.0.1:80:8080`.",
    ),
    rule(
        "ExposeProtoCasing",
        "Protocols in EXPOSE should be in lower case",
        "`80/TCP` is kept as `80/tcp`; writing it so avoids that two spellings of one port are compared.",
    ),
    rule(
        "FromAsCasing",
        "FROM and AS should be in the same case",
        "`FROM image as name` works, and reads as two styles in one line.",
    ),
    rule(
        "FromPlatformFlagConstDisallowed",
        "FROM --platform should not be a constant",
        "A constant makes an image for one platform out of every build, also when another one is asked for. Use \
         `$BUILDPLATFORM` for stages that compile for others, or leave the flag out. A stage that is named after its \
         platform is not judged.",
    ),
    rule(
        "InvalidBaseImagePlatform",
        "The base image should be for the wanted platform",
        "The image of this name in the store is for another platform than the build's: its programs will not run there.",
    ),
    rule(
        "InvalidDefaultArgInFrom",
        "FROM should name an image also without build arguments",
        "`ARG TAG` without a default, followed by `FROM busybox:$TAG`, fails for who does not know of the argument. Give it \
         a default.",
    ),
    Rule {
        experimental: true,
        ..rule(
            "InvalidDefinitionDescription",
            "A comment above a stage or an ARG should describe it",
            "`# name what it is for` above `FROM image AS name` or `ARG name` is shown as its description. A comment that \
             is none is set apart by an empty comment, `#`.",
        )
    },
    rule(
        "JSONArgsRecommended",
        "CMD and ENTRYPOINT should be JSON arrays",
        "In the shell form `/bin/sh -c` is the first process, which hands no signal on: stopping the container waits for \
         the timeout and then kills. With a SHELL that was chosen on purpose nothing is said.",
    ),
    rule(
        "LegacyKeyValueFormat",
        "ENV and LABEL should have `=` between name and value",
        "In `ENV ONE TWO= THREE=3` everything after the first blank is the value of `ONE`, which is seldom meant.",
    ),
    rule(
        "MaintainerDeprecated",
        "MAINTAINER should be a label",
        "MAINTAINER is deprecated; `org.opencontainers.image.authors` is the label that tools look for.",
    ),
    rule(
        "MultipleInstructionsDisallowed",
        "A stage should have one CMD, ENTRYPOINT and HEALTHCHECK",
        "Only the last one counts; the ones before it do nothing.",
    ),
    rule(
        "NoEmptyContinuation",
        "There should be no blank line within an instruction",
        "The instruction goes on after the blank line, though it looks as if it ended there. A later version of the \
         language will refuse it.",
    ),
    rule(
        "RedundantTargetPlatform",
        "FROM --platform=$TARGETPLATFORM says nothing",
        "That is the platform of every FROM without the flag.",
    ),
    rule(
        "ReservedStageName",
        "Stages should not be called scratch or context",
        "Both mean something else in `FROM` and `--from`.",
    ),
    rule(
        "SecretsUsedInArgOrEnv",
        "ARG and ENV should hold no secrets",
        "Their values are part of the image's config and history, for everybody who has the image. A secret mount shows a \
         value to one step and leaves nothing behind. Names are judged by their words; `public`, `file` and `version` \
         make one harmless.",
    ),
    rule(
        "StageNameCasing",
        "Stage names should be in lower case",
        "Names of stages are compared without regard to case, and images, which they stand beside, have lower-case names.",
    ),
    rule(
        "UndefinedArgInFrom",
        "FROM should use declared ARGs",
        "Only the ARGs before the first FROM, and the predefined ones such as `TARGETARCH`, are seen there; any other \
         variable is empty.",
    ),
    rule(
        "UndefinedVar",
        "Variables should be set before they are used",
        "An unset variable is empty, without a word. On top of a base image that is not in the store only probable slips \
         are told, since the image may set the variable.",
    ),
    rule(
        "WorkdirRelativePath",
        "The first WORKDIR of a stage should be absolute",
        "A relative one begins at whatever the base image has, and moves when a new version of it does. A base image that \
         is in the store and has a working directory is trusted.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_sorted_and_unique() {
        assert!(RULES.is_sorted_by(|a, b| a.name < b.name));
    }
}
