//! Values that are several: `type=local,dest=out`, as docker's command line has them.

use strata_dockerfile::mount::csv;

/// Splits a value into keys, in lower case, and their values. A field that contains a comma stands in quotes, as in CSV.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let fields = csv::fields(text).map_err(|bad| bad.what.to_owned())?;
    let pair = |field: csv::Field| match field.text.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_ascii_lowercase(), value.to_owned())),
        None => Err(format!("{:?} is no key=value", field.text)),
    };
    fields.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::pairs;

    #[test]
    fn keys_have_no_case_and_values_may_contain_anything() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(pairs("Type=local,\"dest=a=b,c\"").unwrap(), [pair("type", "local"), pair("dest", "a=b,c")]);
        assert!(pairs("local").is_err() && pairs("a=\"b").is_err());
    }
}
