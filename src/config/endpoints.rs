//! `endpoints`: a list of pass-through endpoints.

use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;
use serde_json::Value;

use super::error::ConfigError;
use super::object_rules;
use super::objects::check_hosts;
use super::settings::Settings;
use crate::endpoint::{Endpoint, OwnConfig, Table};
use crate::guard::Policy;
use crate::identity::document::{FieldError, path_and_reason, within};
use crate::route::config_types::Entry;

/// The list, as a table.
pub struct Endpoints;

impl Endpoints {
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Table>, D::Error> {
        let written = Vec::<Value>::deserialize(from)?;
        let written = written.iter().enumerate();
        let read = written.map(|(place, value)| read(&format!("[{place}]"), value));
        let endpoints: Vec<_> = read.collect::<Result<_, _>>().map_err(D::Error::custom)?;
        match Table::new(endpoints) {
            Ok(table) => Ok(Arc::new(table)),
            Err(overlap) => {
                let reason = format!(
                    "is the path of endpoints[{}] too, and they share a method: give them \
                     different `methods`",
                    overlap.first
                );
                let path = format!("[{}].path", overlap.second);
                Err(D::Error::custom(within(&path, &reason)))
            }
        }
    }

    /// Paths and methods only.
    pub fn serialize<S: Serializer>(table: &Table, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(table.iter().map(Endpoint::name))
    }
}

fn read(path: &str, written: &Value) -> Result<Arc<Endpoint>, String> {
    let endpoint = Endpoint::read(written).map_err(|error| match error.path.as_str() {
        "" => within(path, &error.reason),
        below => within(&format!("{path}.{below}"), &error.reason),
    })?;
    check_hosts_of(path, &endpoint)?;
    Ok(Arc::new(endpoint))
}

fn check_hosts_of(path: &str, endpoint: &Endpoint) -> Result<(), String> {
    check_hosts(path, &endpoint.target)?;
    match &endpoint.config {
        Some(OwnConfig::Inline(config)) => check_hosts(&format!("{path}.config"), config),
        Some(OwnConfig::Saved(_)) | None => Ok(()),
    }
}

/// The rules between endpoints and configs.
///
/// # Errors
/// A config that is missing, or that does not go with the endpoint.
pub(super) fn check(settings: &Settings) -> Result<(), ConfigError> {
    let policy = Policy::new(settings.guard.preset, settings.guard.allow.clone());
    for (place, endpoint) in settings.endpoints.iter().enumerate() {
        let path = format!("endpoints[{place}]");
        endpoint.check_reachable(&policy).map_err(|error| {
            ConfigError::conflict(format!("{path}.{}", error.path), error.reason)
        })?;
        if let Some(OwnConfig::Inline(config)) = &endpoint.config {
            object_rules::check_object(&format!("{path}.config"), config, settings)?;
        }
        check_saved(endpoint, settings)
            .map_err(|(field, reason)| ConfigError::conflict(format!("{path}.{field}"), reason))?;
    }
    Ok(())
}

/// Checks an endpoint that is not of the settings against them, as theirs are checked.
///
/// # Errors
/// The first problem, with the path of its field.
pub fn check_endpoint(endpoint: &Endpoint, settings: &Settings) -> Result<(), FieldError> {
    check_hosts_of("", endpoint).map_err(|text| {
        let (path, reason) = path_and_reason(&text);
        FieldError::new(path, reason)
    })?;
    if let Some(OwnConfig::Inline(config)) = &endpoint.config {
        let checked = object_rules::check_object("config", config, settings);
        checked.map_err(|error| match error {
            ConfigError::Conflict { key, reason, .. } => FieldError::new(key, reason),
            other => FieldError::new("config", format!("cannot be used: {other}")),
        })?;
    }
    let checked = check_saved(endpoint, settings);
    checked.map_err(|(field, reason)| FieldError::new(field, reason))
}

/// The error: field and reason.
fn check_saved(
    endpoint: &Endpoint,
    settings: &Settings,
) -> Result<(), (&'static str, &'static str)> {
    let Some(name) = endpoint.saved_config() else {
        return Ok(());
    };
    let Some(saved) = settings.configs.entries().get(name) else {
        return Err(("config", "names no config under `configs`"));
    };
    match (saved.names_every_target(), has_target(&endpoint.target)) {
        (true, true) => Err((
            "config",
            "names a config whose targets all name a host or provider, so that none is the \
             endpoint's own: leave out `target`, or use a config that leaves one out",
        )),
        (false, false) => Err((
            "target",
            "is missing, and the config does not name a host for every target",
        )),
        (true, false) | (false, true) => Ok(()),
    }
}

fn has_target(entry: &Entry) -> bool {
    entry.custom_host.is_some()
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write as _, path::Path};

    use super::*;
    use crate::config::{Environment, Flags};

    #[test]
    fn a_file_may_have_many_endpoints() {
        let mut text = "endpoints:\n".to_owned();
        for number in 0..20_000 {
            writeln!(
                text,
                "  - {{ path: /e{number}, target: \"http://h/{number}\" }}"
            )
            .unwrap();
        }
        let (environment, flags) = (Environment::default(), Flags::default());
        let settings = Settings::parse(&text, Path::new("s"), &environment, &flags);
        let table = settings.expect("settings").endpoints;
        assert_eq!(table.iter().count(), 20_000);
        assert!(table.has("/e19999"));
    }
}
