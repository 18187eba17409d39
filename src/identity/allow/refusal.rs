//! Why a request is not allowed: whose rule refused what. The sentence names that one rule, never
//! the others, and nothing that a rule would permit.

use std::{fmt, net::IpAddr};

use crate::route::Provider;

/// What one list of `allow` does not permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Not named: the operator's configs may hold hosts that callers need not know.
    Host,
    Provider(Provider),
    /// `None`: the request is at no endpoint.
    Endpoint(Option<Box<str>>),
    Route(Box<str>),
    Method(Box<str>),
    /// `None`: the request names no model.
    Model(Option<Box<str>>),
    /// `None`: the connection has no address.
    ClientAddress(Option<IpAddr>),
}

impl Denied {
    /// The rule, as documents write it; for messages, records and metrics.
    pub fn rule(&self) -> &'static str {
        match self {
            Denied::Host => "allow.hosts",
            Denied::Provider(_) => "allow.providers",
            Denied::Endpoint(_) => "allow.endpoints",
            Denied::Route(_) => "allow.routes",
            Denied::Method(_) => "allow.methods",
            Denied::Model(_) => "allow.models",
            Denied::ClientAddress(_) => "allow.client_addresses",
        }
    }
}

impl fmt::Display for Denied {
    /// After "may not".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denied::Host => f.write_str("use the host of this target"),
            Denied::Provider(Provider::Passthrough) => {
                f.write_str("use hosts without a provider (`passthrough`)")
            }
            Denied::Provider(Provider::Named(name)) => {
                write!(f, "use the provider {}", Quoted(name))
            }
            Denied::Provider(Provider::Settings(name)) => {
                write!(f, "use the provider {}", Quoted(&format!("@{name}")))
            }
            Denied::Endpoint(Some(path)) => write!(f, "use the endpoint {}", Quoted(path)),
            Denied::Endpoint(None) => f.write_str("be used outside of endpoints"),
            Denied::Route(path) => write!(f, "use the route {}", Quoted(path)),
            Denied::Method(method) => write!(f, "use the method {}", Quoted(method)),
            Denied::Model(Some(model)) => write!(f, "use the model {}", Quoted(model)),
            Denied::Model(None) => f.write_str("send this request without a model's name"),
            Denied::ClientAddress(Some(address)) => write!(f, "be used from {address}"),
            Denied::ClientAddress(None) => f.write_str("be used without a client's address"),
        }
    }
}

/// A caller's own text in a message.
struct Quoted<'t>(&'t str);

impl Quoted<'_> {
    /// How much of it is repeated, in characters.
    const SHOWN: usize = 64;
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.char_indices().nth(Self::SHOWN);
        let shown = end.map_or(self.0, |(end, _)| &self.0[..end]);
        let more = if end.is_some() { "…" } else { "" };
        write!(f, "`{}{more}`", shown.escape_debug())
    }
}

/// Whose rule it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    Key,
    Team,
}

/// A request that a rule of its key, or of its key's team, does not permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this key may not {denied}: {} does not permit it", self.whose_rule())]
pub struct Refusal {
    pub owner: Owner,
    pub denied: Denied,
}

impl Refusal {
    fn whose_rule(&self) -> String {
        let rule = self.denied.rule();
        match self.owner {
            Owner::Key => format!("its `{rule}`"),
            Owner::Team => format!("`{rule}` of its team"),
        }
    }
}
