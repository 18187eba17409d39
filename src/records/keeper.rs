//! Who writes to the store of records? One keeper, which opens it, and opens it again after a
//! failure. What a failure means for the records is decided in `writer`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::timeout;

use super::{
    Shared,
    database::OpenDatabase,
    insert::{self, Batch},
    retention::{Limits, Retention},
    session::Session,
};
use crate::store::{Cause, Location, StoreError};

/// How long a batch may take before the store counts as stuck.
const LONGEST_WRITE: Duration = Duration::from_secs(15);
/// How often it is checked that the file is where it was.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Why a batch is not stored.
#[derive(Debug)]
pub enum Failure {
    /// The store cannot be used. It may be, later.
    Outage(StoreError),
    /// One of the records cannot be stored, now or later.
    BadRecord(StoreError),
}

pub struct Keeper {
    location: Location,
    shared: Arc<Shared>,
    retention: Retention,
    checked: Instant,
}

impl Keeper {
    pub fn new(location: Location, limits: Limits, shared: Arc<Shared>) -> Self {
        Keeper {
            location,
            shared,
            retention: Retention::new(limits),
            checked: Instant::now(),
        }
    }

    /// The open store.
    ///
    /// # Errors
    /// It cannot be opened.
    pub async fn open(&mut self) -> Result<Arc<OpenDatabase>, StoreError> {
        if let Some(open) = self.shared.database.load_full() {
            if self.checked.elapsed() < CHECK_EVERY {
                return Ok(open);
            }
            self.checked = Instant::now();
            match open.check_place() {
                Ok(()) => return Ok(open),
                Err(error) => self.shared.note_failure(&error),
            }
            self.close().await;
        }
        let open = Arc::new(OpenDatabase::open(&self.location).await?);
        self.shared.database.store(Some(open.clone()));
        self.retention.begin();
        Ok(open)
    }

    /// Writes a batch in one transaction.
    ///
    /// # Errors
    /// Nothing of it is stored, or that is not known.
    pub async fn write(&mut self, batch: &Batch<'_>) -> Result<(), Failure> {
        let open = self.open().await.map_err(Failure::Outage)?;
        let place = &open.database.place;
        let written = async {
            let mut session = Session::write(&open.database)
                .await
                .map_err(Failure::Outage)?;
            self.retention.prepare(&mut session, batch.records).await?;
            let done = async {
                insert::insert(&mut session, batch).await?;
                session.commit().await
            };
            done.await.map_err(|error| match is_of_the_data(&error) {
                true => Failure::BadRecord(place.fault(error)),
                false => Failure::Outage(place.fault(error)),
            })
        };
        match timeout(LONGEST_WRITE, written).await {
            Ok(written) => written,
            Err(late) => Err(Failure::Outage(place.unavailable(Cause::NoResponse, late))),
        }
    }

    /// One short step of removing what is kept no longer. Returns whether there is more to do now.
    ///
    /// # Errors
    /// The store cannot be used.
    pub async fn tidy(&mut self) -> Result<bool, StoreError> {
        let open = self.open().await?;
        let step = self.retention.step(&open.database);
        match timeout(LONGEST_WRITE, step).await {
            Ok(step) => step.map_err(|error| open.database.place.fault(error)),
            Err(late) => Err(open.database.place.unavailable(Cause::NoResponse, late)),
        }
    }

    pub async fn close(&mut self) {
        if let Some(open) = self.shared.database.swap(None) {
            // A search under way must not keep the program from ending.
            let _ = timeout(Duration::from_secs(1), open.database.close()).await;
        }
    }
}

/// Whether the statement's values were refused: an id that is there already, a value of the wrong
/// form. Another try would end in the same way.
fn is_of_the_data(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Encode(_) => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            match code.parse::<u32>().map(|it| it & 0xff) {
                // SQLite: too big, constraint, mismatch. PostgreSQL's states have five characters.
                Ok(18..=20) if code.len() < 5 => true,
                Ok(_) | Err(_) => code.len() == 5 && matches!(&code[..2], "22" | "23"),
            }
        }
        _ => false,
    }
}
