//! `SOURCE_DATE_EPOCH`: the time that a build says it is.
//!
//! | value | time |
//! |---|---|
//! | a number | those seconds since 1970 |
//! | nothing | none |
//! | `context`, the name of a `--build-context` | of its commit, of the answer that it came with, or of its newest file |
//! | the name of a stage | the same of the one thing that the stage fetches |
//!
//! A folder, an image and a file without a time give none, as in `BuildKit`.

use std::borrow::Cow;

use strata_dockerfile::{Copy, CopySource, Dockerfile, Kind, Stage};

use crate::{
    Error, Result,
    cause::Cause,
    contexts,
    options::{NamedContext, Options},
    remote::{
        Fetcher,
        git::{self, Source},
        http::{self, Checksum},
    },
    vars::{ArgSources, Vars, declare, word},
};

/// The build argument, the variable of the environment, and the ARG before the first FROM.
const NAME: &str = "SOURCE_DATE_EPOCH";

/// What a stage must be whose time is taken.
const SOURCE_ONLY: &str =
    "the stage of that name is not FROM scratch with nothing but ARGs and one ADD of one URL or git repository";

/// The epoch of a build: of `--build-arg`, else of an ARG before the first FROM, else of the environment. Where it is a name,
/// its seconds take the place of that in the arguments, so that steps see them.
pub(crate) fn settle<'o>(
    file: &Dockerfile,
    globals: &mut Vars,
    options: &'o Options,
    fetcher: &Fetcher,
) -> Result<(Option<i64>, Cow<'o, Options>)> {
    let given = globals.lookup(NAME).or_else(|| options.build_args.get(NAME).map(String::as_str));
    let Some(text) = given.map(str::to_owned) else {
        return Ok((options.epoch, Cow::Borrowed(options)));
    };
    if text.is_empty() {
        return Ok((None, Cow::Borrowed(options)));
    }
    if let Some(seconds) = text.parse().ok().filter(|seconds: &i64| *seconds >= 0) {
        return Ok((Some(seconds), Cow::Borrowed(options)));
    }
    let epoch = named(&text, file, globals, options, fetcher)?;
    let seconds = epoch.map(|epoch| epoch.to_string()).unwrap_or_default();
    let mut options = options.clone();
    if let Some(argument) = options.build_args.get_mut(NAME) {
        argument.clone_from(&seconds);
    }
    if globals.lookup(NAME).is_some() {
        globals.set(NAME, seconds);
    }
    Ok((epoch, Cow::Owned(options)))
}

fn named(text: &str, file: &Dockerfile, globals: &Vars, options: &Options, fetcher: &Fetcher) -> Result<Option<i64>> {
    if text == "context" {
        return Ok(options.context.epoch);
    }
    match contexts::name_key(text).and_then(|key| options.named_contexts.get(&key)) {
        Some(NamedContext::Directory(directory)) => return Ok(directory.epoch),
        Some(NamedContext::Image(_)) => return Ok(None),
        None => {}
    }
    let stages = file.stages().stages;
    let wanted = text.to_lowercase();
    let Some(stage) = stages.iter().find(|stage| stage.name.as_deref() == Some(&wanted)) else {
        let reason = "it is not a number of seconds, nor the name of a context or a stage";
        return Err(Error::Epoch { text: text.to_owned(), reason });
    };
    let invalid = || Error::Epoch { text: text.to_owned(), reason: SOURCE_ONLY };
    let escape = file.escape;
    let at = |cause| Error::at(stage.from_instruction.span, cause);
    let mut vars = globals.clone();
    vars.remove(NAME);
    if word(&stage.from.image, escape, &vars).map_err(at)? != "scratch" {
        return Err(invalid());
    }
    let add = arguments(stage, escape, &mut vars, options)?.ok_or_else(invalid)?;
    let [CopySource::Path(source)] = add.sources.as_slice() else {
        return Err(invalid());
    };
    let source = word(source, escape, &vars).map_err(at)?;
    let checksum = add.checksum.as_ref().map(|checksum| word(checksum, escape, &vars)).transpose().map_err(at)?;
    let checksum = checksum.filter(|checksum| !checksum.is_empty());
    if let Some(mut repository) = Source::parse(&source)? {
        if let Some(checksum) = checksum {
            repository.require(&checksum)?;
        }
        let commit = git::resolve(fetcher, &repository)?;
        return Ok(Some(git::time(fetcher, &repository, &commit)?));
    }
    if !contexts::is_url(&source) {
        return Err(invalid());
    }
    let checksum = checksum.map(|checksum| checksum.parse::<Checksum>()).transpose()?;
    let fetched = http::fetch(fetcher, &source, checksum, &mut |_| {})?;
    Ok(match fetched.modified {
        Some(modified) => Some(modified.seconds),
        None => contexts::newest_file(fetched.open()?),
    })
}

/// Sets the ARGs of a stage, and gives its one ADD; `None` where there is anything else.
fn arguments<'s>(stage: &Stage<'s>, escape: char, vars: &mut Vars, options: &Options) -> Result<Option<&'s Copy>> {
    let mut found = None;
    // what stands before the ADD is all that it sees
    let mut seen = vars.clone();
    for instruction in &stage.instructions {
        match &instruction.kind {
            Kind::Arg(decls) => {
                for decl in decls {
                    let sources = ArgSources { given: &options.build_args, global: &Vars::default(), escape };
                    let declared =
                        declare(decl, sources, &seen).map_err(|cause: Cause| Error::at(instruction.span, cause))?;
                    if let Some(value) = declared.value {
                        seen.set(&declared.name, value);
                    }
                }
            }
            Kind::Add(add) if found.is_none() => {
                found = Some(add);
                vars.clone_from(&seen);
            }
            _ => return Ok(None),
        }
    }
    Ok(found)
}
