//! The rules between providers, configs and the defaults: names that must exist, and who owns the
//! host that a credential goes to.

use actix_http::header::HeaderName;

use super::error::ConfigError;
use super::objects::Objects;
use super::settings::Settings;
use crate::http::credential;
use crate::route::Provider;
use crate::route::catalogue;
use crate::route::config_types::Entry;

/// The rules between providers, configs and the defaults.
pub(super) fn check(
    providers: &Objects,
    configs: &Objects,
    credentials: &[HeaderName],
    default_config: Option<&str>,
    has_default_target: bool,
) -> Result<(), ConfigError> {
    for (name, provider) in providers.entries() {
        check_provider(&format!("providers.{name}"), provider)?;
    }
    for (name, config) in configs.entries() {
        let path = format!("configs.{name}");
        check_config(&path, config, providers)?;
        check_owners(&path, config, false, credentials)?;
    }
    let Some(default) = default_config else {
        return Ok(());
    };
    if !configs.entries().contains_key(default) {
        return Err(ConfigError::conflict(
            "default_config",
            "names no config under `configs`",
        ));
    }
    match has_default_target {
        true => Err(ConfigError::conflict(
            "default_config",
            "does not go with default_target: give one of the two",
        )),
        false => Ok(()),
    }
}

/// The rules of one config that is written elsewhere than under `configs`.
pub(super) fn check_object(
    path: &str,
    config: &Entry,
    settings: &Settings,
) -> Result<(), ConfigError> {
    check_config(path, config, &settings.providers)?;
    check_owners(path, config, false, &settings.credentials.headers)
}

fn check_provider(path: &str, provider: &Entry) -> Result<(), ConfigError> {
    let group = !provider.targets.is_empty() || provider.strategy.is_some();
    if group {
        return Err(ConfigError::conflict(
            path,
            "is one target, and has no targets or strategy",
        ));
    }
    if provider.weight.is_some() || provider.name.is_some() {
        return Err(ConfigError::conflict(
            path,
            "has no name or weight of its own: give them in configs",
        ));
    }
    let known = match &provider.provider {
        None | Some(Provider::Passthrough) => None,
        Some(Provider::Settings(_)) => return Err(not_built_in(path)),
        Some(Provider::Named(name)) => {
            Some(catalogue::find(name).ok_or_else(|| not_built_in(path))?)
        }
    };
    let has_address = known.is_some_and(|known| known.base.is_some());
    if provider.custom_host.is_none() && !has_address {
        return Err(ConfigError::conflict(
            path,
            "needs custom_host, or a built-in provider that has an address",
        ));
    }
    Ok(())
}

fn not_built_in(path: &str) -> ConfigError {
    ConfigError::conflict(
        format!("{path}.provider"),
        "must be passthrough or one of the built-in providers",
    )
}

fn check_config(path: &str, entry: &Entry, providers: &Objects) -> Result<(), ConfigError> {
    let here = || format!("{path}.provider");
    match &entry.provider {
        Some(Provider::Settings(name)) if !providers.entries().contains_key(name) => {
            return Err(ConfigError::conflict(
                here(),
                "names no provider under `providers`",
            ));
        }
        Some(Provider::Named(name)) if catalogue::find(name).is_none() => {
            return Err(ConfigError::conflict(
                here(),
                "is not a built-in provider; one of the settings is written with @",
            ));
        }
        Some(Provider::Settings(_) | Provider::Named(_) | Provider::Passthrough) | None => {}
    }
    for (place, target) in entry.targets.iter().enumerate() {
        check_config(&format!("{path}.targets[{place}]"), target, providers)?;
    }
    Ok(())
}

/// A credential goes only to the host that its own config or provider names: a request that could
/// choose the host would choose who gets the credential. `hosted`: an enclosing group names a host.
fn check_owners(
    path: &str,
    entry: &Entry,
    hosted: bool,
    names: &[HeaderName],
) -> Result<(), ConfigError> {
    let hosted = hosted || entry.custom_host.is_some();
    if let (true, Some(Provider::Settings(_))) = (hosted, &entry.provider) {
        return Err(ConfigError::conflict(
            format!("{path}.provider"),
            "is a provider of the settings, which has its own host: leave out the custom_host \
             here and around it",
        ));
    }
    for (place, target) in entry.targets.iter().enumerate() {
        check_owners(&format!("{path}.targets[{place}]"), target, hosted, names)?;
    }
    let has_host = match &entry.provider {
        Some(Provider::Settings(_)) => true,
        Some(Provider::Named(name)) => catalogue::find(name).is_some_and(|it| it.base.is_some()),
        Some(Provider::Passthrough) | None => false,
    };
    if hosted || has_host || !entry.targets.is_empty() || !holds_credential(entry, names) {
        return Ok(());
    }
    Err(ConfigError::conflict(
        path,
        "holds a credential (api_key, auth, credential, or a line in headers) and names no host \
         for it: give it custom_host, or a provider that has an address",
    ))
}

fn holds_credential(entry: &Entry, names: &[HeaderName]) -> bool {
    let is_credential =
        |name: &HeaderName| credential::HEADERS.contains(name) || names.contains(name);
    let mut lines = entry.headers.iter();
    entry.api_key.is_some()
        || entry.auth.is_some()
        || entry.credential.is_some()
        || lines.any(|(name, value)| value.is_some() && is_credential(name))
}
