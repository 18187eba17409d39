//! The settings that are one of a few words, and the log's level. The effect of a word is decided
//! where it is used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::{Kind, described};

described!(LogLevel);

/// The store of limits or responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Store {
    /// In this process.
    #[default]
    Memory,
    /// In one place for all replicas.
    Redis,
}

/// Where keys and teams of the admin API are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObjectStoreKind {
    /// A file in the data directory.
    #[default]
    Sqlite,
    /// A PostgreSQL database, which replicas share.
    Postgres,
    /// This process; gone with it.
    Memory,
    /// Nowhere: there are only those of the settings.
    Off,
}

/// Where records of requests are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordStore {
    /// In a store of the same kind as that of keys and teams.
    #[default]
    Auto,
    /// In a file in the data directory.
    Sqlite,
    /// In the PostgreSQL database of keys and teams.
    Postgres,
    /// In this process; gone with it.
    Memory,
    /// Nowhere.
    Off,
}

/// Who needs a gateway key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// Everybody, as soon as there is a key, or where other machines can connect.
    #[default]
    Auto,
    /// Everybody.
    Required,
    /// Nobody.
    Open,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Text, for people.
    Text,
    /// One JSON object in each line.
    Json,
}

/// By whom requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyLabel {
    /// By gateway key.
    Key,
    /// By team.
    Team,
}

/// Which requests are written to the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessLog {
    /// Every request.
    #[default]
    All,
    /// Only those that did not end well.
    Errors,
    /// None.
    Off,
}

/// What is logged: a level, or a comma list of levels for parts of the program.
pub struct LogLevel;

impl Kind for LogLevel {
    type Value = String;
    const NAME: &'static str = "`off`, `error`, `warn`, `info`, `debug`, `trace`, or a list";
    const EXPECTED: &'static str =
        "off, error, warn, info, debug or trace, or a list such as info,throughway=debug";

    fn from_text(text: &str) -> Option<String> {
        let level =
            |word: &str| matches!(word, "off" | "error" | "warn" | "info" | "debug" | "trace");
        let is_path = |target: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte);
            !target.is_empty() && target.bytes().all(allowed)
        };
        let part = |part: &str| match part.split_once('=') {
            Some((target, word)) => is_path(target) && level(word),
            None => level(part),
        };
        text.split(',').all(part).then(|| text.to_owned())
    }

    /// An unquoted `off` is text in YAML 1.2, an unquoted `false` is not.
    fn from_bool(claim: bool) -> Option<String> {
        (!claim).then(|| "off".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_levels_are_words_or_lists_of_parts() {
        for fine in [
            "info",
            "off",
            "warn,throughway=debug",
            "throughway::proxy=trace",
        ] {
            assert!(LogLevel::from_text(fine).is_some(), "{fine}");
            assert!(
                tracing_subscriber::EnvFilter::try_new(fine).is_ok(),
                "{fine}"
            );
        }
        for refused in [
            "",
            "loud",
            "INFO",
            "info,",
            "=info",
            "throughway=loud",
            "a[=info",
            "a b=info",
        ] {
            assert!(LogLevel::from_text(refused).is_none(), "{refused}");
        }
    }
}
