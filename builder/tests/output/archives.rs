//! Images as archives, with what is known of them afterwards.

use std::fs;

use serde_json::json;
use strata_builder::{
    Cancel, Error,
    output::{self, Output, metadata},
};
use strata_image::{
    ImageName,
    archive::{docker, oci},
    manifest::{OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD, Platform},
};

use super::made::{Made, file};

fn amd64() -> Platform {
    Platform { architecture: "amd64".to_owned(), ..Platform::host() }
}

#[test]
fn archives_have_the_image_with_the_compression_that_was_asked_for() {
    let made = Made::new();
    let image = made.image("amd64", &[vec![file("a", "n")]]);
    for (options, media_type) in
        [("", OCI_LAYER_GZIP), (",compression=zstd", OCI_LAYER_ZSTD), (",compression=uncompressed", OCI_LAYER)]
    {
        for form in ["docker", "oci", "oci,tar=false"] {
            let place = format!("x{}", fs::read_dir(made.dir.path()).unwrap().count());
            let written = made.write(&[image], &format!("type={form},dest=@/{place},name=app:1{options}")).unwrap();
            let path = made.path(&place);
            let found = match form {
                "docker" => docker::open(&path),
                "oci" => oci::open_archive(&path, None, &amd64()),
                _ => oci::open_layout(&path, None, &amd64()),
            };
            let found = found.unwrap().remove(0);
            assert_eq!(found.id(), Some(image), "{form}{options}");
            assert_eq!(found.names()[0].to_string(), "app:1");
            assert_eq!(found.layers()[0].media_type(), media_type, "{form}{options}");
            assert_eq!(written.config, Some(image.into()));
        }
    }
}

#[test]
fn what_is_written_does_not_depend_on_what_was_written_before() {
    let made = Made::new();
    let image = made.image("amd64", &[vec![file("a", "n")]]);
    made.write(&[image], "type=oci,dest=@/first,compression=gzip").unwrap();
    for compression in ["uncompressed", "zstd", "gzip"] {
        made.write(&[image], &format!("type=oci,dest=@/again,compression={compression}")).unwrap();
    }
    assert_eq!(fs::read(made.path("first")).unwrap(), fs::read(made.path("again")).unwrap());
}

#[test]
fn an_image_that_stays_in_the_store_gets_its_names_there() {
    let made = Made::new();
    let image = made.image("amd64", &[vec![file("a", "n")]]);
    let written = made.write(&[image], "type=docker,name=app:1").unwrap();
    assert_eq!(made.store.find("app:1").unwrap().unwrap().image_id(), image);
    assert_eq!(written.config, Some(image.into()));
    let other = made.image("arm64", &[vec![file("a", "n")]]);
    assert!(made.write(&[image, other], "type=image").unwrap_err().contains("holds one platform, not 2"));
}

#[test]
fn the_names_of_the_build_go_before_those_of_the_output() {
    let made = Made::new();
    let image = made.image("amd64", &[vec![file("a", "n")]]);
    let output: Output = format!("type=oci,dest={},name=own:1", made.path("x").display()).parse().unwrap();
    let names = [ImageName::parse("given:1").unwrap()];
    assert_eq!(output::write(&made.store, &[image], &names, &output, &Cancel::default()).unwrap().names, names);
}

#[test]
fn metadata_is_what_buildx_writes() {
    let made = Made::new();
    let image = made.image("amd64", &[vec![file("a", "n")]]);
    let written =
        made.write(&[image], "type=oci,dest=@/x,\"name=app:1,host:5000/b:2\",annotation-manifest-descriptor.k=v");
    let written = written.unwrap();
    let descriptor = written.descriptor.clone().unwrap();
    assert_eq!(
        metadata(std::slice::from_ref(&written)),
        json!({
            "containerimage.config.digest": image.to_string(),
            "containerimage.descriptor": {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": descriptor.digest.to_string(),
                "size": descriptor.size,
                "annotations": {"k": "v", "org.opencontainers.image.created": "2024-01-02T03:04:05Z"},
                "platform": {"architecture": "amd64", "os": "linux"},
            },
            "containerimage.digest": descriptor.digest.to_string(),
            "image.name": "docker.io/library/app:1,host:5000/b:2",
        })
    );
    let folder = made.write(&[image], "@/folder").unwrap();
    assert_eq!(metadata(std::slice::from_ref(&folder)), json!({}));
    // what an image is known by stays when a folder is written beside it
    assert_eq!(metadata(&[written.clone(), folder]), metadata(&[written]));
}

#[test]
fn several_platforms_are_one_index_in_oci_and_refused_for_docker() {
    let made = Made::new();
    let images = [made.image("amd64", &[vec![file("a", "x")]]), made.image("arm64", &[vec![file("a", "y")]])];
    let written = made.write(&images, "type=oci,dest=@/x,annotation-index.k=v").unwrap();
    let document = metadata(&[written]);
    assert_eq!(document["containerimage.descriptor"]["mediaType"], "application/vnd.oci.image.index.v1+json");
    assert!(document.get("containerimage.config.digest").is_none());
    let found = oci::open_archive(&made.path("x"), None, &amd64()).unwrap();
    assert_eq!(found[0].id(), Some(images[0]));
    let error = made.write(&images, "type=docker,dest=@/y").unwrap_err();
    assert!(error.contains("a docker archive holds an image for one platform, not for 2"), "{error}");
    let error = made.write(&images[..1], "type=oci,dest=@/y,annotation-index.k=v").unwrap_err();
    assert!(error.contains("no index that could have the annotation \"k\""), "{error}");
}

#[test]
fn a_folder_in_the_place_of_a_file_is_an_error_and_stays() {
    let made = Made::new();
    let image = made.image("amd64", &[vec![file("a", "n")]]);
    fs::create_dir(made.path("x")).unwrap();
    let error = made.write(&[image], "type=oci,dest=@/x").unwrap_err();
    assert!(error.starts_with("cannot write a file at the folder"), "{error}");
    assert!(made.path("x").is_dir());
}

#[test]
fn what_is_stopped_leaves_nothing_and_what_was_there_stays() {
    let made = Made::new();
    let image = made.image("amd64", &[vec![file("a", "a")]]);
    let cancel = Cancel::default();
    cancel.cancel();
    fs::write(made.path("old"), "old").unwrap();
    let before = made.list("");
    for output in
        ["type=oci,dest=@/old", "type=docker,dest=@/new", "type=tar,dest=@/new", "type=oci,tar=false,dest=@/a/b"]
    {
        let output: Output =
            output.replace('@', made.path("").to_str().unwrap().trim_end_matches('/')).parse().unwrap();
        let error = output::write(&made.store, &[image], &[], &output, &cancel).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
        assert_eq!(made.list(""), before, "{output:?}");
    }
}
