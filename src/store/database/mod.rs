//! The two databases behind one type: SQLite (a file or memory) and PostgreSQL. It opens them,
//! brings their schema up to date and begins transactions; the statements are in `session`.

mod postgres;
mod sqlite;

use std::{borrow::Cow, path::PathBuf, time::Duration};

use sqlx::{
    PgPool, SqlSafeStr as _, SqlitePool,
    migrate::{Migration, MigrationType, Migrator},
};

pub(super) use self::postgres::listen;
use super::{
    error::{Place, Result},
    session::{Session, Transaction},
};
use crate::secret::Secret;

/// Where the objects are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Nothing survives the process.
    Memory,
    /// An SQLite file. It is made if there is none, and so is its directory.
    File(PathBuf),
    /// A `postgres://` URL, which may hold a password.
    Postgres(Secret),
}

/// An open database.
pub(super) struct Database {
    pub(super) place: Place,
    pools: Pools,
}

enum Pools {
    Sqlite {
        /// One connection: SQLite has one writer at a time.
        writer: SqlitePool,
        /// Read-only; for a store in memory, the writer itself.
        reader: SqlitePool,
    },
    Postgres(PgPool),
}

impl Database {
    /// Opens the database and brings its schema up to date. Waits at most `patience` for a lock
    /// or a connection.
    pub(super) async fn open(location: &Location, patience: Duration) -> Result<Self> {
        match location {
            Location::Memory => sqlite::open_memory(patience).await,
            Location::File(path) => sqlite::open_file(path, patience).await,
            Location::Postgres(url) => postgres::open(url, patience).await,
        }
    }

    /// Begins a transaction that may write. In SQLite it holds the write lock from here on; in
    /// PostgreSQL, from [`Session::advance`] or [`Session::lock`] on.
    pub(super) async fn write(&self) -> Result<Session<'_>> {
        let transaction = match &self.pools {
            Pools::Sqlite { writer, .. } => {
                let begun = sqlite::begin(writer, "BEGIN IMMEDIATE").await;
                begun.map(Transaction::Sqlite)
            }
            Pools::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE";
                pool.begin_with(begin).await.map(Transaction::Postgres)
            }
        };
        self.session(transaction)
    }

    /// Begins a transaction that sees the store at one revision.
    pub(super) async fn read(&self) -> Result<Session<'_>> {
        let transaction = match &self.pools {
            Pools::Sqlite { reader, .. } => sqlite::begin(reader, "BEGIN")
                .await
                .map(Transaction::Sqlite),
            Pools::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
                pool.begin_with(begin).await.map(Transaction::Postgres)
            }
        };
        self.session(transaction)
    }

    fn session(&self, transaction: sqlx::Result<Transaction>) -> Result<Session<'_>> {
        match transaction {
            Ok(transaction) => Ok(Session::new(&self.place, transaction)),
            Err(error) => Err(self.place.fault(error)),
        }
    }

    /// Closes the connections. SQLite then moves its log into the file.
    pub(super) async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, reader } => {
                reader.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

/// The steps of a schema. A step that was released is never edited, since its digest is stored.
fn migrator(steps: &[(&'static str, &'static str)]) -> Migrator {
    let step = |(at, (name, sql)): (usize, &(&'static str, &'static str))| {
        let version = i64::try_from(at).unwrap_or(i64::MAX).saturating_add(1);
        let kind = MigrationType::Simple;
        Migration::new(
            version,
            Cow::Borrowed(name),
            kind,
            sql.into_sql_str(),
            false,
        )
    };
    let mut migrator = Migrator::with_migrations(steps.iter().enumerate().map(step).collect());
    // A PostgreSQL database may be shared with programs that use sqlx's own table name.
    migrator.dangerous_set_table_name("throughway_migrations");
    // Both databases run all steps in one transaction that begins with a lock of our own.
    migrator.set_locking(false);
    migrator
}
