//! Where is the gateway? A URL as people write it, and the addresses that may be connected to.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs as _},
};

use url::{Host, Url};

/// The address of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

/// Why a text is not the address of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    #[error("must be a URL such as http://127.0.0.1:8787 or https://gateway.example.com")]
    NotAUrl,
    #[error("must not hold a user, a password, a query or a fragment")]
    TooMuch,
    #[error(
        "is http to another machine, which would send the admin token unencrypted: use https, or \
         forward a local port to it"
    )]
    Unencrypted,
}

impl Address {
    /// # Errors
    /// It is no address, or would send the admin token unencrypted.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let url = Url::parse(text).map_err(|_| BadAddress::NotAUrl)?;
        let is_loopback = match url.host().ok_or(BadAddress::NotAUrl)? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(ip) => ip.is_loopback(),
            Host::Ipv6(ip) => ip.is_loopback(),
        };
        let has_more = !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        match url.scheme() {
            "http" | "https" if has_more => Err(BadAddress::TooMuch),
            "http" if !is_loopback => Err(BadAddress::Unencrypted),
            "http" | "https" => Ok(Address(url)),
            _ => Err(BadAddress::NotAUrl),
        }
    }

    /// The plain address of a listener on this machine.
    pub fn of_listener(address: SocketAddr) -> Result<Self, BadAddress> {
        let url = Url::parse(&format!("http://{address}"));
        url.map(Address).map_err(|_| BadAddress::NotAUrl)
    }

    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// An IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// For the `Host` line.
    pub fn host_and_port(&self) -> String {
        match self.0.port() {
            Some(port) => format!("{}:{port}", self.host()),
            None => self.host().to_owned(),
        }
    }

    /// What stands in front of every path, where a reverse proxy adds it.
    pub fn prefix(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }

    /// The addresses of the host.
    pub fn resolve(&self) -> io::Result<impl Iterator<Item = SocketAddr> + use<>> {
        let host = self.host().trim_matches(['[', ']']);
        (host, self.port()).to_socket_addrs()
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        use BadAddress::{NotAUrl, TooMuch, Unencrypted};
        for (text, expected) in [
            ("http://127.0.0.1:8787", Ok("http://127.0.0.1:8787")),
            ("http://127.1.2.3/", Ok("http://127.1.2.3")),
            ("http://[::1]:8787/", Ok("http://[::1]:8787")),
            ("http://localhost:1", Ok("http://localhost:1")),
            (
                "https://gateway.example.com/x/",
                Ok("https://gateway.example.com/x"),
            ),
            ("https://10.0.0.1:8443", Ok("https://10.0.0.1:8443")),
            ("http://10.0.0.1:8787", Err(Unencrypted)),
            ("http://gateway.example.com", Err(Unencrypted)),
            ("http://localhost.example.com", Err(Unencrypted)),
            ("https://user:x@gateway.example.com", Err(TooMuch)),
            ("https://gateway.example.com?x", Err(TooMuch)),
            ("localhost:8787", Err(NotAUrl)),
            ("127.0.0.1:8787", Err(NotAUrl)),
            ("ftp://127.0.0.1", Err(NotAUrl)),
            ("", Err(NotAUrl)),
        ] {
            let found = Address::parse(text).map(|it| it.to_string());
            assert_eq!(found, expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn an_address_tells_host_port_and_prefix() {
        for (text, host, port, prefix) in [
            ("http://127.0.0.1:8787", "127.0.0.1:8787", 8787, ""),
            ("https://g.example/llm/", "g.example", 443, "/llm"),
            ("http://[::1]", "[::1]", 80, ""),
        ] {
            let address = Address::parse(text).unwrap();
            let found = (
                address.host_and_port(),
                address.port(),
                address.prefix().to_owned(),
            );
            assert_eq!(found, (host.to_owned(), port, prefix.to_owned()));
        }
    }
}
