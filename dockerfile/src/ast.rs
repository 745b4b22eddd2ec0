//! What a Dockerfile says: instructions with typed flags, unexpanded, each word with its span.
//!
//! Quotes, escapes and variables are still in the words: [`crate::expand`] removes them when the
//! step's environment is known.

use std::borrow::Cow;

use crate::{Span, Spanned, mount::RunMount};

/// A whole file.
#[derive(Clone, Debug)]
pub struct Dockerfile {
    /// The escape character: `\` or the backtick.
    pub escape: char,
    /// Parser directives in file order, names in lower case: `syntax`, `escape`, `check`.
    pub directives: Vec<(Spanned<String>, Spanned<String>)>,
    /// In file order, FROM and global ARG included ([`Dockerfile::stages`] cuts them).
    pub instructions: Vec<Instruction>,
}

/// A file cut at its FROMs.
#[derive(Clone, Debug)]
pub struct Stages<'a> {
    /// The ARGs before the first FROM.
    pub global_args: Vec<&'a Instruction>,
    /// One entry a FROM, in file order.
    pub stages: Vec<Stage<'a>>,
}

/// A FROM and what follows it.
#[derive(Clone, Debug)]
pub struct Stage<'a> {
    /// What the FROM says.
    pub from: &'a From,
    /// The instruction of the FROM.
    pub from_instruction: &'a Instruction,
    /// Its name in lower case, as references to it are compared. Two stages may have the same name:
    /// a reference means the last one before it.
    pub name: Option<String>,
    /// What follows, up to the next FROM.
    pub instructions: Vec<&'a Instruction>,
}

impl Dockerfile {
    /// Cuts the file into stages.
    ///
    /// Instructions that stand before the first FROM without being ARGs are in none of them (they
    /// are errors already).
    pub fn stages(&self) -> Stages<'_> {
        let mut cut = Stages { global_args: Vec::new(), stages: Vec::new() };
        for instruction in &self.instructions {
            match (&instruction.kind, cut.stages.last_mut()) {
                (Kind::From(from), _) => cut.stages.push(Stage {
                    from,
                    from_instruction: instruction,
                    name: from.alias.as_ref().map(|name| name.value.to_lowercase()),
                    instructions: Vec::new(),
                }),
                (_, Some(stage)) => stage.instructions.push(instruction),
                (Kind::Arg(_), None) => cut.global_args.push(instruction),
                (_, None) => {}
            }
        }
        cut
    }
}

/// One instruction.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// From the keyword to the end of its last line, heredoc bodies and terminators included,
    /// without the final line break.
    pub span: Span,
    /// Its first and last physical line, counted from 1.
    pub lines: (u32, u32),
    /// The keyword as written.
    pub keyword: Spanned<String>,
    /// The logical line: physical lines joined, comments and continuations gone, heredoc bodies not
    /// in it, trimmed. History entries show it.
    pub original: String,
    /// The flags in order (`--chown=bob`), their quotes and escapes removed; the span is of the
    /// flag as written. Typed ones are in `kind` too.
    pub flags: Vec<Spanned<String>>,
    /// The comments among its continuation lines, from `#` to the end of the line.
    pub comments: Vec<Span>,
    /// Whether it is joined from several lines by continuations.
    pub continued: bool,
    /// What it is.
    pub kind: Kind,
}

/// What an instruction is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// `FROM image [AS name]`
    From(From),
    /// `ARG name[=default]...`
    Arg(Vec<ArgDecl>),
    /// `ENV key=value...`
    Env(Vec<Pair>),
    /// `LABEL key=value...`
    Label(Vec<Pair>),
    /// `RUN command`
    Run(Run),
    /// `COPY source... destination`
    Copy(Copy),
    /// `ADD source... destination`
    Add(Copy),
    /// `CMD command`
    Cmd(ShellOrExec),
    /// `ENTRYPOINT command`
    Entrypoint(ShellOrExec),
    /// `SHELL ["word", ...]`, never empty
    Shell(Vec<Spanned<String>>),
    /// `EXPOSE port...`, in the order written (history has them sorted)
    Expose(Vec<Spanned<String>>),
    /// `VOLUME path...` or the JSON form
    Volume(Vec<Spanned<String>>),
    /// `USER name`
    User(Spanned<String>),
    /// `WORKDIR path`
    Workdir(Spanned<String>),
    /// `STOPSIGNAL signal`
    StopSignal(Spanned<String>),
    /// `MAINTAINER name`
    Maintainer(Spanned<String>),
    /// `HEALTHCHECK [flags] CMD command` or `HEALTHCHECK NONE`
    Healthcheck(Healthcheck),
    /// `ONBUILD instruction`
    Onbuild(Onbuild),
}

/// What a FROM says.
#[derive(Clone, Debug)]
pub struct From {
    /// The image or the earlier stage.
    pub image: Spanned<String>,
    /// The name after AS, as written.
    pub alias: Option<Spanned<String>>,
    /// `--platform`
    pub platform: Option<Spanned<String>>,
}

/// One name that an ARG declares.
#[derive(Clone, Debug)]
pub struct ArgDecl {
    /// The name.
    pub name: Spanned<String>,
    /// What follows `=`, empty included; `None` without `=`.
    pub default: Option<Spanned<String>>,
}

/// `key=value` or the legacy `key value`, quotes and escapes still in place.
#[derive(Clone, Debug)]
pub struct Pair {
    /// What stands before `=` (or the first white space of the legacy form); never empty.
    pub key: Spanned<String>,
    /// The value.
    pub value: Spanned<String>,
    /// Whether this is the form without `=`, whose value is the rest of the line.
    pub legacy: bool,
}

