//! Which of header, config and settings names the target: the first found, in the contract's order.

use super::{Makers, Plan, Prefix, own::Own, resolve};
use crate::{
    directives::Directives,
    error::{Code, GatewayError},
    gateway::Known,
    guard::NamedBy,
    route::{
        config::{self, ConfigObjectError, Source, Written},
        config_types::Entry,
        suggest,
    },
};

/// What came of choosing.
pub enum Chosen {
    Plan(Plan),
    /// Nothing in the headers names a target: the body's `model` may.
    AsksModel,
}

/// The targets of a config; else the headers' provider and host, else the model's prefix, else
/// `default_config`, else `default_target`. A target of a config that names nothing takes what
/// comes next in that order, but for `default_config`.
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
        (None, Own::Settings { .. } | Own::Nothing) => match makers.default_config() {
            Some((name, default)) => {
                saved_as = Some(name);
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

impl From<ConfigObjectError> for GatewayError {
    fn from(error: ConfigObjectError) -> Self {
        GatewayError::new(Code::InvalidConfig, error.to_string())
    }
}
