//! Options of docker that scripts have and strata has no use for: those that change nothing are accepted with a note, the
//! others are errors that say why.

use anyhow::{Result, bail};

use super::is_on;

/// The options.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Accepted for scripts written for docker")]
#[expect(clippy::option_option, reason = "clap's form of --flag[=BOOL]")]
pub(crate) struct DockerArgs {
    /// Images are in the store in any case
    #[arg(long, value_name = "BOOL", require_equals = true, hide_possible_values = true)]
    load: Option<Option<bool>>,

    /// Base images come from the store; nothing is pulled
    #[arg(long, value_name = "BOOL", require_equals = true, hide_possible_values = true)]
    pull: Option<Option<bool>>,

    /// Nothing is left of a step but its layer
    #[arg(long, value_name = "BOOL", require_equals = true, hide_possible_values = true)]
    rm: Option<Option<bool>>,

    /// As --rm
    #[arg(long, value_name = "BOOL", require_equals = true, hide_possible_values = true)]
    force_rm: Option<Option<bool>>,

    /// The context is sent nowhere
    #[arg(long, value_name = "BOOL", require_equals = true, hide_possible_values = true)]
    compress: Option<Option<bool>>,

    /// There is one builder, this command
    #[arg(long, value_name = "NAME")]
    builder: Option<String>,

    /// Not there: the groups of steps are below the caller's
    #[arg(long, value_name = "GROUP", hide = true)]
    cgroup_parent: Option<String>,

    /// Not there: --allow security.insecure is
    #[arg(long, value_name = "OPTION", hide = true)]
    security_opt: Vec<String>,

    /// Not there: there are no registries yet
    #[arg(long, value_name = "BOOL", require_equals = true, hide = true)]
    push: Option<Option<bool>>,

    /// Only false: attestations are not made
    #[arg(long, value_name = "BOOL|OPTIONS", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    provenance: Option<String>,

    /// Only false: attestations are not made
    #[arg(long, value_name = "BOOL|OPTIONS", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    sbom: Option<String>,

    /// Only with disabled=true: attestations are not made
    #[arg(long, value_name = "OPTIONS")]
    attest: Vec<String>,
}

impl DockerArgs {
    /// Refuses what cannot be done, and gives what is to be said of the rest.
    pub(super) fn notes(&self) -> Result<Vec<String>> {
        if is_on(self.push) {
            bail!(
                "--push: there are no registries yet\nhint: write an archive for a tool that has them: -o type=oci,dest=image.tar"
            );
        }
        if self.cgroup_parent.is_some() {
            bail!("--cgroup-parent is not there: steps run below the caller's own group");
        }
        if !self.security_opt.is_empty() {
            bail!(
                "--security-opt is not there: steps run in docker's sandbox\nhint: --allow security.insecure with RUN --security=insecure lifts it"
            );
        }
        self.no_attestations()?;
        let said = [
            (is_on(self.load), "--load: nothing to do, images are in the store in any case"),
            (is_on(self.pull), "--pull: base images come from the store, and nothing is pulled"),
            (is_on(self.compress), "--compress: nothing to do, the context is sent nowhere"),
            (self.builder.is_some(), "--builder: there is one builder, this command"),
        ];
        Ok(said.into_iter().filter(|(is_given, _)| *is_given).map(|(_, note)| note.to_owned()).collect())
    }

    fn no_attestations(&self) -> Result<()> {
        let is_off = |value: &str| matches!(value, "false" | "0" | "f");
        let asked = [("--provenance", &self.provenance), ("--sbom", &self.sbom)];
        for (option, value) in asked.into_iter().filter_map(|(option, value)| Some((option, value.as_deref()?))) {
            if !is_off(value) && value != "disabled=true" {
                bail!("{option}={value}: attestations are not made yet\nhint: {option}=false");
            }
        }
        for value in &self.attest {
            if !value.split(',').any(|field| field == "disabled=true") {
                bail!("--attest {value}: attestations are not made yet");
            }
        }
        Ok(())
    }
}
