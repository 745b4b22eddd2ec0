//! ONBUILD: an instruction kept as text in the image, to run in the builds that start from it.
//!
//! BuildKit looks at most of the trigger only when it runs, in someone else's build. Here it is read
//! at once, so that its errors are found by who makes them.

use super::{Place, Reader, Statement};
use crate::{Heredoc, Onbuild, heredoc};

impl Reader<'_, '_, '_> {
    pub(super) fn onbuild(&mut self, heredocs: Vec<Heredoc>, place: &Place) -> Option<Onbuild> {
        let flags = self.flags(&[]);
        if self.args().is_empty() {
            return self.wrong_arguments("requires at least one argument");
        }
        let trigger = Statement::cut(self.args(), self.escape);
        refuse_as_trigger(&trigger, self)?;
        flags?;
        let text = heredoc::reconstitute(self.args().text(), &heredocs);
        let inner = trigger.read(heredocs, place.clone(), self.escape, self.diagnostics)?;
        Some(Onbuild { trigger: text, inner: Box::new(inner) })
    }
}

fn refuse_as_trigger(trigger: &Statement<'_>, reader: &mut Reader<'_, '_, '_>) -> Option<()> {
    let message = match trigger.name() {
        "ONBUILD" => "chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed".to_owned(),
        name @ ("FROM" | "MAINTAINER") => format!("{name} isn't allowed as an ONBUILD trigger"),
        _ => return Some(()),
    };
    reader.fail("invalid-trigger", trigger.keyword.span(), message)
}
