//! `FROM` a directory of `--build-context`.

use std::{
    fs,
    os::unix::fs::{chown, symlink},
    path::PathBuf,
};

use strata_builder::options::NamedContext;
use strata_image::Image as _;

use crate::workshop::Workshop;

/// A workshop with the directory `tree`: a root filesystem of a few files of another owner.
fn ground() -> Option<(Workshop, PathBuf)> {
    let mut workshop = Workshop::open()?;
    let tree = workshop.dir.path().join("tree");
    fs::create_dir_all(tree.join("etc/kept")).unwrap();
    for (file, content) in
        [("etc/name", "one"), ("secret", "no"), ("etc/secret", "yes"), (".dockerignore", "secret\n.dockerignore\n")]
    {
        fs::write(tree.join(file), content).unwrap();
        chown(tree.join(file), Some(1000), Some(1000)).unwrap();
    }
    symlink("etc/name", tree.join("link")).unwrap();
    workshop.options.named_contexts.insert("tree".to_owned(), NamedContext::Directory(tree.clone().into()));
    Some((workshop, tree))
}

#[test]
fn a_directory_is_a_base_of_one_layer_and_without_a_config() {
    let Some((mut workshop, _)) = ground() else { return };
    let built = workshop.built("FROM tree\nLABEL a=b\n");
    assert_eq!((built.base_layers, built.layer_steps.as_slice()), (1, [None].as_slice()));
    let entries = ["0755 0:0 etc", "0755 0:0 etc/kept", "0644 0:0 etc/name", "0644 0:0 etc/secret", "0777 0:0 link"];
    assert_eq!(workshop.layer_from_end(&built, 0), entries);
    let image = workshop.image(&built);
    let config = image.config().unwrap();
    let container = config.config.as_ref().unwrap();
    assert_eq!(container.env.as_ref().unwrap().len(), 1, "PATH, as BuildKit always sets it");
    assert_eq!((&container.working_dir, &container.cmd), (&None, &None));
    let texts: Vec<_> = config.history.iter().map(|entry| entry.created_by.as_deref().unwrap()).collect();
    assert_eq!(texts, ["local source for tree", "LABEL a=b"]);
}

#[test]
fn a_directory_that_is_a_base_is_cached_by_what_it_holds() {
    let Some((mut workshop, tree)) = ground() else { return };
    let dockerfile = "FROM tree AS base\nCOPY --from=busybox /bin/busybox /bin/sh\n\
        FROM base\nRUN read name </link; echo \"$name\"\n";
    let first = workshop.built(dockerfile);
    assert_eq!((first.ran, workshop.output.as_str()), (3, "one\n"));
    fs::write(tree.join("secret"), "is ignored").unwrap();
    fs::File::open(tree.join("etc/name")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let second = workshop.built(dockerfile);
    assert_eq!((second.ran, second.id), (0, first.id));
    fs::write(tree.join("etc/name"), "two").unwrap();
    assert_eq!(workshop.built(dockerfile).ran, 3);
    assert_eq!(workshop.output, "two\n");
}

#[test]
fn layers_above_a_directory_are_squashed_and_its_own_is_not() {
    let Some((mut workshop, _)) = ground() else { return };
    workshop.options.squash = true;
    let built = workshop.built("FROM tree\nCOPY <<a <<b /d/\n1\na\n2\nb\nWORKDIR /w\n");
    assert_eq!(workshop.layer_from_end(&built, 0), ["0755 0:0 d", "0644 0:0 d/a", "0644 0:0 d/b", "0755 0:0 w"]);
    assert_eq!(workshop.layer_from_end(&built, 1).len(), 5);
}
