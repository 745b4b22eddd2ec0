//! What holds for any input: nothing panics or hangs, spans lie within the source, no edit changes
//! nothing.

use proptest::prelude::*;
use strata_dockerfile::{
    CopySource, Heredoc, Instruction, Kind, ShellOrExec, Span, Spanned, edit, expand, glob, ignore::IgnoreSet, parse,
    parse_trigger,
};

/// Pieces of Dockerfiles, so that random files get past the first line.
const PIECES: &[&str] = &[
    "FROM a",
    " AS b",
    "RUN ",
    "COPY ",
    "ADD ",
    "ENV ",
    "ARG ",
    "LABEL ",
    "CMD ",
    "SHELL ",
    "HEALTHCHECK ",
    "ONBUILD ",
    "VOLUME ",
    "EXPOSE ",
    "USER ",
    "NONE",
    "--from=x ",
    "--chown=\"a b\" ",
    "--mount=type=cache ",
    "-- ",
    "\\\n",
    "\n",
    "\r\n",
    "# c\n",
    "# escape=`\n",
    "`\n",
    "<<EOF ",
    "<<-'E O' ",
    "\nEOF\n",
    "\n\tE O\n",
    "[\"a\", \"b\"]",
    "[\"a\", 1]",
    "[",
    "]",
    "\"",
    "'",
    "=",
    "a=b ",
    "$a",
    "${a:-",
    "${a/b/c}",
    "}",
    "é",
    "\u{feff}",
    "\u{a0}",
    "\u{85}",
    "\0",
    "\x0b",
    "\t",
    " ",
    "\\",
    "x",
    "0",
    "a b",
];

fn dockerfile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        9 => proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// All spans of an instruction, its own first.
fn spans(instruction: &Instruction) -> Vec<Span> {
    let mut spans = vec![instruction.span, instruction.keyword.span];
    spans.extend(&instruction.comments);
    let mut words: Vec<&Spanned<String>> = instruction.flags.iter().collect();
    let heredoc_spans = |heredoc: &Heredoc| [heredoc.marker, heredoc.body];
    match &instruction.kind {
        Kind::From(from) => {
            words.push(&from.image);
            words.extend(from.alias.iter().chain(&from.platform));
        }
        Kind::Arg(names) => {
            for arg in names {
                words.push(&arg.name);
                words.extend(&arg.default);
            }
        }
        Kind::Env(pairs) | Kind::Label(pairs) => {
            words.extend(pairs.iter().flat_map(|pair| [&pair.key, &pair.value]));
        }
        Kind::Run(run) => {
            spans.push(run.command_span);
            spans.extend(run.heredocs.iter().flat_map(heredoc_spans));
            for mount in &run.mounts {
                words.push(&mount.text);
                words.extend(mount.options.iter().map(|option| &option.name));
                words.extend(mount.options.iter().filter_map(|option| option.value.as_ref()));
            }
            words.extend(command(&run.command));
        }
        Kind::Copy(copy) | Kind::Add(copy) => {
            words.push(&copy.destination);
            words.extend(copy.from.iter().chain(&copy.chown).chain(&copy.exclude));
            for source in &copy.sources {
                match source {
                    CopySource::Path(path) => words.push(path),
                    CopySource::Heredoc(heredoc) => spans.extend(heredoc_spans(heredoc)),
                }
            }
        }
        Kind::Cmd(it) | Kind::Entrypoint(it) => words.extend(command(it)),
        Kind::Shell(list) | Kind::Expose(list) | Kind::Volume(list) => words.extend(list),
        Kind::User(it) | Kind::Workdir(it) | Kind::StopSignal(it) | Kind::Maintainer(it) => {
            words.push(it);
        }
        Kind::Onbuild(onbuild) => spans.extend(self::spans(&onbuild.inner)),
        Kind::Healthcheck(_) => {}
    }
    spans.extend(words.iter().map(|word| word.span));
    spans
}

