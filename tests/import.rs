//! `strata import`, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::Strata;

#[test]
fn with_an_epoch_an_import_has_the_same_id_everywhere() {
    let import = |epoch: &str| {
        let strata = Strata::new();
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        header.set_mode(0o644);
        tar.append_data(&mut header, "file", b"x".as_slice()).unwrap();
        let path = strata.file("rootfs.tar", tar.into_inner().unwrap());
        let mut command = strata.command(["import", path.to_str().unwrap(), "flat"]);
        let output = command.env("SOURCE_DATE_EPOCH", epoch).output().unwrap();
        (output, strata)
    };
    let (first, strata) = import("1700000000");
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    assert_eq!(first.stdout, import("1700000000").0.stdout);
    assert_ne!(first.stdout, import("1700000001").0.stdout);
    let image = &strata.json(["inspect", "flat"])[0];
    assert_eq!(image["Created"], "2023-11-14T22:13:20Z");

    let (refused, strata) = import("tomorrow");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("invalid SOURCE_DATE_EPOCH: tomorrow"));
    assert!(!strata.root().exists(), "nothing was imported");
}
