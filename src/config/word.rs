//! The kinds of settings that are one of a few words: the guard's preset and what is logged.
//! What a word brings about is decided where it is used.

use super::value::{Kind, read_as_kind};

read_as_kind!(GuardPreset, LogFormat, AccessLog, LogLevel);

/// Declares an enum of words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident, $expected:literal, $($(#[$what:meta])* $variant:ident = $word:literal),+) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$what])* $variant),+ }

        impl $name {
            /// The word in the settings.
            pub fn word(self) -> &'static str {
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

words!(
    /// Where requests may go, in one word.
    GuardPreset, "public, allowlist, self_hosted or dev",
    /// `https`, port 443, public addresses.
    Public = "public",
    /// Only what `guard.allow` lists.
    Allowlist = "allowlist",
    /// `public`, and the private networks and ports that `guard.allow` lists.
    SelfHosted = "self_hosted",
    /// Loopback and private addresses too, `http`, any port.
    Dev = "dev"
);

words!(
    /// How a log line looks.
    LogFormat, "auto, text or json",
    /// Text on a terminal, JSON otherwise.
    Auto = "auto",
    /// For people.
    Text = "text",
    /// One object in each line.
    Json = "json"
);

words!(
    /// Which requests get a line in the log.
    AccessLog, "all, errors or off",
    /// Every request.
    All = "all",
    /// Requests answered with a status of 400 or more, or cut short.
    Errors = "errors",
    /// None.
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
        let part = |part: &str| match part.split_once('=') {
            Some((target, word)) => !target.is_empty() && level(word),
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
        }
        for refused in ["", "loud", "INFO", "info,", "=info", "throughway=loud"] {
            assert!(LogLevel::from_text(refused).is_none(), "{refused}");
        }
    }
}
