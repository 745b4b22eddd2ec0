//! Ports of EXPOSE, as docker's `nat` reads them.

use crate::cause::Cause;

/// Reads `80`, `80/udp`, `8000-8002/tcp`, or a mapping like `127.0.0.1:80:8080`, of which the container's side counts.
/// Gives `port/protocol` for each port.
pub(crate) fn parse(spec: &str) -> Result<Vec<String>, Cause> {
    let invalid = |reason: &str| Cause::Value { what: "EXPOSE", text: spec.to_owned(), reason: reason.to_owned() };
    let (ports, protocol) = spec.split_once('/').unwrap_or((spec, "tcp"));
    if ports.is_empty() {
        return Err(invalid("no port specified"));
    }
    let protocol = match protocol.to_ascii_lowercase() {
        empty if empty.is_empty() => "tcp".to_owned(),
        known if matches!(known.as_str(), "tcp" | "udp" | "sctp") => known,
        _ => return Err(invalid("the protocol must be tcp, udp or sctp")),
    };
    let inner = ports.rsplit(':').next().unwrap_or(ports);
    let number = |text: &str| text.parse::<u16>().map_err(|_| invalid("a port is a number up to 65535"));
    let (first, last) = if let Some((first, last)) = inner.split_once('-') {
        (number(first)?, number(last)?)
    } else {
        let port = number(inner)?;
        (port, port)
    };
    if first > last {
        return Err(invalid("the range ends before it begins"));
    }
    Ok((first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_docker_reads_them() {
        for (spec, expected) in [
            ("80", vec!["80/tcp"]),
            ("80/TCP", vec!["80/tcp"]),
            ("53/udp", vec!["53/udp"]),
            ("8000-8002", vec!["8000/tcp", "8001/tcp", "8002/tcp"]),
            ("127.0.0.1:80:8080", vec!["8080/tcp"]),
        ] {
            assert_eq!(parse(spec).ok(), Some(expected.into_iter().map(str::to_owned).collect()), "{spec}");
        }
        for spec in ["70000", "/xyz", "80/xyz", "", "9-8", "a", "1-x"] {
            assert!(parse(spec).is_err(), "{spec}");
        }
    }
}
