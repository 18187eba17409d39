//! What keys and teams name that the settings must have: providers, endpoints, configs. Checked
//! when the whole snapshot is known, so that no rule silently matches nothing.

use super::{
    allow::{Allow, List, ProviderPattern},
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
    allow.map_or(Ok(()), |allow| check_lists(allow, known))
}

fn check_lists(allow: &Allow, known: &impl Known) -> Result<(), FieldError> {
    let has_provider = |pattern: &ProviderPattern| match pattern {
        ProviderPattern::Settings(name) => known.has_provider(name),
        ProviderPattern::BuiltIn(_) | ProviderPattern::Passthrough => true,
    };
    let refused = |list, place, reason| Err(FieldError::new(format!("{list}[{place}]"), reason));
    let mut providers = allow.providers.iter().flat_map(List::iter);
    if let Some(place) = providers.position(|it| !has_provider(it)) {
        return refused(
            "allow.providers",
            place,
            "names no provider under `providers`",
        );
    }
    let mut endpoints = allow.endpoints.iter().flat_map(List::iter);
    match endpoints.position(|it| !known.has_endpoint(it.as_str())) {
        Some(place) => refused("allow.endpoints", place, "is the path of no endpoint"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::identity::samples::{key, secret, team};

    struct Snapshot;

    impl Known for Snapshot {
        fn has_provider(&self, name: &str) -> bool {
            name == "ours"
        }

        fn has_endpoint(&self, path: &str) -> bool {
            path == "/bria"
        }

        fn has_config(&self, name: &str) -> bool {
            name == "chain"
        }
    }

    #[test]
    fn a_name_that_nothing_has_is_refused_by_place() {
        for (fields, expected) in [
            (json!({}), None),
            (json!({ "default_config": "chain" }), None),
            (
                json!({ "allow": { "providers": ["openai", "passthrough", "@ours"] } }),
                None,
            ),
            (json!({ "allow": { "endpoints": ["/bria"] } }), None),
            (
                json!({ "default_config": "chian" }),
                Some("default_config names no config under `configs`"),
            ),
            (
                json!({ "allow": { "providers": ["@ours", "@theirs"] } }),
                Some("allow.providers[1] names no provider under `providers`"),
            ),
            (
                json!({ "allow": { "endpoints": ["/bria", "/bira"] } }),
                Some("allow.endpoints[1] is the path of no endpoint"),
            ),
        ] {
            let of_key = key("app", &secret(1), fields.clone()).check_references(&Snapshot);
            let of_team = team("search", fields.clone()).check_references(&Snapshot);
            assert_eq!(of_key, of_team);
            let found = of_key.err().map(|error| error.to_string());
            assert_eq!(found.as_deref(), expected, "{fields}");
        }
    }
}
