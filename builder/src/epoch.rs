//! `SOURCE_DATE_EPOCH`: the time that a build says it is.

use crate::{
    Error, Result,
    options::{NamedContext, Options},
    vars::Vars,
};

/// The build argument, the variable of the environment, and the ARG before the first FROM.
const NAME: &str = "SOURCE_DATE_EPOCH";

/// The epoch of a build: of `--build-arg`, else of an ARG before the first FROM, else of the environment. An empty value means
/// none. `context` and the name of a named context mean the time of what that is: of its commit, or of the newest entry of its
/// archive.
pub(crate) fn of(globals: &Vars, options: &Options) -> Result<Option<i64>> {
    let Some(text) = globals.lookup(NAME).or_else(|| options.build_args.get(NAME).map(String::as_str)) else {
        return Ok(options.epoch);
    };
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(seconds) = text.parse().ok().filter(|seconds: &i64| *seconds >= 0) {
        return Ok(Some(seconds));
    }
    let context = match options.named_contexts.get(text) {
        Some(NamedContext::Directory(directory)) => Some(directory),
        _ if text == "context" => Some(&options.context),
        _ => None,
    };
    let invalid = |reason| Error::Epoch { text: text.to_owned(), reason };
    match context {
        None => Err(invalid("it is not a number of seconds, nor the name of a context")),
        Some(context) => {
            context.epoch.map(Some).ok_or_else(|| invalid("a folder has no time of its own: commits and archives have"))
        }
    }
}
