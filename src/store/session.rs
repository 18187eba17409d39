//! One transaction and every statement that runs in one. Both databases understand the same
//! statements, except for notifications, which SQLite does not have.

use std::fmt::Display;

use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::{Executor as _, Postgres, Sqlite, pool::PoolConnection, query, query_as, query_scalar};

use super::{
    error::{Cause, MAYBE_MADE, Place, Result, StoreError},
    object::{AuditEntry, AuditRow, Kind, Object, ObjectId},
};

/// PostgreSQL's channel of notifications.
pub(super) const CHANNEL: &str = "throughway_store";

const SELECT_BY_ID: &str = "SELECT kind, id, name, document, revision, created_at, updated_at \
     FROM throughway_objects WHERE kind = $1 AND id = $2";
const SELECT_SINCE: &str = "SELECT kind, id, name, document, revision, created_at, updated_at \
     FROM throughway_objects WHERE revision > $1 ORDER BY revision";
const SELECT_SEALED: &str = "SELECT kind, id, name, document, revision, created_at, updated_at \
     FROM throughway_objects WHERE document LIKE '%\"$sealed\"%' ORDER BY revision";
const INSERT: &str = "INSERT INTO throughway_objects \
     (kind, id, name, document, revision, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE throughway_objects \
     SET name = $3, document = $4, revision = $5, updated_at = $6 WHERE kind = $1 AND id = $2";
const DELETE: &str = "DELETE FROM throughway_objects WHERE kind = $1 AND id = $2";
const BURY: &str = "INSERT INTO throughway_deletions (kind, id, revision) VALUES ($1, $2, $3)";
const UNBURY: &str = "DELETE FROM throughway_deletions WHERE kind = $1 AND id = $2";
const DELETED_SINCE: &str =
    "SELECT kind, id FROM throughway_deletions WHERE revision > $1 ORDER BY revision";
const LOCK: &str = "UPDATE throughway_state SET revision = revision";
const ADVANCE: &str = "UPDATE throughway_state SET revision = revision + 1 RETURNING revision";
const REVISION: &str = "SELECT revision FROM throughway_state";
const CANARY: &str = "SELECT canary FROM throughway_state";
const SET_CANARY: &str = "UPDATE throughway_state SET canary = $1";
const NEXT_AUDIT: &str =
    "UPDATE throughway_state SET audited = audited + 1 RETURNING audited, revision";
const INSERT_AUDIT: &str =
    "INSERT INTO throughway_audit (sequence, at, revision, entry) VALUES ($1, $2, $3, $4)";
const AUDIT: &str = "SELECT sequence, at, revision, entry FROM throughway_audit \
     WHERE sequence < $1 ORDER BY sequence DESC LIMIT $2";
/// Looks at the oldest rows only, whatever their number.
const FORGET_AUDIT: &str = "DELETE FROM throughway_audit WHERE sequence IN (SELECT sequence FROM \
     (SELECT sequence, at FROM throughway_audit ORDER BY sequence LIMIT $1) AS oldest \
     WHERE at < $2)";
const FORGET_DELETIONS: &str = "DELETE FROM throughway_deletions WHERE revision IN \
     (SELECT revision FROM throughway_deletions WHERE revision < $1 ORDER BY revision LIMIT $2)";
const OLDEST_AUDITED: &str = "SELECT revision FROM throughway_audit ORDER BY sequence LIMIT 1";
const NOTIFY: &str = "SELECT pg_notify($1, $2)";

type ObjectColumns = (String, String, String, String, i64, i64, i64);
type AuditColumns = (i64, i64, i64, String);

/// A transaction. Unless it is committed, it leaves nothing behind.
pub(super) struct Session<'a> {
    place: &'a Place,
    transaction: Transaction,
}

