//! Providers and config objects of the settings file: written as in a request's config, read by the same reader.
//! Here are only their places in the file, and the rules between them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use actix_http::header::HeaderName;
use serde_json::Value;

use super::address::unusable_base;
use super::document::{Node, Position, Value as Written};
use super::error::ConfigError;
use super::settings::CredentialNames;
use super::tree::{Fault, TreeError};
use crate::route::Provider;
use crate::route::catalogue;
use crate::route::config::{parse_cache, parse_limit, parse_value};
use crate::route::credential;
use crate::route::limit::{Scope, Scoped};
use crate::route::object::{CacheAsked, Entry};

/// Named config objects. Prints names only, since they hold keys.
#[derive(Clone, Default)]
pub struct Objects {
    entries: BTreeMap<String, Arc<Entry>>,
    /// As written, to tell two apart.
    written: BTreeMap<String, Value>,
}

impl Objects {
    /// By name.
    pub fn entries(&self) -> &BTreeMap<String, Arc<Entry>> {
        &self.entries
    }

    /// Reads a section; `root` is the file, for places.
    pub(super) fn read(
        section: &str,
        written: BTreeMap<String, Value>,
        root: &Node,
    ) -> Result<Self, TreeError> {
        let mut entries = BTreeMap::new();
        for (name, value) in &written {
            let path = format!("{section}.{name}");
            if !matches!(Provider::parse(name), Some(Provider::Named(_))) || name.contains('.') {
                let reason = "has a name that cannot be used: names are 1 to 64 of A-Z a-z 0-9 _ -, and not passthrough";
                return Err(at(root, path, reason.to_owned()));
            }
            let entry = parse_value(value.clone(), &path)
                .map_err(|error| at(root, error.path, error.reason))?;
            check_hosts(&path, &entry, root)?;
            entries.insert(name.clone(), Arc::new(entry));
        }
        Ok(Objects { entries, written })
    }
}

/// The settings' own `cache.default`; `root` is the file, for places.
pub(super) fn cache(written: Option<Value>, root: &Node) -> Result<Option<CacheAsked>, TreeError> {
    let read = |value| {
        parse_cache(&value, "cache.default").map_err(|error| at(root, error.path, error.reason))
    };
    written.map(read).transpose()
}

/// The settings' own limits; `root` is the file, for places.
pub(super) fn limits(written: &[Value], root: &Node) -> Result<Vec<Scoped>, TreeError> {
    let read = |(place, value)| {
        let place = format!("limits[{place}]");
        match parse_limit(value, &place) {
            Err(error) => Err(at(root, error.path, error.reason)),
            Ok(limit) => Ok(Scoped::new(limit, Scope::Settings, place)),
        }
    };
    written.iter().enumerate().map(read).collect()
}

/// Hosts are understood when they are read, and not only when a request goes there.
fn check_hosts(path: &str, entry: &Entry, root: &Node) -> Result<(), TreeError> {
    if let Some(reason) = entry.custom_host.as_deref().and_then(unusable_base) {
        return Err(at(root, format!("{path}.custom_host"), reason));
    }
    let mut targets = entry.targets.iter().enumerate();
    targets.try_for_each(|(place, target)| {
        check_hosts(&format!("{path}.targets[{place}]"), target, root)
    })
}

impl PartialEq for Objects {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Objects {}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.keys()).finish()
    }
}

fn at(root: &Node, path: String, reason: String) -> TreeError {
    TreeError {
        position: position(root, &path),
        path,
        fault: Fault::Value(reason),
    }
}

/// Where the value of a key path stands, or the innermost part of the path that there is.
fn position(root: &Node, path: &str) -> Position {
    let mut node = root;
    let parts = path
        .split(['.', '['])
        .map(|part| part.trim_end_matches(']'));
    for part in parts {
        let next = match &node.value {
            Written::Map(entries) => {
                let same = |name: &str| {
                    name == part
                        || name
                            .replace('_', "")
                            .eq_ignore_ascii_case(&part.replace('_', ""))
                };
                let entry = entries.iter().find(|(key, _)| same(&key.name));
                entry.map(|(_, value)| value)
            }
            Written::List(items) => part.parse::<usize>().ok().and_then(|at| items.get(at)),
            Written::Null
            | Written::Bool(_)
            | Written::Whole(_)
            | Written::Number(_)
            | Written::Text(_)
            | Written::Expanded(_) => None,
        };
        match next {
            Some(next) => node = next,
            None => break,
        }
    }
    node.position
}

