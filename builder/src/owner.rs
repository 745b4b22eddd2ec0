//! `--chown` and WORKDIR's user: names looked up in the root filesystem that is being made.

use strata_runtime::user;

use crate::{
    cause::Cause,
    draft::Draft,
    place::{Place, Style},
};

/// The owner that a text names in a draft.
pub(crate) fn resolve(draft: &mut Draft<'_>, text: &str) -> Result<(u64, u64), Cause> {
    let mut unreadable = None;
    let found = user::resolve_owner_in(
        &mut |path, limit| {
            let read = Place::new(draft, Style::default())
                .follow(path)
                .and_then(|resolved| if resolved.exists { draft.read(&resolved.path, limit) } else { Ok(None) });
            read.or_else(|cause| {
                unreadable = Some(cause);
                Ok(None)
            })
        },
        text,
    );
    if let Some(cause) = unreadable {
        return Err(cause);
    }
    let (uid, gid) = found.map_err(|source| Cause::User { text: text.to_owned(), source })?;
    Ok((uid.into(), gid.into()))
}
