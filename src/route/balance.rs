//! Chooses one of several targets by weight: at random, or by fields of the request, so that equal
//! requests go to the same target in every replica.

use std::{borrow::Cow, time::Duration};

use sha2::{Digest, Sha256};

/// Chooses one of the eligible targets at random by weight; `dice` is from [0, 1). A weight of zero
/// is never chosen.
pub fn by_dice(weights: &[f64], eligible: impl Fn(usize) -> bool, dice: f64) -> Option<usize> {
    let candidates = || {
        let all = weights.iter().copied().enumerate();
        all.filter(|(place, weight)| *weight > 0.0 && eligible(*place))
    };
    let total: f64 = candidates().map(|(_, weight)| weight).sum();
    let mut left = dice * total;
    let mut last = None;
    for (place, weight) in candidates() {
        last = Some(place);
        if left < weight {
            break;
        }
        left -= weight;
    }
    last
}

/// A digest of the sticky fields' values, equal for requests that agree in them.
pub type StickyKey = [u8; 32];

/// The key of these values, as JSON texts; `None` if the request has none of them.
pub fn sticky_key<'t>(values: impl Iterator<Item = Option<Cow<'t, str>>>) -> Option<StickyKey> {
    let mut key = Sha256::new();
    let mut any = false;
    for value in values {
        any |= value.is_some();
        let text = value.as_deref().unwrap_or("null");
        key.update((text.len() as u64).to_be_bytes());
        key.update(text);
    }
    any.then(|| key.finalize().into())
}

/// Chooses by weight and sticky key with weighted rendezvous hashing (highest random weight): when
/// a target drops out, only its own requests move. With `ttl` the choice is made anew after each
/// such period, which starts at a different time for each key.
pub fn by_fields(
    weights: &[f64],
    eligible: impl Fn(usize) -> bool,
    key: &StickyKey,
    ttl: Option<Duration>,
    unix_seconds: u64,
) -> Option<usize> {
    let epoch = ttl.map_or(0, |ttl| {
        let span = ttl.as_secs().max(1);
        (unix_seconds + first_word(key) % span) / span
    });
    let score = |place: usize, weight: f64| {
        let mut hash = Sha256::new();
        hash.update(key);
        hash.update(epoch.to_be_bytes());
        hash.update((place as u64).to_be_bytes());
        // 53 bits give a uniform number from (0, 1). The smallest -ln(number)/weight wins, which
        // chooses in proportion to the weights.
        let draw = ((first_word(&hash.finalize()) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        -draw.ln() / weight
    };
    let candidates = weights.iter().copied().enumerate();
    let candidates = candidates.filter(|(place, weight)| *weight > 0.0 && eligible(*place));
    let scored = candidates.map(|(place, weight)| (place, score(place, weight)));
    let best = scored.min_by(|(_, a), (_, b)| a.total_cmp(b));
    best.map(|(place, _)| place)
}

fn first_word(hash: &[u8]) -> u64 {
    hash.iter()
        .take(8)
        .fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_choices_are_in_proportion_to_the_weights() {
        let weights = [3.0, 0.0, 1.0];
        for (dice, expected) in [(0.0, 0), (0.74, 0), (0.76, 2), (0.999_999, 2)] {
            assert_eq!(by_dice(&weights, |_| true, dice), Some(expected), "{dice}");
        }
        assert_eq!(by_dice(&weights, |place| place != 0, 0.0), Some(2));
        assert_eq!(by_dice(&weights, |place| place == 1, 0.0), None);
        assert_eq!(by_dice(&[], |_| true, 0.0), None);
    }

    fn users() -> impl Iterator<Item = StickyKey> {
        let text = |user| Some(Cow::Owned(format!("\"user-{user}\"")));
        (0..4000).map(move |user| sticky_key([text(user)].into_iter()).unwrap())
    }

    #[test]
    fn requests_without_any_of_the_fields_have_no_key() {
        let some = || Some(Cow::Borrowed("1"));
        assert_eq!(sticky_key([None, None].into_iter()), None);
        let keys = [
            sticky_key([some(), None].into_iter()),
            sticky_key([None, some()].into_iter()),
            sticky_key([some(), some()].into_iter()),
        ];
        assert!(keys.iter().all(Option::is_some));
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    }

    #[test]
    fn sticky_choices_are_in_proportion_and_stable() {
        let weights = [3.0, 0.0, 1.0];
        let mut counts = [0; 3];
        for user in users() {
            let place = by_fields(&weights, |_| true, &user, None, 0).unwrap();
            assert_eq!(by_fields(&weights, |_| true, &user, None, 99), Some(place));
            counts[place] += 1;
        }
        assert!(
            (2850..3150).contains(&counts[0]) && counts[1] == 0,
            "{counts:?}"
        );
    }

    #[test]
    fn when_a_target_drops_out_only_its_own_requests_move() {
        let weights = [1.0; 4];
        for user in users() {
            let before = by_fields(&weights, |_| true, &user, None, 0).unwrap();
            let after = by_fields(&weights, |place| place != 2, &user, None, 0).unwrap();
            assert!(before == 2 || before == after);
        }
    }

    #[test]
    fn a_ttl_renews_choices_at_different_times_for_different_keys() {
        let weights = [1.0; 8];
        let ttl = Some(Duration::from_secs(300));
        let at = |user: &StickyKey, seconds| by_fields(&weights, |_| true, user, ttl, seconds);
        let moved = |from, to| {
            users()
                .filter(|user| at(user, from) != at(user, to))
                .count()
        };
        assert!((1..60).contains(&moved(1000, 1001)));
        assert!((3400..3600).contains(&moved(1000, 1300)));
    }
}
