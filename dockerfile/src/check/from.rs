//! FROM: the variables in it, the platform, the base image.

use std::collections::BTreeMap;

use super::{Facts, Findings, reference, warning, words};
use crate::{
    Dockerfile, From, Instruction, Kind, Spanned, Stages,
    expand::{self, Expanded},
    suggest::{did_you_mean, nearest},
};

/// What the predefined arguments are where nobody says: those of a build on and for this platform.
const PREDEFINED: [(&str, &str); 10] = [
    ("BUILDPLATFORM", "linux/amd64"),
    ("BUILDOS", "linux"),
    ("BUILDOSVERSION", ""),
    ("BUILDARCH", "amd64"),
    ("BUILDVARIANT", ""),
    ("TARGETPLATFORM", "linux/amd64"),
    ("TARGETOS", "linux"),
    ("TARGETOSVERSION", ""),
    ("TARGETARCH", "amd64"),
    ("TARGETVARIANT", ""),
];

/// What FROMs and bare ARGs see: the predefined arguments, and those before the first FROM.
pub(super) struct Global {
    pub(super) values: BTreeMap<String, String>,
    /// Names of ARGs, with a value or not.
    pub(super) declared: Vec<String>,
}

impl Global {
    /// Takes the values that the caller gave, or, without any, the defaults of the file alone; `None` if one cannot be
    /// expanded, which the build will say.
    pub(super) fn of(file: &Dockerfile, stages: &Stages<'_>, facts: &Facts<'_>, given: bool) -> Option<Self> {
        let mut values: BTreeMap<String, String> =
            PREDEFINED.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let last = stages.stages.last().and_then(|stage| stage.name.clone());
        values.insert("TARGETSTAGE".to_owned(), last.unwrap_or_else(|| "default".to_owned()));
        values.extend(facts.platform_args.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
        // overriding a predefined argument needs no ARG
        let overrides = facts.build_args.into_iter().flatten();
        let overrides: Vec<_> = overrides.filter(|(name, _)| values.contains_key(*name)).collect();
        values.extend(overrides.into_iter().map(|(name, value)| (name.clone(), value.clone())));
        let mut global = Self { values, declared: Vec::new() };
        for instruction in &stages.global_args {
            let Kind::Arg(args) = &instruction.kind else { continue };
            for arg in args {
                let name = &arg.name.value;
                let argument = facts.build_args.filter(|_| given).and_then(|args| args.get(name));
                let value = match (argument, &arg.default) {
                    (Some(value), _) => Some(value.clone()),
                    (None, Some(default)) => Some(expand::word(&default.value, file.escape, &global.values).ok()?.text),
                    (None, None) => None,
                };
                if let Some(value) = value {
                    global.values.insert(name.clone(), value);
                }
                global.declared.push(name.clone());
            }
        }
        Some(global)
    }
}

pub(super) fn check(file: &Dockerfile, facts: &Facts<'_>, has_errors: bool, found: &mut Findings<'_>) {
    if has_errors {
        return;
    }
    let stages = file.stages();
    if let Some(defaults) = Global::of(file, &stages, facts, false) {
        default_names(file, &defaults, found);
    }
    let Some(global) = Global::of(file, &stages, facts, true) else { return };
    let mut names: Vec<String> = Vec::new();
    for stage in &stages.stages {
        let (from, instruction) = (stage.from, stage.from_instruction);
        let Some(image) = expanded(file, &from.image, &global, instruction, found) else { return };
        let platform = match &from.platform {
            None => None,
            Some(platform) => {
                let Some(expanded) = expanded(file, platform, &global, instruction, found) else { return };
                check_platform(platform, &expanded, &global, stage.name.as_deref(), instruction, found);
                Some(expanded.text)
            }
        };
        if !names.contains(&image.text.to_lowercase()) && image.text != "scratch" {
            base_platform(from, &image.text, platform.as_deref(), &global, facts, instruction, found);
        }
        names.extend(stage.name.clone());
    }
}

/// Expands a word of a FROM, and tells which of its variables nobody declares.
fn expanded(
    file: &Dockerfile,
    word: &Spanned<String>,
    global: &Global,
    instruction: &Instruction,
    found: &mut Findings<'_>,
) -> Option<Expanded> {
    let expanded = expand::word(&word.value, file.escape, &global.values).ok()?;
    let mut options: Vec<&str> = global.declared.iter().chain(global.values.keys()).map(String::as_str).collect();
    options.sort_unstable();
    for name in &expanded.unset {
        if options.contains(&name.as_str()) {
            continue;
        }
        let span = words::place_of(name, word.span, found.source);
        let message = format!("FROM argument '{name}' is not declared");
        found.add(
            instruction,
            warning("UndefinedArgInFrom", span, message)
                .labelled("no ARG before the first FROM has this name")
                .helped(did_you_mean(nearest(name, &options))),
        );
    }
    Some(expanded)
}

/// Without build arguments every FROM should still name an image, or a stage.
fn default_names(file: &Dockerfile, defaults: &Global, found: &mut Findings<'_>) {
    for instruction in &file.instructions {
        let Kind::From(From { image, .. }) = &instruction.kind else { continue };
        let Ok(expanded) = expand::word(&image.value, file.escape, &defaults.values) else { return };
        if !reference::is_image(&expanded.text) {
            let message = format!("Default value for ARG {} results in empty or invalid base image name", image.value);
            found.add(
                instruction,
                warning("InvalidDefaultArgInFrom", image.span, message)
                    .labelled(format!("without --build-arg this is {:?}", expanded.text)),
            );
        }
    }
}

fn check_platform(
    written: &Spanned<String>,
    expanded: &Expanded,
    global: &Global,
    stage: Option<&str>,
    instruction: &Instruction,
    found: &mut Findings<'_>,
) {
    if expanded.used.is_empty() {
        let Some((os, architecture)) = reference::platform(&expanded.text) else { return };
        // a stage that is named after its platform is meant to have it
        if stage.is_some_and(|name| name.contains(&os) || name.contains(&architecture)) {
            return;
        }
        let message = format!("FROM --platform flag should not use constant value {:?}", expanded.text);
        let help = "leave --platform out, or use $BUILDPLATFORM or another variable".to_owned();
        found.add(instruction, warning("FromPlatformFlagConstDisallowed", written.span, message).helped(Some(help)));
        return;
    }
    let is_target = expanded.used == ["TARGETPLATFORM"]
        && expanded.unset.is_empty()
        && global.values.get("TARGETPLATFORM") == Some(&expanded.text);
    if is_target {
        let message = format!(
            "Setting platform to predefined {} in FROM is redundant as this is the default behavior",
            written.value
        );
        found.add(
            instruction,
            warning("RedundantTargetPlatform", written.span, message).helped(Some("leave --platform out".to_owned())),
        );
    }
}

/// The image should be for the platform that was asked for.
fn base_platform(
    from: &From,
    image: &str,
    platform: Option<&str>,
    global: &Global,
    facts: &Facts<'_>,
    instruction: &Instruction,
    found: &mut Findings<'_>,
) {
    let Some(base) = facts.base.and_then(|look| look(image, platform)) else { return };
    let wanted = platform.or(global.values.get("TARGETPLATFORM").map(String::as_str)).and_then(reference::platform);
    let Some((os, architecture)) = wanted.filter(|_| !base.os.is_empty() && !base.architecture.is_empty()) else {
        return;
    };
    if (os.as_str(), architecture.as_str()) != (base.os.as_str(), base.architecture.as_str()) {
        let message = format!(
            "Base image {image} was pulled with platform \"{}/{}\", expected \"{os}/{architecture}\" for current build",
            base.os, base.architecture
        );
        let span = from.platform.as_ref().map_or(from.image.span, |platform| platform.span);
        found.add(instruction, warning("InvalidBaseImagePlatform", span, message));
    }
}
