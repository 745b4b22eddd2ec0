//! RUN made ready: its command, its environment and its mounts, with what they lead to.

use std::cell::OnceCell;

use strata_dockerfile::{self as dockerfile, Network, mount::Mount};
use strata_runtime::process::{self, Security};

use super::{Builder, Place};
use crate::{
    Error,
    cause::Cause,
    options::{Entitlement, NetworkMode},
    plan::Base,
    run::{
        Run, command_line, history_text,
        mounts::{Bind, CacheDirectory, Mounted},
    },
    state::State,
    tree::clean,
    vars::proxy_lines,
};

/// The build argument that names the machine of RUNs.
const HOSTNAME: &str = "BUILDKIT_SANDBOX_HOSTNAME";

impl Builder<'_> {
    /// The step, and history's text for it.
    pub(super) fn prepare_run(
        &self,
        run: &dockerfile::Run,
        place: Place<'_>,
        state: &State,
    ) -> Result<(Run<'_>, String), Cause> {
        if !run.device.is_empty() {
            return Err(Cause::Unsupported { feature: "RUN --device".to_owned() });
        }
        let security = match run.security.as_ref().map(|security| security.value.as_str()) {
            Some("insecure") => {
                self.require(Entitlement::SecurityInsecure, "security.insecure")?;
                Security::Insecure
            }
            _ => Security::Sandbox,
        };
        let asked = match run.network.as_ref().map(|network| network.value) {
            None | Some(Network::Default) => self.options.network,
            Some(Network::None) => NetworkMode::None,
            Some(Network::Host) => NetworkMode::Host,
        };
        if asked == NetworkMode::Host {
            self.require(Entitlement::NetworkHost, "network.host")?;
        }
        let (args, script) = command_line(run, &state.shell());
        let text = history_text(&args, state);
        let mounts = run
            .mounts
            .iter()
            .zip(&place.planned.mounts_from)
            .map(|(mount, from)| {
                let mount = mount
                    .expand(place.planned.escape, &state.vars)
                    .map_err(|diagnostic| Cause::Mount(Box::new(diagnostic)))?;
                self.mount(mount, from.as_ref(), place)
            })
            .collect::<Result<_, Cause>>()?;
        let step = Run {
            args,
            env: state.vars.lines(),
            proxies: proxy_lines(&self.options.build_args),
            cwd: state.workdir().to_owned(),
            user: state.user().to_owned(),
            network: if asked == NetworkMode::None { process::Network::None } else { process::Network::Host },
            security,
            script,
            mounts,
            hostname: self.options.build_args.get(HOSTNAME).filter(|name| !name.is_empty()).cloned(),
        };
        Ok((step, text))
    }

    fn require(&self, entitlement: Entitlement, what: &'static str) -> Result<(), Cause> {
        if self.options.allow.contains(&entitlement) { Ok(()) } else { Err(Cause::NotAllowed { what }) }
    }

    fn mount(&self, mount: Mount, from: Option<&Base>, place: Place<'_>) -> Result<Mounted<'_>, Cause> {
        Ok(match mount {
            Mount::Bind { source, target, read_only, .. } => Mounted::Bind(Bind {
                sources: self.sources(place.planned, from).map_err(Cause::of)?,
                source: clean(source.as_bytes()),
                target,
                read_only,
                selected: OnceCell::new(),
                digest: OnceCell::new(),
            }),
            Mount::Cache { id, source, target, read_only, sharing, access, .. } => Mounted::Cache(CacheDirectory {
                id: format!("{}{id}", self.cache_namespace()),
                seed: from.map(|from| self.stack_of(from)).transpose()?,
                source,
                target,
                read_only,
                sharing,
                access,
            }),
            Mount::Tmpfs { target, size, read_only } => Mounted::Tmpfs { target, size, read_only },
            Mount::Secret { id, target, env, required, access } => {
                let content = self.options.secrets.get(&id).cloned();
                if required && content.is_none() {
                    return Err(Cause::NoSecret { id });
                }
                Mounted::Secret { id, content, target, env, access }
            }
            Mount::Ssh { id, target, required, access } => {
                let agent = self.options.ssh.get(&id).cloned();
                if required && agent.is_none() {
                    return Err(Cause::NoSsh { id });
                }
                Mounted::Ssh { id, agent, target: target.unwrap_or_default(), access }
            }
        })
    }

    /// `BUILDKIT_CACHE_MOUNT_NS`: what keeps the cache mounts of one caller from those of another.
    fn cache_namespace(&self) -> String {
        let namespace = self.options.build_args.get("BUILDKIT_CACHE_MOUNT_NS");
        namespace.filter(|name| !name.is_empty()).map(|name| format!("{name}/")).unwrap_or_default()
    }
}

impl Cause {
    /// The cause that an error of the build stands for inside a step.
    fn of(error: Error) -> Self {
        Self::Build(Box::new(error))
    }
}
