//! Which name did somebody mean who wrote another?

/// Bytes of a name that somebody may have meant; comparing takes the product of both lengths.
const LONGEST: usize = 128;

/// The name nearest to what was written, of those at most so many letters away.
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

/// Letters that may differ from a name of the settings.
const MOST_FROM_SETTINGS: usize = 2;
/// Of a shorter name every guess would be near.
const SHORTEST_OF_SETTINGS: usize = 3 * MOST_FROM_SETTINGS;

/// The same among names that only the operator knows: they are told to nobody who does not have
/// them all but right.
pub fn nearest_of_settings<'n>(
    written: &str,
    names: impl Iterator<Item = &'n str>,
) -> Option<&'n str> {
    let long = names.filter(|name| *name == written || name.len() >= SHORTEST_OF_SETTINGS);
    nearest(written, long, MOST_FROM_SETTINGS)
}

/// The end of a sentence that says that a name is unknown.
pub fn did_you_mean(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_settings_are_told_only_to_who_nearly_has_them() {
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
    fn what_is_no_name_is_not_compared() {
        let written = "x".repeat(60_000);
        assert_eq!(
            nearest(&written, [written.as_str()].into_iter(), 1000),
            None
        );
    }
}
