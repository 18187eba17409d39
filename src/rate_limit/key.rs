//! The keys under which requests are counted together. They are digests: no name, address or
//! credential is stored. Pure.

use std::{fmt, net::IpAddr};

use sha2::{Digest as _, Sha256};

use crate::route::limit::{Scope, Scoped};

/// A caller, identified by its credentials or its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity([u8; 32]);

impl Identity {
    /// By all its credentials. `None` if it has none.
    pub fn by_credentials<'c>(
        credentials: impl Iterator<Item = (&'c str, &'c [u8])>,
    ) -> Option<Self> {
        let mut digest = Fields::new();
        let mut any = false;
        put(&mut digest, b"credentials");
        for (name, value) in credentials {
            any = true;
            put(&mut digest, name.as_bytes());
            put(&mut digest, value);
        }
        any.then(|| Identity(digest.digest()))
    }

    /// By its gateway key alone.
    pub fn by_key(id: &[u8]) -> Self {
        let mut digest = Fields::new();
        put(&mut digest, b"key");
        put(&mut digest, id);
        Identity(digest.digest())
    }

    /// By its gateway key, and the credentials that it has besides.
    pub fn by_key_and_credentials<'c>(
        id: &[u8],
        credentials: impl Iterator<Item = (&'c str, &'c [u8])>,
    ) -> Self {
        let own = Identity::by_key(id);
        match Identity::by_credentials(credentials) {
            None => own,
            Some(others) => {
                let mut digest = Fields::new();
                put(&mut digest, b"key and credentials");
                put(&mut digest, &own.0);
                put(&mut digest, &others.0);
                Identity(digest.digest())
            }
        }
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// By its address.
    pub fn by_address(address: Option<IpAddr>) -> Self {
        let mut digest = Fields::new();
        put(&mut digest, b"address");
        put(&mut digest, subnet(address).as_bytes());
        Identity(digest.digest())
    }
}

/// The network that an address counts as: for IPv6 the /64, which one client usually has.
pub fn subnet(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        None => String::new(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let network = u128::from(address) >> 64 << 64;
            std::net::Ipv6Addr::from(network).to_string()
        }
    }
}

/// One count of one limit. Both parts are digests made once per caller and limit, so that a request
/// need not hash them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    limit: [u8; 16],
    whose: [u8; 16],
}

impl Key {
    /// For a limit per caller.
    pub fn of_caller(scoped: &Scoped, caller: &Identity) -> Self {
        Key {
            limit: *scoped.id().as_bytes(),
            whose: half(caller.0),
        }
    }

    /// For a limit that counts all requests that it applies to.
    pub fn of_all(scoped: &Scoped) -> Self {
        Key {
            limit: *scoped.id().as_bytes(),
            whose: [0xff; 16],
        }
    }

    /// For a limit per other `value`. A caller's own limit counts separately for that caller.
    pub fn of_value(scoped: &Scoped, caller: impl FnOnce() -> Identity, value: &[u8]) -> Self {
        let mut digest = Fields::new();
        if scoped.scope == Scope::Caller {
            put(&mut digest, &caller().0);
        }
        put(&mut digest, value);
        Key {
            limit: *scoped.id().as_bytes(),
            whose: half(digest.digest()),
        }
    }

    /// The shared count for keys that find no room of their own: one for each limit of the
    /// settings, and one for equal limits of callers.
    pub(super) fn overflow(scoped: &Scoped) -> Self {
        let limit = match scoped.scope {
            Scope::Settings => *scoped.id().as_bytes(),
            Scope::Caller => {
                let mut digest = Fields::new();
                for number in scoped.limit.numbers() {
                    digest.update(number.to_le_bytes());
                }
                half(digest.digest())
            }
        };
        Key {
            limit,
            whose: [0; 16],
        }
    }

    /// What the requests are counted by.
    pub fn whose(&self) -> [u8; 16] {
        self.whose
    }

    pub(super) fn shard(&self, shards: usize) -> usize {
        usize::from(self.limit[0] ^ self.whose[0]) % shards
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.limit.iter().chain(&self.whose);
        bytes.try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Half of a digest is enough to avoid collisions.
fn half(digest: [u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}

/// Usual size in bytes.
const USUAL_SIZE: usize = 256;

/// The fields to be hashed, each prefixed with its length.
struct Fields(Vec<u8>);

impl Fields {
    fn new() -> Self {
        Fields(Vec::with_capacity(USUAL_SIZE))
    }

    fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.extend_from_slice(bytes.as_ref());
    }

    fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }
}

fn put(digest: &mut Fields, field: &[u8]) {
    digest.update((field.len() as u64).to_le_bytes());
    digest.update(field);
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use super::*;
    use crate::route::limit::{By, Limit, Rate};

    fn scoped(place: &str, scope: Scope, requests: u32, by: By) -> Scoped {
        let requests = NonZeroU32::new(requests).unwrap();
        let rate = Rate {
            requests,
            window: Duration::from_secs(60),
            burst: requests,
        };
        let limit = Limit {
            tokens: None,
            rate: Some(rate),
            concurrent: None,
            by,
        };
        Scoped::new(limit, scope, place)
    }

    fn caller(key: &str) -> Identity {
        Identity::by_credentials([("authorization", key.as_bytes())].into_iter()).unwrap()
    }

    #[test]
    fn different_limits_and_values_are_counted_separately() {
        let of_caller = |place, scope, requests, who| {
            Key::of_caller(&scoped(place, scope, requests, By::Caller), &caller(who))
        };
        let of_value = |by, who, value: &str| {
            let scoped = scoped("a", Scope::Caller, 1, by);
            Key::of_value(&scoped, || caller(who), value.as_bytes())
        };
        let keys = [
            of_caller("a", Scope::Caller, 1, "x"),
            of_caller("b", Scope::Caller, 1, "x"),
            of_caller("a", Scope::Settings, 1, "x"),
            of_caller("a", Scope::Caller, 2, "x"),
            of_caller("a", Scope::Caller, 1, "y"),
            of_value(By::Origin, "x", "v"),
            of_value(By::ClientAddress, "x", "v"),
            of_value(By::Metadata("v".into()), "x", "v"),
            of_value(By::Origin, "y", "v"),
            of_value(By::Origin, "x", "w"),
        ];
        for (place, key) in keys.iter().enumerate() {
            assert!(!keys[..place].contains(key), "{place}");
        }
    }

    #[test]
    fn a_limit_of_the_settings_counts_all_callers_together() {
        let limit = scoped("limits[0]", Scope::Settings, 1, By::Origin);
        let key = |who| Key::of_value(&limit, || caller(who), b"http://a");
        assert_eq!(key("x"), key("y"));
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        let subnet = |text: &str| subnet(Some(text.parse().unwrap()));
        assert_eq!(subnet("2001:db8:1:2:3:4:5:6"), subnet("2001:db8:1:2::1"));
        assert_ne!(subnet("2001:db8:1:2::1"), subnet("2001:db8:1:3::1"));
        assert_ne!(subnet("192.0.2.1"), subnet("192.0.2.2"));
        assert_eq!(subnet("::ffff:192.0.2.1"), subnet("192.0.2.1"));
    }
}
