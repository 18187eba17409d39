//! One entry of `guard.allow`: `[scheme://]host[:port][/path]`, where host is a name, `*.suffix`,
//! an address or a network. Parsing and matching only; presets decide what a match permits.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::IpNet;

use super::addresses::{carried, is_never_network};
use super::base_url::BaseUrl;
use super::dot_segments::has_dot_segment;
use super::host::{Host, Scheme, is_host_name};

/// A parsed entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AllowEntry {
    written: Box<str>,
    scheme: Option<Scheme>,
    host: HostPattern,
    port: PortPattern,
    /// `""` for every path, otherwise `/...` without trailing slash.
    path: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum HostPattern {
    Name(Box<str>),
    /// The part after `*`, with its leading dot.
    Suffix(Box<str>),
    Network(IpNet),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum PortPattern {
    /// Not written: the default port of the URL's scheme.
    Default,
    Exactly(u16),
    Any,
}

/// Why an entry is invalid. Does not repeat it: a secret may be in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllowEntryError {
    #[error("the entry is empty")]
    Empty,
    #[error("the entry's scheme must be `http` or `https`")]
    Scheme,
    #[error(
        "the host is invalid: write a name (`api.example.com`), `*.` and a name for all its \
         subdomains, an address, or a network (`10.0.0.0/8`, `[fd12::/16]`)"
    )]
    Host,
    #[error("the network is invalid: a prefix has at most 32 bits for IPv4 and 128 for IPv6")]
    Prefix,
    #[error("the port is invalid: write a number from 1 to 65535, or `*` for every port")]
    Port,
    #[error("the network is invalid: write its first address and prefix length, such as `{0}`")]
    Network(IpNet),
    #[error("an IPv6 address or network must stand in brackets: `[fd12::/16]:8000`")]
    Brackets,
    #[error("the entry's path must be plain segments: no `.`, `..`, `?`, `#`, `\\` or white space")]
    Path,
    #[error("this is never allowed: it is link-local, metadata, multicast or reserved")]
    Never,
}

/// How well a URL matches an entry for its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Match {
    WrongScheme,
    WrongPort,
    WrongPath,
    Full,
}

impl AllowEntry {
    /// Whether it lists the URL itself, before resolution: scheme, host, port and path. Without a
    /// scheme it lists both. A network lists literals only, not the names that resolve into it.
    pub fn lists(&self, url: &BaseUrl) -> bool {
        self.names(url.host()) && self.matches_rest(url, true) == Match::Full
    }

    /// Matches everything except the host. `plain`: an entry without a scheme permits `http`.
    pub(super) fn matches_rest(&self, url: &BaseUrl, plain: bool) -> Match {
        let scheme_fits = match self.scheme {
            Some(scheme) => scheme == url.scheme(),
            None => plain || url.scheme() == Scheme::Https,
        };
        let port_fits = match self.port {
            PortPattern::Default => url.explicit_port().is_none(),
            PortPattern::Exactly(port) => port == url.port(),
            PortPattern::Any => true,
        };
        match (scheme_fits, port_fits, self.matches_path(url.raw_path())) {
            (false, _, _) => Match::WrongScheme,
            (true, false, _) => Match::WrongPort,
            (true, true, false) => Match::WrongPath,
            (true, true, true) => Match::Full,
        }
    }

    /// Whether the entry lists this host itself: a name by its name, a literal by its network.
    pub(super) fn names(&self, host: &Host) -> bool {
        match (&self.host, host) {
            (HostPattern::Name(listed), Host::Name(name)) => listed == name,
            (HostPattern::Suffix(suffix), Host::Name(name)) => {
                name.len() > suffix.len() && name.ends_with(&**suffix)
            }
            (HostPattern::Network(network), Host::Ip(ip)) => network.contains(&carried(*ip)),
            (HostPattern::Name(_) | HostPattern::Suffix(_), Host::Ip(_))
            | (HostPattern::Network(_), Host::Name(_)) => false,
        }
    }

    /// The network it lists, if any.
    pub(super) fn network(&self) -> Option<IpNet> {
        match self.host {
            HostPattern::Network(network) => Some(network),
            HostPattern::Name(_) | HostPattern::Suffix(_) => None,
        }
    }

    /// Whether it lists exactly one name with a port: an origin the operator named.
    pub(super) fn is_origin(&self) -> bool {
        matches!(self.host, HostPattern::Name(_)) && self.port != PortPattern::Default
    }

    /// Compares raw bytes by whole segments: `/v1` matches `/v1` and `/v1/x`, but not `/v1beta`.
    /// Another spelling of the same path does not match, which is the safe reading.
    fn matches_path(&self, raw_path: &str) -> bool {
        match raw_path.strip_prefix(&*self.path) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }
}

impl fmt::Display for AllowEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl FromStr for AllowEntry {
    type Err = AllowEntryError;

