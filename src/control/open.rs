//! Opens the store at the start, where the settings say, and reads all of it.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use thiserror::Error;

use crate::{
    config::{Environment, ObjectStoreKind, Settings},
    gateway::{Basis, Candidate, LeftOut, Objects},
    records::{self, RECORDS_FILE},
    store::{
        self, DATABASE_FILE, DataDir, DataDirError, Kind, Location, Options, SealError, SealKeys,
        Store, StoreError,
    },
};

/// How often a file is looked at for the changes of other processes.
const LOOK: Duration = Duration::from_millis(500);

/// Why the gateway cannot start with this store.
#[derive(Debug, Error)]
pub enum CannotOpen {
    #[error(transparent)]
    Directory(#[from] DataDirError),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Keys(#[from] SealError),
    #[error(
        "listen is {0}, which other machines can reach, and there are no keys, neither in the \
         settings nor in the store: make one with `throughway keys create`, set admin_token, or, \
         if something in front of the gateway keeps strangers out, set allow_unauthenticated: \
         true (or --allow-unauthenticated)"
    )]
    Exposed(SocketAddr),
}

/// An open store, and what was in it.
pub struct Opened {
    pub store: Arc<Store>,
    pub revision: u64,
    candidates: Vec<Candidate>,
    unreadable: Vec<LeftOut>,
}

/// Opens the store of these settings; `None`: they want none.
///
/// # Errors
/// It cannot be used: the message says which it is and how to go on.
pub async fn open(
    settings: &Settings,
    environment: &Environment,
) -> Result<Option<Opened>, CannotOpen> {
    let Some(location) = location(settings, environment)? else {
        return Ok(None);
    };
    let in_file = matches!(location, Location::File(_));
    let mut options = Options::new(location);
    if in_file {
        options.timing.poll = Some(LOOK);
    }
    if !settings.secret_key.is_empty() {
        options.seal_keys = Some(SealKeys::new(&settings.secret_key)?);
    }
    let store = Store::open(options).await?;
    let (mut candidates, mut unreadable) = (Vec::new(), Vec::new());
    let read = |object: store::Object| match Candidate::read(&object) {
        Ok(candidate) => candidates.push(candidate),
        Err(left_out) => unreadable.push(left_out),
    };
    let revision = store.load_each(read).await?;
    Ok(Some(Opened {
        store: Arc::new(store),
        revision,
        candidates,
        unreadable,
    }))
}

fn location(
    settings: &Settings,
    environment: &Environment,
) -> Result<Option<Location>, CannotOpen> {
    Ok(match settings.store.kind {
        ObjectStoreKind::Off => None,
        ObjectStoreKind::Memory => Some(Location::Memory),
        ObjectStoreKind::Postgres => settings.store.url.clone().map(Location::Postgres),
        ObjectStoreKind::Sqlite => {
            let given: Option<PathBuf> = settings.data_dir.clone();
            let directory = store::data_dir(given, |name| environment.directory(name))?;
            Some(match directory {
                DataDir::At(path) => Location::File(path.join(DATABASE_FILE)),
                DataDir::Memory { warning } => {
                    tracing::warn!("{warning}");
                    Location::Memory
                }
            })
        }
    })
}

/// Where the records of requests are stored; `None`: nowhere.
///
/// # Errors
/// The data directory cannot be used.
pub fn record_store(
    settings: &Settings,
    environment: &Environment,
) -> Result<Option<(Location, records::Limits)>, CannotOpen> {
    let location = match settings.records.kind(settings.store.kind) {
        ObjectStoreKind::Off => None,
        ObjectStoreKind::Memory => Some(Location::Memory),
        ObjectStoreKind::Postgres => settings.store.url.clone().map(Location::Postgres),
        ObjectStoreKind::Sqlite => {
            let given = settings.data_dir.clone();
            Some(
                match store::data_dir(given, |name| environment.directory(name))? {
                    DataDir::At(path) => Location::File(path.join(RECORDS_FILE)),
                    // The log has said so for the store of keys.
                    DataDir::Memory { .. } => Location::Memory,
                },
            )
        }
    };
    let limits = records::Limits {
        age: settings.records.retention,
        size: settings.records.max_size,
        usage_age: settings.records.usage_retention,
    };
    Ok(location.map(|it| (it, limits)))
}

/// Whether a listener that other machines can reach has a key that opens it, where only the store
/// can have one.
///
/// # Errors
/// It has none.
pub fn check_exposure(settings: &Settings, opened: Option<&Opened>) -> Result<(), CannotOpen> {
    let has_key = |it: &Opened| it.candidates.iter().any(|it| it.item.kind() == Kind::Key);
    match settings.needs_stored_key() && !opened.is_some_and(has_key) {
        true => Err(CannotOpen::Exposed(settings.listen)),
        false => Ok(()),
    }
}

impl Opened {
    /// What was in it, joined with the objects of the settings; once.
    pub(super) fn joined(&mut self, settings: &Settings) -> Objects {
        let candidates = std::mem::take(&mut self.candidates);
        let unreadable = std::mem::take(&mut self.unreadable);
        let keys = self.store.seal_keys().ok();
        Objects::joined(&Basis { settings, keys }, candidates, unreadable)
    }
}
