#![allow(clippy::unwrap_used)]
use super::*;

fn plan(dockerfile: &str, target: Option<&str>) -> Result<Plan> {
    let parsed = strata_dockerfile::parse(dockerfile.as_bytes());
    let given = BTreeMap::from([("GIVEN".to_owned(), "base".to_owned())]);
    let platform = Platform::host();
    let asked = Asked { target, build_args: &given, named: vec!["given-context"], platform: &platform };
    make(&parsed.file, &asked, &mut |base| match base {
        Base::Image(name) if name == "triggering" => {
            Ok(vec!["COPY --from=tools /t /t".to_owned(), "RUN true".to_owned()])
        }
        Base::Image(name) if name == "broken" => Ok(vec!["FROM x".to_owned()]),
        _ => Ok(Vec::new()),
    })
}

/// Names of the stages that are needed.
fn needed(dockerfile: &str, target: Option<&str>) -> Vec<String> {
    let plan = plan(dockerfile, target).unwrap();
    plan.stages.into_iter().flatten().map(|stage| stage.name).collect()
}

#[test]
fn only_what_the_target_leads_to_is_needed() {
    let file =
        "FROM a AS one\nFROM b AS two\nFROM one AS three\nCOPY --from=two /x /x\nFROM c AS four\nCOPY --from=0 /y /y\n";
    for (target, stages) in [
        (None, vec!["one", "four"]),
        (Some("three"), vec!["one", "two", "three"]),
        (Some("TWO"), vec!["two"]),
        (Some("one"), vec!["one"]),
    ] {
        assert_eq!(needed(file, target), stages, "{target:?}");
    }
}

#[test]
fn a_stage_without_a_name_is_called_by_its_number() {
    assert_eq!(needed("FROM a\nFROM b\n", None), ["stage-1"]);
}

#[test]
fn bases_are_expanded_with_global_arguments_and_platforms() {
    let base = |from: &str| {
        let file = format!("ARG V=3\nARG W=$V.1\nARG GIVEN\nFROM x AS on-linux\nFROM {from}\n");
        let plan = plan(&file, None).unwrap();
        plan.stages.into_iter().flatten().next_back().unwrap().base
    };
    for (from, expected) in [
        ("app:$W", Base::Image("app:3.1".to_owned())),
        ("\"$GIVEN\"", Base::Image("base".to_owned())),
        ("on-${TARGETOS}", Base::Stage(0)),
        ("ON-LINUX", Base::Stage(0)),
        ("scratch", Base::Scratch),
        ("${NOPE:-scratch}", Base::Scratch),
    ] {
        assert_eq!(base(from), expected, "{from}");
    }
}

#[test]
fn a_name_given_twice_means_the_last_stage_before() {
    let plan = plan("FROM a AS x\nFROM b AS x\nFROM x\n", None).unwrap();
    assert_eq!(plan.stages[2].as_ref().unwrap().base, Base::Stage(1));
    assert!(plan.stages[0].is_none());
}

#[test]
fn triggers_come_first_and_bring_the_stages_that_they_copy_from() {
    let plan = plan("FROM a AS tools\nFROM triggering\nRUN own\n", None).unwrap();
    assert!(plan.stages[0].is_some());
    let steps = &plan.stages[1].as_ref().unwrap().steps;
    let indexes: Vec<_> = steps.iter().map(|step| step.index).collect();
    assert_eq!(indexes, [None, None, Some(2)]);
    assert_eq!(steps[0].copies_from, Some(Base::Stage(0)));
}

#[test]
fn triggers_of_a_stage_run_in_its_children_only() {
    let file = "FROM a AS parent\nONBUILD RUN trigger\nFROM parent AS child\nRUN own\nFROM child\n";
    let plan = plan(file, None).unwrap();
    let steps = |index: usize| plan.stages[index].as_ref().unwrap().steps.len();
    assert_eq!((steps(0), steps(1), steps(2)), (1, 2, 0));
}

#[test]
fn errors_say_where_and_what() {
    for (file, at, said) in [
        ("FROM $NOPE\n", "$NOPE", "should not be blank"),
        ("FROM ${V:?ask}\n", "${V:?ask}", "failed to process"),
        ("FROM --platform=plan9/mips a\n", "a", "plan9/mips"),
        ("FROM a\nCOPY --from=1 x y\n", "1", "invalid stage index"),
        ("FROM a AS b\nCOPY --from=b x y\n", "b", "circular dependency"),
        ("FROM a\nCOPY --from=c x y\nFROM d AS c\n", "c", "needs to be defined before"),
        ("FROM broken\n", "broken", "cannot be used"),
    ] {
        let target = file.contains("AS c").then_some("first");
        let file = if target.is_some() { file.replacen("FROM a", "FROM a AS first", 1) } else { file.to_owned() };
        let Err(Error::Step { message, span, .. }) = plan(&file, target) else {
            panic!("{file} must not be planned");
        };
        assert!(message.contains(said), "{file}: {message}");
        assert_eq!(&file[span.start..span.end], at, "{file}");
    }
}

#[test]
fn a_typo_in_the_target_is_recognised() {
    for (target, expected) in [("biuld", Some("build")), ("tset", Some("test")), ("nothing", None), ("0", None)] {
        let Err(Error::UnknownTarget { suggestion, .. }) = plan("FROM a AS build\nFROM b AS test\n", Some(target))
        else {
            panic!("{target} is no stage");
        };
        assert_eq!(suggestion.as_deref(), expected, "{target}");
    }
}
