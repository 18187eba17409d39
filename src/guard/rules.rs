//! The two judgements that every target must pass: of the host before it is resolved, and of every
//! address that it resolved to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::addresses::{MAX_ADDRESSES, carried};
use super::allow::{AllowEntry, Match};
use super::base_url::BaseUrl;
use super::denied::Denied;
use super::host::{Host, Scheme};
use super::preset::Preset;
use super::target::{Grant, HostPass, NamedBy, VettedTarget};

/// Names of instance metadata services, refused with their subdomains. Their addresses are refused
/// too; the names also cover proxies and rewritten DNS responses.
const METADATA_NAMES: &[&str] = &[
    "metadata",                   // Google Cloud, through its search domain
    "metadata.google.internal",   // Google Cloud
    "metadata.goog",              // Google Cloud
    "instance-data",              // AWS, through its search domain
    "instance-data.ec2.internal", // AWS
    "metadata.azure.internal",    // Azure
    "metadata.tencentyun.com",    // Tencent Cloud
    "metadata.packet.net",        // Equinix Metal
    "metadata.platformequinix.com",
    "rancher-metadata",
];

/// Google Cloud's metadata server, as its documentation has it.
const METADATA_SERVERS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Everything that decides where requests may go.
#[derive(Clone, Debug)]
pub struct Policy {
    preset: Preset,
    allow: Vec<AllowEntry>,
    own_listeners: Vec<SocketAddr>,
    local_addresses: Vec<IpAddr>,
}

impl Policy {
    /// Why no request of anybody will reach a host that the settings name, as far as that is known
    /// without resolving its name.
    pub fn always_denies(&self, url: &BaseUrl) -> Option<Denied> {
        match (self.judge_host(url, NamedBy::Settings), url.host()) {
            (Err(denied), _) => Some(denied),
            (Ok(pass), Host::Ip(_)) => self.judge_addresses(pass, &[]).err(),
            (Ok(_), Host::Name(_)) => None,
        }
    }

    pub fn new(preset: Preset, allow: Vec<AllowEntry>) -> Self {
        Self {
            preset,
            allow,
            own_listeners: Vec::new(),
            local_addresses: Vec::new(),
        }
    }

    /// Adds the sockets the gateway listens on (with their real ports), and the addresses of this
    /// machine's interfaces, on which a wildcard listener also accepts connections.
    pub fn with_own_listeners(
        mut self,
        own_listeners: Vec<SocketAddr>,
        local_addresses: Vec<IpAddr>,
    ) -> Self {
        self.own_listeners = own_listeners;
        self.local_addresses = local_addresses;
        self
    }

    /// The same listeners and addresses as `other`.
    pub fn with_listeners_of(mut self, other: &Policy) -> Self {
        self.own_listeners.clone_from(&other.own_listeners);
        self.local_addresses.clone_from(&other.local_addresses);
        self
    }

    #[cfg(test)]
    pub(super) fn preset(&self) -> Preset {
        self.preset
    }

    /// The first judgement, before resolution: scheme, port, path and host.
    ///
    /// # Errors
    /// The first rule that refuses the URL.
    pub fn judge_host(&self, url: &BaseUrl, named_by: NamedBy) -> Result<HostPass, Denied> {
        match url.host() {
            Host::Name(name) if is_metadata_name(name) => return Err(Denied::MetadataName),
            Host::Ip(ip) if self.is_own_listener(*ip, url.port()) => {
                return Err(Denied::OwnListener);
            }
            Host::Name(_) | Host::Ip(_) => {}
        }
        let grant = match (named_by, self.preset) {
            (NamedBy::Settings, _) | (NamedBy::Caller, Preset::Dev) => everything(),
            (NamedBy::Caller, Preset::Public) => public_web(url)?,
            (NamedBy::Caller, Preset::SelfHosted) => self.self_hosted(url)?,
            (NamedBy::Caller, Preset::Allowlist) => self.listed_only(url)?,
        };
        Ok(HostPass {
            origin: url.shared_origin(),
            grant,
            named_by,
        })
    }

    /// The first judgement of Google Cloud's metadata server, where the settings have tokens
    /// fetched from it. The one exception from what is never dialled: its own two addresses, for a
    /// request of which no byte is a caller's. Its connections are never used for anything else.
    ///
    /// # Errors
    /// It would be the gateway itself.
    pub fn judge_metadata_server(&self, url: &BaseUrl) -> Result<HostPass, Denied> {
        match url.host() {
            Host::Ip(ip) if self.is_own_listener(*ip, url.port()) => Err(Denied::OwnListener),
            Host::Name(_) | Host::Ip(_) => Ok(HostPass {
                origin: url.shared_origin(),
                grant: Grant {
                    excepted: &METADATA_SERVERS,
                    ..everything()
                },
                named_by: NamedBy::Settings,
            }),
        }
    }

    /// The second judgement: every address that the name resolved to. One refused address refuses
    /// the name. A literal is judged as itself, whatever `resolved` contains.
    ///
    /// # Errors
    /// `OwnListener` if any address is the gateway's own, otherwise the first refusal (`Mixed` if
    /// other addresses would pass).
    pub fn judge_addresses(
        &self,
        pass: HostPass,
        resolved: &[IpAddr],
    ) -> Result<VettedTarget, Denied> {
        let literal = match pass.origin.host {
            Host::Ip(ip) => Some([ip]),
            Host::Name(_) => None,
        };
        let addresses = literal.as_ref().map_or(resolved, |ip| ip.as_slice());
        self.judge_all(&pass, addresses)?;
        Ok(VettedTarget::new(pass, addresses))
    }

