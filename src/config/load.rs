//! Reads the settings from file, environment and flags: `document` (YAML with places) → `expand`
//! (variables) → `layers` (environment and flags laid over the file) → `de` (the struct tree) →
//! `rules`.

use std::path::Path;

use serde::Deserialize as _;

use super::document::Node;
use super::error::{ConfigError, place};
use super::expand::expand;
use super::fault::{Fault, TreeError};
use super::layers::{Environment, Flags, VARIABLES};
use super::rules;
use super::settings::Settings;
use super::suggest;

impl Settings {
    /// Reads the settings: the file (`path`, or else `THROUGHWAY_CONFIG`, or else none), then the
    /// environment, then the flags; the later wins. Without all three, the defaults.
    ///
    /// # Errors
    /// The first thing wrong, with its place.
    pub fn load(
        path: Option<&Path>,
        environment: &Environment,
        flags: &Flags,
    ) -> Result<Self, ConfigError> {
        let Some(path) = path.map(Path::to_owned).or(environment.config_file()) else {
            return Self::parse("", Path::new(""), environment, flags);
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, &path, environment, flags),
            Err(source) => Err(ConfigError::Unreadable { file: path, source }),
        }
    }

    /// Like [`Settings::load`], with the text of the file at hand; `name` is for messages.
    ///
    /// # Errors
    /// The first thing wrong, with its place.
    pub fn parse(
        text: &str,
        name: &Path,
        environment: &Environment,
        flags: &Flags,
    ) -> Result<Self, ConfigError> {
        let mut used = Vec::new();
        let mut root = Node::parse(text).map_err(|error| ConfigError::syntax(name, error))?;
        expand(&mut root, &mut environment.noting(&mut used))
            .map_err(|error| ConfigError::variable(name, error))?;
        // By itself first: what a layer hides must be right, too.
        Self::deserialize(&root).map_err(|error| in_file(name, error))?;
        environment.lay_over(&mut root);
        flags.lay_over(&mut root);
        let mut settings = Self::deserialize(&root).map_err(|error| in_layers(name, error))?;
        rules::settle(&mut settings, &root)?;
        settings.warnings.extend(environment.unknown(&used));
        Ok(settings)
    }
}

fn in_file(file: &Path, error: TreeError) -> ConfigError {
    let place = place(file, error.position);
    match error.fault {
        Fault::UnknownKey { allowed } => ConfigError::UnknownKey {
            place,
            suggestion: suggest::key(&error.path, allowed),
            key: error.path,
            allowed,
        },
        Fault::Value(reason) => ConfigError::Value {
            place,
            key: match error.path.as_str() {
                "" => "the file".to_owned(),
                _ => error.path,
            },
            reason,
        },
    }
}

/// The file was right by itself and flags are checked when they are parsed: it is a variable.
fn in_layers(file: &Path, error: TreeError) -> ConfigError {
    let variable = VARIABLES.iter().find(|it| it.key == error.path);
    match (variable, error.fault) {
        (Some(variable), Fault::Value(reason)) => ConfigError::Environment {
            variable: variable.name,
            reason,
        },
        (_, fault) => in_file(file, TreeError { fault, ..error }),
    }
}
