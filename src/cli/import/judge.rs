//! Would our settings be accepted? The reader of the settings itself decides, with a stand-in for
//! every variable that they name.

use std::path::Path;

use crate::config::{ConfigError, Environment, Flags, Settings};

/// Stands for the value of any variable: a URL, a key and a password alike.
const STAND_IN: &str = "https://variable.example/v1";
/// Stands for a user's name, which has no colon.
const USER: &str = "user";

/// Why settings are refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The path of the key at fault; empty if none is.
    pub key: String,
    pub reason: String,
}

/// Why these settings are refused, or `None` if they are accepted.
pub fn refusal(yaml: &str) -> Option<Refusal> {
    let environment: Environment = variables(yaml).collect();
    let parsed = Settings::parse(yaml, Path::new(""), &environment, &Flags::default());
    let (key, reason) = match parsed {
        Ok(_) => return None,
        Err(ConfigError::Value { key, reason, .. }) => (key, reason),
        Err(ConfigError::Conflict { key, reason, .. }) => (key, reason.into_owned()),
        Err(ConfigError::UnknownKey { key, .. }) => (key, "is not a key of the settings".into()),
        Err(ConfigError::Syntax { message, .. }) => (String::new(), message),
        Err(
            error @ (ConfigError::Unreadable { .. }
            | ConfigError::UnsetVariable { .. }
            | ConfigError::Environment { .. }
            | ConfigError::PriceFile { .. }
            | ConfigError::DevGuardExposed { .. }
            | ConfigError::ExposedWithoutKeys { .. }),
        ) => (String::new(), error.to_string()),
    };
    Some(Refusal { key, reason })
}

/// What stands between `${` and `}`, each with a value that could be meant.
fn variables(yaml: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = yaml.split("${");
    let before = parts.clone().map(|part| match part.ends_with("user: \"") {
        true => USER,
        false => STAND_IN,
    });
    let names = parts.skip(1).map(|part| part.split_once('}'));
    let pairs = names.zip(before);
    pairs.filter_map(|(name, value)| Some((name?.0, value)))
}
