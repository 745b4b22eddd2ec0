//! Any bytes as a Dockerfile: it is read and checked without a panic, every span lies in the source, and an instruction read
//! again by itself is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strata_dockerfile::{
    Diagnostic, Instruction, Kind, Span, check, ignore::IgnoreSet, parse, parse_trigger,
};

fuzz_target!(|source: &[u8]| {
    let parsed = parse(source);
    let inside = |span: Span| span.start <= span.end && span.end <= source.len();
    let all_inside = |list: &[Diagnostic]| list.iter().all(|it| inside(it.span));
    assert!(all_inside(&parsed.diagnostics));

    let escape = parsed.file.escape;
    let env = |name: &str| (name.len() % 2 == 0).then(|| name.to_lowercase());
    for instruction in &parsed.file.instructions {
        assert!(inside(instruction.span) && inside(instruction.keyword.span));
        assert!(instruction.flags.iter().all(|flag| inside(flag.span)));
        assert!(instruction.comments.iter().all(|comment| inside(*comment)));
        match &instruction.kind {
            Kind::Run(run) => {
                let _ = run.script();
                for mount in &run.mounts {
                    let names = mount.options.iter().map(|option| option.name.span);
                    let values = mount.options.iter().filter_map(|option| option.value.as_ref()).map(|it| it.span);
                    assert!(names.chain(values).all(inside));
                    if let Err(problem) = mount.expand(escape, &env) {
                        assert!(inside(problem.span));
                    }
                }
            }
            Kind::Onbuild(onbuild) => {
                let _ = parse_trigger(&onbuild.trigger);
            }
            _ => {}
        }
        assert!(reads_the_same(&source[instruction.span.range()], escape, instruction));
    }

    let ignore = IgnoreSet::parse(source).unwrap_or_default();
    let facts = check::Facts { ignore: Some(&ignore), ..check::Facts::default() };
    assert!(all_inside(&check::check(source, parsed, &facts).diagnostics));
});

/// An instruction's own bytes say all that it is.
fn reads_the_same(source: &[u8], escape: char, expected: &Instruction) -> bool {
    let text = [format!("# escape={escape}\n").as_bytes(), source].concat();
    let again = parse(&text).file.instructions;
    matches!(again.as_slice(), [only] if only.original == expected.original && only.flags.len() == expected.flags.len())
}
