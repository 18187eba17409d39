//! What keys and teams name that the settings must have: providers, endpoints, configs. Checked
//! when the whole snapshot is known, so that no rule silently matches nothing.

use super::{
    allow::{Allow, ProviderPattern},
    document::FieldError,
    key::Key,
    name::ConfigName,
    team::Team,
};

/// What the rest of the snapshot has.
pub trait Known {
    /// A provider of the settings, without `@`.
    fn has_provider(&self, name: &str) -> bool;
    /// An endpoint of this path.
    fn has_endpoint(&self, path: &str) -> bool;
    fn has_config(&self, name: &str) -> bool;
}

impl Key {
    /// # Errors
    /// The first name that nothing has.
    pub fn check_references(&self, known: &impl Known) -> Result<(), FieldError> {
        check(self.allow.as_deref(), self.default_config.as_ref(), known)
    }
}

impl Team {
    /// # Errors
    /// The first name that nothing has.
    pub fn check_references(&self, known: &impl Known) -> Result<(), FieldError> {
        check(self.allow.as_deref(), self.default_config.as_ref(), known)
    }
}

fn check(
    allow: Option<&Allow>,
    default_config: Option<&ConfigName>,
    known: &impl Known,
) -> Result<(), FieldError> {
    if default_config.is_some_and(|name| !known.has_config(name.as_str())) {
        return Err(FieldError::new(
            "default_config",
            "names no config under `configs`",
        ));
    }
    let Some(allow) = allow else {
        return Ok(());
    };
    let providers = allow.providers.iter().flat_map(|list| list.iter());
    let is_missing = |pattern: &ProviderPattern| match pattern {
        ProviderPattern::Settings(name) => !known.has_provider(name),
        ProviderPattern::BuiltIn(_) | ProviderPattern::Passthrough => false,
    };
    if let Some(place) = providers.map(is_missing).position(|missing| missing) {
        let path = format!("allow.providers[{place}]");
        return Err(FieldError::new(path, "names no provider under `providers`"));
    }
    let mut endpoints = allow.endpoints.iter().flat_map(|list| list.iter());
    match endpoints.position(|endpoint| !known.has_endpoint(endpoint.as_str())) {
        Some(place) => {
            let path = format!("allow.endpoints[{place}]");
            Err(FieldError::new(path, "is the path of no endpoint"))
        }
        None => Ok(()),
    }
}
