//! What to do about errors of the libraries, which say only what is wrong.

/// The advice for one cause of an error, where there is any.
pub(crate) fn of(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    cause
        .downcast_ref()
        .and_then(of_image)
        .or_else(|| cause.downcast_ref().and_then(of_runtime))
        .or_else(|| cause.downcast_ref().and_then(of_builder))
        .or_else(|| cause.downcast_ref().and_then(strata_builder::contexts::ContextError::hint))
}

fn of_image(error: &strata_image::Error) -> Option<String> {
    use strata_image::Error;
    Some(match error {
        Error::SeveralImages { named, available, .. } => {
            format!("name one: {named}:NAME with one of {}", available.join(", "))
        }
        Error::NoSuchReference { available, .. } | Error::NoPlatform { available, .. } if !available.is_empty() => {
            format!("there is {}", available.join(", "))
        }
        Error::NotFound { near, .. } if !near.is_empty() => {
            format!("did you mean {}?", near.join(" or "))
        }
        Error::NotFound { .. } | Error::NoSuchImage { .. } => "`strata images` lists what is in the store".to_owned(),
        Error::Registry { .. } => {
            "have docker send the image, or save it to an archive: docker save NAME | strata analyze -".to_owned()
        }
        Error::InUse { names, .. } => {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            format!("remove its names {}, or all of them with -f", names.join(", "))
        }
        Error::NotAnArchive { .. } => "`strata import` makes an image of a root filesystem".to_owned(),
        Error::Busy { .. } => "wait for the other strata to end, and try again".to_owned(),
        _ => return None,
    })
}

fn of_runtime(error: &strata_runtime::Error) -> Option<String> {
    use strata_runtime::Error;
    Some(match error {
        Error::UnmappedOwner { .. } => {
            "give your user more ids: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER".to_owned()
        }
        Error::IdMapping { .. } => {
            "newuidmap and newgidmap must be installed, and have their setuid bit or capabilities".to_owned()
        }
        Error::GroupsForbidden { .. } => {
            "with a single id, groups cannot be set: docs/rootless.md says what else cannot be".to_owned()
        }
        _ => return None,
    })
}

fn of_builder(error: &strata_builder::Error) -> Option<String> {
    use strata_builder::Error;
    match error {
        Error::UnknownTarget { suggestion: Some(name), .. } => Some(format!("did you mean {name}?")),
        Error::Contexts(error) => error.hint(),
        Error::Output(error) => error.hint(),
        _ => None,
    }
}