/// The rules between providers, configs and the defaults.
pub(super) fn check(
    providers: &Objects,
    configs: &Objects,
    credentials: &CredentialNames,
    default_config: Option<&str>,
    has_default_target: bool,
) -> Result<(), ConfigError> {
    for (name, provider) in &providers.entries {
        check_provider(&format!("providers.{name}"), provider)?;
    }
    for (name, config) in &configs.entries {
        let path = format!("configs.{name}");
        check_config(&path, config, providers)?;
        check_owners(&path, config, false, credentials)?;
    }
    let Some(default) = default_config else {
        return Ok(());
    };
    if !configs.entries.contains_key(default) {
        return Err(conflict(
            "default_config",
            "names no config under `configs`",
        ));
    }
    match has_default_target {
        true => Err(conflict(
            "default_config",
            "does not go with default_target: give one of the two",
        )),
        false => Ok(()),
    }
}

fn check_provider(path: &str, provider: &Entry) -> Result<(), ConfigError> {
    let group = !provider.targets.is_empty() || provider.strategy.is_some();
    if group {
        return Err(conflict(
            path,
            "is one target, and has no targets or strategy",
        ));
    }
    if provider.weight.is_some() || provider.name.is_some() {
        return Err(conflict(
            path,
            "has no name or weight of its own: give them in configs",
        ));
    }
    let base = match &provider.provider {
        None | Some(Provider::Passthrough) => None,
        Some(Provider::Settings(_)) => {
            return Err(conflict(
                &format!("{path}.provider"),
                "must be passthrough or one of the built-in providers",
            ));
        }
        Some(Provider::Named(name)) => match catalogue::find(name) {
            Some(known) => known.base,
            None => {
                return Err(conflict(
                    &format!("{path}.provider"),
                    "must be passthrough or one of the built-in providers",
                ));
            }
        },
    };
    if provider.custom_host.is_none() && base.is_none() {
        return Err(conflict(
            path,
            "needs custom_host, or a built-in provider that has an address",
        ));
    }
    Ok(())
}

fn check_config(path: &str, entry: &Entry, providers: &Objects) -> Result<(), ConfigError> {
    let here = || format!("{path}.provider");
    match &entry.provider {
        Some(Provider::Settings(name)) if !providers.entries.contains_key(name) => {
            return Err(conflict(&here(), "names no provider under `providers`"));
        }
        Some(Provider::Named(name)) if catalogue::find(name).is_none() => {
            return Err(conflict(
                &here(),
                "is no built-in provider; one of the settings is written with @",
            ));
        }
        Some(Provider::Settings(_) | Provider::Named(_) | Provider::Passthrough) | None => {}
    }
    for (place, target) in entry.targets.iter().enumerate() {
        check_config(&format!("{path}.targets[{place}]"), target, providers)?;
    }
    Ok(())
}

/// A credential goes only to the host that its own config or provider names: where a request could
/// choose the host, it would choose who gets the credential. `hosted`: a group around names one.
fn check_owners(
    path: &str,
    entry: &Entry,
    hosted: bool,
    names: &CredentialNames,
) -> Result<(), ConfigError> {
    let hosted = hosted || entry.custom_host.is_some();
    if let (true, Some(Provider::Settings(_))) = (hosted, &entry.provider) {
        return Err(conflict(
            &format!("{path}.provider"),
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
    Err(conflict(
        path,
        "holds a credential (api_key, auth, or a line in headers) and names no host for it: give it \
         custom_host, or a provider that has an address",
    ))
}

fn holds_credential(entry: &Entry, names: &CredentialNames) -> bool {
    let is_credential = |name: &HeaderName| {
        credential::HEADERS.contains(name) || names.headers.iter().any(|it| it == name.as_str())
    };
    let mut lines = entry.headers.iter();
    entry.api_key.is_some()
        || entry.auth.is_some()
        || lines.any(|(name, value)| value.is_some() && is_credential(name))
}

fn conflict(key: &str, reason: &'static str) -> ConfigError {
    ConfigError::Conflict {
        key: key.to_owned(),
        reason,
    }
}
