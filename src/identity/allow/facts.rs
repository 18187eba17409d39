//! What a request shows of itself at each stage, for the lists of `allow`.

use std::net::IpAddr;

use crate::{
    guard::{BaseUrl, NamedBy},
    route::{Provider, catalogue},
};

/// What is known when a request has arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'f> {
    pub method: &'f str,
    /// The raw path, from its first `/`.
    pub path: &'f str,
    /// The path of the pass-through endpoint that it is for.
    pub endpoint: Option<&'f str>,
    pub client: Option<IpAddr>,
}

/// One target of the plan; each is checked, fallbacks too.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'f> {
    pub url: &'f BaseUrl,
    /// As the header, the config or the model's prefix names it; without any, `passthrough`.
    pub named: &'f Provider,
    pub named_by: NamedBy,
}

impl Destination<'_> {
    /// Whose target it is. A caller that names a built-in provider and a host of its own choice is
    /// at no provider: otherwise the name would open every host.
    pub fn provider(&self) -> &Provider {
        match (self.named, self.named_by) {
            (Provider::Named(name), NamedBy::Caller) if !is_host_of(name, self.url) => {
                &Provider::Passthrough
            }
            (Provider::Named(_) | Provider::Passthrough | Provider::Settings(_), _) => self.named,
        }
    }
}

/// Whether a built-in provider has an address, and the URL has its scheme, host and port.
fn is_host_of(name: &str, url: &BaseUrl) -> bool {
    let base = catalogue::find(name).and_then(|known| known.base);
    let base = base.and_then(|base| BaseUrl::parse(base).ok());
    let origin = |url: &BaseUrl| (url.scheme(), url.host().clone(), url.port());
    base.is_some_and(|base| origin(&base) == origin(url))
}
