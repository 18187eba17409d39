//! Parses a base URL of a caller or of the settings, once and strictly. Only the host is normalised
//! (by the `url` crate); path and query stay as written, byte by byte.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::dot_segments::has_dot_segment;
use super::host::{Host, Scheme, is_host_name};

/// The longest accepted base URL, in bytes.
pub const MAX_BASE_URL_BYTES: usize = 2048;

/// A well-formed absolute `http` or `https` URL. Whether it may be dialled is decided by `Policy`.
/// Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    origin: Arc<Origin>,
    raw_path: Arc<str>,
    raw_query: Option<Arc<str>>,
}

/// Scheme, host and port, with the texts that every request needs prepared once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) lookup_name: Option<Box<str>>,
    pub(super) authority: Box<str>,
    pub(super) spelled: Box<str>,
}

/// Why a text is not a base URL. Never repeats the text, which may contain a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    #[error("the base URL has {bytes} bytes, at most {MAX_BASE_URL_BYTES} are allowed")]
    TooLong { bytes: usize },
    #[error(
        "byte {position} of the base URL is not allowed: only visible ASCII characters \
         except the backslash may stand in it (write international names in punycode)"
    )]
    Character { position: usize },
    #[error("the base URL must start with `http://` or `https://`, followed by a host")]
    Scheme,
    #[error(
        "the base URL may not contain a user name or password (`@` before the path): \
         send credentials in a header"
    )]
    UserInfo,
    #[error("the base URL may not have a fragment (`#`)")]
    Fragment,
    #[error("the base URL's port must be a number from 1 to 65535")]
    Port,
    #[error(
        "the base URL's host must be an IPv4 address, an IPv6 address in brackets, or a name of \
         letters, digits, `-` and `_` without empty labels"
    )]
    Host,
    #[error("the base URL's path may not contain `.` or `..` segments, encoded or not")]
    DotSegment,
    #[error("the base URL's path or query contains a character that must be percent-encoded")]
    Target,
}

impl BaseUrlError {
    /// Stable name for records and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too_long",
            Self::Character { .. } => "character",
            Self::Scheme => "scheme",
            Self::UserInfo => "user_info",
            Self::Fragment => "fragment",
            Self::Port => "port",
            Self::Host => "host",
            Self::DotSegment => "dot_segment",
            Self::Target => "target",
        }
    }
}

impl BaseUrl {
    /// Parses one header or settings value (without surrounding white space).
    ///
    /// # Errors
    /// The text is not `http(s)://host[:port][/path][?query]` in visible ASCII.
    pub fn parse(written: &str) -> Result<Self, BaseUrlError> {
        check_shape(written)?;
        let (scheme, rest) = split_scheme(written)?;
        let (authority, path, query) = split_target(rest);
        if authority.contains('@') {
            return Err(BaseUrlError::UserInfo);
        }
        if has_dot_segment(path.as_bytes()) {
            return Err(BaseUrlError::DotSegment);
        }
        let raw_path = path.strip_suffix('/').unwrap_or(path);
        let raw_query = query.filter(|query| !query.is_empty());
        check_target(raw_path, raw_query)?;
        Ok(Self {
            origin: Arc::new(parse_origin(scheme, authority)?),
            raw_path: raw_path.into(),
            raw_query: raw_query.map(Into::into),
        })
    }

    pub fn scheme(&self) -> Scheme {
        self.origin.scheme
    }

    /// Never with a trailing dot: for allow lists, certificates, SNI and the `Host` header,
    /// `api.example.com.` and `api.example.com` are the same host. See also `lookup_name` and
    /// `origin`.
    pub fn host(&self) -> &Host {
        &self.origin.host
    }

    /// The port to dial: as written, or the scheme's default.
    pub fn port(&self) -> u16 {
        self.origin.port
    }

    /// The port, unless it is the scheme's default.
    pub fn explicit_port(&self) -> Option<u16> {
        (self.port() != self.scheme().default_port()).then_some(self.port())
    }

    /// The name to resolve; `None` for an address literal. Keeps the trailing dot of an absolute
    /// name, which tells the resolver not to use search domains.
    pub fn lookup_name(&self) -> Option<&str> {
        self.origin.lookup_name.as_deref()
    }

    /// The raw path as written, without one trailing slash: `""` or `/...`.
    pub fn raw_path(&self) -> &str {
        &self.raw_path
    }

    /// The raw query as written. A bare `?` counts as no query.
    pub fn raw_query(&self) -> Option<&str> {
        self.raw_query.as_deref()
    }

    /// The `Host` header: the host, and the port unless it is the scheme's default.
    pub fn authority(&self) -> &str {
        &self.origin.authority
    }

