//! Where the settings come from: a file, the environment and flags. They are read at the start and
//! again when the file changes.

use std::path::{Path, PathBuf};

use super::{ConfigError, Environment, Flags, Settings};

/// The sources of one process's settings.
#[derive(Clone)]
pub struct SettingsSource {
    file: Option<PathBuf>,
    environment: Environment,
    flags: Flags,
}

impl SettingsSource {
    /// `file`: as the command line gives it; without it, the environment's.
    pub fn new(file: Option<&Path>, environment: &Environment, flags: &Flags) -> Self {
        SettingsSource {
            file: file.map(Path::to_owned).or(environment.config_file()),
            environment: environment.clone(),
            flags: flags.clone(),
        }
    }

    /// The settings file, if there is one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Reads the settings as they are now.
    ///
    /// # Errors
    /// The first thing wrong, with its place.
    pub fn load(&self) -> Result<Settings, ConfigError> {
        Settings::load(self.file(), &self.environment, &self.flags)
    }
}
