//! Classifies addresses: one flat table of every special-purpose network, with its source. Whether
//! a class may be dialled is decided by `rules`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Names with more addresses are refused: no provider needs them, and each would be dialled in
/// turn.
pub const MAX_ADDRESSES: usize = 16;

/// The kind of one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// Reachable over the internet.
    Public,
    /// Reachable inside an organisation: RFC 1918, carrier-grade NAT, unique local.
    Private,
    /// This machine.
    Loopback,
    Unspecified,
    LinkLocal,
    /// A cloud's instance metadata service, which hands out credentials to any local process.
    Metadata,
    Multicast,
    Broadcast,
    Documentation,
    Benchmarking,
    /// Reserved for protocols, discarding or transition mechanisms, or not assigned.
    Reserved,
    SixToFour,
    Teredo,
}

impl AddressClass {
    /// Stable name for errors, records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Loopback => "loopback",
            Self::Unspecified => "unspecified",
            Self::LinkLocal => "link_local",
            Self::Metadata => "metadata",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Documentation => "documentation",
            Self::Benchmarking => "benchmarking",
            Self::Reserved => "reserved",
            Self::SixToFour => "6to4",
            Self::Teredo => "teredo",
        }
    }

    /// No preset, entry or setting can allow it.
    pub fn is_never(self) -> bool {
        match self {
            Self::Public | Self::Private | Self::Loopback => false,
            Self::Unspecified
            | Self::LinkLocal
            | Self::Metadata
            | Self::Multicast
            | Self::Broadcast
            | Self::Documentation
            | Self::Benchmarking
            | Self::Reserved
            | Self::SixToFour
            | Self::Teredo => true,
        }
    }
}

/// The class of the address that a packet to `ip` reaches: IPv4-mapped and NAT64 addresses are
/// classified as the IPv4 address inside.
pub fn classify(ip: IpAddr) -> AddressClass {
    match carried(ip) {
        IpAddr::V4(ip) => class_of_v4(ip),
        IpAddr::V6(ip) => class_of_v6(ip),
    }
}

/// The IPv4 address inside an IPv4-mapped (RFC 4291 §2.5.5.2) or well-known NAT64 (RFC 6052 §2.1)
/// address; any other address as it is.
pub fn carried(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    match (v6.to_ipv4_mapped(), v6.octets()) {
        (Some(v4), _) => IpAddr::V4(v4),
        (None, [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]) => {
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        (None, _) => ip,
    }
}

/// Every address of `network` is one that nothing can allow.
pub(super) fn is_never_network(network: IpNet) -> bool {
    let v4 = V4.iter().map(|row| (IpNet::V4(row.network), row.class));
    let v6 = V6.iter().map(|row| (IpNet::V6(row.network), row.class));
    let first_to_decide = v4.chain(v6).find(|(row, class)| match class.is_never() {
        true => row.contains(&network),
        false => overlap(*row, network),
    });
    match (first_to_decide, network) {
        (Some((_, class)), _) => class.is_never(),
        (None, IpNet::V4(_)) => false,
        (None, IpNet::V6(_)) => ![GLOBAL_UNICAST, MAPPED, NAT64]
            .into_iter()
            .any(|usable| overlap(usable.into(), network)),
    }
}

fn overlap(a: IpNet, b: IpNet) -> bool {
    a.contains(&b) || b.contains(&a)
}

fn class_of_v4(ip: Ipv4Addr) -> AddressClass {
    V4.iter()
        .find(|row| row.network.contains(&ip))
        .map_or(AddressClass::Public, |row| row.class)
}

fn class_of_v6(ip: Ipv6Addr) -> AddressClass {
    match V6.iter().find(|row| row.network.contains(&ip)) {
        Some(row) => row.class,
        None if GLOBAL_UNICAST.contains(&ip) => AddressClass::Public,
        None => AddressClass::Reserved,
    }
}

/// One special-purpose network. The first of overlapping rows counts.
pub(super) struct Row<N> {
    pub(super) network: N,
    pub(super) class: AddressClass,
    /// The document that reserves the network.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by people and by tests"))]
    pub(super) source: &'static str,
}

const fn v4(
    [a, b, c, d]: [u8; 4],
    prefix: u8,
    class: AddressClass,
    source: &'static str,
) -> Row<Ipv4Net> {
    Row {
        network: Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix),
        class,
        source,
    }
}

const fn v6(
    address: [u16; 8],
    prefix: u8,
    class: AddressClass,
    source: &'static str,
) -> Row<Ipv6Net> {
    Row {
        network: v6_net(address, prefix),
        class,
        source,
    }
}

