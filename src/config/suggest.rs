//! Which key was probably meant by one that does not exist?

use super::reference;

/// The closest allowed key, or else a key of the same name that belongs somewhere else.
pub(super) fn key(path: &str, allowed: &[&str]) -> Option<String> {
    let (section, name) = match path.rsplit_once('.') {
        Some((section, name)) => (format!("{section}."), name),
        None => (String::new(), path),
    };
    let plain = name.to_lowercase().replace('-', "_");
    let distances = allowed
        .iter()
        .map(|key| (strsim::damerau_levenshtein(&plain, key), key));
    let close = distances
        .filter(|(distance, _)| *distance <= (plain.len() / 3).max(1))
        .min();
    close
        .map(|(_, key)| format!("{section}{key}"))
        .or_else(|| elsewhere(&plain))
}

fn elsewhere(name: &str) -> Option<String> {
    let same = |key: &&String| key.rsplit_once('.').is_some_and(|(_, last)| last == name);
    let mut keys = reference::rows().iter().map(|row| &row.key);
    keys.find(same).cloned()
}
