//! Reads the settings from file, environment and flags: `document` (YAML with places) → `expand`
//! (variables) → `key_files` → `layers` (environment and flags laid over the file) → `de` (the
//! struct tree) → `rules` → `prices` (their file).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde::Deserialize as _;

use super::document::Node;
use super::error::{ConfigError, place};
use super::expand::expand;
use super::fault::{Fault, TreeError};
use super::key_files;
use super::layers::{Environment, Flags, VARIABLES};
use super::places::Places;
use super::prices;
use super::provider_keys;
use super::rules;
use super::settings::Settings;
use super::suggest;

/// Largest settings file in bytes. A path may name a device that has no end.
const MAX_FILE: u64 = 16 * 1024 * 1024;

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
        let text = File::open(&path).and_then(text);
        let text = text.map_err(|source| ConfigError::Unreadable {
            file: path.clone(),
            source,
        })?;
        let mut settings = Self::parse(&text, &path, environment, flags)?;
        settings.price_file = prices::read_file(settings.prices.file.as_deref())?;
        Ok(settings)
    }

    /// Like [`Settings::load`], with the text of the file at hand, and without the table of
    /// `prices.file`; `name` is for messages.
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
        key_files::insert(&mut root, environment.google_metadata_host())
            .map_err(|error| ConfigError::variable(name, error))?;
        // By itself first: what a layer hides must be right, too.
        Self::deserialize(&root).map_err(|error| in_file(name, error))?;
        let mut places = Places::of(name, &root);
        places.note_layer(environment.lay_over(&mut root));
        places.note_layer(flags.lay_over(&mut root));
        let mut settings = Self::deserialize(&root).map_err(|error| in_layers(name, error))?;
        provider_keys::complete(&mut settings, environment)
            .map_err(|error| error.placed(name, &root))?;
        rules::settle(&mut settings, &root).map_err(|error| error.placed(name, &root))?;
        settings.warnings.extend(environment.unknown(&used));
        settings.places = places;
        Ok(settings)
    }
}

/// The text of a settings file; little is read beyond [`MAX_FILE`].
fn text(file: impl io::Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        let message = format!("it is larger than {} MiB", MAX_FILE / (1024 * 1024));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_end_is_refused() {
        let path = Path::new("/dev/zero");
        let loaded = Settings::load(Some(path), &Environment::default(), &Flags::default());
        assert_eq!(
            loaded.err().map(|error| error.to_string()).as_deref(),
            Some("/dev/zero: cannot read the settings file: it is larger than 16 MiB")
        );
    }

    #[test]
    fn a_file_of_the_largest_size_is_read_and_one_byte_more_is_not() {
        let read = |length| text(io::repeat(b'#').take(length)).map(|text| text.len() as u64);
        assert_eq!(read(MAX_FILE).ok(), Some(MAX_FILE));
        let refused = read(MAX_FILE + 1).map_err(|error| error.kind());
        assert_eq!(refused, Err(io::ErrorKind::FileTooLarge));
    }
}
