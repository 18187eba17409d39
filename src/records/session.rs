//! One transaction on either database, with statements whose number of values varies. The
//! statements themselves are where they are used.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use sqlx::{
    AssertSqlSafe, Executor as _, FromRow, postgres::PgRow, query, query_as, sqlite::SqliteRow,
};

use crate::store::{Database, Place, StoreError, Transaction};

/// Instructions of SQLite between two looks at the clock.
const STEPS: i32 = 4000;

/// A value in place of `$1`, `$2` and so on.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound<'v> {
    Int(Option<i64>),
    Text(Option<Cow<'v, str>>),
    Bytes(Cow<'v, [u8]>),
}

impl<'v> Bound<'v> {
    pub fn text(text: impl Into<Cow<'v, str>>) -> Self {
        Bound::Text(Some(text.into()))
    }

    pub fn int(number: i64) -> Self {
        Bound::Int(Some(number))
    }
}

/// What can be read from the rows of both databases.
pub trait AnyRow:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> AnyRow for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

/// A transaction. Unless it is committed, it leaves nothing behind.
pub struct Session<'d> {
    database: &'d Database,
    transaction: Transaction,
}

/// Gives a statement its values.
macro_rules! bound {
    ($query:expr, $values:expr) => {
        $values
            .into_iter()
            .fold($query, |query, value| match value {
                Bound::Int(number) => query.bind(number),
                // An owned text moves into the query.
                Bound::Text(Some(Cow::Owned(text))) => query.bind(text),
                Bound::Text(Some(Cow::Borrowed(text))) => query.bind(text),
                Bound::Text(None) => query.bind(None::<&str>),
                Bound::Bytes(Cow::Owned(bytes)) => query.bind(bytes),
                Bound::Bytes(Cow::Borrowed(bytes)) => query.bind(bytes),
            })
    };
}

impl<'d> Session<'d> {
    pub async fn write(database: &'d Database) -> Result<Self, StoreError> {
        let transaction = database.begin_write().await?;
        Ok(Session {
            database,
            transaction,
        })
    }

    pub async fn read(database: &'d Database) -> Result<Self, StoreError> {
        let transaction = database.begin_read().await?;
        Ok(Session {
            database,
            transaction,
        })
    }

    pub fn place(&self) -> &Place {
        &self.database.place
    }

    pub fn is_postgres(&self) -> bool {
        match self.transaction {
            Transaction::Sqlite(_) => false,
            Transaction::Postgres(_) => true,
        }
    }

    /// Ends every later statement at a time.
    pub async fn limit(&mut self, time: Duration, deadline: Instant) -> sqlx::Result<()> {
        match &mut self.transaction {
            Transaction::Sqlite(on) => {
                let mut handle = on.lock_handle().await?;
                let goes_on = move || Instant::now() < deadline;
                handle.set_progress_handler(STEPS, goes_on);
                Ok(())
            }
            Transaction::Postgres(_) => {
                let milliseconds = time.as_millis();
                let sql = format!("SET LOCAL statement_timeout = {milliseconds}");
                self.execute(sql, Vec::new()).await.map(drop)
            }
        }
    }

    /// Runs a statement; returns how many rows it changed.
    pub async fn execute(
        &mut self,
        sql: impl Into<String>,
        values: Vec<Bound<'_>>,
    ) -> sqlx::Result<u64> {
        let sql = sql.into();
        match &mut self.transaction {
            Transaction::Sqlite(on) => {
                let done = bound!(query(AssertSqlSafe(sql)), values)
                    .execute(&mut **on)
                    .await?;
                Ok(done.rows_affected())
            }
            Transaction::Postgres(on) => {
                let done = bound!(query(AssertSqlSafe(sql)), values)
                    .execute(&mut **on)
                    .await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// The rows of a statement.
    pub async fn rows<T: AnyRow>(
        &mut self,
        sql: impl Into<String>,
        values: &[Bound<'_>],
    ) -> sqlx::Result<Vec<T>> {
        let sql = sql.into();
        match &mut self.transaction {
            Transaction::Sqlite(on) => {
                let query = bound!(query_as(AssertSqlSafe(sql)), values.iter().cloned());
                query.fetch_all(&mut **on).await
            }
            Transaction::Postgres(on) => {
                let query = bound!(query_as(AssertSqlSafe(sql)), values.iter().cloned());
                query.fetch_all(&mut **on).await
            }
        }
    }

    pub async fn commit(self) -> sqlx::Result<()> {
        match self.transaction {
            Transaction::Sqlite(mut on) => on.execute("COMMIT").await.map(drop),
            Transaction::Postgres(on) => on.commit().await,
        }
    }
}
