//! The kinds of settings that are names: hosts, origins, headers, ends of paths.
//! They are checked for shape; whether a host may be reached is decided elsewhere.

use actix_http::header::HeaderName;
use url::Url;

use super::value::{Kind, read_as_kind};
use crate::cache::noise::check_ignorable;

read_as_kind!(
    HostName,
    HostPort,
    Origin,
    Via,
    CredentialHeader,
    CredentialQuery,
    IgnoredHeader,
    PathEnd
);

/// A host by name or address, lower-cased, without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(pub String);

impl Kind for HostName {
    const EXPECTED: &'static str =
        "a host name or IP address without scheme and port, such as gateway.example.com";

    fn from_text(text: &str) -> Option<Self> {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<std::net::Ipv6Addr>() {
            return Some(Self(format!("[{address}]")));
        }
        let label = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        // Requests have it without the dot of an absolute name, too.
        let name = text.strip_suffix('.').unwrap_or(text);
        let whole = name.split('.').all(|label| !label.is_empty());
        let fits = whole && name.len() <= 253 && name.bytes().all(label);
        fits.then(|| Self(name.to_ascii_lowercase()))
    }
}

/// A host with or without a port, lower-cased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort(pub String);

impl Kind for HostPort {
    const EXPECTED: &'static str =
        "a host name or IP address, with or without a port, such as llm.example.com:8443";

    fn from_text(text: &str) -> Option<Self> {
        if let Some(host) = HostName::from_text(text) {
            return Some(Self(host.0));
        }
        let (host, port) = text.rsplit_once(':')?;
        let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
        HostName::from_text(host).map(|host| Self(format!("{}:{port}", host.0)))
    }
}

/// A browser origin in the form browsers send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(pub String);

impl Kind for Origin {
    const EXPECTED: &'static str =
        "one origin, scheme and host without a path, such as https://app.example.com";

    fn from_text(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let (_, rest) = text.split_once("://")?;
        let bare = |byte: u8| byte.is_ascii_graphic() && !b"/?#@\\*".contains(&byte);
        if rest.is_empty() || !rest.bytes().all(bare) {
            return None;
        }
        Some(Self(match url.origin() {
            // Schemes of apps and browser extensions: browsers send them as they are.
            url::Origin::Opaque(_) => text.to_ascii_lowercase(),
            known @ url::Origin::Tuple(..) => known.ascii_serialization(),
        }))
    }
}

/// The gateway's name in `Via`, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via(pub Option<String>);

impl Kind for Via {
    const EXPECTED: &'static str = "true, false, or a name of letters, digits, dots and hyphens";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "true" => return Self::from_bool(true),
            "false" => return Self::from_bool(false),
            // Words that mean a bool in older YAML would be odd names.
            "yes" | "no" | "on" | "off" => return None,
            _ => {}
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let fits = !text.is_empty() && text.len() <= 64 && text.bytes().all(allowed);
        fits.then(|| Self(Some(text.to_owned())))
    }

    fn from_bool(claim: bool) -> Option<Self> {
        Some(Self(claim.then(|| "throughway".to_owned())))
    }
}

/// The name of a header that carries a credential, lower-cased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialHeader(pub String);

impl Kind for CredentialHeader {
    const EXPECTED: &'static str = "the name of a header, such as x-my-token";

    fn from_text(text: &str) -> Option<Self> {
        let name = HeaderName::from_bytes(text.as_bytes()).ok()?;
        Some(Self(name.as_str().to_owned()))
    }
}

/// The name of a query parameter that carries a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialQuery(pub String);

impl Kind for CredentialQuery {
    const EXPECTED: &'static str = "the name of a query parameter, such as token";

    fn from_text(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && !b"&=#?%+".contains(&byte);
        let fits = !text.is_empty() && text.bytes().all(allowed);
        fits.then(|| Self(text.to_owned()))
    }
}

/// The name of a request header that the cache may ignore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoredHeader(pub HeaderName);

impl Kind for IgnoredHeader {
    const EXPECTED: &'static str = "the name of a header, such as x-request-start";

    fn from_text(text: &str) -> Option<Self> {
        let name = HeaderName::from_bytes(text.as_bytes()).ok()?;
        check_ignorable(&name).is_ok().then_some(Self(name))
    }

    fn refusal(text: &str) -> Option<String> {
        let name = HeaderName::from_bytes(text.as_bytes()).ok()?;
        check_ignorable(&name).err().map(|error| error.to_string())
    }
}

/// The end of a path, of whole segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathEnd(pub String);

impl Kind for PathEnd {
    const EXPECTED: &'static str = "the end of a path, such as /v1/score, without query";

    fn from_text(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
        let segments = text.trim_matches('/');
        let fits = !segments.is_empty() && segments.bytes().all(allowed);
        fits.then(|| Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_kept_in_the_form_browsers_send() {
        let table = [
            ("https://app.example.com", Some("https://app.example.com")),
            (
                "https://APP.example.com:443",
                Some("https://app.example.com"),
            ),
            ("http://localhost:3000", Some("http://localhost:3000")),
            (
                "chrome-extension://abcdef",
                Some("chrome-extension://abcdef"),
            ),
            ("https://app.example.com/", None),
            ("https://*.example.com", None),
            ("https://u@app.example.com", None),
            ("app.example.com", None),
            ("null", None),
            ("*", None),
            ("", None),
        ];
        for (text, expected) in table {
            let got = Origin::from_text(text).map(|it| it.0);
            assert_eq!(got.as_deref(), expected, "{text}");
        }
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
            let got = HostPort::from_text(text).map(|it| it.0);
            assert_eq!(got.as_deref(), expected, "{text}");
            assert_eq!(HostName::from_text(text).is_some(), bare, "{text}");
        }
    }

    #[test]
    fn via_is_a_bool_or_a_name() {
        assert_eq!(
            Via::from_bool(true),
            Some(Via(Some("throughway".to_owned())))
        );
        assert_eq!(Via::from_text("false"), Some(Via(None)));
        assert_eq!(
            Via::from_text("edge-1"),
            Some(Via(Some("edge-1".to_owned())))
        );
        for refused in ["", "yes", "two words", "a,b"] {
            assert_eq!(Via::from_text(refused), None, "{refused}");
        }
    }
}
