//! Settings in the format of a request's config, read by the same reader: providers, configs,
//! limits and the cache's default.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};
use serde_json::{Value, json};

use super::address::unusable_base;
use super::kind::Shown as _;
use crate::credential::Scheme;
use crate::identity::Budgets;
use crate::identity::document::{self, within};
use crate::route::Provider;
use crate::route::config::{parse_cache, parse_limit, parse_value};
use crate::route::config_types::{CacheAsked, Entry};
use crate::route::limit::{Limit, Scope, Scoped};

/// Named config objects. Shows names only, since they hold keys.
#[derive(Clone, Default)]
pub struct Objects {
    entries: BTreeMap<String, Arc<Entry>>,
    /// The text as written, for comparison.
    written: BTreeMap<String, Value>,
}

impl Objects {
    /// The objects by name.
    pub fn entries(&self) -> &BTreeMap<String, Arc<Entry>> {
        &self.entries
    }

    /// The objects while nobody else holds them: before the settings are in force.
    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = (&str, &mut Entry)> {
        let entries = self.entries.iter_mut();
        entries.filter_map(|(name, entry)| Some((name.as_str(), Arc::get_mut(entry)?)))
    }
}

impl<'de> Deserialize<'de> for Objects {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = BTreeMap::<String, Value>::deserialize(from)?;
        let mut entries = BTreeMap::new();
        for (name, value) in &written {
            let entry = read(name, value).map_err(D::Error::custom)?;
            entries.insert(name.clone(), Arc::new(entry));
        }
        Ok(Objects { entries, written })
    }
}

fn read(name: &str, value: &Value) -> Result<Entry, String> {
    if !matches!(Provider::parse(name), Some(Provider::Named(_))) || name.contains('.') {
        let reason = "has a name that cannot be used: names are 1 to 64 of A-Z a-z 0-9 _ -, and \
                      not passthrough";
        return Err(within(name, reason));
    }
    let entry = parse_value(value.clone(), name);
    let entry = entry.map_err(|error| within(&error.path, &error.reason))?;
    check_hosts(name, &entry)?;
    Ok(entry)
}

/// Parses hosts now, so that a wrong one is refused at the start and not with a request.
pub(super) fn check_hosts(path: &str, entry: &Entry) -> Result<(), String> {
    if let Some(reason) = entry.custom_host.as_deref().and_then(unusable_base) {
        return Err(within(&format!("{path}.custom_host"), &reason));
    }
    if let Some(name) = given_twice(entry) {
        let reason = format!("has the parameter {name}, and so has custom_host: leave one out");
        return Err(within(&format!("{path}.credential.query"), &reason));
    }
    let token_url = entry.credential.as_ref().and_then(|it| it.token_url());
    if let Some(reason) = token_url.as_deref().and_then(unusable_base) {
        let reason = format!("has a token server that {reason}");
        return Err(within(&format!("{path}.credential.google"), &reason));
    }
    let mut targets = entry.targets.iter().enumerate();
    targets.try_for_each(|(place, target)| check_hosts(&format!("{path}.targets[{place}]"), target))
}

/// A parameter of the credential that the base URL's own query has.
fn given_twice(entry: &Entry) -> Option<&str> {
    let Scheme::Query(params) = entry.credential.as_ref()?.scheme() else {
        return None;
    };
    let (_, query) = entry.custom_host.as_deref()?.split_once('?')?;
    let mut given = query.split('&').map(|part| part.split('=').next());
    let mut names = params.names();
    names.find(|name| given.any(|given| given == Some(*name)))
}

impl Serialize for Objects {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.entries.keys().map(|name| (name, ())))
    }
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

/// `limits`.
pub struct Limits;

impl Limits {
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Scoped>, D::Error> {
        let written = Vec::<Value>::deserialize(from)?;
        let read = |(place, value)| match parse_limit(value, &format!("[{place}]")) {
            Err(error) => Err(D::Error::custom(within(&error.path, &error.reason))),
            Ok(limit) => Ok(Scoped::new(
                limit,
                Scope::Settings,
                format!("limits[{place}]"),
            )),
        };
        written.iter().enumerate().map(read).collect()
    }

    pub fn serialize<S: Serializer>(limits: &[Scoped], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(limits.iter().map(|scoped| shown(&scoped.limit)))
    }
}

fn shown(limit: &Limit) -> Value {
    let mut shown = match limit.rate {
        Some(rate) => json!({
            "requests": rate.requests,
            "window": rate.window.shown(),
            "burst": rate.burst,
        }),
        None => json!({}),
    };
    if let Some(rate) = limit.tokens {
        shown["tokens"] = json!(rate.tokens);
        shown["window"] = json!(rate.window.shown());
    }
    if let Some(concurrent) = limit.concurrent {
        shown["concurrent"] = json!(concurrent);
    }
    shown["by"] = json!(limit.by.name());
    shown
}

/// `budgets`.
pub struct SettingsBudgets;

impl SettingsBudgets {
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Budgets, D::Error> {
        let written = Value::deserialize(from)?;
        let read = document::read::<Budgets>(&written);
        let read = read.map_err(|error| D::Error::custom(within(&error.path, &error.reason)));
        Ok(read?.of("settings"))
    }

    pub fn serialize<S: Serializer>(budgets: &Budgets, to: S) -> Result<S::Ok, S::Error> {
        budgets.serialize(to)
    }
}

/// `cache.default`.
pub struct CacheDefault;

impl CacheDefault {
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<CacheAsked>, D::Error> {
        let written = Value::deserialize(from)?;
        match parse_cache(&written, "") {
            Ok(asked) => Ok(Some(asked)),
            Err(error) => Err(D::Error::custom(within(&error.path, &error.reason))),
        }
    }

    pub fn serialize<S: Serializer>(asked: &Option<CacheAsked>, to: S) -> Result<S::Ok, S::Error> {
        match asked {
            None => to.serialize_none(),
            Some(CacheAsked::Off) => to.serialize_bool(false),
            Some(CacheAsked::On { max_age, namespace }) => {
                let max_age = max_age.map(|it| ("max_age", json!(it.as_secs())));
                let namespace = namespace.as_ref().map(|it| ("namespace", json!(it)));
                to.collect_map(max_age.into_iter().chain(namespace))
            }
        }
    }
}
