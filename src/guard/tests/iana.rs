//! The address table against IANA's special-purpose registries (IPv4 and IPv6), copied
//! independently.

use ipnet::IpNet;

use super::super::addresses::{V4, V6};
use super::*;

/// Every row of both registries, with the class that its addresses must have.
#[rustfmt::skip]
const REGISTRIES: &[(&str, &str)] = &[
    ("0.0.0.0/8", "unspecified"), ("0.0.0.0/32", "unspecified"), ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "private"), ("127.0.0.0/8", "loopback"), ("169.254.0.0/16", "link_local"),
    ("172.16.0.0/12", "private"), ("192.0.0.0/24", "reserved"), ("192.0.0.0/29", "reserved"),
    ("192.0.0.8/32", "reserved"), ("192.0.0.9/32", "reserved"), ("192.0.0.10/32", "reserved"),
    ("192.0.0.170/32", "reserved"), ("192.0.0.171/32", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "reserved"), ("192.52.193.0/24", "reserved"), ("192.88.99.0/24", "6to4"),
    ("192.168.0.0/16", "private"), ("192.175.48.0/24", "reserved"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"), ("203.0.113.0/24", "documentation"),
    ("240.0.0.0/5", "reserved"), ("255.255.255.255/32", "broadcast"), ("224.0.0.0/4", "multicast"),
    ("::1/128", "loopback"), ("::/128", "unspecified"), ("64:ff9b:1::/48", "reserved"),
    ("100::/64", "reserved"), ("100:0:0:1::/64", "reserved"), ("2001::/32", "teredo"),
    ("2001:1::1/128", "reserved"), ("2001:1::2/128", "reserved"), ("2001:1::3/128", "reserved"),
    ("2001:2::/48", "benchmarking"), ("2001:3::/32", "reserved"), ("2001:4:112::/48", "reserved"),
    ("2001:10::/28", "reserved"), ("2001:20::/28", "reserved"), ("2001:30::/28", "reserved"),
    ("2001:100::/24", "reserved"), ("2001:db8::/32", "documentation"), ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "reserved"), ("3fff::/20", "documentation"), ("5f00::/16", "reserved"),
    ("fc00::/7", "private"), ("fe80::/10", "link_local"), ("fec0::/10", "reserved"),
    ("ff00::/8", "multicast"),
    ("::2/128", "reserved"), ("::ffff:0:0:0/96", "reserved"),
];

#[test]
fn the_table_is_complete_against_the_special_purpose_registries() {
    for (network, class) in REGISTRIES {
        let network: IpNet = network.parse().unwrap();
        for ip in [network.network(), network.broadcast()] {
            assert_eq!(classify(ip).as_str(), *class, "{ip} of {network}");
        }
    }
}

#[test]
fn neighbours_of_special_networks_are_public() {
    for ip in ips(&[
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2000::",
        "2001:200::",
        "2001:db7::1",
        "2001:db9::",
        "2003::",
        "2606:4700::1111",
        "3fff:1000::",
        "2a00:1450::1",
        "3ffd:ffff::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ]) {
        assert_eq!(classify(ip), AddressClass::Public, "{ip}");
    }
}

#[test]
fn ipv6_outside_global_unicast_is_never_public() {
    for ip in ips(&[
        "1::",
        "64:ff9c::",
        "200::1",
        "400::1",
        "1fff:ffff::1",
        "4000::",
        "8000::1",
        "e000::1",
        "fb00::1",
        "fe00::1",
    ]) {
        assert_eq!(classify(ip), AddressClass::Reserved, "{ip}");
    }
}

#[test]
fn rows_are_valid_networks_with_a_source_and_none_is_shadowed() {
    let networks: Vec<(IpNet, &str)> = V4
        .iter()
        .map(|row| (row.network.into(), row.source))
        .chain(V6.iter().map(|row| (row.network.into(), row.source)))
        .collect();
    for (at, (network, source)) in networks.iter().enumerate() {
        assert_eq!(network.trunc(), *network);
        assert!(!source.is_empty());
        let hidden = networks[..at]
            .iter()
            .any(|(earlier, _)| earlier.contains(network));
        assert!(!hidden, "{network} is hidden");
    }
}

#[test]
fn a_network_is_never_allowed_only_if_all_its_addresses_are() {
    for (network, never) in [
        ("169.254.0.0/16", true),
        ("169.254.1.0/24", true),
        ("127.0.0.0/8", false),
        ("0.0.0.0/0", false),
        ("0.0.0.0/8", true),
        ("100.64.0.0/10", false),
        ("100.100.100.200/32", true),
        ("192.0.0.0/16", false),
        ("224.0.0.0/3", false),
        ("::/0", false),
        ("::1/128", false),
        ("::2/128", true),
        ("::/64", false),
        ("fd00::/8", false),
        ("fd00:ec2::/32", true),
        ("4000::/3", true),
        ("2001:db8:1::/48", true),
        ("64:ff9b::/96", false),
    ] {
        let is_never = super::super::addresses::is_never_network(network.parse().unwrap());
        assert_eq!(is_never, never, "{network}");
    }
}
