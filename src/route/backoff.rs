//! The delay before a retry: exponential back-off with full jitter, so that clients that failed
//! together do not retry together.

use std::time::Duration;

const BASE: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(16);

/// The delay before retry number `retry` (from 0): uniform between zero and 1 s x 2^retry, at most
/// 16 s. `dice` is from [0, 1).
pub fn backoff(retry: u32, dice: f64) -> Duration {
    let ceiling = 2_u32
        .checked_pow(retry)
        .map_or(CAP, |factor| BASE.saturating_mul(factor));
    ceiling.min(CAP).mul_f64(dice.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_retry_may_wait_twice_as_long_up_to_the_cap() {
        let ceilings = [1, 2, 4, 8, 16, 16, 16];
        for (retry, seconds) in ceilings.into_iter().enumerate() {
            assert_eq!(backoff(retry as u32, 1.0), Duration::from_secs(seconds));
            assert_eq!(backoff(retry as u32, 0.0), Duration::ZERO);
        }
    }

    proptest! {
        #[test]
        fn jitter_stays_inside_its_bounds(retry in any::<u32>(), dice in 0.0..1.0_f64) {
            let wait = backoff(retry, dice);
            prop_assert!(wait <= CAP);
            prop_assert!(retry > 4 || wait <= BASE * 2_u32.pow(retry));
        }
    }
}
