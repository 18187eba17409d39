//! Metadata that keys and teams add to their requests, in the form of `x-gateway-metadata`: a flat
//! object of short texts.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::document::within;

/// The most entries of one object.
const MOST: usize = 64;
/// The longest name and the longest value, in characters; those of the header, too.
const LONGEST: usize = 128;

/// Names and values, sorted by name. Each is followed by a separator, in one text: that takes a
/// third of the memory of a map, and equal metadata may share its memory.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Metadata(pub(super) Arc<str>);

/// Control characters are in no name and no value.
const SEPARATOR: char = '\0';

impl Metadata {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut parts = self.0.split_terminator(SEPARATOR);
        std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
    }

    /// Sets these entries in a request's metadata; others stay.
    pub fn merge_over(&self, request: &mut BTreeMap<String, String>) {
        let entries = self.iter();
        request.extend(entries.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let entries = BTreeMap::<String, String>::deserialize(from)?;
        if entries.len() > MOST {
            return Err(D::Error::custom(format_args!(
                "must have at most {MOST} entries"
            )));
        }
        let mut text = String::new();
        for (name, value) in &entries {
            let checked = check_name(name).and_then(|()| check_value(value));
            checked.map_err(|reason| D::Error::custom(within(name, reason)))?;
            text.extend([name, value].map(|part| format!("{part}{SEPARATOR}")));
        }
        Ok(Metadata(text.into()))
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    match !name.is_empty() && is_plain(name) {
        true => Ok(()),
        false => Err("must have a name of 1 to 128 characters, none of them a control character"),
    }
}

fn check_value(value: &str) -> Result<(), &'static str> {
    match is_plain(value) {
        true => Ok(()),
        false => Err("must be at most 128 characters, none of them a control character"),
    }
}

fn is_plain(text: &str) -> bool {
    text.chars().count() <= LONGEST && !text.contains(char::is_control)
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

/// The names of a request's own metadata that limits and budgets may count by for a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct TrustedNames(Box<[Arc<str>]>);

impl TrustedNames {
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|trusted| **trusted == *name)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for TrustedNames {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let names = Vec::<Arc<str>>::deserialize(from)?;
        if names.len() > MOST {
            return Err(D::Error::custom(format_args!(
                "must have at most {MOST} items"
            )));
        }
        for (place, name) in names.iter().enumerate() {
            check_name(name)
                .map_err(|reason| D::Error::custom(within(&format!("[{place}]"), reason)))?;
        }
        Ok(TrustedNames(names.into()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::identity::document::read;

    proptest! {
        #[test]
        fn entries_come_back_from_their_text(
            entries in prop::collection::btree_map("[^\\p{C}]{1,9}", "[^\\p{C}]{0,9}", 0..5),
        ) {
            let written = json!(entries);
            let metadata: Metadata = read(&written).unwrap();
            let found = metadata.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
            prop_assert_eq!(found.collect::<BTreeMap<_, _>>(), entries);
            prop_assert_eq!(serde_json::to_value(&metadata).unwrap(), written);
        }
    }

    #[test]
    fn names_and_values_are_short_and_plain() {
        let long = "x".repeat(129);
        for (written, path) in [
            (json!({ "a": 1 }), "a"),
            (json!({ "a": "b\0c" }), "a"),
            (json!({ "a\n": "b" }), "a\n"),
            (json!({ "": "b" }), ""),
            (json!({ "a": long }), "a"),
            (json!({ long.clone(): "b" }), &long),
            (json!([]), ""),
        ] {
            assert_eq!(read::<Metadata>(&written).unwrap_err().path, path);
        }
        let most: BTreeMap<_, _> = (0..65).map(|it| (it.to_string(), "")).collect();
        assert!(read::<Metadata>(&json!(most)).is_err());
    }
}
