//! Metadata that keys and teams add to their requests, in the form of `x-gateway-metadata`: a flat
//! object of short texts.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::document::within;

/// The most entries of one object.
const MOST: usize = 64;
/// The longest name and the longest value, in characters; those of the header, too.
const LONGEST: usize = 128;

/// Names and values, sorted by name. Equal metadata may share its memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Metadata(Box<[(Box<str>, Box<str>)]>);

impl Metadata {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Sets these entries in a request's metadata; others stay.
    pub fn merge_over(&self, request: &mut BTreeMap<String, String>) {
        let entries = self.iter();
        request.extend(entries.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let entries = BTreeMap::<Box<str>, Box<str>>::deserialize(from)?;
        if entries.len() > MOST {
            return Err(D::Error::custom(format_args!(
                "must have at most {MOST} entries"
            )));
        }
        for (name, value) in &entries {
            check(name, value).map_err(|reason| D::Error::custom(within(name, reason)))?;
        }
        Ok(Metadata(entries.into_iter().collect()))
    }
}

fn check(name: &str, value: &str) -> Result<(), &'static str> {
    let is_short = |text: &str| text.chars().count() <= LONGEST;
    match (!name.is_empty() && is_short(name), is_short(value)) {
        (false, _) => Err("must have a name of 1 to 128 characters"),
        (true, false) => Err("must be a text of at most 128 characters"),
        (true, true) => Ok(()),
    }
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
            check(name, "")
                .map_err(|reason| D::Error::custom(within(&format!("[{place}]"), reason)))?;
        }
        Ok(TrustedNames(names.into()))
    }
}
