//! `--build-context NAME=VALUE`: what stands for an image, or for a stage, of that name.
//!
//! | value | |
//! |---|---|
//! | a folder; anything else that is a context | its files |
//! | `http://…`, `https://…` | the files of an archive, or the one file itself |
//! | `docker-image://NAME`, `docker-image://scratch` | an image of the store; nothing |
//! | `oci-layout://PATH[:TAG\|@DIGEST]`, `oci:`, `oci-archive:`, `docker-archive:`, `rootfs:` | an image that lies elsewhere |

use std::{path::Path, sync::Arc};

use strata_image::{Image, ImageConfig, ImageName, Layer, Store, canonical, manifest::Platform, source};

use super::{ContextError, as_of, content, content::Content, is_url, of_file, of_tar, open};
use crate::{
    options::NamedContext,
    remote::{Fetcher, git::Source, http, http::Progress, redacted},
};

/// Names that have a meaning of their own.
const RESERVED: [&str; 2] = ["scratch", "context"];

/// Places of images that [`source::open`] knows.
const TRANSPORTS: [&str; 4] = ["docker-archive:", "oci:", "oci-archive:", "rootfs:"];

/// The form in which names of contexts and what a Dockerfile says are the same: `docker.io/library/app:latest` is `app`.
///
/// ```
/// use strata_builder::contexts::name_key;
///
/// assert_eq!(name_key("docker.io/library/app:latest").as_deref(), Some("app"));
/// assert_eq!(name_key("app:1").as_deref(), Some("app:1"));
/// assert_eq!(name_key("not a name"), None);
/// ```
pub fn name_key(name: &str) -> Option<String> {
    let name = ImageName::parse(&name.to_ascii_lowercase()).ok()?.to_string();
    Some(name.strip_suffix(":latest").map(str::to_owned).unwrap_or(name))
}

/// Opens what `NAME=VALUE` names; the name comes back in the form of [`name_key`].
///
/// # Errors
/// What is not of that form, a name that is none or means something already, and a value that cannot be opened.
pub fn named(
    text: &str,
    fetcher: &Fetcher,
    store: Option<&Store>,
    platform: &Platform,
    watch: &mut dyn FnMut(Progress),
) -> Result<(String, NamedContext), ContextError> {
    let refused = |reason: String| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        ContextError::Named { text: format!("{name}={}", redacted(value)), reason }
    };
    let Some((name, value)) = text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty()) else {
        return Err(refused("it is not of the form NAME=VALUE".to_owned()));
    };
    if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(refused(format!("{name:?} cannot be replaced")));
    }
    let key = name_key(name).ok_or_else(|| refused(format!("{name:?} is not a name that an image could have")))?;
    let context = if let Some(name) = value.strip_prefix("docker-image://") {
        image_of_store(name, store, platform)?
    } else if let Some(layout) = value.strip_prefix("oci-layout://") {
        NamedContext::Image(source::open(&format!("oci:{}", layout.replacen('@', ":", 1)), None, platform)?.into())
    } else if value.starts_with("docker://") || TRANSPORTS.iter().any(|transport| value.starts_with(transport)) {
        NamedContext::Image(source::open(value, None, platform)?.into())
    } else if is_url(value) && Source::parse_context(value)?.is_none() {
        files_of_url(value, fetcher, watch)?
    } else if value == "-" {
        return Err(refused("standard input can be the context only".to_owned()));
    } else if let Some((scheme, _)) = unknown_scheme(value) {
        return Err(refused(format!("{scheme}: is not known here")));
    } else {
        NamedContext::Directory(open(value.as_ref(), &mut std::io::empty(), fetcher, false, watch)?.directory)
    };
    Ok((key, context))
}

/// `target:`, `input:` and others that mean something elsewhere.
fn unknown_scheme(value: &str) -> Option<(&str, &str)> {
    let is_known = || matches!(Source::parse_context(value), Ok(Some(_)) | Err(_)) || Path::new(value).exists();
    value
        .split_once(':')
        .filter(|(scheme, _)| scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
        .filter(|_| !is_known())
}

fn image_of_store(name: &str, store: Option<&Store>, platform: &Platform) -> Result<NamedContext, ContextError> {
    if name == "scratch" {
        return Ok(NamedContext::Image(Arc::new(Scratch::new(platform)?)));
    }
    let found = store.map(|store| store.find(name)).transpose()?.flatten();
    let image = found.ok_or_else(|| ContextError::NoImage { name: name.to_owned() })?;
    Ok(NamedContext::Image(Arc::new(image)))
}

fn files_of_url(url: &str, fetcher: &Fetcher, watch: &mut dyn FnMut(Progress)) -> Result<NamedContext, ContextError> {
    let name = redacted(url);
    let fetched = http::fetch(fetcher, url, None, watch)?;
    let unusable = |source| ContextError::Unusable { name: name.clone(), source };
    let directory = match content::recognise(fetched.open()?).map_err(unusable)? {
        Content::Tar(tar) => as_of(of_tar(&name, tar, fetcher)?, fetched.modified),
        Content::Plain(_) | Content::Unknown => of_file(&fetched, fetcher)?,
    };
    Ok(NamedContext::Directory(directory))
}

/// The image of nothing.
struct Scratch {
    config: ImageConfig,
    raw: Vec<u8>,
}

impl Scratch {
    fn new(platform: &Platform) -> Result<Self, ContextError> {
        let config = ImageConfig {
            architecture: platform.architecture.clone(),
            os: platform.os.clone(),
            variant: platform.variant.clone(),
            ..ImageConfig::default()
        };
        let serialized = canonical::to_vec(&config);
        let raw = serialized.map_err(|source| strata_image::Error::Serialize { what: "config", source })?;
        Ok(Self { config, raw })
    }
}

impl Image for Scratch {
    fn names(&self) -> &[ImageName] {
        &[]
    }

    fn config(&self) -> Option<&ImageConfig> {
        Some(&self.config)
    }

    fn raw_config(&self) -> Option<&[u8]> {
        Some(&self.raw)
    }

    fn raw_manifest(&self) -> Option<&[u8]> {
        None
    }

    fn layers(&self) -> &[Arc<dyn Layer>] {
        &[]
    }
}
