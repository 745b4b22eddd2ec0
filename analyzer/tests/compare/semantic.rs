//! What cannot matter to who runs an image does not count there, and nothing else is left out with it.

use std::sync::Arc;

use strata_analyzer::compare::{Comparison, Depth, Options, What, compare};
use strata_image::{Image, ImageConfig, ImageName, Layer};

use crate::{layers::at, memory::Memory, stack};

fn semantic(depth: Depth) -> Options<'static> {
    Options { semantic: true, ..at(depth) }
}

#[test]
fn only_what_the_layers_show_together_counts() {
    for (a, b, equal) in [
        // the order of layers, where it changes nothing and where it does
        ("a:1 / b:2", "b:2 / a:1", true),
        ("a:1x / a:1y", "a:1y / a:1x", false),
        ("a:1 / -a", "-a / a:1", false),
        ("d/a:1 / d! d/b:1", "d! d/b:1 / d/a:1", false),
        ("a:1 d->e / e/f:1", "e/f:1 / a:1 d->e", true),
        ("d->e e/ / d/f:1", "d/f:1 / d->e e/", false),
        // how they are cut
        ("a:1 / b:2", "a:1 b:2", true),
        ("a:1 / -z", "a:1", true),
        ("a:9 / a:1", "a:1", true),
        ("a:1 b:2 / -b", "a:1", true),
        ("d/x:5 / d! d/a:1", "d/x:5 / -d/x d/a:1", true),
        ("d/ d/a:1", "d/a:1", true),
        // within a tar: order, and which of several entries is the last
        ("a:1 b:1", "b:1 a:1", true),
        ("a:1x a:1y", "a:1y", true),
        ("a:1x a:1y", "a:1y a:1x", false),
        ("a:1 b=a", "b:1a a=b", true),
        ("a:1 b:1a", "a:1 b=a", false),
        ("a:1 b:2 c=a", "a:1 b:2 c=b", false),
    ] {
        let (a, b) = (stack(a), stack(b));
        for depth in [Depth::Merged, Depth::Layers, Depth::Exact] {
            let found = compare(&a, &b, &semantic(depth)).unwrap();
            assert_eq!(found.equal, equal, "{depth:?}: {:?}", found.rootfs);
            // nobody asked for what does not count
            assert!(found.layers.pairs.iter().all(|pair| pair.diff.is_none()));
        }
        let (ab, ba) = (compare(&a, &b, &at(Depth::Layers)).unwrap(), compare(&b, &a, &at(Depth::Layers)).unwrap());
        assert!(!ab.layers.equal && ab.equal == ba.equal);
    }
}

#[test]
fn times_that_were_asked_for_count() {
    let (a, b) = (stack("a:1"), stack("a:1"));
    let ignored = compare(&a, &b, &Options { mtime: true, ..semantic(Depth::Exact) }).unwrap().ignored;
    assert!(!ignored.contains(&What::Mtime) && ignored.contains(&What::Atime), "{ignored:?}");
}

/// An image without layers, of a config and annotations of its manifest.
struct Told {
    config: ImageConfig,
    manifest: String,
}

impl Told {
    fn new(config: &str, annotations: &str) -> Self {
        let manifest = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"m","size":2,"digest":"sha256:{}"}},"layers":[],"annotations":{{{annotations}}}}}"#,
            "0".repeat(64)
        );
        let config = format!(r#"{{"architecture":"amd64","rootfs":{{"type":"layers","diff_ids":[]}},{config}}}"#);
        Self { config: serde_json::from_str(&config).unwrap(), manifest }
    }
}

impl Image for Told {
    fn names(&self) -> &[ImageName] {
        &[]
    }

    fn config(&self) -> Option<&ImageConfig> {
        Some(&self.config)
    }

    fn raw_config(&self) -> Option<&[u8]> {
        None
    }

    fn raw_manifest(&self) -> Option<&[u8]> {
        Some(self.manifest.as_bytes())
    }

    fn layers(&self) -> &[Arc<dyn Layer>] {
        &[]
    }
}