    /// `scheme://host:port`, always with the port, for records and pool keys. Keeps the trailing
    /// dot of an absolute name, which may resolve to other addresses than the relative one.
    pub fn origin(&self) -> &str {
        &self.origin.spelled
    }

    /// The URL as text that parses to this URL again. Its query may contain a credential.
    pub fn to_text(&self) -> String {
        let Origin {
            scheme,
            host,
            lookup_name,
            ..
        } = &*self.origin;
        let port = self.explicit_port().map(|port| format!(":{port}"));
        let query = self.raw_query().map(|query| format!("?{query}"));
        // Parsing removes one trailing slash.
        let slash = self.raw_path().ends_with('/').then(|| "/".to_owned());
        let [port, slash, query] = [port, slash, query].map(Option::unwrap_or_default);
        let path = self.raw_path();
        match lookup_name {
            Some(name) => format!("{scheme}://{name}{port}{path}{slash}{query}"),
            None => format!("{scheme}://{host}{port}{path}{slash}{query}"),
        }
    }

    pub(super) fn shared_origin(&self) -> Arc<Origin> {
        Arc::clone(&self.origin)
    }
}

/// Shows the origin only: path and query may contain a credential.
impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BaseUrl").field(&self.origin()).finish()
    }
}

fn check_shape(written: &str) -> Result<(), BaseUrlError> {
    if written.len() > MAX_BASE_URL_BYTES {
        return Err(BaseUrlError::TooLong {
            bytes: written.len(),
        });
    }
    let refused = |byte: u8| !byte.is_ascii_graphic() || byte == b'\\';
    match written.bytes().position(refused) {
        Some(position) => Err(BaseUrlError::Character { position }),
        None if written.contains('#') => Err(BaseUrlError::Fragment),
        None => Ok(()),
    }
}

/// Requires the literal prefix, because URL parsers repair variants: some of them find a host in
/// `http:/host`, `http:host` and `http:///host`.
fn split_scheme(written: &str) -> Result<(Scheme, &str), BaseUrlError> {
    let (scheme, rest) = written.split_once("://").ok_or(BaseUrlError::Scheme)?;
    let scheme = if scheme.eq_ignore_ascii_case("http") {
        Scheme::Http
    } else if scheme.eq_ignore_ascii_case("https") {
        Scheme::Https
    } else {
        return Err(BaseUrlError::Scheme);
    };
    match rest.bytes().next() {
        None | Some(b'/' | b'?') => Err(BaseUrlError::Scheme),
        Some(_) => Ok((scheme, rest)),
    }
}

fn split_target(rest: &str) -> (&str, &str, Option<&str>) {
    let (before_query, query) = match rest.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (rest, None),
    };
    let path_at = before_query.find('/').unwrap_or(before_query.len());
    let (authority, path) = before_query.split_at(path_at);
    (authority, path, query)
}

/// Rejects early what the HTTP types could not represent when a request is built.
fn check_target(raw_path: &str, raw_query: Option<&str>) -> Result<(), BaseUrlError> {
    let target = format!("{raw_path}/?{}", raw_query.unwrap_or_default());
    match target.parse::<http::uri::PathAndQuery>() {
        Ok(_) => Ok(()),
        Err(_) => Err(BaseUrlError::Target),
    }
}

fn parse_origin(scheme: Scheme, authority: &str) -> Result<Origin, BaseUrlError> {
    let url =
        url::Url::parse(&format!("{scheme}://{authority}/")).map_err(|error| match error {
            url::ParseError::InvalidPort => BaseUrlError::Port,
            _ => BaseUrlError::Host,
        })?;
    let port = url.port().unwrap_or(scheme.default_port());
    if port == 0 {
        return Err(BaseUrlError::Port);
    }
    let (host, lookup_name) = match url.host() {
        Some(url::Host::Ipv4(ip)) => (Host::Ip(IpAddr::V4(ip)), None),
        Some(url::Host::Ipv6(ip)) => (Host::Ip(IpAddr::V6(ip)), None),
        Some(url::Host::Domain(name)) => (Host::Name(checked_name(name)?), Some(name)),
        None => return Err(BaseUrlError::Host),
    };
    let authority = match port == scheme.default_port() {
        true => host.to_string(),
        false => format!("{host}:{port}"),
    };
    let spelled = match lookup_name {
        Some(name) => format!("{scheme}://{name}:{port}"),
        None => format!("{scheme}://{host}:{port}"),
    };
    Ok(Origin {
        scheme,
        port,
        lookup_name: lookup_name.map(Into::into),
        authority: authority.into(),
        spelled: spelled.into(),
        host,
    })
}

fn checked_name(name: &str) -> Result<Box<str>, BaseUrlError> {
    let relative = name.strip_suffix('.').unwrap_or(name);
    match is_host_name(relative) {
        true => Ok(relative.into()),
        false => Err(BaseUrlError::Host),
    }
}
