//! What a request shows of itself at each stage, for the lists of `allow`.

use std::{net::IpAddr, sync::LazyLock};

use crate::{
    guard::{BaseUrl, NamedBy},
    route::{
        Provider,
        catalogue::{self, CatalogueEntry},
    },
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

/// The base URLs of the built-in providers that have one.
static BASES: LazyLock<Vec<(&'static str, BaseUrl)>> = LazyLock::new(|| {
    let parsed = |known: &'static CatalogueEntry| {
        let base = BaseUrl::parse(known.base?).ok()?;
        Some((known.name, base))
    };
    catalogue::PROVIDERS.iter().filter_map(parsed).collect()
});

/// Whether a built-in provider has an address, and the URL has its scheme, host and port.
fn is_host_of(name: &str, url: &BaseUrl) -> bool {
    let known = catalogue::find(name);
    let base = known.and_then(|known| BASES.iter().find(|(name, _)| *name == known.name));
    base.is_some_and(|(_, base)| {
        (base.scheme(), base.port()) == (url.scheme(), url.port()) && base.host() == url.host()
    })
}