    fn judge_all(&self, pass: &HostPass, addresses: &[IpAddr]) -> Result<(), Denied> {
        if addresses.is_empty() {
            return Err(Denied::NoAddress);
        }
        if addresses.len() > MAX_ADDRESSES {
            return Err(Denied::TooManyAddresses);
        }
        let port = pass.origin.port;
        if addresses.iter().any(|ip| self.is_own_listener(*ip, port)) {
            return Err(Denied::OwnListener);
        }
        let refused = |ip: &IpAddr| pass.grant.judge(*ip).err();
        let Some(first) = addresses.iter().find_map(refused) else {
            return Ok(());
        };
        match (first, addresses.iter().all(|ip| refused(ip).is_some())) {
            (Denied::Address { class }, false) => Err(Denied::Mixed { class }),
            (denied, _) => Err(denied),
        }
    }

    /// What `Public` permits, plus the entries that match. Networks are passed on to the second
    /// judgement, which knows the addresses of a name.
    fn self_hosted(&self, url: &BaseUrl) -> Result<Grant, Denied> {
        let full = |entry: &&AllowEntry| entry.matches_rest(url, true) == Match::Full;
        let naming = |entry: &&AllowEntry| entry.network().is_none() && entry.names(url.host());
        let listed: Vec<_> = self.allow.iter().filter(naming).filter(full).collect();
        let networks: Vec<_> = self
            .allow
            .iter()
            .filter(full)
            .filter_map(AllowEntry::network)
            .collect();
        let public = match listed.is_empty() {
            true => check_public_web(url).map_err(|denied| self.nearest(url, true, denied)),
            false => Ok(()),
        };
        let grant = Grant {
            public,
            internal: listed.iter().any(|entry| entry.is_origin()),
            networks,
            excepted: &[],
        };
        match (grant.public, grant.networks.is_empty()) {
            (Err(denied), true) => Err(denied),
            (Ok(()), _) | (Err(_), false) => Ok(grant),
        }
    }

    /// Names must be listed by name: a name that resolves into a listed network is not thereby
    /// listed. A listed name must resolve to public addresses or into a listed network.
    fn listed_only(&self, url: &BaseUrl) -> Result<Grant, Denied> {
        let full = |entry: &&AllowEntry| entry.matches_rest(url, false) == Match::Full;
        let is_listed = self
            .allow
            .iter()
            .filter(full)
            .any(|entry| entry.names(url.host()));
        if !is_listed {
            return Err(self.nearest(url, false, Denied::NotListed));
        }
        Ok(Grant {
            public: match url.host() {
                Host::Name(_) => Ok(()),
                Host::Ip(_) => Err(Denied::NotListed),
            },
            internal: false,
            networks: self
                .allow
                .iter()
                .filter(full)
                .filter_map(AllowEntry::network)
                .collect(),
            excepted: &[],
        })
    }

    /// Why the closest entry for the URL's host does not match; `otherwise` if there is no entry
    /// for the host.
    fn nearest(&self, url: &BaseUrl, plain: bool, otherwise: Denied) -> Denied {
        let closest = self
            .allow
            .iter()
            .filter(|entry| entry.names(url.host()))
            .map(|entry| entry.matches_rest(url, plain))
            .max();
        match closest {
            Some(Match::WrongScheme) => Denied::Scheme,
            Some(Match::WrongPort) => Denied::Port { port: url.port() },
            Some(Match::WrongPath) => Denied::Path,
            Some(Match::Full) | None => otherwise,
        }
    }

    fn is_own_listener(&self, ip: IpAddr, port: u16) -> bool {
        let ip = carried(ip);
        let covers = |listener: &SocketAddr| match listener.ip().to_canonical() {
            any if any.is_unspecified() => {
                let is_ours = |local: &IpAddr| local.to_canonical() == ip;
                ip.is_loopback() || self.local_addresses.iter().any(is_ours)
            }
            one => one == ip,
        };
        self.own_listeners
            .iter()
            .any(|listener| listener.port() == port && covers(listener))
    }
}

fn everything() -> Grant {
    Grant {
        public: Ok(()),
        internal: true,
        networks: Vec::new(),
        excepted: &[],
    }
}

fn public_web(url: &BaseUrl) -> Result<Grant, Denied> {
    check_public_web(url)?;
    Ok(Grant {
        public: Ok(()),
        internal: false,
        networks: Vec::new(),
        excepted: &[],
    })
}

fn check_public_web(url: &BaseUrl) -> Result<(), Denied> {
    match (url.scheme(), url.port()) {
        (Scheme::Http, _) => Err(Denied::Scheme),
        (Scheme::Https, 443) => Ok(()),
        (Scheme::Https, port) => Err(Denied::Port { port }),
    }
}

fn is_metadata_name(name: &str) -> bool {
    METADATA_NAMES
        .iter()
        .any(|service| match name.strip_suffix(service) {
            Some(rest) => rest.is_empty() || rest.ends_with('.'),
            None => false,
        })
}
