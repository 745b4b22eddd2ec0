//! What may name an image or a platform, as far as checks must know it.

/// Whether a text could name an image: `[HOST[:PORT]/]NAME[/NAME...][:TAG][@DIGEST]`.
pub(super) fn is_image(text: &str) -> bool {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    if digest.is_some_and(|digest| !is_digest(digest)) {
        return false;
    }
    let (host, path) = match name.split_once('/') {
        Some((first, rest)) if is_host_like(first) => (Some(first), rest),
        _ => (None, name),
    };
    let (path, tag) = match path.rsplit_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (path, None),
    };
    // 64 hexadecimal digits alone are an image's ID, not its name
    let is_id =
        digest.is_none() && tag.is_none() && path.len() == 64 && path.bytes().all(|byte| byte.is_ascii_hexdigit());
    !is_id && host.is_none_or(is_host) && tag.is_none_or(is_tag) && path.split('/').all(is_component)
}

/// Whether what is before the first slash is a host: `localhost`, or with a dot, a port or an upper-case letter.
fn is_host_like(text: &str) -> bool {
    text == "localhost" || text.contains(['.', ':']) || text.to_lowercase() != text
}

fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let address_is_fine = address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
            return address_is_fine && (port.is_empty() || port.strip_prefix(':').is_some_and(is_number));
        }
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        },
    };
    let is_label = |label: &str| {
        let ends = [label.chars().next(), label.chars().next_back()];
        ends.iter().all(|end| end.is_some_and(|c| c.is_ascii_alphanumeric()))
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.split('.').all(is_label) && port.is_none_or(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Lower-case letters and digits, between which there may be one dot, one or two underscores, or dashes.
fn is_component(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = text.split(is_letter).filter(|between| !between.is_empty());
    text.starts_with(is_letter)
        && text.ends_with(is_letter)
        && separators.into_iter().all(|it| matches!(it, "." | "_" | "__") || it.bytes().all(|byte| byte == b'-'))
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&text.len())
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        algorithm.starts_with(|c: char| c.is_ascii_alphabetic())
            && hex.len() >= 32
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Operating system and architecture of a platform: `linux/arm64/v8`, or one of the two alone.
pub(super) fn platform(text: &str) -> Option<(String, String)> {
    let mut parts = text.split('/');
    let first = parts.next()?.to_lowercase();
    let second = parts.next().map(str::to_lowercase);
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    let (os, architecture) = match second {
        Some(architecture) => (first, architecture),
        None if matches!(first.as_str(), "linux" | "windows" | "darwin" | "freebsd" | "wasip1") => {
            (first, "amd64".to_owned())
        }
        None => ("linux".to_owned(), first),
    };
    let architecture = match architecture.as_str() {
        "x86_64" | "x86-64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        "i386" => "386".to_owned(),
        _ => architecture,
    };
    (is_word(&os) && is_word(&architecture) && parts.count() <= 1).then_some((os, architecture))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_names_are_told_from_other_texts() {
        let id = "0123456789abcdef".repeat(4);
        let by_digest = format!("app@sha256:{id}");
        for (text, expected) in [
            ("alpine", true),
            ("alpine:3.20", true),
            ("library/alpine", true),
            ("reg.example:5000/a/b_c/d--e:T_a.g", true),
            ("localhost/a", true),
            ("[::1]:5000/a", true),
            (&by_digest, true),
            ("", false),
            (":latest", false),
            ("alpine:", false),
            ("Alpine", false),
            ("a/Alpine", false),
            ("a..b", false),
            ("a_", false),
            ("base-", false),
            ("a b", false),
            ("a@sha256:12", false),
            (&id, false),
        ] {
            assert_eq!(is_image(text), expected, "{text}");
        }
    }

    #[test]
    fn platforms_are_taken_apart() {
        for (text, expected) in [
            ("linux/amd64", Some(("linux", "amd64"))),
            ("linux/arm64/v8", Some(("linux", "arm64"))),
            ("Linux/x86_64", Some(("linux", "amd64"))),
            ("windows", Some(("windows", "amd64"))),
            ("arm64", Some(("linux", "arm64"))),
            ("", None),
            ("linux/", None),
            ("linux/foo/bar/baz", None),
        ] {
            let expected = expected.map(|(os, architecture)| (os.to_owned(), architecture.to_owned()));
            assert_eq!(platform(text), expected, "{text}");
        }
    }
}
