//! Why a target may not be dialled: one reason each, with a stable name.

use super::addresses::{AddressClass, MAX_ADDRESSES};

/// A refusal. The text never contains a resolved address, so that refusals cannot be used to
/// explore the network of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Denied {
    #[error(
        "plain `http` is not allowed for this host: use `https`, \
         or list the origin under `guard.allow`"
    )]
    Scheme,
    #[error(
        "port {port} is not allowed for this host: use 443, or list the port under `guard.allow` \
         (`host:port`, or `host:*` for every port)"
    )]
    Port { port: u16 },
    #[error("this path of the host is not under a path prefix listed in `guard.allow`")]
    Path,
    #[error("the host is not listed in `guard.allow`")]
    NotListed,
    #[error("the host is a cloud metadata service, which is never allowed")]
    MetadataName,
    #[error("the host's address is not allowed: it is {}", class_in_words(*class))]
    Address { class: AddressClass },
    #[error(
        "the host has several addresses and not all of them are allowed: at least one is {}",
        class_in_words(*class)
    )]
    Mixed { class: AddressClass },
    #[error("the host has more than {MAX_ADDRESSES} addresses")]
    TooManyAddresses,
    #[error("the host has no address")]
    NoAddress,
    #[error("the host is this gateway itself")]
    OwnListener,
}

impl Denied {
    /// Stable name for the error response, records and metrics. A refused address is reported as
    /// its class: `loopback`, `private`, `link_local`, `metadata`, ...
    pub fn class(&self) -> &'static str {
        match self {
            Self::Scheme => "scheme",
            Self::Port { .. } => "port",
            Self::Path => "path",
            Self::NotListed => "not_listed",
            Self::MetadataName => AddressClass::Metadata.as_str(),
            Self::Address { class } => class.as_str(),
            Self::Mixed { .. } => "mixed",
            Self::TooManyAddresses => "too_many_addresses",
            Self::NoAddress => "no_address",
            Self::OwnListener => "own_listener",
        }
    }
}

fn class_in_words(class: AddressClass) -> &'static str {
    match class {
        AddressClass::Public => "public, and only listed networks are allowed",
        AddressClass::Private => {
            "in a private network (`guard.allow` can list it under the `self_hosted` and \
             `allowlist` presets: `10.0.0.0/8:8000`)"
        }
        AddressClass::Loopback => {
            "loopback (`guard.allow` can list it under the `self_hosted` and `allowlist` \
             presets: `127.0.0.1:8000`)"
        }
        AddressClass::Unspecified => "unspecified, which is never allowed",
        AddressClass::LinkLocal => "link-local, which is never allowed",
        AddressClass::Metadata => "a cloud metadata service, which is never allowed",
        AddressClass::Multicast => "multicast, which is never allowed",
        AddressClass::Broadcast => "broadcast, which is never allowed",
        AddressClass::Documentation => "reserved for documentation, which is never allowed",
        AddressClass::Benchmarking => "reserved for benchmarking, which is never allowed",
        AddressClass::Reserved => "reserved, which is never allowed",
        AddressClass::SixToFour => "a 6to4 address, which is never allowed",
        AddressClass::Teredo => "a Teredo address, which is never allowed",
    }
}
