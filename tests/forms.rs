//! One image in every form that images come in has one report.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::{
    collections::HashMap,
    fs,
    io::{Read as _, Write as _},
    path::Path,
};

use common::Strata;
use flate2::{Compression as Level, write::GzEncoder};
use serde_json::{Value, json};
use strata_fixtures::stack::Stack;
use strata_image::{
    Image, ImageName,
    archive::{Named, docker, oci},
    compression::{Compression, Effort},
    recompress::{self, Recompressed, Request},
};

/// Every kind of waste, hard links, duplicates, and a layer twice; one layer is large enough to be read by two threads.
const IMAGE: &str = "bin/ bin/a:40000 bin/b:40000q bin/c=bin/a l->bin big:3000000 bin/gone:77 d/x:1000 d/y:2000 e:9 \
    / l/a:50000 d! d/z:5 big:3000000 / -bin/gone e/ e/f:4 / same:70 / -same / same:70";

/// Analyzes what `text` names with nothing cached, and takes the image's name out of the report, and with it what is said
/// of the archive (`B21`): bytes that are stored there for nobody are no bytes of the image.
fn report(strata: &Strata, text: &str) -> Value {
    let cache = strata.root().join("analysis");
    if cache.exists() {
        fs::remove_dir_all(cache).unwrap();
    }
    let mut report = strata.json(["analyze", "--format", "json", text]);
    report["image"]["name"] = Value::Null;
    report["findings"].as_array_mut().unwrap().retain(|finding| finding["rule"] != "B21");
    report
}

fn compressed(image: &dyn Image, compression: Compression) -> Recompressed<'_> {
    recompress::image(image, &Request { compression, effort: Effort::default(), force: true }).unwrap()
}

fn named(image: &dyn Image) -> [Named<'_>; 1] {
    [Named { image, names: vec![ImageName::parse("forms:1").unwrap()] }]
}

#[test]
fn no_form_of_an_image_changes_its_report() {
    let strata = Strata::new();
    let image = Stack::parse("forms:1", IMAGE).unwrap();
    let place = |name: &str| strata.work().join(name);
    let archive = |name: &str| fs::File::create(place(name)).unwrap();
    image.save(archive("today.tar")).unwrap();
    legacy(&image, &place("legacy.tar"));
    oci::write_archive(&named(&image), archive("oci.tar")).unwrap();
    oci::write_layout(&named(&image), &place("layout")).unwrap();
    for (name, compression) in [("gzip", Compression::Gzip), ("zstd", Compression::Zstd)] {
        let image = compressed(&image, compression);
        oci::write_archive(&named(&image), archive(&format!("{name}.oci.tar"))).unwrap();
        oci::write_layout(&named(&image), &place(&format!("{name}.layout"))).unwrap();
        docker::write_package(
            &strata_image::archive::Package { images: vec![&image], ..Default::default() },
            archive(&format!("{name}.docker.tar")),
        )
        .unwrap();
    }
    for name in ["today.tar", "legacy.tar", "oci.tar", "gzip.oci.tar", "zstd.docker.tar"] {
        let mut outer = GzEncoder::new(archive(&format!("{name}.gz")), Level::fast());
        outer.write_all(&fs::read(place(name)).unwrap()).unwrap();
        outer.finish().unwrap();
    }

    let expected = report(&strata, "today.tar");
    assert_eq!(expected["layers"].as_array().unwrap().len(), 6);
    // what bin/a held is live: bin/c is another name of it
    let dead = json!({ "opaque": 3000, "rewrite": 3_000_000, "type-change": 9, "whiteout": 147 });
    assert_eq!(expected["by_kind"], dead);
    strata.ok(["load", "-i", "gzip.oci.tar"]);
    let mut forms: Vec<String> =
        ["forms:1", "docker-archive:today.tar", "oci-archive:oci.tar", "oci:layout"].map(Into::into).into();
    let files = fs::read_dir(strata.work()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    forms.extend(files.filter(|name| name != "root"));
    assert_eq!(forms.len(), 4 + 15, "{forms:?}");
    for form in forms {
        assert_eq!(report(&strata, &form), expected, "{form}");
    }
}

/// The archive that docker wrote before version 25: a folder a layer, named after nothing that is in it, and a link where
/// a layer comes a second time.
fn legacy(image: &Stack, path: &Path) {
    let mut tar = tar::Builder::new(fs::File::create(path).unwrap());
    let mut add = |name: &str, bytes: &[u8], link: Option<&str>| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        if let Some(target) = link {
            header.set_entry_type(tar::EntryType::Symlink);
            tar.append_link(&mut header, name, target).unwrap();
        } else {
            tar.append_data(&mut header, name, bytes).unwrap();
        }
    };
    let config = image.raw_config().unwrap();
    let id = image.id().unwrap().hex();
    let mut layers: Vec<String> = Vec::new();
    let mut known = HashMap::new();
    for (number, layer) in image.layers().iter().enumerate() {
        let folder = format!("{number:064x}");
        add(&format!("{folder}/VERSION"), b"1.0", None);
        add(&format!("{folder}/json"), b"{}", None);
        let mut bytes = Vec::new();
        layer.open().unwrap().read_to_end(&mut bytes).unwrap();
        let first = known.entry(layer.diff_id()).or_insert_with(|| folder.clone());
        let link = (*first != folder).then(|| format!("../{first}/layer.tar"));
        let name = format!("{folder}/layer.tar");
        add(&name, if link.is_some() { b"" } else { &bytes }, link.as_deref());
        layers.push(name);
    }
    assert!(known.len() < layers.len(), "a layer comes twice");
    add(&format!("{id}.json"), config, None);
    let list = json!([{ "Config": format!("{id}.json"), "RepoTags": ["forms:1"], "Layers": layers }]);
    add("manifest.json", list.to_string().as_bytes(), None);
    tar.finish().unwrap();
}
