//! How are old records removed? By age and by the size of the database: in SQLite a few at a time,
//! after which the file gives back the room; in PostgreSQL by dropping the partition of a day.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    columns,
    keeper::Failure,
    metadata_sums, partitions,
    rollup::Span,
    session::{Bound, Session},
};
use crate::{
    record::Record,
    store::{Database, Place},
};

/// Records that one step removes: few, so that no more go than are too many.
pub const STEP: i64 = 500;
/// Sums that one step removes.
const USAGE_STEP: i64 = 500;
/// Free pages that one step gives back.
const PAGES: i64 = 1000;
/// A database in memory keeps no more records than this.
const MOST_IN_MEMORY: i64 = 10_000;

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub age: Duration,
    pub size: u64,
    /// Age of sums.
    pub usage_age: Duration,
}

pub struct Retention {
    limits: Limits,
    /// Days, since 1970, that have a partition.
    days: BTreeSet<i64>,
    has_warned: bool,
}

impl Retention {
    pub fn new(limits: Limits) -> Self {
        Retention {
            limits,
            days: BTreeSet::new(),
            has_warned: false,
        }
    }

    /// The database was opened: nothing is known of it.
    pub fn begin(&mut self) {
        self.days.clear();
    }

    /// Makes the partitions that these records need.
    pub async fn prepare(
        &mut self,
        session: &mut Session<'_>,
        records: &[Arc<Record>],
    ) -> Result<(), Failure> {
        if !session.is_postgres() {
            return Ok(());
        }
        let arrived = records.iter().map(|it| columns::arrived(it));
        let days: BTreeSet<i64> = arrived.map(partitions::day_of).collect();
        let missing: Vec<i64> = days.difference(&self.days).copied().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let made = partitions::make(session, &missing).await;
        made.map_err(|error| Failure::Outage(session.place().fault(error)))
        // They are remembered once a step has seen them: this transaction may still fail.
    }

    /// Removes a little. Returns whether there is more to remove now.
    pub async fn step(&mut self, database: &Database) -> sqlx::Result<bool> {
        let now = Timestamp::now().as_second();
        let oldest = now - i64::try_from(self.limits.age.as_secs()).unwrap_or(i64::MAX / 2);
        let oldest_sum =
            now - i64::try_from(self.limits.usage_age.as_secs()).unwrap_or(i64::MAX / 2);
        match &database.place {
            Place::Server { .. } => {
                self.days = partitions::tidy(database, now, oldest, self.limits.size).await?;
                Ok(forget_sums(database, oldest_sum).await? == USAGE_STEP.unsigned_abs())
            }
            Place::Memory | Place::File(_) => {
                let removed = self.remove_records(database, oldest).await?;
                let sums = forget_sums(database, oldest_sum).await?;
                let given_back = give_back(database).await?;
                Ok(removed || given_back || sums == USAGE_STEP.unsigned_abs())
            }
        }
    }

    /// Removes the oldest records of an SQLite database, if they are too old or too many.
    async fn remove_records(&mut self, database: &Database, oldest: i64) -> sqlx::Result<bool> {
        let mut session = begin(database).await?;
        let before = if self.is_too_large(&mut session).await? {
            // Beyond any id.
            vec![0xff; 16]
        } else {
            columns::id_from(oldest.saturating_mul(1000))
        };
        let chosen = "SELECT document FROM throughway_records WHERE id < $1 ORDER BY id LIMIT $2";
        let documents =
            format!("DELETE FROM throughway_record_documents WHERE sequence IN ({chosen})");
        let values = || {
            let before = Cow::Borrowed(before.as_slice());
            vec![Bound::Bytes(before), Bound::int(STEP)]
        };
        session.execute(documents, values()).await?;
        let records = "DELETE FROM throughway_records WHERE id IN \
            (SELECT id FROM throughway_records WHERE id < $1 ORDER BY id LIMIT $2)";
        let removed = session.execute(records, values()).await?;
        session.commit().await?;
        Ok(removed == STEP.unsigned_abs())
    }

    async fn is_too_large(&mut self, session: &mut Session<'_>) -> sqlx::Result<bool> {
        let used = pragma(session, "page_count").await? - pragma(session, "freelist_count").await?;
        let used = used.saturating_mul(pragma(session, "page_size").await?);
        if let Place::Memory = session.place() {
            let sql = "SELECT COUNT(*) FROM throughway_records";
            return Ok(number(session, sql).await? > MOST_IN_MEMORY);
        }
        if used.unsigned_abs() <= self.limits.size {
            return Ok(false);
        }
        let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM throughway_records LIMIT 1)";
        let has_records = number(session, sql).await? > 0;
        if !has_records && !self.has_warned {
            self.has_warned = true;
            let size = self.limits.size;
            tracing::warn!(used, size, "sums alone take more than records.max_size");
        }
        Ok(has_records)
    }
}

/// Makes the file of an SQLite database smaller by pages that are free. Returns whether there are
/// more of them.
async fn give_back(database: &Database) -> sqlx::Result<bool> {
    if database.place == Place::Memory {
        return Ok(false);
    }
    let mut session = begin(database).await?;
    let free = pragma(&mut session, "freelist_count").await?;
    // A few are left for the next records.
    if free <= PAGES {
        return Ok(false);
    }
    // Each row of the result is a page that was given back.
    let sql = format!("PRAGMA incremental_vacuum({PAGES})");
    session.rows::<()>(sql, &[]).await?;
    session.commit().await?;
    Ok(free > 2 * PAGES)
}

/// Removes some sums that ended before a time; returns how many.
async fn forget_sums(database: &Database, oldest: i64) -> sqlx::Result<u64> {
    let mut session = begin(database).await?;
    let mut removed = 0;
    let tables = [
        ("throughway_record_usage", "at, digest"),
        (metadata_sums::TABLE, "at, name, digest"),
    ];
    for span in Span::ALL {
        let (span, before) = (span.seconds(), oldest - span.seconds());
        for (table, id) in tables {
            let sql = format!(
                "DELETE FROM {table} WHERE span = $1 AND ({id}) IN \
                 (SELECT {id} FROM {table} WHERE span = $1 AND at < $2 ORDER BY at LIMIT $3)"
            );
            let values = [span, before, USAGE_STEP].map(Bound::int).into();
            removed = session.execute(sql, values).await?.max(removed);
        }
    }
    session.commit().await?;
    Ok(removed)
}

async fn begin(database: &Database) -> sqlx::Result<Session<'_>> {
    let begun = Session::write(database).await;
    begun.map_err(|error| sqlx::Error::Configuration(Box::new(error)))
}

async fn pragma(session: &mut Session<'_>, name: &str) -> sqlx::Result<i64> {
    number(session, &format!("PRAGMA {name}")).await
}

async fn number(session: &mut Session<'_>, sql: &str) -> sqlx::Result<i64> {
    let rows = session.rows::<(i64,)>(sql, &[]).await?;
    Ok(rows.first().map_or(0, |(number,)| *number))
}
