//! The key that a request shows, found in one place or in several.

use super::Place;
use crate::identity::token::GatewayKey;

/// A search for the key of a request.
#[derive(Debug, Default)]
pub struct Search {
    key: Option<GatewayKey>,
    places: Places,
    /// A place of another key than the first.
    other: Option<Place>,
}

/// A key and where it stands.
#[derive(Debug)]
pub struct Found {
    pub key: GatewayKey,
    pub places: Places,
}

/// Keys of which it is not clear which one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misplaced {
    #[error(
        "x-gateway-api-key holds no gateway key: keys begin with tw- and have 41 characters; this \
         one is mistyped or cut"
    )]
    NotAKey,
    #[error(
        "the request has two different gateway keys, in {} and in {}: send one",
        first.name(), other.name()
    )]
    Several { first: Place, other: Place },
}

impl Search {
    /// Looks at a text that would be a key. The same key may stand in several places.
    pub(super) fn see(&mut self, place: Place, text: &[u8]) {
        let Some(seen) = GatewayKey::parse(text) else {
            return;
        };
        match &self.key {
            Some(key) if !key.is_same(&seen) => self.other = self.other.or(Some(place)),
            Some(_) => self.places.add(place),
            None => {
                self.key = Some(seen);
                self.places.add(place);
            }
        }
    }

    pub(super) fn has_found(&self) -> bool {
        self.key.is_some()
    }

    pub(super) fn finish(self) -> Result<Option<Found>, Misplaced> {
        let Search { key, places, other } = self;
        match (places.iter().next(), other) {
            (Some(first), Some(other)) => Err(Misplaced::Several { first, other }),
            _ => Ok(key.map(|key| Found { key, places })),
        }
    }
}

/// A set of places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places(u16);

impl Places {
    pub fn contains(self, place: Place) -> bool {
        self.0 & bit(place) != 0
    }

    /// In the order of [`Place::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Place> {
        Place::ALL
            .into_iter()
            .filter(move |place| self.contains(*place))
    }

    fn add(&mut self, place: Place) {
        self.0 |= bit(place);
    }
}

fn bit(place: Place) -> u16 {
    1 << place as u16
}
