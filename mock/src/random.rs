//! Random numbers and ids from a seed: the same seed and the same order of draws give the same
//! values. Not for anything secret.

use std::iter;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fastrand::Rng;

/// A seeded generator that all workers draw from.
#[derive(Debug)]
pub(crate) struct Random(Mutex<Rng>);

impl Random {
    /// A generator whose values depend only on `seed` and on the number of draws so far.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(Rng::with_seed(seed)))
    }

    /// Whether an event of this probability (0 to 1) happens this time.
    pub(crate) fn happens(&self, probability: f64) -> bool {
        self.rng().f64() < probability
    }

    /// One of `choices`; `None` when there are none.
    pub(crate) fn pick<'a, T>(&self, choices: &'a [T]) -> Option<&'a T> {
        self.rng().choice(choices)
    }

    /// A new id: `prefix` and 24 characters of `[0-9a-z]`.
    pub(crate) fn id(&self, prefix: &str) -> String {
        let mut rng = self.rng();
        let letters = iter::repeat_with(|| rng.digit(36)).take(24);
        prefix.chars().chain(letters).collect()
    }

    fn rng(&self) -> MutexGuard<'_, Rng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let (one, two, other) = (Random::new(7), Random::new(7), Random::new(8));
        let first = one.id("x-");
        assert_eq!(first, two.id("x-"));
        assert_eq!(first.len(), 26);
        assert_ne!(first, other.id("x-"));
        assert_ne!(first, one.id("x-"));
    }

    #[test]
    fn an_event_happens_as_often_as_its_probability_says() {
        let random = Random::new(1);
        let happened = (0..1000).filter(|_| random.happens(0.5)).count();
        assert!((450..550).contains(&happened), "{happened}");
        assert!(!random.happens(0.0) && random.happens(1.0));
    }
}
