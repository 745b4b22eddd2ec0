//! Package managers: the lists and caches that they leave beside what was asked for.

use super::{
    Findings, finding,
    step::{Shipped, Step},
};

/// A package manager whose cache is not needed once it has installed.
struct Manager {
    rule: &'static str,
    names: &'static [&'static str],
    /// Subcommands that fill the cache.
    fills: &'static [&'static str],
    /// Words that make it keep none.
    harmless: &'static [&'static str],
    /// The subcommand that empties it.
    cleans: &'static [&'static str],
    /// A variable that turns the cache off.
    variable: &'static str,
    directories: &'static [&'static str],
    paths: &'static [&'static str],
    help: &'static str,
}

const MANAGERS: [Manager; 7] = [
    Manager {
        rule: "AptListsLeft",
        names: &["apt-get", "apt", "aptitude"],
        fills: &["update"],
        harmless: &[],
        cleans: &[],
        variable: "",
        directories: &["/var/lib/apt/lists"],
        paths: &["var/lib/apt/lists/**"],
        help: "end the command with `&& rm -rf /var/lib/apt/lists/*`",
    },
    Manager {
        rule: "ApkCacheLeft",
        names: &["apk"],
        fills: &["add", "update", "upgrade"],
        harmless: &["--no-cache"],
        cleans: &[],
        variable: "",
        directories: &["/var/cache/apk", "/etc/apk/cache"],
        paths: &["var/cache/apk/**"],
        help: "use `apk add --no-cache`",
    },
    Manager {
        rule: "YumCacheLeft",
        names: &["yum"],
        fills: &["install", "update", "upgrade", "localinstall", "groupinstall", "reinstall"],
        harmless: &[],
        cleans: &["clean"],
        variable: "",
        directories: &["/var/cache/yum", "/var/cache/dnf"],
        paths: &["var/cache/yum/**", "var/cache/dnf/**"],
        help: "end the command with `&& yum clean all`",
    },
    Manager {
        rule: "ZypperCacheLeft",
        names: &["zypper"],
        fills: &["install", "in", "update", "up", "dist-upgrade", "dup", "refresh", "ref"],
        harmless: &[],
        cleans: &["clean", "cc"],
        variable: "",
        directories: &["/var/cache/zypp"],
        paths: &["var/cache/zypp/**"],
        help: "end the command with `&& zypper clean --all`",
    },
    Manager {
        rule: "DnfCacheLeft",
        names: &["dnf", "dnf5", "microdnf"],
        fills: &["install", "update", "upgrade", "groupinstall", "reinstall"],
        harmless: &[],
        cleans: &["clean"],
        variable: "",
        directories: &["/var/cache/dnf", "/var/cache/libdnf5", "/var/cache/yum"],
        paths: &["var/cache/dnf/**", "var/cache/libdnf5/**", "var/cache/yum/**"],
        help: "end the command with `&& dnf clean all`",
    },
    Manager {
        rule: "PipCacheLeft",
        names: &["pip", "pip2", "pip3"],
        fills: &["install"],
        harmless: &["--no-cache-dir", "--no-cache", "--cache-dir"],
        cleans: &["cache"],
        variable: "PIP_NO_CACHE_DIR",
        directories: &["/root/.cache/pip", "/home", "~/.cache/pip"],
        paths: &["**/.cache/pip/**"],
        help: "use `pip install --no-cache-dir`, or `RUN --mount=type=cache,target=/root/.cache/pip`",
    },
    Manager {
        rule: "YarnCacheLeft",
        names: &["yarn"],
        fills: &["install", "add", "global"],
        harmless: &["--cache-folder"],
        cleans: &["cache"],
        variable: "YARN_CACHE_FOLDER",
        directories: &["/usr/local/share/.cache/yarn", "/root/.cache/yarn", "/root/.yarn", "~/.yarn"],
        paths: &["usr/local/share/.cache/yarn/**", "**/.cache/yarn/**", "**/.yarn/berry/cache/**"],
        help: "end the command with `&& yarn cache clean`",
    },
];

