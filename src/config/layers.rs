//! Lays the environment over the file and the flags over both. The one list of our environment
//! variables is here, and the only look at the process's environment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::error::ConfigError;
use super::file::File;
use super::value::{Kind, Listen, Workers};
use super::word::GuardPreset;
use crate::secret::Secret;

/// An environment variable that the gateway reads.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The setting it stands for; `THROUGHWAY_CONFIG` names the file itself.
    pub key: &'static str,
    /// Lays its text over the file; says what is allowed where it cannot.
    over: fn(&mut File, &str) -> Result<(), &'static str>,
}

/// All of them, in the order of the reference page.
pub const VARIABLES: [Variable; 9] = [
    Variable {
        name: CONFIG,
        key: "the settings file's path",
        // Read before the file is, see `Environment::config_file`.
        over: |_, _| Ok(()),
    },
    Variable {
        name: "THROUGHWAY_LISTEN",
        key: "listen",
        over: |file, text| set(&mut file.listen, text),
    },
    Variable {
        name: "THROUGHWAY_WORKERS",
        key: "workers",
        over: |file, text| set(&mut file.workers, text),
    },
    Variable {
        name: "THROUGHWAY_GUARD",
        key: "guard.preset",
        over: |file, text| set(&mut file.guard.preset, text),
    },
    Variable {
        name: "THROUGHWAY_PORTKEY",
        key: "portkey",
        over: |file, text| set(&mut file.portkey, text),
    },
    Variable {
        name: "THROUGHWAY_ALLOW_UNAUTHENTICATED",
        key: "allow_unauthenticated",
        over: |file, text| set(&mut file.allow_unauthenticated, text),
    },
    Variable {
        name: "THROUGHWAY_ADMIN_TOKEN",
        key: "admin_token",
        over: |file, text| {
            file.admin_token = Some(Secret::new(text));
            Ok(())
        },
    },
    Variable {
        name: "THROUGHWAY_DEFAULT_TARGET",
        key: "default_target",
        over: |file, text| set(&mut file.default_target, text),
    },
    Variable {
        name: "THROUGHWAY_LOG",
        key: "log.level",
        over: |file, text| set(&mut file.log.level, text),
    },
];

const PREFIX: &str = "THROUGHWAY_";
const CONFIG: &str = "THROUGHWAY_CONFIG";

fn set<T: Kind>(field: &mut Option<T>, text: &str) -> Result<(), &'static str> {
    *field = Some(T::from_text(text).ok_or(T::EXPECTED)?);
    Ok(())
}

/// The environment variables, taken once. Tests make their own.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The process's own. Variables that are not UTF-8 count as unset.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// Whether a terminal may be sent colours: `NO_COLOR` is not set (no-color.org), and `TERM` names
    /// a terminal that takes them.
    pub fn takes_colour(&self) -> bool {
        let is_unset = |name| self.setting(name).is_none();
        is_unset("NO_COLOR") && self.setting("TERM").is_some_and(|term| term != "dumb")
    }

    /// Whether the process is told to use a proxy, which the gateway does not do.
    pub fn names_a_proxy(&self) -> bool {
        [
            "HTTPS_PROXY",
            "https_proxy",
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
            "all_proxy",
        ]
        .iter()
        .any(|name| self.0.contains_key(*name))
    }

    /// The settings file it names.
    pub fn config_file(&self) -> Option<PathBuf> {
        self.setting(CONFIG).map(PathBuf::from)
    }

    /// One of our own variables; an empty one is absent.
    fn setting(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name)?.as_str();
        (!text.is_empty()).then_some(text)
    }

    /// A lookup for the settings file that notes every name it was asked for.
    pub(super) fn noting<'a>(
        &'a self,
        used: &'a mut Vec<String>,
    ) -> impl FnMut(&str) -> Option<String> + 'a {
        |name| {
            used.push(name.to_owned());
            self.0.get(name).cloned()
        }
    }

    /// A warning for each `THROUGHWAY_*` variable that is neither ours nor used by the file.
    pub(super) fn unknown(&self, used: &[String]) -> Vec<String> {
        let ours = |name: &str| VARIABLES.iter().any(|variable| variable.name == name);
        let names = self.0.keys().filter(|name| name.starts_with(PREFIX));
        names
            .filter(|name| !ours(name) && !used.contains(name) && !set_by_kubernetes(name))
            .map(|name| unknown_variable(name))
            .collect()
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Environment {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(pairs.into_iter().map(owned).collect())
    }
}

/// Kubernetes describes a Service named `throughway` to every pod in such variables.
fn set_by_kubernetes(name: &str) -> bool {
    let rest = name.trim_start_matches(PREFIX);
    rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_")
}

fn unknown_variable(name: &str) -> String {
    let distances = VARIABLES.iter().map(|variable| {
        let distance = strsim::damerau_levenshtein(name, variable.name);
        (distance, variable.name)
    });
    match distances.min() {
        Some((distance, close)) if distance <= 3 => format!(
            "the environment variable {name} is not one of the gateway's and was ignored; did you \
             mean {close}?"
        ),
        _ => format!("the environment variable {name} is not one of the gateway's and was ignored"),
    }
}

/// What the command line says about settings; the file's path is given beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// `--workers`.
    pub workers: Option<NonZeroUsize>,
    /// `--guard`.
    pub guard: Option<GuardPreset>,
    /// `--portkey`; a flag can only switch it on.
    pub portkey: bool,
    /// `--allow-unauthenticated`; a flag can only switch it on.
    pub allow_unauthenticated: bool,
}

/// Lays our environment variables over the file.
///
/// # Errors
/// The first variable that cannot be used.
pub(super) fn environment_over(
    file: &mut File,
    environment: &Environment,
) -> Result<(), ConfigError> {
    for variable in &VARIABLES {
        let Some(text) = environment.setting(variable.name) else {
            continue;
        };
        (variable.over)(file, text).map_err(|expected| ConfigError::Environment {
            variable: variable.name,
            expected,
        })?;
    }
    Ok(())
}

/// Lays the flags over the file.
pub(super) fn flags_over(file: &mut File, flags: &Flags) {
    file.listen = flags.listen.map(Listen).or(file.listen);
    file.workers = flags.workers.map(Workers).or(file.workers);
    file.guard.preset = flags.guard.or(file.guard.preset);
    if flags.portkey {
        file.portkey = Some(true);
    }
    if flags.allow_unauthenticated {
        file.allow_unauthenticated = Some(true);
    }
}