pub(crate) enum Transaction {
    /// A connection with an open transaction. The pool rolls back what is not committed.
    Sqlite(PoolConnection<Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// Runs the same expression on either database, with sqlx's errors explained.
macro_rules! run {
    ($session:ident, $on:ident => $work:expr) => {
        match &mut $session.transaction {
            Transaction::Sqlite($on) => $work.await,
            Transaction::Postgres($on) => $work.await,
        }
        .map_err(|error| $session.place.fault(error))
    };
}

/// Runs a statement without rows on either database; gives the number of rows it changed.
macro_rules! execute {
    ($session:ident, $sql:expr $(, $value:expr)*) => {
        run!($session, on => async {
            let done = query($sql)$(.bind($value))*.execute(&mut **on).await;
            done.map(|done| done.rows_affected())
        })
    };
}

impl<'a> Session<'a> {
    pub(super) fn new(place: &'a Place, transaction: Transaction) -> Self {
        Self { place, transaction }
    }

    pub(super) async fn commit(self) -> Result<()> {
        let committed = match self.transaction {
            Transaction::Sqlite(mut connection) => connection.execute("COMMIT").await.map(drop),
            Transaction::Postgres(transaction) => transaction.commit().await,
        };
        committed.map_err(|error| match error {
            sqlx::Error::Io(_) => self.place.unavailable(Cause::NoResponse, MAYBE_MADE),
            error => self.place.fault(error),
        })
    }

    /// Waits until no other transaction changes the store, and keeps others waiting.
    pub(super) async fn lock(&mut self) -> Result<()> {
        execute!(self, LOCK).map(drop)
    }

    /// The next revision. Locks as [`lock`](Self::lock) does, so that revisions become visible in
    /// their order.
    pub(super) async fn advance(&mut self) -> Result<u64> {
        let revision = run!(self, on => query_scalar(ADVANCE).fetch_one(&mut **on))?;
        Ok(i64::cast_unsigned(revision))
    }

    pub(super) async fn revision(&mut self) -> Result<u64> {
        let revision = run!(self, on => query_scalar(REVISION).fetch_one(&mut **on))?;
        Ok(i64::cast_unsigned(revision))
    }

    pub(super) async fn object(&mut self, object: &ObjectId) -> Result<Option<Object>> {
        let (kind, id) = (object.kind.name(), &object.id);
        let row: Option<ObjectColumns> = run!(self, on => {
            query_as(SELECT_BY_ID).bind(kind).bind(id).fetch_optional(&mut **on)
        })?;
        row.map(|row| object_of(self.place, row)).transpose()
    }

    /// Adds an object, or returns `false` if its id or name is in use.
    pub(super) async fn insert(&mut self, object: &Object) -> Result<bool> {
        let document = text_of(self.place, &object.document)?;
        let rows = execute!(
            self,
            INSERT,
            object.kind.name(),
            &object.id,
            &object.name,
            &document,
            object.revision.cast_signed(),
            object.created_at.as_millisecond(),
            object.updated_at.as_millisecond()
        )?;
        Ok(rows == 1)
    }

    /// Replaces an object that exists, or returns `false` if another has its name. The
    /// transaction cannot go on after that.
    pub(super) async fn update(&mut self, object: &Object) -> Result<bool> {
        let document = text_of(self.place, &object.document)?;
        run!(self, on => async {
            let done = query(UPDATE)
                .bind(object.kind.name())
                .bind(&object.id)
                .bind(&object.name)
                .bind(document)
                .bind(object.revision.cast_signed())
                .bind(object.updated_at.as_millisecond())
                .execute(&mut **on)
                .await;
            match done {
                Ok(_) => Ok(true),
                Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    /// Deletes an object and remembers the deletion for those who follow.
    pub(super) async fn delete(&mut self, object: &ObjectId, revision: u64) -> Result<()> {
        let (kind, id) = (object.kind.name(), &object.id);
        let revision = revision.cast_signed();
        execute!(self, DELETE, kind, id)?;
        execute!(self, BURY, kind, id, revision).map(drop)
    }

    /// Forgets that an object with this id was deleted.
    pub(super) async fn unbury(&mut self, object: &ObjectId) -> Result<()> {
        let (kind, id) = (object.kind.name(), &object.id);
        execute!(self, UNBURY, kind, id).map(drop)
    }

    /// Hands every object changed after `revision` to `visit`, in the order of their changes.
    pub(super) async fn objects_since(
        &mut self,
        revision: u64,
        mut visit: impl FnMut(Object) + Send,
    ) -> Result<()> {
        let place = self.place;
        let mut take = |row: ObjectColumns| -> Result<()> {
            visit(object_of(place, row)?);
            Ok(())
        };
        let revision = revision.cast_signed();
        // sqlx's errors and ours leave by the same way.
        run!(self, on => async {
            let mut rows = query_as(SELECT_SINCE).bind(revision).fetch(&mut **on);
            while let Some(row) = rows.try_next().await? {
                if let Err(error) = take(row) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        })?
    }

    pub(super) async fn deleted_since(&mut self, revision: u64) -> Result<Vec<ObjectId>> {
        let revision = revision.cast_signed();
        let rows: Vec<(String, String)> = run!(self, on => {
            query_as(DELETED_SINCE).bind(revision).fetch_all(&mut **on)
        })?;
        let object = |(kind, id): (String, String)| -> Result<ObjectId> {
            Ok(ObjectId::new(kind_of(self.place, &kind)?, id))
        };
        rows.into_iter().map(object).collect()
    }

    /// Objects that may hold sealed values.
    pub(super) async fn sealed_objects(&mut self) -> Result<Vec<Object>> {
        let rows: Vec<ObjectColumns> =
            run!(self, on => query_as(SELECT_SEALED).fetch_all(&mut **on))?;
        let object = |row| object_of(self.place, row);
        rows.into_iter().map(object).collect()
    }

    pub(super) async fn canary(&mut self) -> Result<Option<String>> {
        run!(self, on => query_scalar(CANARY).fetch_one(&mut **on))
    }

    pub(super) async fn set_canary(&mut self, canary: &str) -> Result<()> {
        execute!(self, SET_CANARY, canary).map(drop)
    }

    pub(super) async fn append_audit(&mut self, at: Timestamp, entry: &AuditEntry) -> Result<()> {
        let text = text_of(self.place, entry)?;
        let (sequence, revision): (i64, i64) =
            run!(self, on => query_as(NEXT_AUDIT).fetch_one(&mut **on))?;
        let at = at.as_millisecond();
        execute!(self, INSERT_AUDIT, sequence, at, revision, &text).map(drop)
    }

    /// Audit rows with a sequence below `before`, newest first.
    pub(super) async fn audit(&mut self, before: u64, limit: u32) -> Result<Vec<AuditRow>> {
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        let rows: Vec<AuditColumns> = run!(self, on => {
            query_as(AUDIT).bind(before).bind(i64::from(limit)).fetch_all(&mut **on)
        })?;
        let row = |row| audit_row_of(self.place, row);
        rows.into_iter().map(row).collect()
    }

    /// Removes rows of the audit log that were written before a time, if they are among the oldest
    /// `most`; returns their number.
    pub(super) async fn forget_audit(&mut self, before: Timestamp, most: u32) -> Result<u64> {
        let (most, before) = (i64::from(most), before.as_millisecond());
        execute!(self, FORGET_AUDIT, most, before)
    }

    /// Removes what remembers deletions whose audit rows are gone, at most `most`; returns their
    /// number.
    pub(super) async fn forget_deletions(&mut self, most: u32) -> Result<u64> {
        let (horizon, most) = (self.horizon().await?.cast_signed(), i64::from(most));
        execute!(self, FORGET_DELETIONS, horizon, most)
    }

    /// Whether all deletions after `revision` are remembered.
    pub(super) async fn remembers(&mut self, revision: u64) -> Result<bool> {
        Ok(self.horizon().await? <= revision.saturating_add(1))
    }

    /// From this revision on, all deletions are remembered: every change has an audit row.
    async fn horizon(&mut self) -> Result<u64> {
        let oldest: Option<i64> =
            run!(self, on => query_scalar(OLDEST_AUDITED).fetch_optional(&mut **on))?;
        match oldest {
            Some(oldest) => Ok(oldest.cast_unsigned()),
            None => Ok(self.revision().await?.saturating_add(1)),
        }
    }

    /// Tells the followers of other processes, at the commit.
    pub(super) async fn notify(&mut self, revision: u64) -> Result<()> {
        let Transaction::Postgres(on) = &mut self.transaction else {
            return Ok(()); // they poll
        };
        let told = query(NOTIFY).bind(CHANNEL).bind(revision.to_string());
        let told = told.execute(&mut **on).await;
        told.map(drop).map_err(|error| self.place.fault(error))
    }
}

fn object_of(place: &Place, row: ObjectColumns) -> Result<Object> {
    let (kind, id, name, document, revision, created_at, updated_at) = row;
    let kind = kind_of(place, &kind)?;
    let document: Map<String, Value> = match serde_json::from_str(&document) {
        Ok(document) => document,
        Err(error) => {
            let object = ObjectId::new(kind, id);
            return Err(no_object(place, &object, &error));
        }
    };
    Ok(Object {
        kind,
        id,
        name,
        document,
        revision: revision.cast_unsigned(),
        created_at: time_of(place, created_at)?,
        updated_at: time_of(place, updated_at)?,
    })
}

fn audit_row_of(place: &Place, row: AuditColumns) -> Result<AuditRow> {
    let (sequence, at, revision, entry) = row;
    let entry = serde_json::from_str(&entry);
    Ok(AuditRow {
        sequence: sequence.cast_unsigned(),
        at: time_of(place, at)?,
        revision: revision.cast_unsigned(),
        entry: entry
            .map_err(|error| no_object(place, &format_args!("audit row {sequence}"), &error))?,
    })
}

/// Tells where the JSON ends to be valid, and nothing of what it says.
fn no_object(place: &Place, what: &dyn Display, error: &serde_json::Error) -> StoreError {
    let (line, column) = (error.line(), error.column());
    place.damaged(format_args!(
        "{what} is no valid JSON object (line {line}, column {column})"
    ))
}

fn kind_of(place: &Place, name: &str) -> Result<Kind> {
    let unknown = || place.newer(format_args!("it has objects of the kind `{name}`"));
    Kind::of_name(name).ok_or_else(unknown)
}

fn time_of(place: &Place, milliseconds: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(milliseconds).map_err(|error| place.damaged(error))
}

/// JSON text escapes NUL, which PostgreSQL cannot store.
fn text_of(place: &Place, value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| place.unavailable(Cause::Other, error))
}
