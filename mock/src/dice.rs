//! Deterministic numbers and ids: the same seed and the same order of draws give the same answers.
//! Not random enough for anything but a mock.

use std::sync::atomic::{AtomicU64, Ordering};

/// A seeded source of numbers that any number of workers may draw from.
#[derive(Debug)]
pub(crate) struct Dice {
    seed: u64,
    drawn: AtomicU64,
}

impl Dice {
    /// A source whose draws depend on `seed` and on how many came before.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: AtomicU64::new(0),
        }
    }

    /// The next number.
    pub(crate) fn draw(&self) -> u64 {
        mix(self.seed ^ mix(self.drawn.fetch_add(1, Ordering::Relaxed)))
    }

    /// The next number as a fraction in `0.0..1.0`.
    pub(crate) fn fraction(&self) -> f64 {
        (self.draw() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A fresh id: `prefix` and 24 characters of `[0-9a-z]`.
    pub(crate) fn id(&self, prefix: &str) -> String {
        const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut id = String::with_capacity(prefix.len() + 24);
        id.push_str(prefix);
        for mut number in [self.draw(), self.draw()] {
            for _ in 0..12 {
                id.push(char::from(LETTERS[(number % 36) as usize]));
                number /= 36;
            }
        }
        id
    }
}

/// Scatters the bits of a number (the finaliser of splitmix64).
pub(crate) fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_ids() {
        let (one, two, other) = (Dice::new(7), Dice::new(7), Dice::new(8));
        let first = one.id("x-");
        assert_eq!(first, two.id("x-"));
        assert_eq!(first.len(), 26);
        assert_ne!(first, other.id("x-"));
        assert_ne!(first, one.id("x-"));
    }

    #[test]
    fn fractions_lie_between_nought_and_one() {
        let dice = Dice::new(1);
        let drawn: Vec<f64> = (0..1000).map(|_| dice.fraction()).collect();
        assert!(drawn.iter().all(|value| (0.0..1.0).contains(value)));
        let mean = drawn.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
