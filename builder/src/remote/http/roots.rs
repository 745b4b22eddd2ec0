//! Whom a TLS connection trusts: those that the system trusts, who may be a company's own; where it does not say, Mozilla's
//! list, which is built in.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use ureq::tls::{PemItem, RootCerts, parse_pem};

/// Where distributions keep all certificates in one file: Debian and Alpine; Fedora; openSUSE; the last of older ones.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The certificates that are trusted. `SSL_CERT_FILE` names the file, as for OpenSSL and Go.
pub(super) fn trusted() -> RootCerts {
    let named = env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    named
        .iter()
        .map(PathBuf::as_path)
        .chain(BUNDLES.iter().map(Path::new))
        .find_map(of_bundle)
        .unwrap_or(RootCerts::WebPki)
}

/// The certificates of a file; `None` when it has none, or cannot be read.
fn of_bundle(path: &Path) -> Option<RootCerts> {
    let pem = fs::read(path).ok()?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    (!certificates.is_empty()).then(|| RootCerts::from(certificates))
}