/// Shell form (`CMD a b`) or exec form (`CMD ["a","b"]`).
#[derive(Clone, Debug)]
pub enum ShellOrExec {
    /// The text for the shell; empty for a bare `CMD` or `ENTRYPOINT`.
    Shell(Spanned<String>),
    /// The strings of the JSON array, each with the span of its quotes and what they hold.
    Exec(Vec<Spanned<String>>),
}

/// What a RUN says.
#[derive(Clone, Debug)]
pub struct Run {
    /// The command; in shell form with the heredoc markers in it and the bodies in `heredocs`.
    pub command: ShellOrExec,
    /// The source of the command alone, after keyword and flags, before heredoc bodies. Whether
    /// comments or continuations lie in it, [`Instruction::comments`] and
    /// [`Instruction::continued`] say.
    pub command_span: Span,
    /// Heredocs in the order of their markers.
    pub heredocs: Vec<Heredoc>,
    /// The values of `--mount=`, their options taken apart.
    pub mounts: Vec<RunMount>,
    /// `--network=`
    pub network: Option<Spanned<Network>>,
    /// `--security=`: `sandbox` or `insecure`
    pub security: Option<Spanned<String>>,
    /// The values of `--device=`
    pub device: Vec<Spanned<String>>,
}

/// What a shell-form RUN gives to be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script<'a> {
    /// Text for the stage's SHELL.
    Text(Cow<'a, str>),
    /// A file to be made executable below `/dev/pipes/` and run: the body of a lone heredoc that
    /// begins with `#!`.
    File {
        /// The heredoc's delimiter.
        name: &'a str,
        /// The body.
        content: &'a str,
    },
}

impl Run {
    /// Gives what the shell form executes, heredocs considered; `None` for the exec form.
    ///
    /// A command that is one heredoc marker and nothing else means the heredoc's body. Any other
    /// command goes to the shell with the bodies below it, for the shell to redirect.
    pub fn script(&self) -> Option<Script<'_>> {
        let ShellOrExec::Shell(command) = &self.command else {
            return None;
        };
        Some(match self.heredocs.as_slice() {
            [] => Script::Text(Cow::Borrowed(&command.value)),
            [only, ..] if crate::heredoc::is_marker(&command.value) => {
                if only.content.starts_with("#!") {
                    Script::File { name: &only.name, content: &only.content }
                } else {
                    Script::Text(Cow::Borrowed(&only.content))
                }
            }
            bodies => Script::Text(Cow::Owned(crate::heredoc::reconstitute(&command.value, bodies))),
        })
    }
}

/// The network of a RUN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// The builder's usual network.
    Default,
    /// No network but loopback.
    None,
    /// The host's network.
    Host,
}

/// What COPY and ADD say.
#[derive(Clone, Debug)]
pub struct Copy {
    /// At least one source.
    pub sources: Vec<CopySource>,
    /// Where to.
    pub destination: Spanned<String>,
    /// Whether the arguments are a JSON array: words may hold white space then.
    pub json: bool,
    /// `--from` (COPY only), free of variables
    pub from: Option<Spanned<String>>,
    /// `--chown`
    pub chown: Option<Spanned<String>>,
    /// `--chmod`
    pub chmod: Option<Spanned<String>>,
    /// `--link`
    pub link: Option<Spanned<bool>>,
    /// `--parents` (COPY only)
    pub parents: Option<Spanned<bool>>,
    /// The values of `--exclude`
    pub exclude: Vec<Spanned<String>>,
    /// `--checksum` (ADD only)
    pub checksum: Option<Spanned<String>>,
    /// `--keep-git-dir` (ADD only)
    pub keep_git_dir: Option<Spanned<bool>>,
    /// `--unpack` (ADD only)
    pub unpack: Option<Spanned<bool>>,
}

/// One source of COPY or ADD.
#[derive(Clone, Debug)]
pub enum CopySource {
    /// A path or pattern.
    Path(Spanned<String>),
    /// A file written in the Dockerfile.
    Heredoc(Heredoc),
}

/// A here-document.
#[derive(Clone, Debug)]
pub struct Heredoc {
    /// The delimiter, quotes removed: the file's name in COPY.
    pub name: String,
    /// The digits before `<<`.
    pub fd: Option<u32>,
    /// Whether the delimiter is free of quotes: COPY expands variables in the body then.
    pub expand: bool,
    /// Whether the marker is `<<-`.
    pub strip_tabs: bool,
    /// The body, leading tabs of its lines stripped where the marker asks for it; its line breaks
    /// are those of the file.
    pub content: String,
    /// The body as it stands in the file.
    pub raw: String,
    /// The marker, as the shell would see it as one word.
    pub marker: Span,
    /// The lines of the body, the terminator's not included.
    pub body: Span,
}

/// What a HEALTHCHECK says.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a file has one or two of them, and the large variant is the usual one")]
pub enum Healthcheck {
    /// `HEALTHCHECK NONE`
    None,
    /// `HEALTHCHECK CMD`, its flags checked; an empty or zero duration means "inherit".
    Check {
        /// What is run.
        command: ShellOrExec,
        /// `--interval`, which [`crate::duration::parse`] reads
        interval: Option<Spanned<String>>,
        /// `--timeout`
        timeout: Option<Spanned<String>>,
        /// `--start-period`
        start_period: Option<Spanned<String>>,
        /// `--start-interval`
        start_interval: Option<Spanned<String>>,
        /// `--retries`: a decimal of at most 31 bits
        retries: Option<Spanned<String>>,
    },
}

/// What an ONBUILD says.
#[derive(Clone, Debug)]
pub struct Onbuild {
    /// The trigger as the config's `OnBuild` keeps it, heredoc bodies included;
    /// [`crate::parse_trigger`] reads it back.
    pub trigger: String,
    /// The instruction that will run.
    pub inner: Box<Instruction>,
}
