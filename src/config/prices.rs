//! `prices`: the operator's own prices, and the table of a file, which is read with the settings.

use std::path::Path;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;
use serde_json::Value;

use super::error::ConfigError;
use crate::identity::document::within;
use crate::price::{Override, PriceFile};

/// More would make the first lookup of each model slow.
const MOST: usize = 1_000;

/// `prices.overrides`.
pub struct Overrides;

impl Overrides {
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Override>, D::Error> {
        let written = Vec::<Value>::deserialize(from)?;
        if written.len() > MOST {
            return Err(D::Error::custom(format!(
                "must have at most {MOST} entries"
            )));
        }
        let read = |(place, value)| {
            Override::read(value).map_err(|error| {
                let path = match error.path.as_str() {
                    "" => format!("[{place}]"),
                    below => format!("[{place}].{below}"),
                };
                D::Error::custom(within(&path, &error.reason))
            })
        };
        written.iter().enumerate().map(read).collect()
    }

    pub fn serialize<S: Serializer>(overrides: &[Override], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(overrides.iter().map(Override::shown))
    }
}

/// Reads the file. So a file that changed makes other settings.
///
/// # Errors
/// It cannot be used.
pub(super) fn read_file(path: Option<&Path>) -> Result<Option<Arc<PriceFile>>, ConfigError> {
    let Some(path) = path else { return Ok(None) };
    let file = PriceFile::read(path).map_err(|error| ConfigError::PriceFile {
        file: path.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(Some(Arc::new(file)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags, Settings};

    fn settings(yaml: &str) -> Result<Settings, String> {
        let (environment, flags) = (Environment::default(), Flags::default());
        let settings = Settings::parse(yaml, Path::new("s"), &environment, &flags);
        settings.map_err(|error| error.to_string())
    }

    #[test]
    fn a_mistake_in_an_override_is_placed() {
        for (yaml, expected) in [
            (
                "prices:\n  overrides:\n    - { model: a, inptu: 1 }\n",
                "prices.overrides[0].inptu",
            ),
            (
                "prices:\n  overrides:\n    - { model: a, input: -1 }\n",
                "prices.overrides[0].input must be US dollars",
            ),
        ] {
            let error = settings(yaml).expect_err(yaml);
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_price_file_that_changed_makes_other_settings() {
        let directory = std::env::temp_dir();
        let named = |name: &str| {
            let name = format!("throughway-{name}-{}", std::process::id());
            directory.join(name)
        };
        let (yaml, table) = (named("settings.yaml"), named("prices.json"));
        let text = format!("prices: {{ file: {} }}\n", table.display());
        std::fs::write(&yaml, text).expect("a file");
        let load = || {
            let (environment, flags) = (Environment::default(), Flags::default());
            let settings = Settings::load(Some(&yaml), &environment, &flags);
            settings.map_err(|error| error.to_string())
        };
        let missing = load().expect_err("no file");
        assert!(missing.contains("prices.file cannot be used"), "{missing}");
        let written = |price: &str| {
            let text = format!(
                r#"{{"m":{{"litellm_provider":"openai","input_cost_per_token":{price}}}}}"#
            );
            std::fs::write(&table, text).expect("a file");
            load()
        };
        let first = written("1e-06").expect("settings");
        assert_eq!(Ok(&first), written("1e-06").as_ref());
        assert_ne!(Ok(&first), written("2e-06").as_ref());
        let refused = written("-1").expect_err("no price");
        assert!(
            refused.contains("m: input_cost_per_token must be"),
            "{refused}"
        );
        let files = [yaml, table].into_iter();
        files.for_each(|it| std::fs::remove_file(it).expect("it was there"));
    }
}
