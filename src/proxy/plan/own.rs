//! What a target goes by that names neither provider nor host: the request's headers, the `model`
//! of its body, or the settings.

use crate::{
    directives::{Directives, Provider},
    gateway::Known,
};

/// What there is to know yet of the prefix `@name/` of the body's `model`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix<'a> {
    /// The body has not been read.
    Unread,
    /// The name of a provider of the settings, or no such thing.
    Read(Option<&'a str>),
}

/// What a target goes by that names neither provider nor host.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Own<'a> {
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
    pub fn of(directives: &'a Directives, prefix: Prefix<'a>, known: &'a Known) -> Self {
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
