//! One list of an `allow` object: patterns, one of which must match.

use std::{fmt::Display, hash::Hash};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::identity::text::Text;

/// The most patterns of one list: each request is compared with all of them.
const MOST: usize = 256;
/// The longest pattern, in bytes.
pub(super) const LONGEST: usize = 256;

/// A pattern of one dimension.
pub trait Pattern: Text + Display + Eq + Hash {
    /// What it is compared with.
    type Fact<'f>: Copy;

    fn permits(&self, fact: Self::Fact<'_>) -> bool;
}

/// Patterns of one dimension; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct List<P>(Box<[P]>);

impl<P: Pattern> List<P> {
    /// Whether a pattern matches.
    pub fn permits(&self, fact: P::Fact<'_>) -> bool {
        self.0.iter().any(|pattern| pattern.permits(fact))
    }

    pub fn iter(&self) -> impl Iterator<Item = &P> {
        self.0.iter()
    }
}

impl<'de, P: Pattern + Deserialize<'de>> Deserialize<'de> for List<P> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let patterns = Vec::<P>::deserialize(from)?;
        match patterns.len() {
            0 => Err(D::Error::custom(
                "is empty and would allow nothing: leave it out to allow everything, or block the \
                 key",
            )),
            1..=MOST => Ok(List(patterns.into())),
            _ => Err(D::Error::custom(format_args!(
                "must have at most {MOST} items"
            ))),
        }
    }
}

impl<P: Display> Serialize for List<P> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(P::to_string))
    }
}