#[test]
fn what_builders_leave_in_a_config_does_not_count() {
    let linux = r#""os":"linux""#;
    let with = |field: &str| format!("{linux},{field}");
    let found = |a: &str, b: &str, options: &Options<'_>| -> Comparison {
        compare(&Told::new(a, ""), &Told::new(b, ""), options).unwrap()
    };
    for (field, what, matters) in [
        (r#""docker_version":"1""#, What::ConfigUnused, false),
        (r#""container":"f00d""#, What::ConfigUnused, false),
        (r#""container_config":{"Hostname":"f00d"}"#, What::ConfigUnused, false),
        (r#""moby.buildkit.buildinfo.v1":"e30=""#, What::ConfigUnused, false),
        (r#""config":{"Hostname":"f00d"}"#, What::ConfigUnused, false),
        (r#""config":{"Image":"sha256:1"}"#, What::ConfigUnused, false),
        (r#""config":{"Tty":false}"#, What::ConfigUnused, false),
        (r#""config":{"ArgsEscaped":true}"#, What::ConfigUnused, false),
        (r#""created":"2020-01-01T00:00:00Z""#, What::Created, false),
        (r#""author":"bob""#, What::ConfigOther, true),
        (r#""os.version":"10.0""#, What::ConfigOther, true),
        (r#""config":{"Unheard":1}"#, What::ConfigOther, true),
        (r#""config":{"Env":["A=1"]}"#, What::Env, true),
    ] {
        let exact = found(&with(field), linux, &at(Depth::Exact));
        assert_eq!(exact.config.iter().map(|field| field.what).collect::<Vec<_>>(), [what], "{field}");
        assert!(!exact.equal, "{field}");
        assert_eq!(found(&with(field), linux, &semantic(Depth::Exact)).equal, !matters, "{field}");
    }
    // what a Windows config says of its command's quotes, a container is started by
    let windows = r#""os":"windows""#;
    let escaped = format!(r#"{windows},"config":{{"ArgsEscaped":true}}"#);
    assert!(!found(&escaped, windows, &semantic(Depth::Exact)).equal);
    // containers start in the root where nothing else is said
    for depth in [Depth::Merged, Depth::Layers, Depth::Exact] {
        assert!(found(&with(r#""config":{"WorkingDir":"/"}"#), linux, &at(depth)).equal);
    }
    assert!(!found(&with(r#""config":{"WorkingDir":"/w"}"#), linux, &semantic(Depth::Merged)).equal);
}

#[test]
fn annotations_count_but_for_times_and_names() {
    for (annotation, what, matters) in [
        (r#""org.opencontainers.image.created":"2020-01-01T00:00:00Z""#, What::Created, false),
        (r#""org.opencontainers.image.ref.name":"1""#, What::Names, false),
        (r#""io.containerd.image.name":"docker.io/library/app:1""#, What::Names, false),
        (r#""org.opencontainers.image.revision":"f00d""#, What::Annotations, true),
    ] {
        let (a, b) = (Told::new(r#""os":"linux""#, annotation), Told::new(r#""os":"linux""#, ""));
        let exact = compare(&a, &b, &at(Depth::Exact)).unwrap();
        assert_eq!(exact.stored.iter().map(|field| field.what).collect::<Vec<_>>(), [what], "{annotation}");
        assert_eq!(compare(&a, &b, &semantic(Depth::Exact)).unwrap().equal, !matters, "{annotation}");
        let ignoring = Options { ignore: vec![what], ..at(Depth::Exact) };
        assert!(compare(&a, &b, &ignoring).unwrap().equal, "{annotation}");
    }
}

#[test]
fn a_root_filesystem_is_its_image() {
    let image = stack("a:1 / b:2");
    let flat = Memory::of_layers(stack("a:1 b:2").layers().to_vec());
    assert!(compare(&image, &flat, &semantic(Depth::Exact)).unwrap().equal);
    assert!(!compare(&image, &flat, &at(Depth::Layers)).unwrap().equal);
}
