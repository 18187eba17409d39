//! Which of header, config and settings names the target: the first found, in the contract's order.

use std::sync::LazyLock;

#[cfg(test)]
use super::ByPath;
use super::{Makers, Plan, Prefix, Wanted, own::Own, resolve};
use crate::{
    directives::Directives,
    endpoint::{Endpoint, OwnConfig},
    error::{Code, GatewayError},
    gateway::{Known, ProviderRoute},
    guard::NamedBy,
    route::{
        Provider,
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
    let wanted = Wanted {
        by_path: ByPath::Nothing,
        directives,
        default_config: None,
    };
    choose_by(wanted, source.as_ref(), prefix, makers)
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
    wanted: Wanted<'_>,
    source: Option<&Source>,
    prefix: Prefix<'_>,
    makers: Makers<'_>,
) -> Result<Chosen, GatewayError> {
    let own = Own::of(wanted, prefix, makers.known);
    let config = source.map(|it| named(it, makers.known)).transpose()?;
    match own {
        Own::Endpoint { endpoint } => {
            check_policies_only(wanted.directives, config.as_ref(), TakenBy::Endpoint)?;
            check_own_config(config.as_ref(), endpoint)?;
        }
        Own::Provider { route } => {
            let taken_by = TakenBy::Provider(route);
            check_policies_only(wanted.directives, config.as_ref(), taken_by)?;
        }
        Own::Headers { .. }
        | Own::Model { .. }
        | Own::Settings { .. }
        | Own::Nothing
        | Own::Unread => {}
    }
    let saved_as = wanted.directives.config.as_deref();
    let decides = match (&config, own) {
        (Some(Config::Inline(entry)), _) => Decides::caller(entry),
        (Some(Config::Saved(entry)), _) => Decides::saved(saved_as.unwrap_or_default(), entry),
        (None, Own::Unread) => return Ok(Chosen::AsksModel),
        (None, Own::Headers { .. } | Own::Model { .. } | Own::Provider { .. }) => {
            Decides::caller(&NOTHING)
        }
        (None, Own::Endpoint { endpoint }) => of_endpoint(endpoint, makers.known),
        (None, Own::Settings { .. } | Own::Nothing) => match makers.default_config() {
            Some((name, default)) => Decides::saved(name, default),
            None => Decides::caller(&NOTHING),
        },
    };
    if matches!(own, Own::Unread) && !decides.entry.names_every_target() {
        return Ok(Chosen::AsksModel);
    }
    let given = resolve::Given {
        named_by: decides.named_by,
        place: decides.place.as_deref(),
        own,
        custom_host: wanted.directives.custom_host.as_deref(),
        in_config: config.is_some(),
    };
    resolve::resolve(decides.entry, &given, makers).map(Chosen::Plan)
}

static NOTHING: LazyLock<Entry> = LazyLock::new(Entry::default);

/// The config that decides.
struct Decides<'a> {
    entry: &'a Entry,
    named_by: NamedBy,
    /// Where it stands in the settings, if it does.
    place: Option<String>,
}

impl<'a> Decides<'a> {
    fn caller(entry: &'a Entry) -> Self {
        Decides {
            entry,
            named_by: NamedBy::Caller,
            place: None,
        }
    }

    fn saved(name: &str, entry: &'a Entry) -> Self {
        Decides {
            entry,
            named_by: NamedBy::Settings,
            place: Some(format!("configs.{name}")),
        }
    }
}

fn of_endpoint<'a>(endpoint: &'a Endpoint, known: &'a Known) -> Decides<'a> {
    match &endpoint.config {
        None => Decides::caller(&NOTHING),
        Some(OwnConfig::Saved(name)) => match known.configs.get(&**name) {
            Some(entry) => Decides::saved(name, entry),
            None => Decides::caller(&NOTHING),
        },
        Some(OwnConfig::Inline(entry)) => Decides {
            entry,
            named_by: NamedBy::Settings,
            place: Some(format!("endpoints.{}.config", endpoint.name())),
        },
    }
}

/// What a path stands for, so that a request to it names no target of its own.
#[derive(Clone, Copy)]
enum TakenBy<'a> {
    Endpoint,
    Provider(&'a ProviderRoute),
}

impl TakenBy<'_> {
    fn name(self) -> &'static str {
        match self {
            TakenBy::Endpoint => "which is an endpoint with a target of its own",
            TakenBy::Provider(_) => "which names the provider itself",
        }
    }

    /// A built-in provider that has another host for each customer leaves the host to the caller.
    fn lacks_host(self) -> bool {
        match self {
            TakenBy::Endpoint => false,
            TakenBy::Provider(route) => {
                route.root.is_none() && matches!(route.provider, Provider::Named(_))
            }
        }
    }
}

/// The path has its target: a request to it may ask for policies, and for no other target.
fn check_policies_only(
    directives: &Directives,
    config: Option<&Config<'_>>,
    taken_by: TakenBy<'_>,
) -> Result<(), GatewayError> {
    let header = match (&directives.custom_host, &directives.provider) {
        (Some(_), _) if !taken_by.lacks_host() => Some("x-gateway-custom-host"),
        (_, Some(_)) => Some("x-gateway-provider"),
        (_, None) => None,
    };
    if let Some(header) = header {
        let message = format!(
            "{header} does not go with this path, {}: leave it out, or use a path under /v1",
            taken_by.name()
        );
        return Err(GatewayError::new(Code::InvalidHeader, message));
    }
    let Some(Config::Inline(entry) | Config::Saved(entry)) = config else {
        return Ok(());
    };
    let names_target = !entry.targets.is_empty()
        || entry.provider.is_some()
        || entry.custom_host.is_some()
        || entry.api_key.is_some();
    match names_target {
        true => {
            let message = format!(
                "x-gateway-config names a target, and so does this path, {}: leave targets, \
                 provider, custom_host and api_key out, or use a path under /v1",
                taken_by.name()
            );
            Err(GatewayError::new(Code::InvalidConfig, message))
        }
        false => Ok(()),
    }
}

/// The operator's policies for a path are not replaced by a request, and headers that the path does
/// not forward do not come in by a config.
fn check_own_config(config: Option<&Config<'_>>, endpoint: &Endpoint) -> Result<(), GatewayError> {
    let Some(Config::Inline(entry) | Config::Saved(entry)) = config else {
        return Ok(());
    };
    let refuse = |message: String| Err(GatewayError::new(Code::InvalidConfig, message));
    if endpoint.config.is_some() {
        let message =
            "this path is an endpoint with a config of its own: leave x-gateway-config out";
        return refuse(message.to_owned());
    }
    let mut lines = entry.headers.iter();
    let held_back = lines.find(|(name, _)| !endpoint.forward_headers.forwards(name));
    match held_back {
        Some((name, _)) => refuse(format!(
            "config.headers.{name}: this endpoint does not forward that header"
        )),
        None => Ok(()),
    }
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