pub(super) fn check(shipped: &[Shipped<'_>], found: &mut Findings<'_>) {
    for shipped in shipped {
        for step in &shipped.steps {
            for manager in &MANAGERS {
                cache(manager, step, shipped, found);
            }
            recommends(step, found);
        }
        downloaders(shipped, found);
    }
}

fn cache(manager: &Manager, step: &Step<'_>, shipped: &Shipped<'_>, found: &mut Findings<'_>) {
    let has = |words: &[String], any: &[&str]| {
        words[1..].iter().any(|word| any.iter().any(|it| word == it || word.starts_with(&format!("{it}="))))
    };
    let subcommand = |words: &[String], any: &[&str]| {
        words[1..].iter().find(|word| !word.starts_with('-')).is_some_and(|word| any.contains(&word.as_str()))
    };
    let python: Vec<&[String]> = step.named(&["python", "python3", "python2"]).collect();
    let modules = python.iter().filter_map(|words| match words {
        [_, flag, rest @ ..]
            if flag == "-m" && rest.first().is_some_and(|name| manager.names.contains(&name.as_str())) =>
        {
            Some(rest)
        }
        _ => None,
    });
    let calls: Vec<&[String]> = step.named(manager.names).chain(modules).collect();
    let fills = |words: &&&[String]| subcommand(words, manager.fills) && !has(words, manager.harmless);
    let Some(words) = calls.iter().find(fills) else { return };
    let cleans = calls.iter().any(|words| subcommand(words, manager.cleans));
    let is_off = !manager.variable.is_empty() && step.sets(&shipped.stage, manager.variable);
    if cleans || is_off || step.is_cleaned(manager.directories) {
        return;
    }
    let shown = words.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(" ");
    let message = format!("`{shown}` leaves its cache in this layer");
    found.add(
        step.instruction,
        finding(manager.rule, step.instruction, step.span(), message, manager.help, manager.paths),
    );
}

/// `apt-get install` brings recommended packages, unless told not to.
fn recommends(step: &Step<'_>, found: &mut Findings<'_>) {
    // apt's configuration, in the script or in a file that it writes, has this in its name
    let configured = step.run_text().contains("Install-Recommends");
    let brings = step.named(&["apt-get", "apt"]).any(|words| {
        let installs = words[1..].iter().find(|word| !word.starts_with('-')).is_some_and(|word| word == "install");
        installs && !words.iter().any(|word| word == "--no-install-recommends")
    });
    if brings && !configured {
        let message = "`apt-get install` brings packages that are only recommended".to_owned();
        let help = "use `apt-get install --no-install-recommends`, and name what is needed";
        found.add(step.instruction, finding("AptRecommends", step.instruction, step.span(), message, help, &[]));
    }
}

/// Two programs that do the same.
fn downloaders(shipped: &Shipped<'_>, found: &mut Findings<'_>) {
    let installs = |step: &Step<'_>, package: &str| {
        step.named(&["apt-get", "apt", "apk", "dnf", "yum", "microdnf", "zypper"]).any(|words| {
            words[1..].iter().any(|word| matches!(word.as_str(), "install" | "add" | "in"))
                && words[1..].iter().any(|word| word == package)
        })
    };
    let with = |package| shipped.steps.iter().rfind(move |step| installs(step, package));
    let (Some(wget), Some(curl)) = (with("wget"), with("curl")) else { return };
    let later = if wget.instruction.span.start > curl.instruction.span.start { wget } else { curl };
    let message = "both wget and curl are installed, which do the same".to_owned();
    let paths: &[&str] = if std::ptr::eq(later, wget) { &["usr/bin/wget"] } else { &["usr/bin/curl"] };
    let help = "use one of them";
    found.add(later.instruction, finding("WgetAndCurl", later.instruction, later.span(), message, help, paths));
}
