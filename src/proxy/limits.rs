//! The rate limits of one request: whom it counts for, and whether there is room. What counts is `rate_limit`'s business.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use actix_http::header::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::presented::Presented;
use crate::{
    error::{Code, GatewayError},
    rate_limit::{self, Identity, Key, Lease, Limiter, NotAdmitted, Reason, Refused, Room},
    route::limit::{By, Scoped},
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A request, as limits see it.
pub struct Counted<'a> {
    pub limiter: &'a Limiter,
    pub trusted_proxies: &'a [IpNet],
    pub presented: &'a Presented<'a>,
    pub metadata: Option<&'a BTreeMap<String, String>>,
    /// Whom the connection is from.
    pub peer: Option<IpAddr>,
}

impl Counted<'_> {
    /// Counts the request for each of these limits. `origin`: the upstream of the attempt, where one is counted.
    /// What is left of the limit nearest its end, and the places taken, to be held until the answer's last byte, or the first limit
    /// without room; what was counted before it is taken back.
    pub async fn admit<'l>(
        &self,
        limits: impl Iterator<Item = &'l Scoped>,
        origin: &str,
    ) -> (Option<Room>, Result<Vec<Lease>, GatewayError>) {
        let (mut tightest, mut leases) = (None::<Room>, Vec::new());
        let mut counted = Vec::new();
        let mut limits = limits.peekable();
        while let Some(scoped) = limits.next() {
            let key = self.key(scoped, origin);
            let refused = match self.limiter.admit(scoped, key).await {
                Ok(admitted) => {
                    tightest = Room::tighter(tightest, admitted.room);
                    leases.extend(admitted.lease);
                    if limits.peek().is_some() {
                        counted.push((scoped, admitted.count));
                    }
                    continue;
                }
                Err(NotAdmitted::Refused(refused)) => {
                    (Some(refused.room), Err(over(scoped, &refused)))
                }
                Err(NotAdmitted::Uncounted) => (tightest, Err(uncounted())),
            };
            for (scoped, count) in &counted {
                self.limiter.give_back(scoped, count).await;
            }
            return refused;
        }
        (tightest, Ok(leases))
    }

    fn key(&self, scoped: &Scoped, origin: &str) -> Key {
        let value = |value: &[u8]| Key::of_value(scoped, || self.caller(), value);
        match &scoped.limit.by {
            By::Caller => Key::of_caller(scoped, &self.caller()),
            By::ClientAddress => value(rate_limit::subnet(self.client()).as_bytes()),
            By::Origin => value(origin.as_bytes()),
            By::Metadata(key) => {
                let given = self.metadata.and_then(|metadata| metadata.get(&**key));
                value(given.map(String::as_bytes).unwrap_or_default())
            }
        }
    }

    /// Who shows nothing is told apart by address.
    fn caller(&self) -> Identity {
        let identity = self.presented.identity().copied();
        identity.unwrap_or_else(|| Identity::by_address(self.client()))
    }

    fn client(&self) -> Option<IpAddr> {
        client_address(
            self.peer?,
            self.presented.head.headers(),
            self.trusted_proxies,
        )
        .into()
    }
}

/// Whom a request is from: the last address of `X-Forwarded-For` that no trusted proxy has, as far as trusted ones wrote it.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|it| it.contains(&address));
    let mut client = peer.to_canonical();
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

fn over(scoped: &Scoped, refused: &Refused) -> GatewayError {
    let by = scoped.limit.by.name();
    let limit = match (refused.reason, scoped.limit.rate, scoped.limit.concurrent) {
        (Reason::Requests, Some(rate), _) => {
            let (requests, window) = (rate.requests, rate.window);
            format!("{requests} requests in {window:?}")
        }
        (_, _, concurrent) => format!("{} requests at a time", concurrent.map_or(0, |it| it.get())),
    };
    let message = format!("over the limit of {limit} by {by} ({})", scoped.place);
    let mut error = GatewayError::new(Code::RateLimited, message);
    error.retry_after = Some(refused.retry_after);
    error
}

/// What counts does not answer.
fn uncounted() -> GatewayError {
    let message = "rate limits cannot be counted now (`limit_store.on_redis_failure: deny`)";
    let mut error = GatewayError::new(Code::Overloaded, message);
    error.retry_after = Some(std::time::Duration::from_secs(1));
    error
}

#[cfg(test)]
mod tests {
    use actix_http::header::HeaderValue;

    use super::*;

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
