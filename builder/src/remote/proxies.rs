//! Proxies, named by the variables that everything honours.

use std::{collections::BTreeMap, fmt};

/// By which proxies servers are reached. Its `Debug` shows none: their URLs may have credentials.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Upper-case name → value.
    values: BTreeMap<&'static str, String>,
}

/// The variables, each of which may be written in lower case too.
const NAMES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

impl Proxies {
    /// Those of the build arguments and, where they say nothing, those of the environment.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use strata_builder::remote::Proxies;
    ///
    /// let args = BTreeMap::from([("https_proxy".to_owned(), "http://proxy.example:3128".to_owned())]);
    /// let proxies = Proxies::of(&args, |_name| None);
    /// assert_eq!(proxies.for_url("https://example.org/"), Some("http://proxy.example:3128"));
    /// assert_eq!(proxies.for_url("http://example.org/"), None);
    /// ```
    pub fn of(build_args: &BTreeMap<String, String>, environment: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &'static str| {
            let lower = name.to_ascii_lowercase();
            let argument = build_args.get(name).or_else(|| build_args.get(&lower)).cloned();
            argument.or_else(|| environment(&lower)).or_else(|| environment(name)).filter(|value| !value.is_empty())
        };
        Self { values: NAMES.iter().filter_map(|name| Some((*name, value(name)?))).collect() }
    }

    /// The proxy for a URL, by its scheme.
    pub fn for_url(&self, url: &str) -> Option<&str> {
        let name = if url.starts_with("https:") { "HTTPS_PROXY" } else { "HTTP_PROXY" };
        self.values.get(name).or_else(|| self.values.get("ALL_PROXY")).map(String::as_str)
    }

    /// Hosts that are reached without one.
    pub(crate) fn exceptions(&self) -> impl Iterator<Item = &str> {
        let list = self.values.get("NO_PROXY").map_or("", String::as_str);
        list.split(',').map(str::trim).filter(|host| !host.is_empty())
    }

    /// As variables for a process, in lower case: curl takes `http_proxy` in no other way.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, &str)> {
        self.values.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_go_before_the_environment_and_empty_means_none() {
        let args = BTreeMap::from([
            ("HTTP_PROXY".to_owned(), "http://argument".to_owned()),
            ("no_proxy".to_owned(), " a.example, b.example,".to_owned()),
        ]);
        let environment = |name: &str| match name {
            "http_proxy" => Some("http://environment".to_owned()),
            "HTTPS_PROXY" => Some(String::new()),
            "all_proxy" => Some("http://all".to_owned()),
            _ => None,
        };
        let proxies = Proxies::of(&args, environment);
        assert_eq!(proxies.for_url("http://x/"), Some("http://argument"));
        assert_eq!(proxies.for_url("https://x/"), Some("http://all"));
        assert_eq!(proxies.exceptions().collect::<Vec<_>>(), ["a.example", "b.example"]);
        assert!(!format!("{proxies:?}").contains("argument"));
    }
}
