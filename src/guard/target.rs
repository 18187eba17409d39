//! The proofs: `HostPass` says the host rules are passed, `VettedTarget` says the addresses are.
//! Only the rules make them, and only a `VettedTarget` can be dialled.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;

use super::addresses::{AddressClass, carried, classify};
use super::base_url::Origin;
use super::denied::Denied;
use super::host::{Host, Scheme};
use super::rules::NamedBy;

/// A host that may be resolved, with what its addresses may be.
#[derive(Clone, Debug)]
pub struct HostPass {
    pub(super) origin: Arc<Origin>,
    pub(super) grant: Grant,
    pub(super) named_by: NamedBy,
}

impl HostPass {
    /// What to resolve (a trailing dot means absolute); `None` for an address literal, which is
    /// judged as itself.
    pub fn lookup_name(&self) -> Option<&str> {
        self.origin.lookup_name.as_deref()
    }
}

/// Which addresses the host rules leave open. The never-classes are not among them, whatever it
/// says.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// Whether public addresses are allowed; if not, why.
    pub(super) public: Result<(), Denied>,
    /// Whether loopback and private addresses are allowed wherever they lie.
    pub(super) internal: bool,
    /// Networks allowed in addition.
    pub(super) networks: Vec<IpNet>,
}

impl Grant {
    /// Judges one address.
    pub(super) fn judge(&self, ip: IpAddr) -> Result<(), Denied> {
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

    /// True if a listed network holds the address that `ip` stands for.
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
        PolicyId(hasher.finish())
    }
}

/// Equal for targets whose addresses were judged by the same rules, and that have the same
/// origin_health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PolicyId(u64);

/// The only thing that can be dialled: an origin and the addresses judged for it. Cheap to clone.
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
    /// For the rules alone, after every address was judged.
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

    /// The name (or literal) for SNI and the certificate, without a trailing dot.
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

    /// `scheme://host:port`, for records.
    pub fn origin(&self) -> &str {
        &self.0.origin.spelled
    }

    /// Who named it. The gateway shows its own TLS certificate only to targets of the settings.
    pub fn named_by(&self) -> NamedBy {
        self.0.named_by
    }

    /// What idle connections to this target are shared by: the origin, who named it, and the rules
    /// its addresses were judged by, so that a connection made under looser rules is never reused
    /// under stricter ones. TLS identity follows from the host and from who named it.
    pub fn pool_key(&self) -> &Arc<str> {
        &self.0.pool_key
    }

    /// Whether TLS is spoken to it.
    pub fn is_tls(&self) -> bool {
        self.scheme() == Scheme::Https
    }

    /// Exactly what may be dialled, in the resolver's order, without duplicates; never empty.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.0.addresses
    }

    /// Whether a connection whose peer is `peer` is one to this target: the check after connecting.
    pub fn admits(&self, peer: SocketAddr) -> bool {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        self.0.addresses.contains(&peer)
    }
}
