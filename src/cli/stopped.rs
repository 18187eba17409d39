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
