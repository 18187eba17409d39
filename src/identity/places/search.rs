//! The key that a request shows, found in one place or in several.

use super::Place;
use crate::identity::token::GatewayKey;

/// A search for the key of a request.
#[derive(Debug, Default)]
pub struct Search {
    key: Option<GatewayKey>,
    places: Places,
    /// Where other keys than the first stand.
    others: Places,
    seen: usize,
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
        self.seen += 1;
        match &self.key {
            Some(key) if !key.is_same(&seen) => self.others.add(place),
            Some(_) => self.places.add(place),
            None => {
                self.key = Some(seen);
                self.places.add(place);
            }
        }
    }

    /// Looks at the value of `x-gateway-api-key`, which holds nothing but a key.
    ///
    /// # Errors
    /// It is not one.
    pub fn see_own(&mut self, value: &[u8]) -> Result<(), Misplaced> {
        self.see(Place::Gateway, value.trim_ascii());
        match self.places.contains(Place::Gateway) {
            true => Ok(()),
            false => Err(Misplaced::NotAKey),
        }
    }

    /// Keys seen so far.
    pub(super) fn seen(&self) -> usize {
        self.seen
    }

    /// The one key.
    ///
    /// # Errors
    /// There are several.
    pub fn finish(self) -> Result<Option<Found>, Misplaced> {
        let Search {
            key,
            places,
            others,
            seen: _,
        } = self;
        match (places.iter().next(), others.iter().next()) {
            // In the places' order, whatever order the lines came in.
            (Some(one), Some(other)) => Err(Misplaced::Several {
                first: one.min(other),
                other: one.max(other),
            }),
            _ => Ok(key.map(|key| Found { key, places })),
        }
    }
}

/// A set of places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places(u16);

impl Places {
    pub(super) const fn of(places: &[Place]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < places.len() {
            bits |= bit(places[at]);
            at += 1;
        }
        Places(bits)
    }

    /// Whether both have a place.
    pub(super) fn meets(self, other: Places) -> bool {
        self.0 & other.0 != 0
    }

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

const fn bit(place: Place) -> u16 {
    1 << place as u16
}
