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
                insert::insert(&mut session, batch, self.shared.summed()).await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::Record,
        records::{samples::sample, session::Bound},
    };

    const BEGIN: i64 = 1_795_132_800_000;

    /// A keeper of a file of its own.
    fn keeper(name: &str) -> (Keeper, std::path::PathBuf) {
        let name = format!("throughway-records-{name}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let location = Location::File(directory.join("records.db"));
        let age = Duration::from_secs(365 * 24 * 3600);
        let limits = Limits {
            age,
            size: u64::MAX,
            usage_age: age,
        };
        let shared = Arc::new(Shared::new(crate::records::Counts::default()));
        (Keeper::new(location, limits, shared), directory)
    }

    async fn write(keeper: &mut Keeper, first: i64, is_again: bool) -> Result<(), Failure> {
        let records = (0..20).map(|at| Arc::new(sample(BEGIN + first * 20 + at)));
        let records: Vec<Arc<Record>> = records.collect();
        let batch = Batch {
            records: &records,
            is_again,
        };
        keeper.write(&batch).await?;
        if is_again {
            return keeper.write(&batch).await;
        }
        Ok(())
    }

    async fn pragma(keeper: &mut Keeper, sql: &str) {
        let open = keeper.open().await.expect("it opens");
        let mut session = Session::write(&open.database).await.expect("a session");
        session.execute(sql, Vec::new()).await.expect("a pragma");
        let _ = session.commit().await;
    }

    /// Lets the one writing connection write again.
    async fn allow_writing(keeper: &mut Keeper) {
        keeper.close().await;
        keeper.open().await.expect("it opens");
    }

    /// The rows, and what the sums count.
    async fn counted(keeper: &mut Keeper) -> (i64, i64) {
        let open = keeper.open().await.expect("it opens");
        let mut session = Session::read(&open.database).await.expect("a session");
        let rows = "SELECT COUNT(*) FROM throughway_records";
        let rows: Vec<(i64,)> = session.rows(rows, &[]).await.expect("rows");
        let sums = "SELECT SUM(requests) FROM throughway_record_usage WHERE span = $1";
        let sums: Vec<(i64,)> = session.rows(sums, &[Bound::int(3600)]).await.expect("sums");
        (rows[0].0, sums[0].0)
    }

    fn cause(failure: Result<(), Failure>) -> Cause {
        match failure {
            Err(Failure::Outage(StoreError::Unavailable { cause, .. })) => cause,
            other => panic!("{other:?}"),
        }
    }

    /// SQLite's own limit gives the error that a full disk gives.
    #[tokio::test]
    async fn a_full_disk_loses_nothing_that_was_stored() {
        let (mut keeper, directory) = keeper("full");
        pragma(&mut keeper, "PRAGMA max_page_count = 100").await;
        let mut written = 0;
        let failure = loop {
            match write(&mut keeper, written, false).await {
                Ok(()) => written += 1,
                failure => break failure,
            }
        };
        assert_eq!(cause(failure), Cause::Full);
        assert!(written > 3, "{written}");
        assert_eq!(counted(&mut keeper).await, (written * 20, written * 20));
        pragma(&mut keeper, "PRAGMA max_page_count = 100000").await;
        write(&mut keeper, written, false)
            .await
            .expect("there is room");
        keeper.close().await;
        std::fs::remove_dir_all(directory).expect("removed");
    }

    #[tokio::test]
    async fn a_read_only_store_is_an_outage_and_a_batch_that_comes_twice_counts_once() {
        let (mut keeper, directory) = keeper("read-only");
        pragma(&mut keeper, "PRAGMA query_only = 1").await;
        assert_eq!(cause(write(&mut keeper, 0, false).await), Cause::ReadOnly);
        allow_writing(&mut keeper).await;
        write(&mut keeper, 0, true).await.expect("stored");
        assert_eq!(counted(&mut keeper).await, (20, 20));
        keeper.close().await;
        std::fs::remove_dir_all(directory).expect("removed");
    }

    #[tokio::test]
    async fn an_id_that_is_there_already_is_a_bad_record() {
        let (mut keeper, directory) = keeper("twice");
        let record = [Arc::new(sample(BEGIN))];
        let batch = Batch {
            records: &record,
            is_again: false,
        };
        keeper.write(&batch).await.expect("stored");
        let again = keeper.write(&batch).await;
        assert!(matches!(again, Err(Failure::BadRecord(_))), "{again:?}");
        assert_eq!(counted(&mut keeper).await, (1, 1));
        keeper.close().await;
        std::fs::remove_dir_all(directory).expect("removed");
    }
}
