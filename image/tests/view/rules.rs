//! One rule of the fold at a time.

use strata_image::{
    Timestamp,
    layer::{ApplyProblem, Problem, TarError},
    view::{InodeId, NodeKind},
};

use crate::notation::{Row, apply, apply_entries, entry, path, rows};

/// Each line: what happens, layers, live paths, deaths.
fn check(table: &str) {
    for Row { name, layers, rest } in rows(table) {
        let [live, deaths] = rest[..] else { panic!("{name}") };
        let applied = apply(&layers).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(applied.live().join(" "), live, "{name}");
        assert_eq!(applied.deaths.heard.join(", "), deaths, "{name}");
    }
}

#[test]
fn whiteouts_act_on_lower_names_wherever_they_stand() {
    check("
        a directory whited out and filled again     | d/x:1 d/y:2 / d/y:3 -d | d/ d/y:3          | d/x:1 0>1 whiteout, d/y:2 0>1 whiteout
        an opaque marker behind what the layer adds | d/x:1 / d/x:2 !d       | d/ d/x:2          | d/x:1 0>1 opaque
        an opaque root                              | a:1 d/x:2 / !. b:3     | b:3               | a:1 0>1 opaque, d/x:2 0>1 opaque
        an opaque file                              | a:1 / !a               | a:1               |
        an opaque directory that is not there       | a:1 / !d               | a:1               |
        a whiteout below a file                     | a:1 / -a/b             | a:1               |
        both on one file: the first in the tar      | d/x:1 / -d/x !d        | d/                | d/x:1 0>1 whiteout
        and the other way round                     | d/x:1 / !d -d/x        | d/                | d/x:1 0>1 opaque
        a directory and a name in it                | d/x:1 / -d -d/x        |                   | d/x:1 0>1 whiteout
        the whiteout comes before the type change   | d/x:1 / d:5 -d/x       | d:5               | d/x:1 0>1 whiteout
        nothing is left to be replaced              | a:1 / a>b -a           | a>b               | a:1 0>1 whiteout
        a hidden file may look like a whiteout      | d/x:1 / @d/.whx        | d/ d/.whx:0 d/x:1 |
    ");
}

#[test]
fn files_of_aufs_say_nothing() {
    check("
        its own files, and one that is nearly an opaque marker | d/x:1 / @.wh..wh.plnk @.wh..wh.aufs @.wh..wh.orph @.wh..wh.plnk/1.2 @d/.wh..wh..opqX | d/ d/x:1 |
    ");
}

#[test]
fn whiteouts_without_a_name_are_errors() {
    for name in ["@.wh.", "@.wh..", "@.wh...", "@d/.wh.", "@d/.wh.x/y"] {
        match apply(&["d/x:1", name]) {
            Err(TarError::Entry { problem: Problem::Whiteout, name: found, .. }) => assert_eq!(found, name[1..]),
            other => panic!("{name}: {:?}", other.map(|applied| applied.live())),
        }
    }
}

#[test]
fn paths_go_through_symlinked_parents() {
    check("
        relative                             | usr/bin/ bin>usr/bin / bin/sh:7    | bin>usr/bin usr/ usr/bin/ usr/bin/sh:7 |
        absolute, from the root of the image | d/ l>/d / l/x:1                    | d/ d/x:1 l>/d                          |
        up and out, clamped                  | e/f/l>../../../../d d/ / e/f/l/x:1 | d/ d/x:1 e/ e/f/ e/f/l>../../../../d   |
        up from where it leads               | a/b/ c/l>../a/b / c/l/../x:1       | a/ a/b/ c/ c/l>../a/b c/x:1            |
        a chain                              | d/ l>d m>l n>./m/. / n/x:1         | d/ d/x:1 l>d m>l n>./m/.               |
        into nothing yet                     | l>d/e / l/x:1                      | d/ d/e/ d/e/x:1 l>d/e                  |
        made earlier in the layer            | d/x:1 l>d l/x:2                    | d/ d/x:2 l>d                           | d/x:1 0>0 duplicate-entry
        a whiteout                           | usr/bin/sh:7 bin>usr/bin / -bin/sh | bin>usr/bin usr/ usr/bin/              | usr/bin/sh:7 0>1 whiteout
        an opaque marker                     | d/x:1 l>d / !l l/y:2               | d/ d/y:2 l>d                           | d/x:1 0>1 opaque
        a hard link's target                 | d/x:1 l>d / h=l/x                  | d/ d/x:1 h=d/x l>d                     |
        but not the last component           | d/ l>d / l:5                       | d/ l:5                                 |
        nor a whiteout's                     | d/x:1 l>d / -l                     | d/ d/x:1                               |
        nor a directory's                    | d/x:1 l>d / l/ l/y:2               | d/ d/x:1 l/ l/y:2                      |
        not after the symlink is whited out  | d/x:1 l>d / l/x:2 -l               | d/ d/x:1 l/ l/x:2                      |
    ");
}

#[test]
fn an_opaque_directory_in_a_symlinks_place_leaves_the_target_alone() {
    // what an overlay's upper directory says after `rm l && mkdir l`
    check(
        "
        marker behind | d/x:1 l>d / l/ !l l/y:2     | d/ d/x:1 l/ l/y:2 |
        marker before | d/x:1 l>d / !l l/ -l/x      | d/ d/x:1 l/       |
        deeper        | d/x:1 u/l>/d / u/ u/l/ !u/l | d/ d/x:1 u/ u/l/  |
    ",
    );
}

#[test]
fn names_change_their_type() {
    check("
        file to symlink                             | a:1 / a>b         | a>b      | a:1 0>1 type-change
        file to pipe                                | a:1 / a%          | a%       | a:1 0>1 type-change
        file to directory                           | a:1 / a/          | a/       | a:1 0>1 type-change
        file to a directory that is only implied    | a:1 / a/x:2       | a/ a/x:2 | a:1 0>1 type-change
        symlink to file                             | a>b / a:1         | a:1      |
        directory to symlink                        | d/e/x:1 / d>f     | d>f      | d/e/x:1 0>1 type-change
        directory to hard link                      | d/x:1 f:2 / d=f   | d:2 f=d  | d/x:1 0>1 type-change
        file to hard link of a file                 | a:1 b:2 / a=b     | a:2 b=a  | a:1 0>1 replaced
        file to hard link of a symlink              | a:1 l>x / a=l     | a>x l>x  | a:1 0>1 type-change
        directory with files of both layers to file | d/x:1 / d/y:2 d:3 | d:3      | d/x:1 0>1 type-change, d/y:2 1>1 duplicate-entry
        to directory and back in one layer          | a:1 a/ a:2        | a:2      | a:1 0>0 duplicate-entry
        a file of this layer under its own child    | a:1 a/b:2         | a/ a/b:2 | a:1 0>0 duplicate-entry
    ");
}

#[test]
fn an_inode_lives_as_long_as_one_of_its_names() {
    check("
        all names go by different ways                | a:1 b=a c=b / -a / b:2 / c>x | b:2 c>x  | c:1 0>3 type-change
        a link from a higher layer                    | a:1 / b=a / -a               | b:1      |
        a name linked to itself                       | a:1 a=a                      | a:1      |
        and again from above                          | a:1 b=a / b=a                | a:1 b=a  |
        both in one directory                         | d/a:1 d/b=d/a / -d           |          | d/b:1 0>1 whiteout
        a link to what this layer replaced            | a:1 / a:2 b=a                | a:2 b=a  | a:1 0>1 replaced
        a link before its target is replaced          | a:1 / b=a a:2                | a:2 b:1  |
        a link in the place of its target's directory | d/x:1 / d=d/x                | d:1      |
        a link below its own target                   | a:1 a/x=a                    | a/ a/x:1 |
        a name that goes back and forth               | a:1 b=a b:2 b=a              | a:1 b=a  | b:2 0>0 duplicate-entry
    ");
}

#[test]
fn hard_links_to_nothing_are_errors() {
    let missing = |target: &str| ApplyProblem::LinkTargetMissing(target.into());
    let cases: [(&[&str], ApplyProblem); 6] = [
        (&["a:1 b=x"], missing("x")),
        (&["a:1 b=a/x"], missing("a/x")),
        (&["b=a a:1"], missing("a")),
        (&["a:1", "-a", "b=a"], missing("a")),
        (&["a:1", "b=a -a"], missing("a")),
        (&["d/x:1 b=d"], ApplyProblem::LinkToDirectory("d".into())),
    ];
    for (layers, expected) in cases {
        match apply(layers) {
            Err(TarError::Apply { problem, path, .. }) => {
                assert_eq!((path, problem), ("b".into(), expected));
            }
            other => panic!("{layers:?}: {:?}", other.map(|applied| applied.live())),
        }
    }
}

#[test]
fn endless_symlinks_are_an_error_that_names_the_entry() {
    for layers in [&["a>b b>a", "x:1 a/x:1"][..], &["a>a/a", "x:1 a/x:1"], &["a>b b>a", "x:1 -a/x"]] {
        match apply(layers) {
            Err(TarError::Apply { layer, entry, path, problem }) => {
                assert_eq!((layer, entry, problem), (1, 1, ApplyProblem::SymlinkLoop));
                assert_eq!(path, "a/x");
            }
            other => panic!("{layers:?}: {:?}", other.map(|applied| applied.live())),
        }
    }
    let chain = |links: u32| {
        let links: Vec<String> = (0..links).map(|number| format!("{number}>{}", number + 1)).collect();
        apply(&[&links.join(" "), "0/x:1"]).is_ok()
    };
    assert!(chain(40));
    assert!(!chain(41));
}

#[test]
fn paths_that_symlinks_make_too_long_are_an_error() {
    let deep = vec!["d"; 2000].join("/");
    let layers = [format!("{deep}/ l>/{deep}"), format!("l/{deep}/x:1")];
    match apply(&[&layers[0], &layers[1]]) {
        Err(TarError::Apply { problem, .. }) => assert_eq!(problem, ApplyProblem::TooLong),
        other => panic!("{:?}", other.map(|applied| applied.live().len())),
    }
    let applied = apply(&[&format!("{deep}/"), "-d"]).unwrap();
    assert!(applied.live().is_empty());
}

#[test]
fn the_root_is_a_directory_and_nothing_else() {
    let applied = apply(&["a:1"]).unwrap();
    assert!(applied.view.root().is_none());
    let node = applied.view.top();
    assert_eq!((node.meta.mode, node.inode.entry, node.path.is_root()), (0o755, InodeId::IMPLIED, true));
    let mut root = entry("./");
    root.mode = 0o700;
    let applied = apply_entries(&[vec![root], vec![entry("a:1")]]).unwrap();
    let node = applied.view.root().unwrap();
    assert_eq!((node.meta.mode, node.inode, node.path.is_root()), (0o700, InodeId { layer: 0, entry: 0 }, true));
    for other in ["/>etc", "/%", "/=a", "/:5"] {
        match apply(&["a:1", other]) {
            Err(TarError::Apply { problem, .. }) => assert_eq!(problem, ApplyProblem::Root),
            applied => panic!("{other}: {:?}", applied.map(|applied| applied.live())),
        }
    }
}

#[test]
fn a_directory_over_a_directory_gives_it_new_metadata() {
    let mut first = entry("d/");
    first.xattrs.insert("user.a".into(), b"1".to_vec());
    let mut second = entry("d/");
    (second.mode, second.uid, second.mtime) = (0o1777, 5, Timestamp::from_seconds(9));
    let applied = apply_entries(&[vec![first, entry("d/x:1")], vec![second]]).unwrap();
    assert_eq!(applied.live(), ["d/", "d/x:1"]);
    let node = applied.view.get(&path("d")).unwrap();
    assert_eq!((node.meta.mode, node.meta.uid, node.meta.mtime), (0o1777, 5, Timestamp::from_seconds(9)));
    assert!(node.meta.xattrs.is_empty());
    assert_eq!(node.inode, InodeId { layer: 1, entry: 0 });
}

#[test]
fn missing_parents_are_roots_and_0755() {
    let applied = apply(&["d/e/x:1"]).unwrap();
    let node = applied.view.get(&path("d/e")).unwrap();
    assert_eq!(node.meta.kind, NodeKind::Directory);
    assert_eq!(node.inode.entry, InodeId::IMPLIED);
    assert_eq!((node.meta.mode, node.meta.uid, node.meta.gid, node.meta.mtime), (0o755, 0, 0, Timestamp::EPOCH));
}

#[test]
fn the_walk_is_in_byte_order_of_the_full_path() {
    let names = "a/x:1 a-b:1 a.d/y:1 a0:1 ab/z:1 a/b/c:1 a/b.c:1 aa:1 a!:1 \u{e9}:1 A:1";
    let applied = apply(&[names]).unwrap();
    let mut walked = Vec::new();
    applied.view.walk(&mut |node| walked.push(node.path));
    let mut sorted = walked.clone();
    sorted.sort();
    assert_eq!(walked, sorted);
    assert_eq!(walked.len(), 15);
    for path in &walked {
        assert_eq!(applied.view.get(path).unwrap().path, *path);
    }
    assert!(applied.view.get(&path("a/nothing")).is_none());
    assert!(applied.view.get(&path("a0/x")).is_none());
}

#[test]
fn names_that_differ_in_case_or_bytes_are_different() {
    let mut odd = entry("x:1");
    odd.path = strata_image::layer::LayerPath::new(b"\xff\xfe").unwrap();
    let applied = apply_entries(&[vec![entry("File:1"), entry("file:2"), odd.clone()], vec![odd]]).unwrap();
    assert_eq!(applied.view.get(&path("File")).unwrap().meta.size, 1);
    assert_eq!(applied.deaths.bytes, 1);
}

#[test]
fn links_count_live_names_and_inodes_group_them() {
    let applied = apply(&["a:1 b=a c=a", "-c"]).unwrap();
    let [a, b] = ["a", "b"].map(|name| applied.view.get(&path(name)).unwrap());
    assert_eq!((a.links, a.inode), (2, b.inode));
}

#[test]
fn a_hundred_thousand_symlinks_in_a_row_cost_no_stack() {
    let links: Vec<String> = (0..100_000).map(|number| format!("{number}>{}", number + 1)).collect();
    assert!(matches!(
        apply(&[&links.join(" "), "0/x:1"]),
        Err(TarError::Apply { problem: ApplyProblem::SymlinkLoop, .. })
    ));
}
