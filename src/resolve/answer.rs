//! What was answered, and how long may it be kept?

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;

/// Short enough to follow a change, long enough that a TTL of 0 costs no look-up per request.
pub(super) const KEPT_AT_LEAST: Duration = Duration::from_secs(1);
/// A provider that moves is followed within this time, whatever its TTL says.
pub(super) const KEPT_AT_MOST: Duration = Duration::from_secs(60);

/// Addresses, or that there are none.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    addresses: Arc<[IpAddr]>,
    kept_for: Duration,
}

impl Answer {
    /// `ttl` as it came; it is brought into the bounds here.
    pub(super) fn found(v4: Vec<IpAddr>, v6: Vec<IpAddr>, ttl: Duration) -> Self {
        Self {
            addresses: alternating(v4, v6).into(),
            kept_for: ttl.clamp(KEPT_AT_LEAST, KEPT_AT_MOST),
        }
    }

    pub(super) fn not_found() -> Self {
        Self {
            addresses: [].into(),
            kept_for: KEPT_AT_LEAST,
        }
    }

    /// `None` if the name has none.
    pub(super) fn addresses(self) -> Option<Arc<[IpAddr]>> {
        (!self.addresses.is_empty()).then_some(self.addresses)
    }
}

/// Takes from both families in turn, so that a dialler that goes down the list tries both soon
/// (RFC 8305 §4). IPv4 comes first: broken IPv6 is by far the commoner fault, and where IPv4 is
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

/// Tells the cache how long each answer is kept.
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
    fn answers_are_kept_between_one_and_sixty_seconds() {
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
    fn families_alternate_and_nothing_is_twice() {
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
