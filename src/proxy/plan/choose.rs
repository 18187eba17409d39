//! Which of header, config and settings names the target: the first found, in the contract's order.

use super::{Makers, Plan, resolve};
use crate::{
    directives::{Directives, Provider},
    error::{Code, GatewayError},
    gateway::Known,
    guard::NamedBy,
    route::{
        config::{self, ConfigObjectError, Source, Written},
        config_types::Entry,
        suggest,
    },
};

/// What there is to know yet of the prefix `@name/` of the body's `model`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix<'a> {
    /// The body has not been read.
    Unread,
    /// The name of a provider of the settings, or no such thing.
    Read(Option<&'a str>),
}

/// What came of choosing.
pub enum Chosen {
    Plan(Plan),
    /// Nothing in the headers names a target: the body's `model` may.
    AsksModel,
}

/// Vetter of a config, then the headers' provider and host, then the model's prefix, then
/// `default_config`, then
/// `default_target`. Whatever target of a config names nothing takes what comes next in that order,
/// but for `default_config`.
///
/// # Errors
/// `invalid_header`, `invalid_config`, `unknown_provider`, `no_target`, `target_denied`.
#[cfg(test)]
pub fn choose(
    directives: &Directives,
    prefix: Prefix<'_>,
    makers: Makers<'_>,
) -> Result<Chosen, GatewayError> {
    let source = match &directives.config {
        Some(text) => match tell(text, makers.known)? {
            Written::Json(json) => Some(Source::Inline(Box::new(config::parse(&json)?))),
            Written::Saved(name) => Some(Source::Saved(name.into())),
        },
        None => None,
    };
    choose_by(directives, source.as_ref(), prefix, makers)
}

/// What the header's text is, before it is parsed.
///
/// # Errors
/// It is no config.
pub fn tell<'t>(text: &'t str, known: &Known) -> Result<Written<'t>, GatewayError> {
    let told = config::tell(text, |name| known.configs.contains_key(name));
    Ok(told.map_err(|error| with_suggestion(error, text, known))?)
}

/// Like [`choose`]; `source`: the request's config, read.
///
/// # Errors
/// See [`choose`].
pub fn choose_by(
    directives: &Directives,
    source: Option<&Source>,
    prefix: Prefix<'_>,
    makers: Makers<'_>,
) -> Result<Chosen, GatewayError> {
    let own = Own::of(directives, prefix, makers.known);
    let nothing = Entry::default();
    let config = source.map(|it| named(it, makers.known)).transpose()?;
    let mut saved_as = None;
    let (entry, named_by) = match (&config, own) {
        (Some(Config::Inline(entry)), _) => (*entry, NamedBy::Caller),
        (Some(Config::Saved(entry)), _) => {
            saved_as = directives.config.as_deref();
            (*entry, NamedBy::Settings)
        }
        (None, Own::Unread) => return Ok(Chosen::AsksModel),
        (None, Own::Headers { .. } | Own::Model { .. }) => (&nothing, NamedBy::Caller),
        (None, Own::Settings { .. } | Own::Nothing) => match makers.known.default_config() {
            Some(default) => {
                saved_as = makers.known.default_config.as_deref();
                (default, NamedBy::Settings)
            }
            None => (&nothing, NamedBy::Caller),
        },
    };
    if own == Own::Unread && !resolve::names_every_target(entry) {
        return Ok(Chosen::AsksModel);
    }
    let given = resolve::Given {
        named_by,
        saved_as,
        own,
        custom_host: directives.custom_host.as_deref(),
        in_config: config.is_some(),
    };
    resolve::resolve(entry, &given, makers).map(Chosen::Plan)
}

enum Config<'a> {
    Inline(&'a Entry),
    Saved(&'a Entry),
}

fn named<'a>(source: &'a Source, known: &'a Known) -> Result<Config<'a>, GatewayError> {
    match source {
        Source::Inline(entry) => Ok(Config::Inline(entry)),
        Source::Saved(name) => {
            let entry = known.configs.get(&**name);
            entry.map(|it| Config::Saved(it)).ok_or_else(|| {
                let message = "x-gateway-config names no config of the settings";
                GatewayError::new(Code::InvalidConfig, message)
            })
        }
    }
}

/// What is no config may be a name that is misspelt.
fn with_suggestion(mut error: ConfigObjectError, text: &str, known: &Known) -> ConfigObjectError {
    let names = known.configs.keys().map(String::as_str);
    let meant = suggest::nearest_of_settings(text, names);
    error.reason.push_str(&suggest::did_you_mean(meant));
    error
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
    fn of(directives: &'a Directives, prefix: Prefix<'a>, known: &'a Known) -> Self {
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

impl From<ConfigObjectError> for GatewayError {
    fn from(error: ConfigObjectError) -> Self {
        GatewayError::new(Code::InvalidConfig, error.to_string())
    }
}
