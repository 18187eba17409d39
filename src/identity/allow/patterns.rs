//! The patterns of each dimension of `allow`: what may be written, and what it matches. A pattern
//! that could never match is refused when it is read.

use std::{borrow::Cow, fmt, net::IpAddr};

use ipnet::IpNet;

use super::{
    facts::Destination,
    glob,
    list::{LONGEST, Pattern},
};
use crate::{
    guard::{AllowEntry, BaseUrl, has_dot_segment},
    identity::text::{Text, serde_as_text},
    route::{Provider, catalogue, suggest},
};

type Parsed<T> = Result<T, Cow<'static, str>>;

serde_as_text!(
    HostPattern,
    ProviderPattern,
    EndpointPath,
    RoutePattern,
    MethodName,
    ModelPattern,
    ClientNetwork,
);

/// Patterns that keep the text they were written as.
macro_rules! displayed_as_written {
    ($($kind:ty),*) => {$(
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

displayed_as_written!(
    HostPattern,
    EndpointPath,
    RoutePattern,
    MethodName,
    ModelPattern
);

/// A host of targets, written like an entry of `guard.allow`: `*.openai.com`, `10.0.0.0/8:8000`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPattern(AllowEntry);

impl Text for HostPattern {
    const EXPECTED: &'static str = "a host, *.suffix, IP address or network, with or without a \
                                    port, such as *.example.com or 10.0.0.0/8:8000";

    fn from_text(text: &str) -> Parsed<Self> {
        let entry = text.parse::<AllowEntry>();
        let entry = entry.map_err(|error| format!("cannot be used: {error}"))?;
        Ok(HostPattern(entry))
    }
}

impl Pattern for HostPattern {
    type Fact<'f> = &'f BaseUrl;

    fn permits(&self, url: &BaseUrl) -> bool {
        self.0.lists(url)
    }
}

/// A provider: one of the catalogue, `@name` for one of the settings, or `passthrough` for hosts
/// without a provider.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProviderPattern {
    Passthrough,
    /// Its first name in the catalogue, whichever of its names was written.
    BuiltIn(&'static str),
    /// Without the `@`. Whether the settings have it is checked with the whole snapshot.
    Settings(Box<str>),
}

impl Text for ProviderPattern {
    const EXPECTED: &'static str = Provider::EXPECTED;

    fn from_text(text: &str) -> Parsed<Self> {
        match Provider::parse(text).ok_or_else(Self::refusal)? {
            Provider::Passthrough => Ok(ProviderPattern::Passthrough),
            Provider::Settings(name) => Ok(ProviderPattern::Settings(name.into())),
            Provider::Named(name) => match catalogue::find(&name) {
                Some(known) => Ok(ProviderPattern::BuiltIn(known.name)),
                None => Err(unknown_provider(&name)),
            },
        }
    }
}

fn unknown_provider(name: &str) -> Cow<'static, str> {
    let meant = suggest::did_you_mean(catalogue::nearest(name));
    let known = catalogue::names();
    format!(
        "is not a built-in provider{meant}; write one of {known}, or @name for the settings' own"
    )
    .into()
}

impl fmt::Display for ProviderPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProviderPattern::Passthrough => f.write_str("passthrough"),
            ProviderPattern::BuiltIn(name) => f.write_str(name),
            ProviderPattern::Settings(name) => write!(f, "@{name}"),
        }
    }
}

impl Pattern for ProviderPattern {
    type Fact<'f> = &'f Destination<'f>;

    fn permits(&self, destination: &Destination<'_>) -> bool {
        match (self, destination.provider()) {
            (ProviderPattern::Passthrough, Provider::Passthrough) => true,
            (ProviderPattern::BuiltIn(listed), Provider::Named(name)) => {
                catalogue::find(name).is_some_and(|it| it.name == *listed)
            }
            (ProviderPattern::Settings(listed), Provider::Settings(name)) => **listed == **name,
            (
                ProviderPattern::Passthrough
                | ProviderPattern::BuiltIn(_)
                | ProviderPattern::Settings(_),
                Provider::Passthrough | Provider::Named(_) | Provider::Settings(_),
            ) => false,
        }
    }
}

/// The path of a pass-through endpoint, as its definition writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EndpointPath(Box<str>);

impl EndpointPath {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for EndpointPath {
    const EXPECTED: &'static str = "the path of an endpoint, such as /bria, without `*` and query";

