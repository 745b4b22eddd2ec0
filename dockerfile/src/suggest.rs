//! "Did you mean": the nearest of some names by edit distance.

/// Distances from here on are no typing slip any more; BuildKit has the same bound.
const TOO_FAR: usize = 3;

/// Gives the option nearest to `word`, if it is within two edits and not the word itself.
///
/// ```
/// use strata_dockerfile::suggest::nearest;
/// assert_eq!(nearest("biuld", &["test", "build"]), Some("build"));
/// ```
pub fn nearest<'a>(word: &str, options: &[&'a str]) -> Option<&'a str> {
    options
        .iter()
        .map(|option| (distance(word, option), *option))
        .filter(|(distance, _)| (1..TOO_FAR).contains(distance))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, option)| option)
}

/// The help line of a diagnostic for [`nearest`]'s answer.
pub(crate) fn did_you_mean(nearest: Option<impl std::fmt::Display>) -> Option<String> {
    nearest.map(|name| format!("did you mean {name}?"))
}

/// Levenshtein's distance in characters, or [`TOO_FAR`] as soon as the lengths tell.
fn distance(a: &str, b: &str) -> usize {
    let (a_len, b_len) = (a.chars().count(), b.chars().count());
    if a_len.abs_diff(b_len) >= TOO_FAR {
        return TOO_FAR;
    }
    let mut row: Vec<usize> = (0..=b_len).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b_len]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_within_two_edits_is_found() {
        let options = ["FROM", "RUN", "ENTRYPOINT"];
        for (word, expected) in [
            ("FRM", Some("FROM")),
            ("FORM", Some("FROM")),
            ("RUNN", Some("RUN")),
            ("ENTRIPOINTS", Some("ENTRYPOINT")),
            ("FROM", None),
            ("SELECT", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &options), expected, "{word}");
        }
    }
}