fn command(command: &ShellOrExec) -> Vec<&Spanned<String>> {
    match command {
        ShellOrExec::Shell(text) => vec![text],
        ShellOrExec::Exec(words) => words.iter().collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn reading_never_panics_and_spans_lie_within(source in dockerfile()) {
        let parsed = parse(&source);
        for diagnostic in &parsed.diagnostics {
            let Span { start, end } = diagnostic.span;
            prop_assert!(start <= end && end <= source.len(), "{:?}", diagnostic);
        }
        let mut after = 0;
        for instruction in &parsed.file.instructions {
            let whole = instruction.span;
            prop_assert!(after <= whole.start && whole.end <= source.len());
            after = whole.end;
            prop_assert!(1 <= instruction.lines.0 && instruction.lines.0 <= instruction.lines.1);
            for Span { start, end } in spans(instruction) {
                prop_assert!(start <= end && whole.start <= start && end <= whole.end, "{:?}", instruction);
            }
        }
        prop_assert!(parsed.file.stages().stages.len() <= parsed.file.instructions.len());
        let _ = parse_trigger(&String::from_utf8_lossy(&source));
    }

    #[test]
    fn reading_any_bytes_never_panics(source in proptest::collection::vec(any::<u8>(), 0..200)) {
        let parsed = parse(&source);
        for diagnostic in parsed.diagnostics {
            prop_assert!(diagnostic.span.end <= source.len());
        }
    }

    #[test]
    fn a_trigger_that_was_read_is_read_again_alike(source in dockerfile()) {
        for instruction in parse(&source).file.instructions {
            if let Kind::Onbuild(onbuild) = instruction.kind
                // the escape directive does not travel with the image
                && !source.contains(&b'`')
            {
                let again = parse_trigger(&onbuild.trigger);
                prop_assert!(again.is_ok(), "{:?}", onbuild.trigger);
            }
        }
    }

    #[test]
    fn expanding_never_panics(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..30),
        value in ".{0,12}",
    ) {
        let text = pieces.concat();
        let env = |name: &str| (name == "a").then(|| value.clone());
        let one = expand::word(&text, '\\', &env);
        let many = expand::words(&text, '\\', &env);
        prop_assert_eq!(one.is_ok(), many.is_ok());
        let _ = expand::heredoc(&text, &env);
    }

    #[test]
    fn no_edits_change_nothing(source in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(edit::apply(&source, &[]), Ok(source.clone()));
        prop_assert_eq!(edit::unified_diff("Dockerfile", &source, &source), "");
    }

    #[test]
    fn edits_of_a_span_to_itself_change_nothing(text in "\\PC{0,60}", a in 0_usize..60, b in 0_usize..60) {
        let at = |n: usize| text.char_indices().map(|(at, _)| at).nth(n).unwrap_or(text.len());
        let (start, end) = (at(a.min(b)), at(a.max(b)));
        let edit = edit::Edit {
            span: Span { start, end },
            replacement: text[start..end].to_owned(),
        };
        prop_assert_eq!(edit::apply(text.as_bytes(), &[edit]), Ok(text.clone().into_bytes()));
    }

    #[test]
    fn globs_and_ignore_files_never_panic_or_hang(
        pattern in "[*?\\[\\]\\\\^a/é!.#-]{0,40}",
        name in "[aé/.]{0,60}",
    ) {
        let matched = glob::matches(pattern.as_bytes(), name.as_bytes());
        if !glob::has_meta(pattern.as_bytes()) {
            prop_assert_eq!(matched, Ok(pattern == name));
        }
        if let Ok(set) = IgnoreSet::parse(pattern.as_bytes()) {
            let below = format!("{name}/a");
            // what is excluded with all below it cannot hold anything that is not
            if set.excluded_by(name.as_bytes()).is_some() && !set.may_reinclude_below(name.as_bytes()) {
                prop_assert!(set.excluded_by(below.as_bytes()).is_some());
            }
        }
    }

    #[test]
    fn a_walk_that_skips_directories_loses_no_file(
        patterns in proptest::collection::vec("!?(\\*\\*/|\\*/|[ab]/){0,2}(\\*\\*|[ab]\\*?)", 1..5),
        path in "[ab]/[ab]/[ab]/[ab]",
    ) {
        let Ok(set) = IgnoreSet::parse(patterns.join("\n").as_bytes()) else {
            return Ok(());
        };
        let skipped = path.match_indices('/').any(|(at, _)| {
            let dir = &path.as_bytes()[..at];
            set.excluded_by(dir).is_some() && !set.may_reinclude_below(dir)
        });
        prop_assert!(!skipped || set.excluded_by(path.as_bytes()).is_some());
    }
}
