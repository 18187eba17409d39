//! A gateway that this process is not: its settings and its store, for commands that look at them
//! or change them.

use std::path::Path;

use crate::{
    config::{ConfigError, Environment, Flags, ObjectStoreKind, Settings},
    control::{self, CannotOpen, Opened},
    store::Place,
};

/// Why there is no store to work on.
#[derive(Debug, thiserror::Error)]
pub enum NoStore {
    #[error(transparent)]
    Settings(#[from] ConfigError),
    #[error(transparent)]
    Open(#[from] CannotOpen),
    #[error("the settings keep nothing in a database: store.kind is {0}")]
    Kind(&'static str),
    #[error("the data directory cannot be written: give another one with --data-dir")]
    NotWritable,
}

/// The settings of a gateway. It may have been started with a flag that lets it listen without
/// keys, so that is not judged again.
///
/// # Errors
/// The settings cannot be used.
pub fn settings(
    file: Option<&Path>,
    environment: &Environment,
    flags: &Flags,
) -> Result<Settings, ConfigError> {
    let lenient = Flags {
        allow_unauthenticated: true,
        ..flags.clone()
    };
    Settings::load(file, environment, flags)
        .or_else(|error| Settings::load(file, environment, &lenient).map_err(|_| error))
}

/// Opens the database of these settings.
///
/// # Errors
/// There is none, or it cannot be used.
pub async fn open(settings: &Settings, environment: &Environment) -> Result<Opened, NoStore> {
    let opened = match settings.store.kind {
        ObjectStoreKind::Off => return Err(NoStore::Kind("off")),
        ObjectStoreKind::Memory => return Err(NoStore::Kind("memory")),
        ObjectStoreKind::Sqlite | ObjectStoreKind::Postgres => {
            control::open(settings, environment).await?
        }
    };
    // What is changed in memory would be gone with this process.
    let opened = opened.filter(|it| *it.store.place() != Place::Memory);
    opened.ok_or(NoStore::NotWritable)
}

/// Who runs this process, for the audit log.
pub fn user() -> String {
    format!("uid {}", rustix::process::getuid().as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_load_whether_or_not_a_flag_was_needed_to_start() {
        let path = std::env::temp_dir().join(format!("stopped-{}.yaml", std::process::id()));
        for (yaml, expected) in [
            ("listen: 0.0.0.0:8787", None),
            ("auth: required", None),
            ("listen: 0.0.0.0:8787\nauth: required", None),
            ("listen: 0.0.0.0:8787\nstore: { kind: \"off\" }", None),
            (
                "listen: 0.0.0.0:8787\nauth: required\nstore: { kind: \"off\" }",
                Some("listen is 0.0.0.0:8787"),
            ),
            ("lisen: 0.0.0.0:8787", Some("unknown key lisen")),
            ("auth: required\nworkers: 0", Some("workers")),
        ] {
            std::fs::write(&path, yaml).unwrap();
            let loaded = settings(Some(&path), &Environment::default(), &Flags::default());
            let error = loaded.err().map(|error| error.to_string());
            let is_expected = match (&error, expected) {
                (Some(error), Some(expected)) => error.contains(expected),
                (error, expected) => error.is_none() && expected.is_none(),
            };
            assert!(is_expected, "{yaml} {error:?}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
