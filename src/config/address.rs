//! The kinds of settings that are addresses: where the gateway listens, hosts, networks, targets.
//! What the guard judges is read by the guard's parsers. Whether a host may be reached is decided
//! elsewhere.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use serde_json::Value as Json;

use super::kind::{Kind, Shown, described};
use crate::guard::{AllowEntry, BaseUrl};

described!(
    Listen, Nameserver, Network, HostName, HostPort, Allowed, Base
);

/// An address to listen on.
pub struct Listen;

impl Kind for Listen {
    type Value = SocketAddr;
    const NAME: &'static str = "IP address and port";
    const EXPECTED: &'static str =
        "an IP address and a port such as 127.0.0.1:8787 or [::1]:8787, or localhost:8787";

    fn from_text(text: &str) -> Option<SocketAddr> {
        if let Some(port) = text.strip_prefix("localhost:") {
            let port = port.parse().ok()?;
            return Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
        }
        text.parse().ok()
    }
}

/// A DNS server; the port is 53 where none is given.
pub struct Nameserver;

impl Kind for Nameserver {
    type Value = SocketAddr;
    const NAME: &'static str = "IP addresses, with or without port";
    const EXPECTED: &'static str = "an IP address such as 9.9.9.9 or 2620:fe::fe, or \
         one with a port such as 127.0.0.1:5353 \
         or [::1]:53";

    fn from_text(text: &str) -> Option<SocketAddr> {
        let address: Option<IpAddr> = text.parse().ok();
        let with_port = || text.parse().ok();
        let address = address.map(|ip| SocketAddr::new(ip, 53));
        address.or_else(with_port).filter(|it| it.port() != 0)
    }
}

/// A network, or one address.
pub struct Network;

impl Kind for Network {
    type Value = IpNet;
    const NAME: &'static str = "IP addresses and networks";
    const EXPECTED: &'static str = "an IP address or a network such as 10.0.0.0/8 or fd00::/8";

    fn from_text(text: &str) -> Option<IpNet> {
        let address: Option<IpAddr> = text.parse().ok();
        let network = address.map(IpNet::from).or_else(|| text.parse().ok());
        network.map(|network| network.trunc())
    }
}

/// A host by name or address, lower-cased, without a port.
pub struct HostName;

impl Kind for HostName {
    type Value = String;
    const NAME: &'static str = "host names";
    const EXPECTED: &'static str =
        "a host name or IP address without scheme and port, such as gateway.example.com";

    fn from_text(text: &str) -> Option<String> {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<std::net::Ipv6Addr>() {
            return Some(format!("[{address}]"));
        }
        let label = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        // Requests are compared without the final dot of an absolute name, too.
        let name = text.strip_suffix('.').unwrap_or(text);
        let whole = name.split('.').all(|label| !label.is_empty());
        let fits = whole && name.len() <= 253 && name.bytes().all(label);
        fits.then(|| name.to_ascii_lowercase())
    }
}

/// A host with or without a port, lower-cased.
pub struct HostPort;

impl Kind for HostPort {
    type Value = String;
    const NAME: &'static str = "host, with or without port";
    const EXPECTED: &'static str =
        "a host name or IP address, with or without a port, such as llm.example.com:8443";

    fn from_text(text: &str) -> Option<String> {
        if let Some(host) = HostName::from_text(text) {
            return Some(host);
        }
        let (host, port) = text.rsplit_once(':')?;
        let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
        HostName::from_text(host).map(|host| format!("{host}:{port}"))
    }
}

/// An entry of `guard.allow`.
pub struct Allowed;

impl Kind for Allowed {
    type Value = AllowEntry;
    const NAME: &'static str = "hosts and networks";
    const EXPECTED: &'static str = "a host, *.suffix, IP address or network, with or \
         without a port, such as *.example.com or \
         10.0.0.0/8:8000";

    fn from_text(text: &str) -> Option<AllowEntry> {
        text.parse().ok()
    }

    fn refusal(text: &str) -> Option<String> {
        let error = text.parse::<AllowEntry>().err()?;
        Some(format!("cannot be used: {error}"))
    }
}

/// A base URL. Its query may hold a key.
pub struct Base;

impl Kind for Base {
    type Value = BaseUrl;
    const NAME: &'static str = "URL";
    const EXPECTED: &'static str = "an absolute http or https URL without user, \
         password and fragment, such as \
         https://api.example.com/v1";

    fn from_text(text: &str) -> Option<BaseUrl> {
        BaseUrl::parse(text).ok()
    }

    fn refusal(text: &str) -> Option<String> {
        unusable_base(text)
    }
}

/// The URL without its query, which may have a key.
impl Shown for BaseUrl {
    fn shown(&self) -> Json {
        let text = self.to_text();
        match text.split_once('?') {
            Some((base, _)) => format!("{base}?...").into(),
            None => text.into(),
        }
    }
}

/// Why a text is not a base URL: the end of the sentence that begins with the key.
pub(super) fn unusable_base(text: &str) -> Option<String> {
    let error = BaseUrl::parse(text).err()?;
    Some(format!("cannot be used: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_absolute_and_without_credentials() {
        for fine in [
            "https://a.example",
            "http://[::1]:8000/v1",
            "https://a.example/v1?x=1",
            "https://a.example.:444/v1//?x=1",
        ] {
            assert_eq!(Base::from_text(fine).unwrap().to_text(), fine);
        }
        let refused = [
            "",
            "a.example",
            "//a.example",
            "ftp://a.example",
            "https://",
            "https:a.example",
            "http:///v1",
            "http://a.example:0",
            "https://u:p@a.example",
            "https://u@a.example",
            "https://a.example/#x",
            "https://a.example/a b",
            "https:\\\\a.example",
            "https://bücher.example",
        ];
        for text in refused {
            assert_eq!(Base::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_are_ip_addresses_or_localhost() {
        let table = [
            ("127.0.0.1:8787", Some("127.0.0.1:8787")),
            ("[::1]:80", Some("[::1]:80")),
            ("0.0.0.0:0", Some("0.0.0.0:0")),
            ("localhost:8787", Some("127.0.0.1:8787")),
            ("localhost", None),
            (":8787", None),
            ("8787", None),
            ("example.com:80", None),
            ("127.0.0.1", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|it| it.parse().unwrap());
            assert_eq!(Listen::from_text(text), expected, "{text}");
        }
        assert_eq!(Nameserver::from_text("9.9.9.9").unwrap().port(), 53);
        assert_eq!(Nameserver::from_text("[::1]:5353").unwrap().port(), 5353);
        assert_eq!(Nameserver::from_text("dns.example"), None);
    }

    #[test]
    fn hosts_are_names_without_schemes() {
        let table = [
            ("Gateway.Example.com", Some("gateway.example.com"), true),
            ("10.0.0.7", Some("10.0.0.7"), true),
            ("::1", Some("[::1]"), true),
            ("[::1]", Some("[::1]"), true),
            ("[::1]:8443", Some("[::1]:8443"), false),
            ("a.example:8443", Some("a.example:8443"), false),
            ("a.example:0", None, false),
            ("a.example.", Some("a.example"), true),
            ("a.example.:8443", Some("a.example:8443"), false),
            (".", None, false),
            ("a.example..", None, false),
            (".a.example", None, false),
            ("https://a.example", None, false),
            ("", None, false),
        ];
        for (text, expected, bare) in table {
            let got = HostPort::from_text(text);
            assert_eq!(got.as_deref(), expected, "{text}");
            assert_eq!(HostName::from_text(text).is_some(), bare, "{text}");
        }
    }
}
