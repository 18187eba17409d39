//! `keys` and `teams`: gateway keys by digest and their teams, in the form that the admin API and
//! the store use, each under its name.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;
use serde_json::{Value, json};

use super::error::ConfigError;
use super::settings::Settings;
use crate::identity::directory::Directory;
use crate::identity::document::{self, within};
use crate::identity::key::Key;
use crate::identity::team::Team;
use crate::identity::{Known, Object};

/// A mapping of names to documents, which leave out their name.
pub struct Named<T>(PhantomData<T>);

/// What is written under a name.
pub trait HasName: Object {
    fn name(&self) -> &str;
}

impl HasName for Key {
    fn name(&self) -> &str {
        self.name.as_str()
    }
}

impl HasName for Team {
    fn name(&self) -> &str {
        self.name.as_str()
    }
}

impl<T: HasName> Named<T> {
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
        let written = BTreeMap::<String, Value>::deserialize(from)?;
        let documents = written.into_iter().map(|(name, value)| read(&name, value));
        documents
            .collect::<Result<_, _>>()
            .map_err(D::Error::custom)
    }

    /// Names only.
    pub fn serialize<S: Serializer>(documents: &[T], to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(documents.iter().map(|it| (it.name(), ())))
    }
}

fn read<T: HasName>(name: &str, mut value: Value) -> Result<T, String> {
    let Some(fields) = value.as_object_mut() else {
        return Err(within(name, "must be a mapping"));
    };
    if fields.contains_key("name") {
        let path = format!("{name}.name");
        return Err(within(
            &path,
            "is not given: the key of the mapping is the name",
        ));
    }
    fields.insert("name".to_owned(), json!(name));
    document::read(&value).map_err(|error| match error.path.as_str() {
        "" => within(name, &error.reason),
        path => within(&format!("{name}.{path}"), &error.reason),
    })
}

/// What keys and teams may name.
impl Known for Settings {
    fn has_provider(&self, name: &str) -> bool {
        self.providers.entries().contains_key(name)
    }

    fn has_endpoint(&self, path: &str) -> bool {
        self.endpoints.has(path)
    }

    fn has_config(&self, name: &str) -> bool {
        self.configs.entries().contains_key(name)
    }
}

/// The directory of the settings' own keys and teams.
///
/// # Errors
/// The first conflict between them, and the first name in them that nothing has.
pub(super) fn directory(settings: &Settings) -> Result<Directory, ConfigError> {
    for key in &settings.keys {
        let checked = key.check_references(settings);
        checked.map_err(|error| unknown(&format!("keys.{}", key.name), &error))?;
    }
    for team in &settings.teams {
        let checked = team.check_references(settings);
        checked.map_err(|error| unknown(&format!("teams.{}", team.name), &error))?;
    }
    let built = Directory::new(settings.keys.clone(), settings.teams.clone());
    built.map_err(|conflicts| {
        let first = conflicts.first().map(ToString::to_string);
        ConfigError::conflict("keys", first.unwrap_or_default())
    })
}

fn unknown(path: &str, error: &document::FieldError) -> ConfigError {
    ConfigError::conflict(format!("{path}.{}", error.path), error.reason.clone())
}
