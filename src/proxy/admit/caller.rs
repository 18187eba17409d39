//! Who sent a request: the credentials that came with it, and the address it is from. For what a
//! target gets, whose breaker and budget it is, whom limits count and whose responses the cache
//! keeps. Which names carry credentials is the plan's table.

use std::{
    cell::OnceCell,
    net::{IpAddr, SocketAddr},
};

use actix_http::{
    RequestHead,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use ipnet::IpNet;

use crate::{
    gateway::CredentialNames,
    identity,
    proxy::{subprotocol, url},
    rate_limit::Identity,
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of a request's connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// `None`: there is no connection.
    pub address: Option<IpAddr>,
    /// Whose word on whom they forward for is believed.
    pub trusted_proxies: &'a [IpNet],
}

impl Peer<'_> {
    /// The address that a request is from, as far as trusted proxies say.
    fn client(self, headers: &HeaderMap) -> Option<IpAddr> {
        let address = self.address?;
        Some(client_address(address, headers, self.trusted_proxies))
    }
}

/// What a request shows of who sent it. Cannot be printed.
pub struct CallerCredentials<'a> {
    pub names: &'a CredentialNames,
    pub head: &'a RequestHead,
    pub query: Option<&'a str>,
    /// The holder of its gateway key, which was taken out of the head.
    pub holder: Option<&'a identity::Identity>,
    /// A placeholder for a credential, which is none.
    pub placeholder: Option<&'a HeaderValue>,
    /// The address it is from.
    client: Option<IpAddr>,
    identity: OnceCell<Option<Identity>>,
    caller: OnceCell<Identity>,
}

impl<'a> CallerCredentials<'a> {
    pub fn new(
        names: &'a CredentialNames,
        head: &'a RequestHead,
        query: Option<&'a str>,
        holder: Option<&'a identity::Identity>,
        placeholder: Option<&'a HeaderValue>,
        peer: Peer<'a>,
    ) -> Self {
        CallerCredentials {
            names,
            head,
            query,
            holder,
            placeholder,
            client: peer.client(head.headers()),
            identity: OnceCell::new(),
            caller: OnceCell::new(),
        }
    }

    /// Whose responses it may get: its gateway key and all credentials together, since responses
    /// may depend on each. `None`: it shows none.
    pub fn identity(&self) -> Option<&Identity> {
        let identity = || match self.holder {
            None => Identity::by_credentials(self.credentials()),
            Some(holder) => {
                let id = holder.key.id;
                let credentials = self.credentials();
                Some(Identity::by_key_and_credentials(id.as_bytes(), credentials))
            }
        };
        self.identity.get_or_init(identity).as_ref()
    }

    /// Whom it counts for: its gateway key, else its credentials, else its address.
    pub fn caller(&self) -> &Identity {
        self.caller.get_or_init(|| match self.holder {
            Some(holder) => Identity::by_key(holder.key.id.as_bytes()),
            None => {
                let identity = self.identity().copied();
                identity.unwrap_or_else(|| Identity::by_address(self.client()))
            }
        })
    }

    /// The address it is from.
    pub fn client(&self) -> Option<IpAddr> {
        self.client
    }

    /// Each credential by the name it travels under: headers in the table's order, those of one
    /// name in theirs, then those among subprotocols, then the query's.
    pub fn credentials(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let placeholder = self.placeholder;
        let lines = self.head.headers();
        let headers = self.names.headers.iter();
        let headers = headers.flat_map(move |name| {
            let values = lines.get_all(name);
            let values =
                values.filter(move |value| !placeholder.is_some_and(|it| std::ptr::eq(it, *value)));
            values.map(move |value| (name.as_str(), value.as_bytes()))
        });
        let offered = lines.get_all(subprotocol::NAME);
        let offered = offered.flat_map(subprotocol::credentials);
        let offered = offered.map(|token| (subprotocol::NAME_TEXT, token));
        let query = url::named(self.query.unwrap_or_default(), &self.names.query);
        headers
            .chain(offered)
            .chain(query.map(|part| match part.split_once('=') {
                Some((name, value)) => (name, value.as_bytes()),
                None => (part, &b""[..]),
            }))
    }
}

/// Whom a request is from: the last address of `X-Forwarded-For` that no trusted proxy has, as far
/// as trusted ones wrote it.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|it| it.contains(&address));
    let mut client = peer.to_canonical();
    if !is_trusted(client) {
        return client;
    }
    let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).collect();
    let hops = lines
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    for hop in hops {
        if !is_trusted(client) {
            break;
        }
        match address(hop) {
            Some(address) => client = address.to_canonical(),
            // Not an address: what stands before it was not written by anybody we know.
            None => break,
        }
    }
    client
}

/// Some proxies add the port, and then an IPv6 address has brackets.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse().ok();
    address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn credentials_come_in_the_tables_order_whatever_order_they_were_sent_in() {
        let names = CredentialNames::new(&config::CredentialNames::default());
        let lines = [
            ("cookie", "a=1"),
            ("authorization", "Bearer x"),
            ("x-api-key", "k"),
            ("authorization", "Bearer y"),
        ];
        let shown = |order: [usize; 4]| {
            let mut head = RequestHead::default();
            for (name, value) in order.map(|place| lines[place]) {
                let name = HeaderName::from_static(name);
                head.headers.append(name, HeaderValue::from_static(value));
            }
            let query = Some("a=1&api_key=q&b=2");
            let placeholder = head.headers().get("x-api-key");
            let peer = Peer {
                address: None,
                trusted_proxies: &[],
            };
            let presented = CallerCredentials::new(&names, &head, query, None, placeholder, peer);
            let shown = presented.credentials();
            let shown =
                shown.map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)));
            shown.collect::<Vec<_>>()
        };
        let expected = [
            "authorization=Bearer x",
            "authorization=Bearer y",
            "cookie=a=1",
            "api_key=q",
        ];
        for order in [[0, 1, 2, 3], [1, 0, 3, 2], [2, 1, 3, 0]] {
            assert_eq!(shown(order), expected, "{order:?}");
        }
    }

    #[test]
    fn a_forwarded_address_is_believed_as_far_as_trusted_proxies_wrote_it() {
        for (peer, lines, expected) in [
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
            (
                "10.0.0.1",
                &["203.0.113.9", "198.51.100.7, 10.0.0.2"],
                "198.51.100.7",
            ),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["203.0.113.9, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
            ("::ffff:10.0.0.1", &["2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", &["203.0.113.9:4411"], "203.0.113.9"),
            (
                "10.0.0.1",
                &["[2001:db8::1]:443, 10.0.0.2:80"],
                "2001:db8::1",
            ),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["203.0.113.9:port"], "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(X_FORWARDED_FOR, HeaderValue::from_static(line));
            }
            let trusted = ["10.0.0.0/8".parse().expect("a network")];
            let client = client_address(peer.parse().expect("an address"), &headers, &trusted);
            assert_eq!(client.to_string(), expected, "{peer} {lines:?}");
        }
    }
}
