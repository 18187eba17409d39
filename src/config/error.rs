//! Why settings were refused: which key, its place, what is allowed. No message repeats a value,
//! which may be a secret in the wrong place.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::document::{Node, Position, SyntaxError};
use super::expand::{ExpandError, ExpandFault};

/// A place in a settings file, printed as `file:line:column`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The settings file.
    pub file: PathBuf,
    /// Where in it.
    pub position: Position,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position;
        match line {
            0 => write!(f, "{}", self.file.display()),
            _ => write!(f, "{}:{line}:{column}", self.file.display()),
        }
    }
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be opened, is too large or is not UTF-8.
    #[error("{}: cannot read the settings file: {source}", file.display())]
    Unreadable {
        /// The settings file.
        file: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not YAML, gives a key twice, or is over a limit.
    #[error("{place}: {message}")]
    Syntax {
        /// Where.
        place: Place,
        /// The message of the YAML reader.
        message: String,
    },
    /// A key that does not exist.
    #[error("{place}: unknown key {key}.{} Allowed {}: {}",
        did_you_mean(suggestion.as_deref()), within(key), allowed.join(", "))]
    UnknownKey {
        /// Where the key stands.
        place: Place,
        /// The whole path of the key.
        key: String,
        /// The key that was probably meant, as a whole path.
        suggestion: Option<String>,
        /// The keys that are allowed beside it.
        allowed: &'static [&'static str],
    },
    /// A value of the file that cannot be used.
    #[error("{place}: {key} {reason}")]
    Value {
        /// Where the value stands.
        place: Place,
        /// The whole path of its key.
        key: String,
        /// The end of the sentence that begins with the key.
        reason: String,
    },
    /// A variable that a value of the file needs.
    #[error("{place}: {key} needs the environment variable {variable}, which is not set")]
    UnsetVariable {
        /// Where the value stands.
        place: Place,
        /// The whole path of its key.
        key: String,
        /// The variable.
        variable: String,
    },
    /// An environment variable of the gateway's that cannot be used.
    #[error("{variable} {reason}")]
    Environment {
        /// The variable.
        variable: &'static str,
        /// The end of the sentence that begins with the variable.
        reason: String,
    },
    /// A setting that contradicts another one, wherever each comes from.
    #[error("{}{key} {reason}", prefix(place.as_ref()))]
    Conflict {
        /// Where the file gives the key or the section around it; `None` for flags, variables and
        /// sections that the file does not have.
        place: Option<Place>,
        /// The whole path of the key.
        key: String,
        /// The end of the sentence that begins with the key.
        reason: Cow<'static, str>,
    },
    /// The file of `prices.file`.
    #[error("prices.file cannot be used: {}: {reason}", file.display())]
    PriceFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The guard's preset for developers, on an address that other machines can reach.
    #[error(
        "guard.preset is dev and listen is {listen}: dev lets callers reach this machine's own \
         network, so it works on loopback only; listen on 127.0.0.1, or choose public, allowlist \
         or self_hosted"
    )]
    DevGuardExposed {
        /// The address.
        listen: SocketAddr,
    },
    /// No keys, nor a store that could have one at the start, on an address that other machines can
    /// reach.
    #[error(
        "listen is {listen}, which other machines can reach, and no keys are set, so anyone could \
         use this gateway; listen on 127.0.0.1, or, if something in front of it keeps strangers \
         out, set allow_unauthenticated: true (or --allow-unauthenticated)"
    )]
    ExposedWithoutKeys {
        /// The address.
        listen: SocketAddr,
    },
}

impl ConfigError {
    pub(super) fn syntax(file: &Path, error: SyntaxError) -> Self {
        Self::Syntax {
            place: place(file, error.position),
            message: error.message,
        }
    }

    pub(super) fn variable(file: &Path, error: ExpandError) -> Self {
        let (place, key) = (place(file, error.position), error.path);
        match error.fault {
            ExpandFault::Unset(variable) => Self::UnsetVariable {
                place,
                key,
                variable,
            },
            ExpandFault::Malformed => Self::Value {
                place,
                key,
                reason: "must name its variable as ${NAME} or os.environ/NAME; write $${ for the \
                         text ${"
                    .to_owned(),
            },
            ExpandFault::File(kind) => Self::Value {
                place,
                key,
                // The path is not repeated: it may be a key in the wrong place.
                reason: format!(
                    "names a key file that cannot be used ({kind}): give the path of the JSON file \
                     that Google Cloud made, or the JSON itself"
                ),
            },
        }
    }

    pub(super) fn conflict(key: impl Into<String>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Conflict {
            place: None,
            key: key.into(),
            reason: reason.into(),
        }
    }

    /// Adds the place of a conflicting key in the file, if the file gives it.
    pub(super) fn placed(mut self, file: &Path, root: &Node) -> Self {
        if let Self::Conflict { place: at, key, .. } = &mut self {
            let node = root.nearest(key);
            let is_given = !std::ptr::eq(node, root) && node.position != Position::default();
            *at = is_given.then(|| place(file, node.position));
        }
        self
    }
}

pub(super) fn place(file: &Path, position: Position) -> Place {
    Place {
        file: file.to_owned(),
        position,
    }
}

fn prefix(place: Option<&Place>) -> String {
    place.map_or(String::new(), |place| format!("{place}: "))
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or(String::new(), |key| format!(" Did you mean {key}?"))
}

fn within(key: &str) -> String {
    match key.rsplit_once('.') {
        Some((section, _)) => format!("in {section}"),
        None => "at the top level".to_owned(),
    }
}