    fn from_str(written: &str) -> Result<Self, Self::Err> {
        let written = written.trim();
        if written.is_empty() {
            return Err(AllowEntryError::Empty);
        }
        let (scheme, rest) = parse_scheme(written)?;
        let (host, rest) = parse_host(rest)?;
        let (port, path) = split_port(rest)?;
        Ok(Self {
            written: written.into(),
            scheme,
            host,
            port: parse_port(port)?,
            path: parse_path(path)?,
        })
    }
}

fn parse_scheme(entry: &str) -> Result<(Option<Scheme>, &str), AllowEntryError> {
    match entry.split_once("://") {
        None => Ok((None, entry)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => {
            Ok((Some(Scheme::Http), rest))
        }
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => {
            Ok((Some(Scheme::Https), rest))
        }
        Some(_) => Err(AllowEntryError::Scheme),
    }
}

/// Splits off the host; the rest is `[:port][/path]`.
fn parse_host(rest: &str) -> Result<(HostPattern, &str), AllowEntryError> {
    if let Some(bracketed) = rest.strip_prefix('[') {
        let (inside, after) = bracketed.split_once(']').ok_or(AllowEntryError::Brackets)?;
        if is_prefix_length(after.strip_prefix('/').unwrap_or_default()) {
            return Err(AllowEntryError::Brackets);
        }
        return match parse_network(inside)? {
            network @ IpNet::V6(_) => Ok((HostPattern::Network(network), after)),
            IpNet::V4(_) => Err(AllowEntryError::Host),
        };
    }
    let host_end = rest.find([':', '/']).unwrap_or(rest.len());
    let (host, after) = rest.split_at(host_end);
    if host.parse::<Ipv4Addr>().is_ok() {
        let end = network_end(rest, host_end);
        let network = parse_network(&rest[..end])?;
        return Ok((HostPattern::Network(network), &rest[end..]));
    }
    let colons = rest
        .bytes()
        .take_while(|b| *b != b'/')
        .filter(|b| *b == b':');
    if colons.count() > 1 {
        return Err(AllowEntryError::Brackets);
    }
    Ok((parse_name(host)?, after))
}

/// The end of a network such as `10.0.0.0/8`; `10.0.0.7/v1` is an address with a path.
fn network_end(rest: &str, address_end: usize) -> usize {
    let Some(after) = rest[address_end..].strip_prefix('/') else {
        return address_end;
    };
    let digits = after.find([':', '/']).unwrap_or(after.len());
    match is_prefix_length(&after[..digits]) {
        true => address_end + 1 + digits,
        false => address_end,
    }
}

fn is_prefix_length(text: &str) -> bool {
    let text = text.split([':', '/']).next().unwrap_or_default();
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn parse_network(text: &str) -> Result<IpNet, AllowEntryError> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| AllowEntryError::Host)?;
    let network = match prefix {
        None => IpNet::from(address),
        Some(_) => text.parse().map_err(|_| AllowEntryError::Prefix)?,
    };
    if network.trunc() != network {
        return Err(AllowEntryError::Network(network.trunc()));
    }
    match is_never_network(network) {
        true => Err(AllowEntryError::Never),
        false => Ok(network),
    }
}

fn parse_name(text: &str) -> Result<HostPattern, AllowEntryError> {
    let unusable = || AllowEntryError::Host;
    let (name, is_suffix) = match text.strip_prefix("*.") {
        Some(name) => (name, true),
        None => (text, false),
    };
    let Ok(url::Host::Domain(name)) = url::Host::parse(name) else {
        return Err(unusable());
    };
    let name = name.strip_suffix('.').unwrap_or(&name);
    match (is_host_name(name), is_suffix) {
        (false, _) => Err(unusable()),
        (true, true) => Ok(HostPattern::Suffix(format!(".{name}").into())),
        (true, false) => Ok(HostPattern::Name(name.into())),
    }
}

fn split_port(rest: &str) -> Result<(Option<&str>, &str), AllowEntryError> {
    let (before_path, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match before_path.strip_prefix(':') {
        Some(port) => Ok((Some(port), path)),
        None if before_path.is_empty() => Ok((None, path)),
        None => Err(AllowEntryError::Host),
    }
}

fn parse_port(port: Option<&str>) -> Result<PortPattern, AllowEntryError> {
    match port {
        None => Ok(PortPattern::Default),
        Some("*") => Ok(PortPattern::Any),
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port != 0 && text.bytes().all(|b| b.is_ascii_digit()) => {
                Ok(PortPattern::Exactly(port))
            }
            Ok(_) | Err(_) => Err(AllowEntryError::Port),
        },
    }
}

fn parse_path(path: &str) -> Result<Box<str>, AllowEntryError> {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'\\');
    match path.bytes().all(plain) && !has_dot_segment(path.as_bytes()) {
        true => Ok(path.strip_suffix('/').unwrap_or(path).into()),
        false => Err(AllowEntryError::Path),
    }
}
