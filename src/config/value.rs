//! What a kind of value is: read from text in one way, the same in the file, the environment and
//! the flags. Counts and addresses are here, other kinds in `measure`, `word` and `name`.

use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;

use ipnet::IpNet;
use serde::de::{Error, Unexpected, Visitor};

/// A kind of value. Refusals all read "must be {EXPECTED}" and never repeat the value, which may
/// be a secret in the wrong place.
pub trait Kind: Sized {
    /// What is allowed, after "must be".
    const EXPECTED: &'static str;

    /// Reads text from the file, the environment or a flag.
    fn from_text(text: &str) -> Option<Self>;

    /// Why text is not taken, where more can be said than what is allowed: the end of a sentence
    /// that begins with the key. It must not repeat the text.
    fn refusal(_text: &str) -> Option<String> {
        None
    }

    /// Reads a plain number of the file.
    fn from_whole(_number: u64) -> Option<Self> {
        None
    }

    /// Reads `true` or `false` of the file.
    fn from_bool(_claim: bool) -> Option<Self> {
        None
    }
}

/// Reads a flag's text.
///
/// # Errors
/// The sentence that says what is allowed.
pub fn from_flag<T: Kind>(text: &str) -> Result<T, String> {
    T::from_text(text).ok_or_else(|| format!("must be {}", T::EXPECTED))
}

pub(super) struct KindVisitor<T>(pub PhantomData<T>);

impl<T: Kind> Visitor<'_> for KindVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).ok_or_else(|| match T::refusal(text) {
            Some(reason) => E::custom(reason),
            None => E::invalid_value(Unexpected::Other("text"), &self),
        })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::from_whole(number).ok_or_else(|| E::invalid_value(Unexpected::Other("number"), &self))
    }

    fn visit_bool<E: Error>(self, claim: bool) -> Result<T, E> {
        T::from_bool(claim).ok_or_else(|| E::invalid_value(Unexpected::Other("bool"), &self))
    }
}

/// Lets a [`Kind`] stand in the structs of the settings file.
macro_rules! read_as_kind {
    ($($kind:ty),* $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any($crate::config::value::KindVisitor(std::marker::PhantomData))
            }
        }
    )*};
}
pub(super) use read_as_kind;

read_as_kind!(Listen, Workers, Count, Nameserver, Network);

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

impl Kind for Listen {
    const EXPECTED: &'static str =
        "an IP address and a port such as 127.0.0.1:8787 or [::1]:8787, or localhost:8787";

    fn from_text(text: &str) -> Option<Self> {
        if let Some(port) = text.strip_prefix("localhost:") {
            let port = port.parse().ok()?;
            return Some(Self(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)));
        }
        text.parse().ok().map(Self)
    }
}

/// A number of worker threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers(pub NonZeroUsize);

impl Kind for Workers {
    const EXPECTED: &'static str = "a whole number from 1 to 1024";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().and_then(Self::from_whole)
    }

    fn from_whole(number: u64) -> Option<Self> {
        let number = usize::try_from(number)
            .ok()
            .filter(|count| *count <= 1024)?;
        NonZeroUsize::new(number).map(Self)
    }
}

/// A number of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub usize);

impl Kind for Count {
    const EXPECTED: &'static str = "a whole number from 1 to 1000000";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().and_then(Self::from_whole)
    }

    fn from_whole(number: u64) -> Option<Self> {
        let number = usize::try_from(number).ok()?;
        (1..=1_000_000).contains(&number).then_some(Self(number))
    }
}

/// A DNS server; the port is 53 where none is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nameserver(pub SocketAddr);

impl Kind for Nameserver {
    const EXPECTED: &'static str = "an IP address such as 9.9.9.9 or 2620:fe::fe, or one with a \
                                    port such as 127.0.0.1:5353 or [::1]:53";

    fn from_text(text: &str) -> Option<Self> {
        let address: Option<IpAddr> = text.parse().ok();
        let with_port = || text.parse().ok();
        let address = address.map(|ip| SocketAddr::new(ip, 53));
        address
            .or_else(with_port)
            .filter(|it| it.port() != 0)
            .map(Self)
    }
}

/// A network, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(pub IpNet);

impl Kind for Network {
    const EXPECTED: &'static str = "an IP address or a network such as 10.0.0.0/8 or fd00::/8";

    fn from_text(text: &str) -> Option<Self> {
        let address: Option<IpAddr> = text.parse().ok();
        let network = address.map(IpNet::from).or_else(|| text.parse().ok());
        network.map(|network| Self(network.trunc()))
    }
}

impl Kind for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let expected = expected.map(|it| Listen(it.parse().unwrap()));
            assert_eq!(Listen::from_text(text), expected, "{text}");
        }
        assert_eq!(Nameserver::from_text("9.9.9.9").unwrap().0.port(), 53);
        assert_eq!(Nameserver::from_text("[::1]:5353").unwrap().0.port(), 5353);
        assert_eq!(Nameserver::from_text("dns.example"), None);
    }
}
