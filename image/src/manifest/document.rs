//! Documents of which is known what they should be, and not yet what they are.

use serde_json::Value;

use super::{DOCKER_INDEX, DOCKER_MANIFEST, Index, Manifest, OCI_INDEX, OCI_MANIFEST};
use crate::error::{Error, Result};

/// A document that a descriptor of an index leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// An image.
    Manifest(Box<Manifest>),
    /// A list.
    Index(Index),
}

impl Document {
    /// Reads a manifest or an index by what is in it, and holds that against what it was said to be.
    ///
    /// `media_type` is the descriptor's (may be empty), `place` names the document in errors. A document that can be
    /// read as both is refused, whatever its media type says (CVE-2021-41190).
    pub fn parse(bytes: &[u8], media_type: &str, place: &str) -> Result<Self> {
        let unreadable = |source| Error::Document { place: place.to_owned(), source };
        let value: Value = serde_json::from_slice(bytes).map_err(unreadable)?;
        let there = |name| value.get(name).is_some_and(|field| !field.is_null());
        let is_manifest = there("layers") || there("config");
        // Go writes an empty list as `null`
        let is_index = there("manifests") || !is_manifest && value.get("manifests").is_some();
        if is_index && is_manifest {
            return Err(Error::AmbiguousDocument { place: place.to_owned() });
        }
        let document = if is_index {
            Self::Index(serde_json::from_value(value).map_err(unreadable)?)
        } else {
            Self::Manifest(serde_json::from_value(value).map_err(unreadable)?)
        };
        document.check(media_type, place)?;
        Ok(document)
    }

    fn check(&self, promised: &str, place: &str) -> Result<()> {
        let (version, own, right) = match self {
            Self::Manifest(m) => (m.schema_version, m.media_type.as_deref(), [OCI_MANIFEST, DOCKER_MANIFEST]),
            Self::Index(i) => (i.schema_version, i.media_type.as_deref(), [OCI_INDEX, DOCKER_INDEX]),
        };
        if version != 2 {
            return Err(Error::SchemaVersion { place: place.to_owned(), version });
        }
        let own = own.unwrap_or_default();
        for said in [own, promised] {
            if !said.is_empty() && !right.contains(&said) {
                return Err(Error::MediaType { place: place.to_owned(), media_type: said.to_owned() });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{canonical, digest::Digest};

    fn manifest(extra: &str) -> String {
        let digest = Digest::of(b"");
        format!(
            r#"{{"config":{{"data":"","digest":"{digest}","mediaType":"x","size":0}},"layers":[]{extra},"schemaVersion":2}}"#
        )
    }

    #[test]
    fn unknown_fields_survive_a_round_trip() {
        let text = manifest(r#","new":[1]"#);
        let Document::Manifest(read) = Document::parse(text.as_bytes(), OCI_MANIFEST, "m").unwrap() else { panic!() };
        assert_eq!(String::from_utf8(canonical::to_vec(&read).unwrap()).unwrap(), text);
    }

    #[test]
    fn null_layers_are_none() {
        let text = manifest("").replace("[]", "null");
        assert!(
            matches!(Document::parse(text.as_bytes(), "", "m").unwrap(), Document::Manifest(m) if m.layers.is_empty())
        );
    }

    #[test]
    fn a_document_that_could_be_two_things_is_refused() {
        for extra in [r#","manifests":[]"#, r#","manifests":[{}]"#] {
            let error = Document::parse(manifest(extra).as_bytes(), OCI_MANIFEST, "m").unwrap_err();
            assert!(matches!(error, Error::AmbiguousDocument { .. }), "{error}");
        }
    }

    #[test]
    fn a_document_must_be_what_it_is_said_to_be() {
        let plain = manifest("");
        let index = r#"{"schemaVersion":2,"manifests":[]}"#;
        let docker = manifest(&format!(r#","mediaType":"{DOCKER_MANIFEST}""#));
        let liar = manifest(&format!(r#","mediaType":"{OCI_INDEX}""#));
        for (text, media_type, fine) in [
            (plain.as_str(), OCI_MANIFEST, true),
            (&plain, "", true),
            (&plain, OCI_INDEX, false),
            (&plain, "text/html", false),
            (&docker, DOCKER_MANIFEST, true),
            (&liar, OCI_MANIFEST, false),
            (&liar, OCI_INDEX, false),
            (index, OCI_INDEX, true),
            (index, OCI_MANIFEST, false),
            (r#"{"schemaVersion":2,"manifests":null}"#, OCI_INDEX, true),
            (r#"{"schemaVersion":1,"manifests":[]}"#, "", false),
            ("{}", "", false),
            ("[]", "", false),
            ("", "", false),
        ] {
            assert_eq!(Document::parse(text.as_bytes(), media_type, "m").is_ok(), fine, "{text} as {media_type}");
        }
    }
}
