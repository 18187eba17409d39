//! Suggestions for misspelled names in error messages.

/// Longer names, in bytes, are not compared: the cost is the product of both lengths.
const LONGEST: usize = 128;

/// The closest candidate, if at most this many letters differ.
pub fn nearest<'n>(
    written: &str,
    names: impl Iterator<Item = &'n str>,
    most: usize,
) -> Option<&'n str> {
    if written.len() > LONGEST {
        return None;
    }
    let written = written.to_lowercase();
    let distances = names
        .filter(|name| name.len().abs_diff(written.len()) <= most)
        .map(|name| {
            (
                strsim::damerau_levenshtein(&written, &name.to_lowercase()),
                name,
            )
        });
    let near = distances.filter(|(distance, _)| *distance <= most).min();
    near.map(|(_, name)| name)
}

/// How many letters may differ from a name of the settings.
const MOST_FROM_SETTINGS: usize = 2;
/// Shorter names are not suggested: most guesses would be close to them.
const SHORTEST_OF_SETTINGS: usize = 3 * MOST_FROM_SETTINGS;

/// The same for names that only the operator knows. They are revealed only to callers that have
/// them almost right.
pub fn nearest_of_settings<'n>(
    written: &str,
    names: impl Iterator<Item = &'n str>,
) -> Option<&'n str> {
    let long = names.filter(|name| *name == written || name.len() >= SHORTEST_OF_SETTINGS);
    nearest(written, long, MOST_FROM_SETTINGS)
}

/// The end of an error sentence about an unknown name.
pub fn did_you_mean(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_settings_are_suggested_only_for_close_misspellings() {
        for (written, known) in [
            ("prodution", true),
            ("PRODUCTION", true),
            ("productions!", true),
            ("produ", false),
            ("p", false),
            ("", false),
        ] {
            let found = nearest_of_settings(written, ["production", "eu"].into_iter());
            assert_eq!(found, known.then_some("production"), "{written}");
        }
        assert_eq!(nearest_of_settings("ey", ["eu"].into_iter()), None);
        assert_eq!(nearest_of_settings("eu", ["eu"].into_iter()), Some("eu"));
    }

    #[test]
    fn overlong_names_are_not_compared() {
        let written = "x".repeat(60_000);
        assert_eq!(
            nearest(&written, [written.as_str()].into_iter(), 1000),
            None
        );
    }
}
