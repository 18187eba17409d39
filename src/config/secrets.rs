//! `secrets`: values under names, to which endpoints of the store may refer as `${NAME}`.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use crate::identity::document::within;
use crate::secret::Secret;

/// Secrets by name. Shows names only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, Secret>);

impl Secrets {
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }
}

/// Letters, digits and `_`, and no digit in front: the names that a variable can have.
fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=64).contains(&text.len())
        && text.bytes().all(fits)
        && !text.starts_with(|it: char| it.is_ascii_digit())
}

impl<'de> Deserialize<'de> for Secrets {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let secrets = BTreeMap::<String, Secret>::deserialize(from)?;
        for (name, secret) in &secrets {
            let reason = match (is_name(name), secret.is_empty()) {
                (false, _) => {
                    "has a name that cannot be used: names are 1 to 64 of A-Z a-z 0-9 _, and do \
                     not begin with a digit"
                }
                (true, true) => "must be a text that is not empty",
                (true, false) => continue,
            };
            return Err(D::Error::custom(within(name, reason)));
        }
        Ok(Secrets(secrets))
    }
}

impl Serialize for Secrets {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.keys().map(|name| (name, ())))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Environment, Flags, Settings};

    fn parsed(yaml: &str) -> Result<Settings, String> {
        let environment = Environment::from([("KEY", "of-the-environment")]);
        let settings = Settings::parse(yaml, Path::new("s"), &environment, &Flags::default());
        settings.map_err(|error| error.to_string())
    }

    #[test]
    fn secrets_are_found_by_name_and_shown_by_name_only() {
        let settings = parsed("secrets: { A_KEY: plain, OTHER: \"${KEY}\" }").expect("settings");
        let of = |name| settings.secrets.get(name).map(|it| it.expose().to_owned());
        assert_eq!(of("A_KEY").as_deref(), Some("plain"));
        assert_eq!(of("OTHER").as_deref(), Some("of-the-environment"));
        assert_eq!(of("KEY"), None);
        let lines = settings.lines();
        let shown = lines.iter().find(|(name, _)| name == "secrets");
        assert_eq!(shown.map(|it| it.1.as_str()), Some("{A_KEY, OTHER}"));
    }

    #[test]
    fn names_and_values_that_cannot_be_used_are_refused() {
        for (yaml, expected) in [
            ("secrets: { 1A: x }", "secrets.1A has a name"),
            ("secrets: { a-b: x }", "secrets.a-b has a name"),
            ("secrets: { A: \"\" }", "secrets.A must be a text"),
            ("secrets: { A: [x] }", "secrets.A"),
        ] {
            let refused = parsed(yaml).expect_err(yaml);
            assert!(refused.contains(expected), "{refused}");
            assert!(!refused.contains("[x]"), "{refused}");
        }
    }
}
