//! The other readers, and for each the facts that it states and this crate must state alike.

use dockerfile_parser::Instruction as Hpe;
use parse_dockerfile::{Command, Instruction as Taiki, JsonOrStringArray, Source, UnescapedString};
use strata_dockerfile::{Copy, CopySource, Dockerfile, Kind, Pair, ShellOrExec, Spanned, expand};

/// Facts about a file, one line each, in file order.
type Facts = Vec<String>;

pub(crate) struct Reader {
    pub(crate) name: &'static str,
    /// What the reader says; `None` if it rejects the file.
    pub(crate) read: fn(&str) -> Option<Facts>,
    /// What this crate says, as far as the reader could.
    pub(crate) ours: fn(&Dockerfile) -> Facts,
}

pub(crate) const READERS: [Reader; 2] = [
    Reader { name: "dockerfile-parser", read: read_hpe, ours: ours_for_hpe },
    Reader { name: "parse-dockerfile", read: read_taiki, ours: ours_for_taiki },
];

/// Keywords; of FROM, ARG and LABEL what they say, quotes removed from labels.
fn read_hpe(text: &str) -> Option<Facts> {
    let file = dockerfile_parser::Dockerfile::parse(text).ok()?;
    Some(file.instructions.iter().map(fact_of_hpe).collect())
}

fn fact_of_hpe(instruction: &Hpe) -> String {
    match instruction {
        Hpe::From(from) => {
            let alias = from.alias.as_ref().map(|alias| alias.content.as_str());
            format!("FROM {} {alias:?}", from.image.content)
        }
        Hpe::Arg(arg) => {
            let value = arg.value.as_ref().map(|value| value.content.as_str());
            format!("ARG {} {value:?}", arg.name.content)
        }
        Hpe::Label(labels) => {
            let pairs: Vec<(&str, &str)> =
                labels.labels.iter().map(|label| (label.name.content.as_str(), label.value.content.as_str())).collect();
            format!("LABEL {pairs:?}")
        }
        Hpe::Run(_) => "RUN".to_owned(),
        Hpe::Entrypoint(_) => "ENTRYPOINT".to_owned(),
        Hpe::Cmd(_) => "CMD".to_owned(),
        Hpe::Copy(_) => "COPY".to_owned(),
        Hpe::Env(_) => "ENV".to_owned(),
        Hpe::Misc(misc) => misc.instruction.content.to_uppercase(),
    }
}

fn ours_for_hpe(file: &Dockerfile) -> Facts {
    let facts = file.instructions.iter().map(|instruction| match &instruction.kind {
        Kind::From(from) => {
            format!("FROM {} {:?}", from.image.value, text(from.alias.as_ref()))
        }
        Kind::Arg(names) => {
            let [arg] = names.as_slice() else {
                return "ARG of several names".to_owned();
            };
            format!("ARG {} {:?}", arg.name.value, arg.default.as_ref().map(plain))
        }
        Kind::Label(pairs) => format!("LABEL {:?}", plain_pairs(pairs)),
        _ => instruction.keyword.value.to_uppercase(),
    });
    facts.collect()
}

fn text(value: Option<&Spanned<String>>) -> Option<&str> {
    value.map(|value| value.value.as_str())
}

/// Quotes and escapes removed.
fn plain(value: &Spanned<String>) -> String {
    let as_written = |name: &str| Some(format!("${{{name}}}"));
    expand::word(&value.value, '\\', &as_written).unwrap().text
}

fn plain_pairs(pairs: &[Pair]) -> Vec<(String, String)> {
    pairs.iter().map(|pair| (plain(&pair.key), plain(&pair.value))).collect()
}

/// Keywords and flags of all instructions, what FROM and the instructions of one word say, sources
/// and destinations, the strings of exec forms. Shell forms, ENV, ARG and LABEL it does not read.
fn read_taiki(text: &str) -> Option<Facts> {
    // with `parse`, a second stage of the same name would be an error
    parse_dockerfile::parse_iter(text).ok()?.map(|instruction| Some(fact_of_taiki(&instruction.ok()?))).collect()
}

