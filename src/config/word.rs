//! The kinds of settings that are one of a few words: the guard's preset and what is logged.
//! What a word brings about is decided where it is used.

use super::value::{Kind, read_as_kind};
pub use crate::{
    egress::Preset as GuardPreset, observe::logs::Format as LogFormat, rate_limit::OnRedisFailure,
    record::AccessLog,
};

read_as_kind!(
    GuardPreset,
    LogFormat,
    AccessLog,
    LogLevel,
    OnRedisFailure,
    Store
);

/// Where something is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Store {
    /// In this process.
    #[default]
    Memory,
    /// In one place for all replicas.
    Redis,
}

/// Gives each value of a domain's own enum its word in the settings.
macro_rules! words {
    ($name:ident, $expected:literal, $($variant:ident = $word:literal),+) => {
        impl Word for $name {
            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl Kind for $name {
            const EXPECTED: &'static str = $expected;

            fn from_text(text: &str) -> Option<Self> {
                match text { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

/// A setting that is one of a few words.
pub trait Word {
    /// The word in the settings.
    fn word(self) -> &'static str;
}

words!(
    GuardPreset,
    "public, allowlist, self_hosted or dev",
    Public = "public",
    Allowlist = "allowlist",
    SelfHosted = "self_hosted",
    Dev = "dev"
);

words!(
    LogFormat,
    "auto, text or json",
    Auto = "auto",
    Text = "text",
    Json = "json"
);

words!(
    OnRedisFailure,
    "local, allow or deny",
    Local = "local",
    Allow = "allow",
    Deny = "deny"
);

words!(Store, "memory or redis", Memory = "memory", Redis = "redis");

words!(
    AccessLog,
    "all, errors or off",
    All = "all",
    Errors = "errors",
    Off = "off"
);

/// What is logged: a level, or a comma list of levels for parts of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLevel(pub String);

impl Kind for LogLevel {
    const EXPECTED: &'static str =
        "off, error, warn, info, debug or trace, or a list such as info,throughway=debug";

    fn from_text(text: &str) -> Option<Self> {
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
        text.split(',').all(part).then(|| Self(text.to_owned()))
    }

    /// An unquoted `off` is text in YAML 1.2, an unquoted `false` is not.
    fn from_bool(claim: bool) -> Option<Self> {
        (!claim).then(|| Self("off".to_owned()))
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
