//! Which words of an instruction are expanded by the builder, and where a variable stands in one.

use crate::{CopySource, Heredoc, Kind, Span, Spanned};

/// The words in which the builder expands variables, in the order of the source. ARG's are looked at one by one, EXPOSE's as
/// ports, and the values of `--exclude` are not expanded at all.
pub(super) fn expanded(kind: &Kind) -> Vec<&Spanned<String>> {
    match kind {
        Kind::Env(pairs) | Kind::Label(pairs) => pairs.iter().flat_map(|pair| [&pair.key, &pair.value]).collect(),
        Kind::Copy(copy) | Kind::Add(copy) => {
            let flags = copy.chown.iter().chain(&copy.chmod).chain(&copy.checksum);
            let paths = copy.sources.iter().filter_map(|source| match source {
                CopySource::Path(path) => Some(path),
                CopySource::Heredoc(_) => None,
            });
            flags.chain(paths).chain([&copy.destination]).collect()
        }
        Kind::Run(run) => {
            let options = run.mounts.iter().flat_map(|mount| &mount.options);
            options.filter(|option| option.name.value != "from").filter_map(|option| option.value.as_ref()).collect()
        }
        Kind::Volume(paths) => paths.iter().collect(),
        Kind::User(word) | Kind::Workdir(word) | Kind::StopSignal(word) => vec![word],
        _ => Vec::new(),
    }
}

/// The heredocs whose bodies are expanded.
pub(super) fn heredocs(kind: &Kind) -> Vec<&Heredoc> {
    let (Kind::Copy(copy) | Kind::Add(copy)) = kind else { return Vec::new() };
    let bodies = copy.sources.iter().filter_map(|source| match source {
        CopySource::Heredoc(heredoc) => Some(heredoc),
        CopySource::Path(_) => None,
    });
    bodies.filter(|heredoc| heredoc.expand).collect()
}

/// Where `$name` or `${name` stands in a word; the whole word if it cannot be seen there, cut by a continuation.
pub(super) fn place_of(name: &str, word: Span, source: &[u8]) -> Span {
    let Some(text) = source.get(word.range()) else { return word };
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    for (at, _) in text.iter().enumerate().filter(|(_, byte)| **byte == b'$') {
        let brace = usize::from(text.get(at + 1) == Some(&b'{'));
        let start = at + 1 + brace;
        let rest = &text[start.min(text.len())..];
        if rest.starts_with(name.as_bytes()) && !rest.get(name.len()).is_some_and(is_name) {
            let end = start + name.len();
            let end = if brace == 1 { closing_brace(text, end).map_or(end, |at| at + 1) } else { end };
            return Span { start: word.start + at, end: word.start + end };
        }
    }
    word
}

/// The `}` that belongs to a `{` before `from`.
fn closing_brace(text: &[u8], from: usize) -> Option<usize> {
    let mut open = 1;
    for (at, byte) in text.iter().enumerate().skip(from) {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}
