//! Stacks whose waste is known: each was checked against what a container engine shows of it.

use std::collections::HashMap;

use strata_image::layer::Entry;

use crate::notation::{Row, apply, apply_entries, entry, rows};

/// Name, layers, wasted bytes, total bytes, deaths.
const EXAMPLES: &str = "
    E01 same content again              | a:100 / a:100                    |  100 |  200 | a:100 0>1 replaced
    E02 a larger file                   | a:100 / a:300                    |  100 |  400 | a:100 0>1 replaced
    E03 a smaller file                  | a:300 / a:100                    |  300 |  400 | a:300 0>1 replaced
    E04 twice                           | a:100 / a:200 / a:300            |  300 |  600 | a:100 0>1 replaced, a:200 1>2 replaced
    E05 removed                         | a:100 b:900 / -a                 |  100 | 1000 | a:100 0>1 whiteout
    E06 a directory removed             | d/x:400 d/y:600 keep:1000 / -d   | 1000 | 2000 | d/x:400 0>1 whiteout, d/y:600 0>1 whiteout
    E07 an empty directory removed      | d/ keep:1000 / -d                |    0 | 1000 |
    E08 overwritten, then removed       | d/x:400 keep:1000 / d/x:500 / -d |  900 | 1900 | d/x:400 0>1 replaced, d/x:500 1>2 whiteout
    E09 another mode                    | a:100 / a:100                    |  100 |  200 | a:100 0>1 replaced
    E10 an opaque directory             | d/x:400 d/y:600 / !d d/z:50      | 1000 | 1050 | d/x:400 0>1 opaque, d/y:600 0>1 opaque
    E11 hard links                      | a:100 b=a c=a                    |    0 |  100 |
    E12 a hard link broken              | a:100 b=a / b:120                |    0 |  220 |
    E13 the same bytes elsewhere        | a:500 / b:500                    |    0 | 1000 |
    E14 twice in one tar                | a:100 a:300                      |  100 |  400 | a:100 0>0 duplicate-entry
    E15 a missing name removed          | b:100 z:100 / -a b:100 z:100     |  200 |  400 | b:100 0>1 replaced, z:100 0>1 replaced
    E16 a whiteout in the lowest layer  | -a b:100 / b:100                 |  100 |  200 | b:100 0>1 replaced
    E17 removed and made again          | a:100 / -a / a:100               |  100 |  200 | a:100 0>1 whiteout
    E18 the same in one layer           | a:100 / -a a:100                 |  100 |  200 | a:100 0>1 whiteout
    E18 in the other order              | a:100 / a:100 -a                 |  100 |  200 | a:100 0>1 whiteout
    E19 a file for a removed directory  | d/x:400 / -d d:50                |  400 |  450 | d/x:400 0>1 whiteout
    E19b a file for a directory         | d/x:400 / d:50                   |  400 |  450 | d/x:400 0>1 type-change
    E20 a directory again and again     | tmp/ k:10 / tmp/ / tmp/          |    0 |   10 |
    E21 a symlink turned                | l>a a:100 / l>b                  |    0 |  100 |
    E22 moved                           | old:700 k:300 / -old new:700     |  700 | 1700 | old:700 0>1 whiteout
    E23 nothing left                    | a:1000 / -a                      | 1000 | 1000 | a:1000 0>1 whiteout
    E26 one of two names removed        | a:100 b=a / -a                   |    0 |  100 |
    E28 made, moved, removed            | a:2000 / b:1 / -a                | 2000 | 2001 | a:2000 0>2 whiteout
    E29 a directory that was once empty | d/ k:10 / d/x:400 / -d           |  400 |  410 | d/x:400 1>2 whiteout
    E32 a directory without an entry    | d/e/x:400 / -d/e                 |  400 |  400 | d/e/x:400 0>1 whiteout
    E36 a missing name beside others    | b:100 / -a -c b:100              |  100 |  200 | b:100 0>1 replaced
";

#[test]
fn every_example_wastes_what_it_should() {
    for Row { name, layers, rest } in rows(EXAMPLES) {
        let [wasted, total, deaths] = rest[..] else { panic!("{name}") };
        let (wasted, total): (u64, u64) = (wasted.parse().unwrap(), total.parse().unwrap());
        let applied = apply(&layers).unwrap();
        assert_eq!(applied.deaths.heard.join(", "), deaths, "{name}");
        assert_eq!((applied.deaths.bytes, applied.total), (wasted, total), "{name}");
        let mut live = HashMap::new();
        applied.view.walk(&mut |node| {
            live.insert(node.inode, node.meta.size);
        });
        assert_eq!(live.values().sum::<u64>() + wasted, total, "{name}");
    }
}

#[test]
fn e40_a_whiteout_with_content_weighs_nothing() {
    let whiteout = Entry { size: 5, ..entry("-a") };
    let applied = apply_entries(&[vec![entry("a:100")], vec![whiteout]]).unwrap();
    assert_eq!((applied.total, applied.deaths.bytes), (100, 100));
    assert!(applied.live().is_empty());
}
