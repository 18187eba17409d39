//! One JSON object of a config with its keys in canonical spelling. Unknown keys are refused;
//! values are taken out one by one.

use serde_json::{Map, Value};

use super::{ConfigObjectError, fields::Section};

/// An object whose keys are all known.
pub struct Object<'v> {
    path: String,
    section: Section,
    values: Vec<(&'static str, &'v Value)>,
}

/// A value and its path.
#[derive(Clone)]
pub struct At<'v> {
    pub value: &'v Value,
    pub path: String,
}

impl<'v> At<'v> {
    pub fn refuse<T>(&self, reason: impl Into<String>) -> Result<T, ConfigObjectError> {
        Err(ConfigObjectError::new(&self.path, reason))
    }

    /// The value as an object of this section.
    ///
    /// # Errors
    /// The value is not an object, or has an unknown key, or one key in two spellings.
    pub fn object(&self, section: Section) -> Result<Object<'v>, ConfigObjectError> {
        Object::read(self.map()?, section, &self.path)
    }

    pub fn map(&self) -> Result<&'v Map<String, Value>, ConfigObjectError> {
        match self.value.as_object() {
            Some(map) => Ok(map),
            None => self.refuse("must be an object"),
        }
    }

    /// The items of a list.
    pub fn items(&self) -> Result<Vec<At<'v>>, ConfigObjectError> {
        let Some(items) = self.value.as_array() else {
            return self.refuse("must be a list");
        };
        let at = |(place, value)| At {
            value,
            path: format!("{}[{place}]", self.path),
        };
        Ok(items.iter().enumerate().map(at).collect())
    }
}

impl<'v> Object<'v> {
    fn read(
        map: &'v Map<String, Value>,
        section: Section,
        path: &str,
    ) -> Result<Self, ConfigObjectError> {
        let mut values: Vec<(&'static str, &Value)> = Vec::with_capacity(map.len());
        for (written, value) in map {
            let here = format!("{path}.{written}");
            let Some(field) = section.find(written) else {
                return Err(ConfigObjectError::new(&here, unknown(section, written)));
            };
            if values.iter().any(|(name, _)| *name == field) {
                let reason = format!("is {field} in another spelling, which is also given");
                return Err(ConfigObjectError::new(&here, reason));
            }
            values.push((field, value));
        }
        Ok(Object {
            path: path.to_owned(),
            section,
            values,
        })
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of a key; null counts as absent.
    pub fn get(&self, name: &'static str) -> Option<At<'v>> {
        debug_assert!(self.section.find(name).is_some(), "{name} is in no section");
        let found = self.values.iter().find(|(key, _)| *key == name);
        let (_, value) = found.filter(|(_, value)| !value.is_null())?;
        Some(At {
            value,
            path: format!("{}.{name}", self.path),
        })
    }

    /// The value of a key, parsed by `read`.
    pub fn read_as<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&At<'v>) -> Result<T, ConfigObjectError>,
    ) -> Result<Option<T>, ConfigObjectError> {
        self.get(name).map(|at| read(&at)).transpose()
    }
}

/// Longer unknown keys, in bytes, are not compared with known ones.
const LONGEST_COMPARED: usize = 64;

fn unknown(section: Section, written: &str) -> String {
    if matches!(written, "virtual_key" | "virtualKey") {
        return "is not a key here: name a provider of the settings instead, \
            as provider: \"@name\""
            .to_owned();
    }
    let names = section.names();
    let distance = |name: &&str| strsim::damerau_levenshtein(&written.to_lowercase(), name);
    let close = match written.len() <= LONGEST_COMPARED {
        true => names.iter().copied().min_by_key(|name| distance(name)),
        false => None,
    };
    let close = close.filter(|name| distance(name) <= (written.len() / 3).max(1));
    let meant = close.map_or(String::new(), |name| format!(" Did you mean {name}?"));
    format!("is not a key here.{meant} Allowed: {}", names.join(", "))
}
