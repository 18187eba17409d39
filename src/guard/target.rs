//! Proof types: a `HostPass` has passed the host rules, a `VettedTarget` also the address rules.
//! Only `rules` creates them, and only a `VettedTarget` can be dialled.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;

use super::addresses::{AddressClass, carried, classify};
use super::base_url::Origin;
use super::denied::Denied;
use super::host::{Host, Scheme};

/// Who named the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NamedBy {
    /// A header, an inline config or the body of a request: the preset applies.
    Caller,
    /// The settings file or the admin API: only addresses that are never allowed are refused.
    Settings,
}

/// A host that may be resolved, with the addresses that are permitted for it.
#[derive(Clone, Debug)]
pub struct HostPass {
    pub(super) origin: Arc<Origin>,
    pub(super) grant: Grant,
    pub(super) named_by: NamedBy,
}

impl HostPass {
    /// The name to resolve (a trailing dot means absolute); `None` for an address literal, which is
    /// judged as itself.
    pub fn lookup_name(&self) -> Option<&str> {
        self.origin.lookup_name.as_deref()
    }
}

/// The addresses that the host rules permit. Addresses that are never allowed are refused
/// regardless.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// Whether public addresses are permitted; if not, why.
    pub(super) public: Result<(), Denied>,
    /// Whether loopback and private addresses are permitted everywhere.
    pub(super) internal: bool,
    /// Networks that are permitted in addition.
    pub(super) networks: Vec<IpNet>,
    /// Addresses that are permitted although they are never allowed otherwise.
    pub(super) excepted: &'static [IpAddr],
}

impl Grant {
    /// Judges one address.
    pub(super) fn judge(&self, ip: IpAddr) -> Result<(), Denied> {
        if self.excepted.contains(&ip) {
            return Ok(());
        }
        let class = classify(ip);
        if class.is_never() {
            return Err(Denied::Address { class });
        }
        if self.covers(ip) {
            return Ok(());
        }
        match class {
            AddressClass::Public => self.public,
            _ if self.internal => Ok(()),
            _ => Err(Denied::Address { class }),
        }
    }

    /// A permitted network contains the address that `ip` stands for.
    pub(super) fn covers(&self, ip: IpAddr) -> bool {
        let ip = carried(ip);
        self.networks.iter().any(|network| network.contains(&ip))
    }

    fn id(&self, named_by: NamedBy) -> PolicyId {
        let mut hasher = DefaultHasher::new();
        named_by.hash(&mut hasher);
        self.public.is_ok().hash(&mut hasher);
        self.internal.hash(&mut hasher);
        self.networks.hash(&mut hasher);
        self.excepted.hash(&mut hasher);
        PolicyId(hasher.finish())
    }
}

/// Equal for targets of one origin whose addresses were judged by the same rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PolicyId(u64);

/// An origin and the addresses judged for it: the only thing that can be dialled. Cheap to clone.
#[derive(Clone, Debug)]
pub struct VettedTarget(Arc<Vetted>);

#[derive(Debug)]
struct Vetted {
    origin: Arc<Origin>,
    named_by: NamedBy,
    addresses: Box<[SocketAddr]>,
    pool_key: Arc<str>,
}

impl VettedTarget {
    /// Called by `rules` only, after every address was judged.
    pub(super) fn new(pass: HostPass, judged: &[IpAddr]) -> Self {
        let mut addresses: Vec<SocketAddr> = Vec::with_capacity(judged.len());
        for ip in judged {
            let address = SocketAddr::new(ip.to_canonical(), pass.origin.port);
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let policy = pass.grant.id(pass.named_by);
        Self(Arc::new(Vetted {
            pool_key: format!("{}#{:x}", pass.origin.spelled, policy.0).into(),
            origin: pass.origin,
            named_by: pass.named_by,
            addresses: addresses.into(),
        }))
    }

    pub fn scheme(&self) -> Scheme {
        self.0.origin.scheme
    }

    /// The name or literal for SNI and the certificate, without a trailing dot.
    pub fn host(&self) -> &Host {
        &self.0.origin.host
    }

    pub fn port(&self) -> u16 {
        self.0.origin.port
    }

    /// The `Host` header.
    pub fn authority(&self) -> &str {
        &self.0.origin.authority
    }

    /// `scheme://host:port`.
    #[cfg(test)]
    pub(super) fn origin(&self) -> &str {
        &self.0.origin.spelled
    }

    /// Whether the caller or the settings named it. The gateway presents its own TLS certificate
    /// only to targets of the settings.
    pub fn named_by(&self) -> NamedBy {
        self.0.named_by
    }

    /// The key under which idle connections are shared: the origin, who named it, and the rules
    /// that its addresses were judged by. So a connection made under looser rules is never reused
    /// under stricter ones. The TLS identity follows from the host and who named it.
    pub fn pool_key(&self) -> &Arc<str> {
        &self.0.pool_key
    }

    /// Whether the connection uses TLS.
    pub fn is_tls(&self) -> bool {
        self.scheme() == Scheme::Https
    }

    /// The addresses that may be dialled, in the resolver's order, without duplicates; never empty.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.0.addresses
    }

    /// Whether a connection to `peer` is one to this target; checked after connecting.
    pub fn admits(&self, peer: SocketAddr) -> bool {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        self.0.addresses.contains(&peer)
    }
}
