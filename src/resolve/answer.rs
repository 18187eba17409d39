//! The result of a look-up, and how long it may be cached.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;

/// Short enough to follow changes, long enough that a TTL of 0 does not cost a look-up per request.
const MIN_TTL: Duration = Duration::from_secs(1);
/// A provider that changes addresses is followed within this time, whatever the TTL.
const MAX_TTL: Duration = Duration::from_secs(60);

/// The addresses of a name, possibly none.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    addresses: Arc<[IpAddr]>,
    kept_for: Duration,
}

impl Answer {
    /// `ttl` as received; it is limited here.
    pub(super) fn found(v4: Vec<IpAddr>, v6: Vec<IpAddr>, ttl: Duration) -> Self {
        Self {
            addresses: alternating(v4, v6).into(),
            kept_for: ttl.clamp(MIN_TTL, MAX_TTL),
        }
    }

    pub(super) fn not_found() -> Self {
        Self {
            addresses: [].into(),
            kept_for: MIN_TTL,
        }
    }

    /// `None` if the name has none.
    pub(super) fn addresses(self) -> Option<Arc<[IpAddr]>> {
        (!self.addresses.is_empty()).then_some(self.addresses)
    }
}

/// Alternates between the two families, so that a dialler going down the list tries both early (RFC
/// 8305 §4). IPv4 comes first: broken IPv6 is by far the more common fault, and where IPv4 is
/// missing its attempt fails at once.
fn alternating(v4: Vec<IpAddr>, v6: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut mixed: Vec<IpAddr> = Vec::with_capacity(v4.len() + v6.len());
    let (mut v4, mut v6) = (v4.into_iter(), v6.into_iter());
    loop {
        let pair = [v4.next(), v6.next()];
        if pair == [None, None] {
            return mixed;
        }
        for ip in pair.into_iter().flatten() {
            if !mixed.contains(&ip) {
                mixed.push(ip);
            }
        }
    }
}

/// Tells the cache how long each result is kept.
#[derive(Debug)]
pub(super) struct Lifetime;

impl Expiry<Box<str>, Answer> for Lifetime {
    fn expire_after_create(&self, _: &Box<str>, answer: &Answer, _: Instant) -> Option<Duration> {
        Some(answer.kept_for)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(written: &[&str]) -> Vec<IpAddr> {
        written.iter().map(|ip| ip.parse().unwrap()).collect()
    }

    #[test]
    fn results_are_cached_between_one_and_sixty_seconds() {
        for (ttl, kept) in [(0, 1), (1, 1), (2, 2), (59, 59), (60, 60), (86_400, 60)] {
            let answer = Answer::found(ips(&["8.8.8.8"]), Vec::new(), Duration::from_secs(ttl));
            let lifetime = Lifetime.expire_after_create(&"a".into(), &answer, Instant::now());
            assert_eq!(lifetime, Some(Duration::from_secs(kept)), "TTL {ttl}");
        }
        let negative = Answer::not_found();
        let lifetime = Lifetime.expire_after_create(&"a".into(), &negative, Instant::now());
        assert_eq!(lifetime, Some(Duration::from_secs(1)));
        assert_eq!(negative.addresses(), None);
    }

    #[test]
    fn families_alternate_without_duplicates() {
        for (v4, v6, mixed) in [
            (
                &["1.1.1.1", "1.1.1.2"][..],
                &["::1"][..],
                &["1.1.1.1", "::1", "1.1.1.2"][..],
            ),
            (&["1.1.1.1"], &["::1", "::2"], &["1.1.1.1", "::1", "::2"]),
            (&[], &["::1"], &["::1"]),
            (&["1.1.1.1", "1.1.1.1"], &[], &["1.1.1.1"]),
        ] {
            assert_eq!(alternating(ips(v4), ips(v6)), ips(mixed));
        }
    }
}
