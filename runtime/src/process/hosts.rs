//! The two files that docker gives to every container: `/etc/hosts` and `/etc/resolv.conf`.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use super::{Spec, failure::kernel};
use crate::{Error, Result};

/// A resolv.conf beyond this is not one.
const MAX_RESOLV_CONF: u64 = 1024 * 1024;

/// Their paths and contents.
pub(super) fn files(spec: &Spec) -> Result<[(&'static str, Vec<u8>); 2]> {
    let hosts = file(&spec.hostname, &spec.extra_hosts)?;
    let resolv_conf = Path::new("/etc/resolv.conf");
    let mut servers = Vec::new();
    match fs::File::open(resolv_conf) {
        Ok(file) => file.take(MAX_RESOLV_CONF).read_to_end(&mut servers).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(|source| kernel("read", resolv_conf, source))?;
    Ok([("/etc/hosts", hosts.into_bytes()), ("/etc/resolv.conf", servers)])
}

/// What docker and BuildKit write to `/etc/hosts`, then `more`: names and addresses.
fn file(hostname: &str, more: &[(String, String)]) -> Result<String> {
    let mut text = format!("127.0.0.1\tlocalhost {hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    for (name, address) in more {
        let is_word = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        // a blank or a line end would make other names of it
        if !is_word(name) || name.contains('#') || address.parse::<std::net::IpAddr>().is_err() {
            return Err(Error::ExtraHost { name: name.clone(), address: address.clone() });
        }
        text.extend([address, "\t", name, "\n"]);
    }
    Ok(text)
}