fn fact_of_taiki(instruction: &Taiki<'_>) -> String {
    match instruction {
        Taiki::From(from) => {
            let alias = from.as_.as_ref().map(|(_, alias)| alias.value.as_ref());
            format!("FROM {} {alias:?}", from.image.value)
        }
        Taiki::Add(add) => format!("ADD {} {:?}", sources(&add.src), add.dest.value),
        Taiki::Copy(copy) => format!("COPY {} {:?}", sources(&copy.src), copy.dest.value),
        Taiki::Run(run) => format!("RUN {}", command(&run.arguments)),
        Taiki::Cmd(cmd) => format!("CMD {}", command(&cmd.arguments)),
        Taiki::Entrypoint(entrypoint) => format!("ENTRYPOINT {}", command(&entrypoint.arguments)),
        Taiki::Shell(shell) => format!("SHELL {:?}", strings(&shell.arguments)),
        Taiki::Expose(expose) => format!("EXPOSE {:?}", strings(&expose.arguments)),
        Taiki::Volume(volume) => match &volume.arguments {
            JsonOrStringArray::Json(paths) => format!("VOLUME {:?}", strings(&paths.value)),
            JsonOrStringArray::String(paths) => format!("VOLUME {:?}", strings(paths)),
        },
        Taiki::User(user) => format!("USER {:?}", user.arguments.value),
        Taiki::Workdir(workdir) => format!("WORKDIR {:?}", workdir.arguments.value),
        Taiki::Stopsignal(signal) => format!("STOPSIGNAL {:?}", signal.arguments.value),
        Taiki::Maintainer(name) => format!("MAINTAINER {:?}", name.name.value),
        Taiki::Onbuild(onbuild) => format!("ONBUILD {}", fact_of_taiki(&onbuild.instruction)),
        Taiki::Env(_) => "ENV".to_owned(),
        Taiki::Arg(_) => "ARG".to_owned(),
        Taiki::Label(_) => "LABEL".to_owned(),
        Taiki::Healthcheck(_) => "HEALTHCHECK".to_owned(),
        other => format!("{other:?}"),
    }
}

fn strings(values: &[UnescapedString<'_>]) -> Vec<String> {
    values.iter().map(|value| value.value.to_string()).collect()
}

fn command(command: &Command<'_>) -> String {
    match command {
        Command::Exec(words) => format!("{:?}", strings(&words.value)),
        _ => "shell".to_owned(),
    }
}

fn sources(sources: &[Source<'_>]) -> String {
    let each = sources.iter().map(|source| match source {
        Source::Path(path) => path.value.to_string(),
        Source::HereDoc(heredoc) => format!("heredoc {} {:?}", heredoc.expand, heredoc.value),
        other => format!("{other:?}"),
    });
    each.collect::<Vec<_>>().join(" ")
}

fn ours_for_taiki(file: &Dockerfile) -> Facts {
    file.instructions.iter().map(|instruction| ours_of(&instruction.kind)).collect()
}

fn ours_of(kind: &Kind) -> String {
    let values = |list: &[Spanned<String>]| -> Vec<String> { list.iter().map(|value| value.value.clone()).collect() };
    let command = |command: &ShellOrExec| match command {
        ShellOrExec::Exec(words) => format!("{:?}", values(words)),
        ShellOrExec::Shell(_) => "shell".to_owned(),
    };
    match kind {
        Kind::From(from) => format!("FROM {} {:?}", from.image.value, text(from.alias.as_ref())),
        Kind::Add(add) => format!("ADD {}", ours_of_copy(add)),
        Kind::Copy(copy) => format!("COPY {}", ours_of_copy(copy)),
        Kind::Run(run) => format!("RUN {}", command(&run.command)),
        Kind::Cmd(cmd) => format!("CMD {}", command(cmd)),
        Kind::Entrypoint(entrypoint) => format!("ENTRYPOINT {}", command(entrypoint)),
        Kind::Shell(words) => format!("SHELL {:?}", values(words)),
        Kind::Expose(ports) => format!("EXPOSE {:?}", values(ports)),
        Kind::Volume(paths) => format!("VOLUME {:?}", values(paths)),
        Kind::User(user) => format!("USER {:?}", user.value),
        Kind::Workdir(path) => format!("WORKDIR {:?}", path.value),
        Kind::StopSignal(signal) => format!("STOPSIGNAL {:?}", signal.value),
        Kind::Maintainer(name) => format!("MAINTAINER {:?}", name.value),
        Kind::Onbuild(onbuild) => format!("ONBUILD {}", ours_of(&onbuild.inner.kind)),
        Kind::Env(_) => "ENV".to_owned(),
        Kind::Arg(_) => "ARG".to_owned(),
        Kind::Label(_) => "LABEL".to_owned(),
        Kind::Healthcheck(_) => "HEALTHCHECK".to_owned(),
    }
}

fn ours_of_copy(copy: &Copy) -> String {
    let each = copy.sources.iter().map(|source| match source {
        CopySource::Path(path) => path.value.clone(),
        CopySource::Heredoc(heredoc) => {
            format!("heredoc {} {:?}", heredoc.expand, heredoc.content)
        }
    });
    let sources = each.collect::<Vec<_>>().join(" ");
    format!("{sources} {:?}", copy.destination.value)
}