const fn v6_net([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// The only range from which IANA assigns public IPv6 addresses (RFC 4291 §2.4).
const GLOBAL_UNICAST: Ipv6Net = v6_net([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
const MAPPED: Ipv6Net = v6_net([0, 0, 0, 0, 0, 0xffff, 0, 0], 96);
const NAT64: Ipv6Net = v6_net([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

use AddressClass::{
    Benchmarking, Broadcast, Documentation, LinkLocal, Loopback, Metadata, Multicast, Private,
    Reserved, SixToFour, Teredo, Unspecified,
};

#[rustfmt::skip]
pub(super) static V4: &[Row<Ipv4Net>] = &[
    v4([0, 0, 0, 0],         32, Unspecified,   "RFC 1122 §3.2.1.3"),
    v4([0, 0, 0, 0],          8, Unspecified,   "RFC 791 §3.2, this network"),
    v4([10, 0, 0, 0],         8, Private,       "RFC 1918"),
    v4([100, 96, 0, 96],     32, Metadata,      "Volcano Engine instance metadata"),
    v4([100, 100, 100, 200], 32, Metadata,      "Alibaba Cloud instance metadata"),
    v4([100, 64, 0, 0],      10, Private,       "RFC 6598, carrier-grade NAT"),
    v4([127, 0, 0, 0],        8, Loopback,      "RFC 1122 §3.2.1.3"),
    v4([168, 63, 129, 16],   32, Metadata,      "Azure wire server"),
    v4([169, 254, 169, 254], 32, Metadata,      "instance metadata of most clouds"),
    v4([169, 254, 170, 2],   32, Metadata,      "AWS ECS task credentials"),
    v4([169, 254, 170, 23],  32, Metadata,      "AWS EKS pod identity"),
    v4([169, 254, 0, 23],    32, Metadata,      "Tencent Cloud instance metadata"),
    v4([169, 254, 42, 42],   32, Metadata,      "Scaleway instance metadata"),
    v4([169, 254, 0, 0],     16, LinkLocal,     "RFC 3927"),
    v4([172, 16, 0, 0],      12, Private,       "RFC 1918"),
    v4([192, 0, 0, 192],     32, Metadata,      "Oracle Cloud classic instance metadata"),
    v4([192, 0, 0, 0],       24, Reserved,      "RFC 6890 §2.1, protocol assignments"),
    v4([192, 0, 2, 0],       24, Documentation, "RFC 5737"),
    v4([192, 31, 196, 0],    24, Reserved,      "RFC 7535, AS112"),
    v4([192, 52, 193, 0],    24, Reserved,      "RFC 7450, multicast tunnelling"),
    v4([192, 88, 99, 0],     24, SixToFour,     "RFC 7526, 6to4 relay anycast, withdrawn"),
    v4([192, 168, 0, 0],     16, Private,       "RFC 1918"),
    v4([192, 175, 48, 0],    24, Reserved,      "RFC 7534, AS112"),
    v4([198, 18, 0, 0],      15, Benchmarking,  "RFC 2544"),
    v4([198, 51, 100, 0],    24, Documentation, "RFC 5737"),
    v4([203, 0, 113, 0],     24, Documentation, "RFC 5737"),
    v4([224, 0, 0, 0],        4, Multicast,     "RFC 5771"),
    v4([255, 255, 255, 255], 32, Broadcast,     "RFC 919 §7"),
    v4([240, 0, 0, 0],        4, Reserved,      "RFC 1112 §4"),
];

#[rustfmt::skip]
pub(super) static V6: &[Row<Ipv6Net>] = &[
    v6([0, 0, 0, 0, 0, 0, 0, 0],               128, Unspecified, "RFC 4291 §2.5.2"),
    v6([0, 0, 0, 0, 0, 0, 0, 1],               128, Loopback, "RFC 4291 §2.5.3"),
    v6([0, 0, 0, 0, 0, 0, 0, 0],                96, Reserved, "RFC 4291 §2.5.5.1, IPv4-compatible"),
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0],           96, Reserved, "RFC 2765 §2.1, IPv4-translated"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0],        48, Reserved, "RFC 8215, local-use NAT64"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0],            64, Reserved, "RFC 6666, discard-only"),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0],            64, Reserved, "RFC 9780, dummy prefix"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0],           32, Teredo, "RFC 4380"),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0],           48, Benchmarking, "RFC 5180"),
    v6([0x2001, 3, 0, 0, 0, 0, 0, 0],           32, Reserved, "RFC 7450, multicast tunnelling"),
    v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0],       48, Reserved, "RFC 7535, AS112"),
    v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0],        28, Reserved, "RFC 4843, ORCHID"),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0],        28, Reserved, "RFC 7343, ORCHIDv2"),
    v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0],        28, Reserved, "RFC 9374, drone remote ID"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0],           23, Reserved, "RFC 2928, protocol assignments"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0],       32, Documentation, "RFC 3849"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0],           16, SixToFour, "RFC 3056"),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0],   48, Reserved, "RFC 7534, AS112"),
    v6([0x3ffe, 0, 0, 0, 0, 0, 0, 0],           16, Reserved, "RFC 3701, 6bone, returned"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0],           20, Documentation, "RFC 9637"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0],           16, Reserved, "RFC 9602, SRv6 segments"),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0],       32, Metadata, "AWS instance metadata, DNS, time"),
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0],        64, Metadata, "Google Cloud instance metadata"),
    v6([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42],    128, Metadata, "Scaleway instance metadata"),
    v6([0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 1], 128, Metadata, "Linode instance metadata"),
    v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128, Metadata, "Oracle Cloud instance metadata"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0],            7, Private, "RFC 4193, unique local"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128, Metadata, "OpenStack instance metadata"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0],           10, LinkLocal, "RFC 4291 §2.5.6"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0],           10, Reserved, "RFC 3879, site-local"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0],            8, Multicast, "RFC 4291 §2.7"),
];
