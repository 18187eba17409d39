//! What a target goes by that names neither provider nor host: the request's headers, the `model`
//! of its body, or the settings.

use crate::{
    directives::{Directives, Provider},
    endpoint::{Endpoint, Match},
    gateway::{Known, ProviderRoute},
};

/// What the request's path names.
#[derive(Clone, Copy)]
pub enum ByPath<'a> {
    /// Nothing: the path is one of the unified routes.
    Nothing,
    Endpoint(Match<'a>),
    Provider(&'a ProviderRoute),
}

impl ByPath<'_> {
    /// What tells it from all others of the same settings; empty for `Nothing`.
    pub fn key(self) -> String {
        match self {
            ByPath::Nothing => String::new(),
            ByPath::Endpoint(found) => found.index.to_string(),
            ByPath::Provider(route) => format!("/{}", route.segment),
        }
    }
}

/// What a request says of its target, but for its config and its body.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub by_path: ByPath<'a>,
    pub directives: &'a Directives,
    /// The default config of the caller's key.
    pub default_config: Option<&'a str>,
}

/// What there is to know yet of the prefix `@name/` of the body's `model`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix<'a> {
    /// The body has not been read.
    Unread,
    /// The name of a provider of the settings, or no such thing.
    Read(Option<&'a str>),
}

/// What a target goes by that names neither provider nor host.
#[derive(Clone, Copy)]
pub(super) enum Own<'a> {
    /// The endpoint that the path stands for.
    Endpoint {
        endpoint: &'a Endpoint,
    },
    /// The provider that the path names.
    Provider {
        route: &'a ProviderRoute,
    },
    /// `x-gateway-provider`, if given, with `x-gateway-custom-host`, if given.
    Headers {
        provider: Option<&'a Provider>,
    },
    /// The prefix of the body's `model`: a provider of the settings.
    Model {
        name: &'a str,
    },
    /// `default_target`.
    Settings {
        target: &'a str,
    },
    Nothing,
    /// The body would have to be read to know.
    Unread,
}

impl<'a> Own<'a> {
    pub fn of(wanted: Wanted<'a>, prefix: Prefix<'a>, known: &'a Known) -> Self {
        match wanted.by_path {
            ByPath::Nothing => {}
            ByPath::Endpoint(Match { endpoint, .. }) => return Own::Endpoint { endpoint },
            ByPath::Provider(route) => return Own::Provider { route },
        }
        let directives = wanted.directives;
        if directives.provider.is_some() || directives.custom_host.is_some() {
            let provider = directives.provider.as_ref();
            return Own::Headers { provider };
        }
        match (prefix, &known.default_target) {
            (Prefix::Unread, _) if !known.providers.is_empty() => Own::Unread,
            (Prefix::Read(Some(name)), _) => Own::Model { name },
            (Prefix::Unread | Prefix::Read(None), Some(target)) => Own::Settings { target },
            (Prefix::Unread | Prefix::Read(None), None) => Own::Nothing,
        }
    }
}