    fn from_text(text: &str) -> Parsed<Self> {
        match is_path(text) && !text.contains('*') {
            true => Ok(EndpointPath(text.into())),
            false => Err(Self::refusal()),
        }
    }
}

impl Pattern for EndpointPath {
    /// The path of the request's endpoint; `None`: it is at no endpoint.
    type Fact<'f> = Option<&'f str>;

    fn permits(&self, endpoint: Option<&str>) -> bool {
        endpoint == Some(&*self.0)
    }
}

/// A path of requests, compared with raw bytes: `/v1/chat/completions`, `/v1/audio/*`. Another
/// spelling of the same path does not match, which is the safe reading.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoutePattern(Box<str>);

impl Text for RoutePattern {
    const EXPECTED: &'static str = "a path from /, such as /v1/chat/completions or /v1/audio/*, \
                                    where * stands for a part of a segment or, as the last \
                                    segment, for all that follow; without query, `.` and `..`";

    fn from_text(text: &str) -> Parsed<Self> {
        match is_path(text) && !text.contains("**") {
            true => Ok(RoutePattern(text.into())),
            false => Err(Self::refusal()),
        }
    }
}

impl Pattern for RoutePattern {
    type Fact<'f> = &'f str;

    fn permits(&self, path: &str) -> bool {
        glob::matches_path(&self.0, path)
    }
}

/// A path that a request can have.
fn is_path(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#\\".contains(&byte);
    let is_short = text.len() <= LONGEST;
    text.starts_with('/')
        && is_short
        && text.bytes().all(plain)
        && !has_dot_segment(text.as_bytes())
}

/// A method, in capital letters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MethodName(Box<str>);

impl MethodName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for MethodName {
    const EXPECTED: &'static str = "a method in capital letters, such as GET or POST, but neither \
                                    CONNECT nor TRACE, which are never served";

    fn from_text(text: &str) -> Parsed<Self> {
        let allowed = |byte: u8| byte.is_ascii_uppercase() || b"-_".contains(&byte);
        let is_method = (1..=32).contains(&text.len()) && text.bytes().all(allowed);
        match is_method && !matches!(text, "CONNECT" | "TRACE") {
            true => Ok(MethodName(text.into())),
            false => Err(Self::refusal()),
        }
    }
}

impl Pattern for MethodName {
    type Fact<'f> = &'f str;

    fn permits(&self, method: &str) -> bool {
        method == &*self.0
    }
}

/// A model's name, in which `*` stands for any characters: `gpt-*`. Capital letters count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelPattern(Box<str>);

impl Text for ModelPattern {
    const EXPECTED: &'static str = "the name of a model, of at most 256 bytes and without space \
                                    around it, where a single * stands for any characters, such \
                                    as gpt-*";

    fn from_text(text: &str) -> Parsed<Self> {
        let is_plain =
            text.trim() == text && !text.contains("**") && !text.contains(char::is_control);
        match is_plain && (1..=LONGEST).contains(&text.len()) {
            true => Ok(ModelPattern(text.into())),
            false => Err(Self::refusal()),
        }
    }
}

impl Pattern for ModelPattern {
    /// `None`: the request names no model.
    type Fact<'f> = Option<&'f str>;

    fn permits(&self, model: Option<&str>) -> bool {
        model.is_some_and(|model| glob::matches(&self.0, model))
    }
}

/// An address or a network of clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientNetwork(IpNet);

impl Text for ClientNetwork {
    const EXPECTED: &'static str = "an IP address or a network such as 10.0.0.0/8 or fd00::/8";

    fn from_text(text: &str) -> Parsed<Self> {
        let address: Option<IpAddr> = text.parse().ok();
        let network = address.map(|it| IpNet::from(it.to_canonical()));
        let network = network.or_else(|| text.parse().ok());
        let network = network.ok_or_else(Self::refusal)?;
        let first = network.trunc();
        match first == network {
            true => Ok(ClientNetwork(network)),
            false => Err(format!("must begin with the network's first address: {first}").into()),
        }
    }
}

impl fmt::Display for ClientNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.prefix_len() == self.0.max_prefix_len() {
            true => self.0.addr().fmt(f),
            false => self.0.fmt(f),
        }
    }
}

impl Pattern for ClientNetwork {
    /// `None`: the connection has no address.
    type Fact<'f> = Option<IpAddr>;

    fn permits(&self, client: Option<IpAddr>) -> bool {
        client.is_some_and(|client| self.0.contains(&client.to_canonical()))
    }
}
