//! One GET, with everything that a server, a proxy or a certificate can have to do with it.

use std::{io::Read, time::Duration};

use ureq::{
    Agent, Proxy,
    config::RedirectAuthHeaders,
    http::{HeaderMap, StatusCode, Uri, header},
    tls::TlsConfig,
};

use super::{record::Record, roots};
use crate::remote::{
    Fetcher, RemoteError,
    address::{Credentials, redacted, split_credentials},
};

/// To find a server and to be connected to it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Without a byte coming or going. A large file may take as long as it takes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Redirects that are followed, as by Go's client.
const MAX_REDIRECTS: u32 = 10;

/// A URL, and the agent that gets it.
pub(super) struct Client {
    agent: Agent,
    uri: Uri,
    credentials: Option<Credentials>,
    /// For messages.
    url: String,
}

/// An answer whose body has not been read.
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Bytes of the body, when the server says so.
    pub(super) length: Option<u64>,
    pub(super) body: Box<dyn Read>,
}

impl Client {
    pub(super) fn new(fetcher: &Fetcher, url: &str) -> Result<Self, RemoteError> {
        let refused = |reason: String| RemoteError::Url { url: redacted(url), reason };
        let (plain, credentials) = split_credentials(url);
        let uri: Uri = plain.parse().map_err(|error: ureq::http::uri::InvalidUri| refused(error.to_string()))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err(refused("it is not of the form https://HOST/PATH".to_owned()));
        }
        let config = Agent::config_builder()
            .user_agent(concat!("strata/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .max_redirects(MAX_REDIRECTS)
            .redirect_auth_headers(RedirectAuthHeaders::Never)
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_read(Some(IDLE_TIMEOUT))
            .timeout_per_write(Some(IDLE_TIMEOUT))
            .tls_config(TlsConfig::builder().root_certs(roots::trusted()).build())
            .proxy(proxy(fetcher, &plain)?);
        Ok(Self { agent: config.build().new_agent(), uri, credentials, url: redacted(url) })
    }

    pub(super) fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Asks for the file, unless it is still the one of the record.
    pub(super) fn get(&self, known: Option<&Record>) -> Result<Response, RemoteError> {
        let mut request = self.agent.get(&self.uri);
        if let Some(credentials) = &self.credentials {
            request = request.header(header::AUTHORIZATION, credentials.basic());
        }
        if let Some(record) = known {
            if let Some(etag) = &record.etag {
                request = request.header(header::IF_NONE_MATCH, etag);
            } else if let Some(time) = &record.last_modified {
                request = request.header(header::IF_MODIFIED_SINCE, time);
            }
        }
        let response =
            request.call().map_err(|error| RemoteError::Http { url: self.url.clone(), source: Box::new(error) })?;
        let (parts, body) = response.into_parts();
        Ok(Response {
            status: parts.status,
            headers: parts.headers,
            length: body.content_length(),
            body: Box::new(body.into_with_config().limit(u64::MAX).reader()),
        })
    }
}

/// The proxy for a URL, which `NO_PROXY` may take back. A name there means its subdomains too, as for curl and Go.
fn proxy(fetcher: &Fetcher, url: &str) -> Result<Option<Proxy>, RemoteError> {
    let Some(text) = fetcher.proxies.for_url(url) else {
        return Ok(None);
    };
    let refused = |reason| RemoteError::Proxy { proxy: redacted(text), reason };
    let named = Proxy::new(text).map_err(|_| refused("it is not of the form http://HOST:PORT"))?;
    if !matches!(named.protocol(), ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https) {
        return Err(refused("only proxies by http are known"));
    }
    let mut builder = Proxy::builder(named.protocol()).host(named.host()).port(named.port());
    if let Some(user) = named.username() {
        builder = builder.username(user);
    }
    if let Some(password) = named.password() {
        builder = builder.password(password);
    }
    for exception in fetcher.proxies.exceptions() {
        builder = builder.no_proxy(exception);
        if !exception.starts_with(['.', '*']) {
            builder = builder.no_proxy(&format!(".{exception}"));
        }
    }
    builder.build().map(Some).map_err(|_| refused("it is not of the form http://HOST:PORT"))
}
