//! COPY and ADD made ready: what their words are, and where it comes from.

use std::sync::Arc;

use strata_dockerfile::{self as dockerfile, exclude::Excludes};
use strata_image::Timestamp;

use super::{Builder, Place};
use crate::{
    Result,
    arguments::Arguments,
    below::Below,
    cause::Cause,
    copy::{self, Copy, Extract, Pick, TreePick},
    draft::{Clock, Draft},
    key::KeyWriter,
    owner,
    remote::{
        Fetcher, RemoteError,
        git::{self, Source},
        http::{self, Checksum},
    },
    selection::Origin,
    sources::Sources,
    state::State,
    step::Step,
    tree::open_root,
};

/// The build argument that keeps `.git` in contexts and in what ADD fetches.
const KEEP_GIT_DIR: &str = "BUILDKIT_CONTEXT_KEEP_GIT_DIR";

impl Builder<'_> {
    pub(super) fn copy(
        &self,
        copy: &dockerfile::Copy,
        is_add: bool,
        place: Place<'_>,
        state: &mut State,
    ) -> Result<()> {
        let planned = place.planned;
        let at = |cause| planned.failed(cause);
        let arguments = Arguments::expand(copy, planned.escape, &state.vars).map_err(at)?;
        let text = arguments.text(is_add);
        let mut sources: Option<Arc<Sources<'_>>> = None;
        let mut picks = Vec::new();
        for word in &arguments.words {
            if let Some(pick) = self.remote(copy, is_add, word, &arguments).map_err(at)? {
                picks.push(pick);
                continue;
            }
            let sources = match &sources {
                Some(sources) => sources,
                None => sources.insert(self.sources(planned, planned.copies_from.as_ref())?),
            };
            picks.push(Pick::Tree(TreePick::new(Arc::clone(sources), word.as_str())));
        }
        let link = copy.link.as_ref().is_some_and(|link| link.value);
        let link_owner = match &arguments.chown {
            Some(chown) if link => Some(self.owner_below(chown, state).map_err(at)?),
            _ => None,
        };
        let step = Copy {
            extract: match copy.unpack.as_ref().map(|unpack| unpack.value) {
                _ if !is_add => Extract::Nothing,
                Some(false) => Extract::Nothing,
                Some(true) => Extract::Everything,
                None => Extract::Local,
            },
            picks,
            parents: arguments.parents,
            exclude: arguments.exclude,
            excludes: arguments.excludes,
            inline: arguments.inline,
            destination: copy::destination(state.workdir(), &arguments.destination),
            chown: arguments.chown,
            chmod: arguments.chmod,
            link,
            link_owner,
        };
        self.layer(place, state, &Step::Draft(Box::new(step)), &text)
    }

    /// A directory of `--build-context` as the base of a stage: one layer of its files, and an empty config.
    pub(super) fn directory_base(&self, name: &str, place: Place<'_>) -> Result<State> {
        let mut state = State::directory(place.planned_stage.platform.clone());
        let sources = Arc::new(Sources::context(self.named_context(name)?));
        let step = Copy {
            extract: Extract::Nothing,
            picks: vec![Pick::Tree(TreePick::new(sources, "."))],
            parents: false,
            exclude: Vec::new(),
            excludes: Excludes::default(),
            inline: Vec::new(),
            destination: "/".into(),
            chown: None,
            chmod: None,
            link: false,
            link_owner: None,
        };
        self.layer(place, &mut state, &Step::Draft(Box::new(step)), &format!("local source for {name}"))?;
        state.becomes_base();
        Ok(state)
    }

    /// The owner that a name means in the stage, for a layer that does not see the stage.
    fn owner_below(&self, chown: &str, state: &State) -> Result<(u64, u64), Cause> {
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let below = if chown.split(':').all(is_number) {
            Below::default()
        } else {
            state.stack.below(&self.engine.snapshots)?
        };
        owner::resolve(&mut Draft::new(&below, Clock { now: Timestamp::EPOCH, latest: None }), chown)
    }

    /// What ADD fetches from elsewhere; `None` for a path.
    fn remote(
        &self,
        copy: &dockerfile::Copy,
        is_add: bool,
        word: &str,
        arguments: &Arguments,
    ) -> Result<Option<Pick<'static>>, Cause> {
        let failed = |error: RemoteError| Cause::Remote(Box::new(error));
        let checksum = arguments.checksum.as_deref().filter(|checksum| !checksum.is_empty());
        if checksum.is_some() && arguments.words.len() + arguments.inline.len() != 1 {
            return Err(source_error(word, "checksum can't be specified for multiple sources"));
        }
        // what --from names is never elsewhere
        let git = if copy.from.is_some() { None } else { Source::parse(word).map_err(failed)? };
        let is_url = word.starts_with("http://") || word.starts_with("https://");
        match git {
            Some(_) if !is_add => Err(source_error(word, "source can't be a git ref for COPY")),
            Some(mut source) => {
                if let Some(checksum) = checksum {
                    source.require(checksum).map_err(failed)?;
                }
                let fetcher = Fetcher::of_steps(self.engine, self.options, self.cache);
                let commit = git::resolve(&fetcher, &source).map_err(failed)?;
                let keeps_git = match &copy.keep_git_dir {
                    Some(keep) => keep.value,
                    None => self.options.build_args.get(KEEP_GIT_DIR).is_some_and(|value| value == "1"),
                };
                let mut identity = KeyWriter::new("git");
                identity.list(source.identity(&commit, keeps_git));
                let fetch = move || check_out(&fetcher, &source, &commit, keeps_git);
                let sources = Sources::fetched(identity.finish().to_string(), Box::new(fetch));
                Ok(Some(Pick::Tree(TreePick::new(Arc::new(sources), ""))))
            }
            None if is_url && !is_add => Err(source_error(word, "source can't be a URL for COPY")),
            None if is_url => {
                let checksum = checksum.map(str::parse::<Checksum>).transpose().map_err(failed)?;
                let file =
                    http::fetch(&Fetcher::of_steps(self.engine, self.options, self.cache), word, checksum, &mut |_| {})
                        .map_err(failed)?;
                Ok(Some(Pick::Download(file)))
            }
            None if checksum.is_some() => Err(source_error(word, "checksum requires HTTP(S) or Git sources")),
            None => Ok(None),
        }
    }
}

fn check_out(fetcher: &Fetcher, source: &Source, commit: &git::Commit, keeps_git: bool) -> Result<Origin, Cause> {
    let checkout = git::checkout(fetcher, source, commit, keeps_git).map_err(|error| Cause::Remote(Box::new(error)))?;
    let root =
        open_root(&checkout.path).map_err(|source| Cause::Host { operation: "open what git checked out", source })?;
    let mtime = Timestamp { seconds: checkout.time, nanoseconds: 0 };
    Ok(Origin::Fetched { root, mtime, _guard: Some(checkout.guard) })
}

fn source_error(word: &str, reason: &str) -> Cause {
    Cause::Value { what: "a source", text: crate::remote::redacted(word), reason: reason.to_owned() }
}
