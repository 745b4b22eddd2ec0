//! B5: packages that nothing needs.

use std::collections::{HashMap, HashSet};

use crate::{
    findings::{
        About, Confidence, Hits, Level, Rule, Told,
        live::{Advisory, Whole},
    },
    packages::{Package, Relations},
};

/// B5.
pub(in crate::findings) struct RecommendedPackage;

impl Rule for RecommendedPackage {
    fn about(&self) -> &'static About {
        &About {
            id: "B5",
            name: "recommended-package",
            title: "Packages that came as recommendations",
            explanation: "apt installs what a package recommends along with what it depends on, unless it is told not \
                          to.",
            detection: "Packages that `/var/lib/apt/extended_states` calls installed automatically, and that neither \
                        an essential package nor one installed by hand depends on, directly or through others \
                        (`Depends`, `Pre-Depends`, with all alternatives and provided names). Bytes of the files that \
                        the image shows.",
            fix: "Install with `--no-install-recommends` (hadolint DL3015), and name what of it is needed; `apt-get \
                  autoremove` in the same RUN for what nothing recommends any more.",
            kinds: &[("dpkg", "of dpkg")],
            confidence: Confidence::Medium,
            exact: false,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} installs packages that nothing depends on: {}", told.creator(), told.packages())
    }
}

impl Advisory for RecommendedPackage {
    fn look(&self, whole: &Whole<'_>, hits: &mut Hits<'_>) {
        let packages: Vec<(&Package, &Relations)> = whole
            .subject
            .packages
            .list()
            .iter()
            .filter_map(|package| Some((package, package.relations.as_deref()?)))
            .collect();
        if !packages.iter().any(|(_, relations)| relations.is_auto) {
            return;
        }
        let needed = needed(&packages);
        for (package, relations) in &packages {
            if relations.is_auto && !needed.contains(package.name.as_str()) {
                whole.add_package(&RecommendedPackage, "dpkg", package, hits);
            }
        }
    }
}

/// The names of packages that were wanted, and of all that they depend on.
fn needed<'p>(packages: &[(&'p Package, &'p Relations)]) -> HashSet<&'p str> {
    let mut providers: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, (package, relations)) in packages.iter().enumerate() {
        for name in relations.provides().chain([package.name.as_str()]) {
            providers.entry(name).or_default().push(number);
        }
    }
    let is_wanted = |relations: &Relations| !relations.is_auto || relations.is_essential;
    let mut waiting: Vec<usize> =
        packages.iter().enumerate().filter(|(_, (_, relations))| is_wanted(relations)).map(|(at, _)| at).collect();
    let mut reached: HashSet<usize> = waiting.iter().copied().collect();
    while let Some(number) = waiting.pop() {
        for name in packages[number].1.depends() {
            // once reached, they need not be looked at for the next one that names them
            for provider in providers.remove(name).unwrap_or_default() {
                if reached.insert(provider) {
                    waiting.push(provider);
                }
            }
        }
    }
    reached.into_iter().map(|number| packages[number].0.name.as_str()).collect()
}
