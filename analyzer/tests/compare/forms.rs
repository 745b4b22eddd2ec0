//! How config and manifest are written, which only their bytes tell.

use std::sync::Arc;

use strata_analyzer::compare::{Comparison, Depth, Options, What, compare};
use strata_image::{Digest, Image, ImageConfig, ImageName, Layer};

/// An image without layers, as its two documents are written.
struct Written {
    config: ImageConfig,
    raw_config: String,
    manifest: Option<String>,
}

impl Written {
    fn new(config: &str) -> Self {
        Self { config: serde_json::from_str(config).unwrap(), raw_config: config.to_owned(), manifest: None }
    }
}

impl Image for Written {
    fn names(&self) -> &[ImageName] {
        &[]
    }

    fn config(&self) -> Option<&ImageConfig> {
        Some(&self.config)
    }

    fn raw_config(&self) -> Option<&[u8]> {
        Some(self.raw_config.as_bytes())
    }

    fn raw_manifest(&self) -> Option<&[u8]> {
        self.manifest.as_ref().map(String::as_bytes)
    }

    fn layers(&self) -> &[Arc<dyn Layer>] {
        &[]
    }
}

#[test]
fn how_config_and_manifest_are_written_has_its_own_words() {
    let says = r#""architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}"#;
    let config = |json: String| Written::new(&format!("{{{json}}}"));
    let exact = |a: &Written, b: &Written, ignore: &[What]| {
        let options = Options { depth: Depth::Exact, ignore: ignore.to_vec(), ..Options::default() };
        compare(a, b, &options).unwrap()
    };
    let told = |comparison: &Comparison| -> Vec<What> {
        comparison.config.iter().chain(&comparison.stored).map(|field| field.what).collect()
    };
    let a = config(format!(r#"{says},"os":"linux","created":"2020-01-01T00:00:00Z""#));
    for (b, expected) in [
        (config(format!(r#""created":"2020-01-01T00:00:00Z","os":"linux",{says}"#)), What::ConfigForm),
        (config(format!(r#"{says},"os":"linux","created":"2020-01-02T00:00:00Z""#)), What::Created),
        (config(format!(r#"{says},"os":"linux","created":"2020-01-01T00:00:00Z","x":1"#)), What::ConfigOther),
    ] {
        assert_eq!(told(&exact(&a, &b, &[])), [expected]);
        assert!(exact(&a, &b, &[expected]).equal, "{expected}");
        let semantic = Options { depth: Depth::Exact, semantic: true, ..Options::default() };
        assert_eq!(compare(&a, &b, &semantic).unwrap().equal, !expected.matters(), "{expected}");
    }

    let descriptor = format!(r#""config":{{"mediaType":"m","size":2,"digest":"{}"}}"#, Digest::of(b"{}"));
    let manifest = |json: String| Written { manifest: Some(format!("{{{json}}}")), ..Written::new("{}") };
    let a = manifest(format!(r#""schemaVersion":2,{descriptor},"layers":[]"#));
    for (b, expected) in [
        (manifest(format!(r#""schemaVersion":2, {descriptor},"layers":[]"#)), What::ManifestForm),
        (
            manifest(format!(r#""schemaVersion":2,{},"layers":[]"#, descriptor.replace("\"m\"", "\"n\""))),
            What::Manifest,
        ),
        (
            manifest(format!(r#""schemaVersion":2,{descriptor},"layers":[],"annotations":{{"a":"b"}}"#)),
            What::Annotations,
        ),
    ] {
        assert_eq!(told(&exact(&a, &b, &[])), [expected]);
        assert!(exact(&a, &b, &[expected]).equal, "{expected}");
    }
}
