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

/// The steps of a schema, each with its name. A step that was released is never edited, since its
/// digest is stored.
pub(crate) type Steps = &'static [(&'static str, &'static str)];

/// What a database is for: its tables, and how it is opened.
pub(crate) struct Schema {
    pub(crate) sqlite: Steps,
    pub(crate) postgres: Steps,
    /// sqlx's table of steps. A PostgreSQL database may be shared with programs that use sqlx's own
    /// name for it.
    pub(crate) table: &'static str,
    /// Held in PostgreSQL by the transaction that migrates, so that of several replicas only one
    /// does.
    pub(crate) lock: i64,
    /// Connections for reading.
    pub(crate) readers: u32,
    pub(crate) durability: Durability,
}

/// What a loss of power may take from an SQLite file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing that was acknowledged.
    Full,
    /// The last transactions. The file shrinks when rows are removed.
    Recent,
}

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
pub(crate) struct Database {
    pub(crate) place: Place,
    pools: Pools,
}

enum Pools {
    Sqlite {
        /// One connection: SQLite has one writer at a time.
        writer: SqlitePool,
        /// Read-only; for a store in memory, the writer itself.
        reader: SqlitePool,
    },
    Postgres {
        writer: PgPool,
        /// Where reading takes long, a pool of its own, so that it does not delay writing.
        reader: PgPool,
    },
}

impl Database {
    /// Opens the database and brings its schema up to date. Waits at most `patience` for a lock
    /// or a connection.
    pub(crate) async fn open(
        location: &Location,
        schema: &Schema,
        patience: Duration,
    ) -> Result<Self> {
        match location {
            Location::Memory => sqlite::open_memory(schema, patience).await,
            Location::File(path) => sqlite::open_file(path, schema, patience).await,
            Location::Postgres(url) => postgres::open(url, schema, patience).await,
        }
    }

    /// Begins a transaction that may write. In SQLite it holds the write lock from here on; in
    /// PostgreSQL, from [`Session::advance`] or [`Session::lock`] on.
    pub(super) async fn write(&self) -> Result<Session<'_>> {
        let transaction = self.begin_write().await?;
        Ok(Session::new(&self.place, transaction))
    }

    /// Begins a transaction that may write, for statements of other modules.
    pub(crate) async fn begin_write(&self) -> Result<Transaction> {
        let transaction = match &self.pools {
            Pools::Sqlite { writer, .. } => {
                let begun = sqlite::begin(writer, "BEGIN IMMEDIATE").await;
                begun.map(Transaction::Sqlite)
            }
            Pools::Postgres { writer, .. } => {
                let begin = "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE";
                writer.begin_with(begin).await.map(Transaction::Postgres)
            }
        };
        transaction.map_err(|error| self.place.fault(error))
    }

    /// Begins a transaction that sees the store at one revision.
    pub(super) async fn read(&self) -> Result<Session<'_>> {
        let transaction = self.begin_read().await?;
        Ok(Session::new(&self.place, transaction))
    }

    /// Begins a transaction that sees one state of the database, for statements of other modules.
    pub(crate) async fn begin_read(&self) -> Result<Transaction> {
        let transaction = match &self.pools {
            Pools::Sqlite { reader, .. } => sqlite::begin(reader, "BEGIN")
                .await
                .map(Transaction::Sqlite),
            Pools::Postgres { reader, .. } => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
                reader.begin_with(begin).await.map(Transaction::Postgres)
            }
        };
        transaction.map_err(|error| self.place.fault(error))
    }

    /// Closes the connections. SQLite then moves its log into the file.
    pub(crate) async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, reader } => {
                reader.close().await;
                writer.close().await;
            }
            Pools::Postgres { writer, reader } => {
                reader.close().await;
                writer.close().await;
            }
        }
    }
}

fn migrator(steps: Steps, table: &'static str) -> Migrator {
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
    migrator.dangerous_set_table_name(table);
    // Both databases run all steps in one transaction that begins with a lock of our own.
    migrator.set_locking(false);
    migrator
}
