#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

fn read(text: &str) -> Output {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> String {
    let error = text.parse::<Output>().expect_err(text);
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

fn path(text: &str) -> Destination {
    Destination::Path(text.into())
}

#[test]
fn a_folder_and_a_dash_need_no_keys() {
    let local = Form::Local { split: Split::Several, stale: Stale::Stays };
    for folder in ["out", "./a b", "odd=name", "type-of-thing"] {
        let output = read(folder);
        assert_eq!((output.form, output.destination), (local.clone(), path(folder)));
    }
    assert_eq!(read("-").form, Form::Tar(Split::Several));
    assert_eq!(read("-").destination, Destination::Stdout);
}

#[test]
fn destinations_follow_the_type() {
    for (text, destination) in [
        ("type=docker", Destination::Store),
        ("type=image,push=false", Destination::Store),
        ("type=docker,dest=-", Destination::Stdout),
        ("type=docker,dest=a.tar", path("a.tar")),
        ("type=oci", Destination::Stdout),
        ("type=tar", Destination::Stdout),
        ("dest=a b,type=tar", path("a b")),
        ("\"dest=a,b\",type=local", path("a,b")),
        ("type=oci,tar=false,dest=d", path("d")),
    ] {
        assert_eq!(read(text).destination, destination, "{text}");
    }
}

#[test]
fn everything_an_image_can_be_asked_for_is_read() {
    let output = read(
        "type=oci,dest=x,compression=zstd,compression-level=9,force-compression=true,rewrite-timestamp=false,\
         \"name=app:1,host/app:2\",annotation.a=1=2,annotation-index.b.c=,annotation-manifest-descriptor[linux/arm64].d=x,\
         oci-mediatypes=true",
    );
    let Form::Oci { layers, is_directory: false } = output.form else { panic!("{output:?}") };
    let request = layers.request;
    assert_eq!((request.compression, request.effort.level, request.force), (Compression::Zstd, Some(9), true));
    assert_eq!(output.rewrite_timestamp, Some(RewriteTimestamp::Keep));
    assert_eq!(output.names.iter().map(ToString::to_string).collect::<Vec<_>>(), ["app:1", "host/app:2"]);
    let annotations: Vec<_> =
        layers.annotations.iter().map(|a| (a.place, a.platform.as_deref(), &*a.key, &*a.value)).collect();
    assert_eq!(
        annotations,
        [
            (AnnotationPlace::Manifest, None, "a", "1=2"),
            (AnnotationPlace::Index, None, "b.c", ""),
            (AnnotationPlace::ManifestDescriptor, Some("linux/arm64"), "d", "x"),
        ]
    );
}

#[test]
fn layers_are_gzip_unless_something_else_is_asked_for() {
    let Form::Docker(layers) = read("type=docker,dest=x").form else { panic!() };
    assert_eq!((layers.request.compression, layers.request.force), (Compression::Gzip, false));
}

#[test]
fn what_cannot_be_is_refused_with_what_could() {
    for (text, expected) in [
        ("", "it has no options"),
        ("type=oci,dest", "every option is KEY=VALUE"),
        ("type=oci,\"dest=x", "quote"),
        ("dest=x", "has no type\nhint: write type=docker"),
        ("dest=x,compression=gzip", "has no type"),
        ("type=ocl,dest=x", "no output type \"ocl\"\nhint: did you mean oci?"),
        ("type=squashfs", "\nhint: the types are docker, oci, tar and local"),
        ("type=image,name=a,push=true", "cannot be pushed yet\nhint: write type=oci"),
        ("type=registry,name=a", "cannot be pushed yet"),
        ("type=oci,dest=x,compresion=gzip", "no option \"compresion\"\nhint: did you mean compression?"),
        ("type=local,dest=x,compression=gzip", "output type local has no option \"compression\""),
        ("type=tar,dest=x,annotation.a=b", "output type tar has no option \"annotation.a\""),
        ("type=tar,dest=x,mode=delete", "output type tar has no option \"mode\""),
        ("type=oci,dest=x,compression=lz4", "the compressions are gzip, zstd and uncompressed"),
        ("type=oci,dest=x,compression=estargz", "the compressions are"),
        ("type=oci,dest=x,compression-level=10", "the levels of this compression are 0 to 9"),
        ("type=oci,dest=x,compression-level=0,compression=zstd", "are 1 to 22"),
        ("type=oci,dest=x,compression=uncompressed,compression-level=1", "no level"),
        ("type=oci,dest=x,compression-level=fast", "it is a number"),
        ("type=oci,dest=x,force-compression=maybe", "it is true or false"),
        ("type=oci,dest=x,oci-mediatypes=false", "OCI's media types"),
        ("type=oci,dest=x,tar=false,name=UPPER:1", "name=UPPER:1"),
        ("type=oci,tar=false", "which cannot go to standard output"),
        ("type=oci,tar=false,dest=-", "which cannot go to standard output"),
        ("type=local", "output type local needs dest="),
        ("type=local,dest=-", "which cannot go to standard output"),
        ("type=local,dest=", "it is empty"),
        ("type=local,dest=x,mode=sync", "the modes are copy and delete"),
        ("type=docker,compression=zstd", "compression needs dest="),
        ("type=image,annotation.a=b", "annotation.a needs dest="),
        ("type=oci,dest=x,annotation=b", "is written annotation.NAME=VALUE"),
        ("type=oci,dest=x,annotation.=b", "is written annotation.NAME=VALUE"),
        ("type=oci,dest=x,annotation[linux/amd64.a=b", "is written annotation.NAME=VALUE"),
        ("type=oci,dest=x,annotation-layer.a=b", "the places are"),
        ("type=oci,dest=x,annotation-index[linux/amd64].a=b", "an index is of all platforms"),
    ] {
        let message = refused(text);
        assert!(message.contains(expected), "{text}: {message}");
    }
}
