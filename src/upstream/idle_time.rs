//! How long may a connection be idle and still be reused? As long as its scheme or the settings
//! say, or less where the upstream's `Keep-Alive` says so or where it was seen to close earlier.
//! Known times get a margin, since a request on a connection that is just being closed is lost.
//! Pure.

use std::time::{Duration, Instant};

/// For plain text. Model servers close after 5 s (uvicorn, Node); those without TLS are near, so a
/// new connection is cheap.
const PLAIN: Duration = Duration::from_secs(4);
/// For TLS. Public services keep connections for a minute and more, and a TLS handshake costs two
/// round trips.
const TLS: Duration = Duration::from_secs(60);
/// Margin before the time at which an upstream closes.
const MARGIN: Duration = Duration::from_secs(1);
/// A learned time doubles each time this has passed.
const DOUBLES_AFTER: Duration = Duration::from_secs(300);
/// The shortest time that is learned, since a restart closes connections of any age.
const SHORTEST_LEARNED: Duration = Duration::from_millis(500);

/// A safe time before the upstream closes: a second earlier, or half of a short time.
fn before(closes_at: Duration) -> Duration {
    closes_at.saturating_sub(MARGIN).max(closes_at / 2)
}

/// The idle time learned from an upstream's own closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learned {
    longest: Duration,
    since: Instant,
}

impl Learned {
    /// A connection was found closed after it had rested for this time; it may have been closed
    /// earlier. A shorter time learned before stays.
    pub fn note_closed(earlier: Option<Self>, rested: Duration, now: Instant) -> Self {
        let longest = before(rested).max(SHORTEST_LEARNED);
        match earlier {
            Some(earlier) if earlier.longest(now) <= longest => earlier,
            _ => Learned {
                longest,
                since: now,
            },
        }
    }

    /// The learned time, which grows slowly until it is forgotten.
    fn longest(&self, now: Instant) -> Duration {
        let age = now.saturating_duration_since(self.since);
        let doublings = age.as_secs() / DOUBLES_AFTER.as_secs();
        let factor = u32::try_from(doublings)
            .ok()
            .and_then(|doublings| 1_u32.checked_shl(doublings));
        factor.map_or(Duration::MAX, |factor| self.longest.saturating_mul(factor))
    }

    /// The learned time is no longer below any other limit.
    pub fn is_forgotten(&self, configured: Option<Duration>, now: Instant) -> bool {
        self.longest(now) >= configured.unwrap_or(TLS)
    }
}

/// How long a connection may rest. `configured`: the time of the settings; `announced`: the time of
/// the upstream's `Keep-Alive`.
pub fn allowed(
    configured: Option<Duration>,
    is_tls: bool,
    announced: Option<Duration>,
    learned: Option<&Learned>,
    now: Instant,
) -> Duration {
    let usual = configured.unwrap_or(if is_tls { TLS } else { PLAIN });
    let announced = announced.map_or(Duration::MAX, before);
    let learned = learned.map_or(Duration::MAX, |learned| learned.longest(now));
    usual.min(announced).min(learned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_shortest_time_rules() {
        let now = Instant::now();
        let learned = Learned::note_closed(None, secs(11), now);
        for (configured, is_tls, announced, learned, expected) in [
            (None, false, None, None, secs(4)),
            (None, true, None, None, secs(60)),
            (Some(secs(30)), true, None, None, secs(30)),
            (Some(secs(30)), false, None, None, secs(30)),
            (None, true, Some(secs(5)), None, secs(4)),
            (None, true, Some(secs(600)), None, secs(60)),
            (None, false, Some(secs(1)), None, secs(1) / 2),
            (None, false, Some(secs(0)), None, secs(0)),
            (Some(secs(90)), false, Some(secs(5)), None, secs(4)),
            (None, true, None, Some(&learned), secs(10)),
            (None, true, Some(secs(5)), Some(&learned), secs(4)),
            (None, false, None, Some(&learned), secs(4)),
            (Some(secs(0)), true, None, Some(&learned), secs(0)),
        ] {
            assert_eq!(
                allowed(configured, is_tls, announced, learned, now),
                expected,
                "{configured:?} {is_tls} {announced:?} {learned:?}"
            );
        }
    }

    #[test]
    fn the_shortest_close_is_remembered_and_forgotten_slowly() {
        let start = Instant::now();
        let learned = Learned::note_closed(None, secs(11), start);
        let later = Learned::note_closed(Some(learned), secs(30), start + secs(1));
        assert_eq!(later, learned, "a longer time teaches nothing");
        let shorter = Learned::note_closed(Some(learned), secs(6), start + secs(2));
        let at = |seconds| allowed(None, true, None, Some(&shorter), start + secs(seconds));
        assert_eq!(at(2), secs(5));
        assert_eq!(at(301), secs(5));
        assert_eq!(at(302), secs(10));
        assert_eq!(at(602), secs(20));
        assert_eq!(at(1_000_000_000), secs(60));
        assert!(!shorter.is_forgotten(None, start + secs(602)));
        assert!(shorter.is_forgotten(None, start + secs(1202)));
        assert!(shorter.is_forgotten(Some(secs(4)), start + secs(2)));
        let again = Learned::note_closed(Some(shorter), secs(6), start + secs(700));
        assert_eq!(
            allowed(None, true, None, Some(&again), start + secs(700)),
            secs(5)
        );
    }

    #[test]
    fn a_restart_does_not_end_pooling() {
        let now = Instant::now();
        let learned = Learned::note_closed(None, Duration::from_millis(3), now);
        assert_eq!(
            allowed(None, true, None, Some(&learned), now),
            SHORTEST_LEARNED
        );
    }
}
