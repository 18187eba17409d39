//! SQLite: a file with a write-ahead log, one writing connection and a few that only read; or a
//! database in memory on one connection.

use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use sqlx::{
    ConnectOptions as _, Executor as _, Sqlite, SqliteConnection, SqlitePool,
    pool::PoolConnection,
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions,
        SqliteSynchronous,
    },
};

use super::{Database, Durability, Pools, Schema, migrator};
use crate::store::{
    data_dir::create_directory,
    error::{Cause, Place, Result, StoreError},
};

/// The log is cut to this size once its content is in the file.
const LOG_SIZE: &str = "67108864";
/// How many pages the log has when its content is moved to the file. Pages at the end of a table are
/// written many times, and moved once.
const LOG_PAGES: &str = "4000";
/// The most memory for pages, in KiB when negative. A large transaction needs no other place.
const CACHE: &str = "-8192";

pub(super) async fn open_memory(schema: &Schema, patience: Duration) -> Result<Database> {
    let options = SqliteConnectOptions::new().in_memory(true);
    let place = Place::Memory;
    let writer = writer(&place, options, schema, patience).await?;
    let reader = writer.clone();
    Ok(Database {
        place,
        pools: Pools::Sqlite { writer, reader },
    })
}

pub(super) async fn open_file(
    path: &Path,
    schema: &Schema,
    patience: Duration,
) -> Result<Database> {
    let place = Place::File(path.to_owned());
    let file = path.to_owned();
    // A slow disk must not stop the runtime.
    let created = tokio::task::spawn_blocking(move || create(&file)).await;
    match created {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(file_fault(&place, &error)),
        Err(error) => return Err(place.unavailable(Cause::Other, error)),
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(patience)
        .journal_mode(SqliteJournalMode::Wal);
    let options = match schema.durability {
        // An acknowledged change survives a loss of power too. Changes are rare.
        Durability::Full => options.synchronous(SqliteSynchronous::Full),
        Durability::Recent => options
            .synchronous(SqliteSynchronous::Normal)
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .pragma("journal_size_limit", LOG_SIZE)
            .pragma("wal_autocheckpoint", LOG_PAGES)
            .pragma("cache_size", CACHE),
    };
    let writer = writer(&place, options, schema, patience).await?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(patience)
        .disable_statement_logging();
    let reader = pool_options(patience)
        .max_connections(schema.readers)
        .connect_lazy_with(options);
    Ok(Database {
        place,
        pools: Pools::Sqlite { writer, reader },
    })
}

/// The writing connection, with the schema up to date. It is never closed for being idle or old,
/// since a database in memory would be lost with it.
async fn writer(
    place: &Place,
    options: SqliteConnectOptions,
    schema: &Schema,
    patience: Duration,
) -> Result<SqlitePool> {
    let pool = pool_options(patience)
        .min_connections(1)
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.disable_statement_logging())
        .await
        .map_err(|error| place.fault(error))?;
    match migrate(place, &pool, schema).await {
        Ok(()) => Ok(pool),
        Err(error) => {
            pool.close().await;
            Err(error)
        }
    }
}

/// Transactions are begun and ended by statements of our own. sqlx's own `Transaction` loses count
/// when SQLite rolls back by itself, as it does on a full disk, and can begin no other then.
fn pool_options(patience: Duration) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .acquire_timeout(patience)
        // A file's connection cannot go stale. A caller that gives up during the test would take
        // the connection with it, and with the last one a database in memory.
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(roll_back(connection)))
}

/// Ends a transaction that was given up; without one, the statement fails. A limit of time that
/// was set for its statements ends with it.
async fn roll_back(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    connection.lock_handle().await?.remove_progress_handler();
    let _ = connection.execute("ROLLBACK").await;
    Ok(true)
}

/// Begins a transaction, which ends without effect when the connection is dropped.
pub(super) async fn begin(
    pool: &SqlitePool,
    statement: &'static str,
) -> sqlx::Result<PoolConnection<Sqlite>> {
    let mut connection = pool.acquire().await?;
    connection.execute(statement).await?;
    Ok(connection)
}

/// Holds the write lock, so that of two processes only one migrates.
async fn migrate(place: &Place, pool: &SqlitePool, schema: &Schema) -> Result<()> {
    let fault = |error| place.fault(error);
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
    let migrated = migrator(schema.sqlite, schema.table)
        .run(&mut *transaction)
        .await;
    migrated.map_err(|error| place.migration_fault(error))?;
    transaction.commit().await.map_err(fault)
}

/// Makes the file, readable and writable by its owner only, and the directories above it. SQLite
/// gives its other files the same permissions.
fn create(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        create_directory(directory)?;
    }
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path);
    opened.map(drop)
}

fn file_fault(place: &Place, error: &io::Error) -> StoreError {
    let cause = match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => Cause::ReadOnly,
        io::ErrorKind::PermissionDenied => Cause::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Cause::Full,
        _ => Cause::Other,
    };
    place.unavailable(cause, error)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Map, Value};
    use sqlx::Executor as _;

    use super::{Database, Pools, open_file};
    use crate::store::SCHEMA;
    use crate::store::{
        Cause, StoreError, apply,
        object::{AuditEntry, Change, Edit, Kind, ObjectId},
    };

    /// Makes an object of about one page; returns its error.
    async fn fill(database: &Database, count: usize) -> Option<StoreError> {
        let text = Value::from("x".repeat(4000));
        let change = Change::Create {
            object: ObjectId::new(Kind::Key, format!("key_{count}")),
            name: format!("name {count}"),
            document: Map::from_iter([("text".to_owned(), text)]),
        };
        let audit = AuditEntry::default();
        let session = match database.write().await {
            Ok(session) => session,
            Err(error) => return Some(error),
        };
        let applied = apply::apply(session, None, vec![Edit { change, audit }]);
        applied.await.err()
    }

    async fn limit_pages(database: &Database, limit: &'static str) {
        let Pools::Sqlite { writer, .. } = &database.pools else {
            panic!("a file");
        };
        writer.execute(limit).await.expect("a pragma");
    }

    /// SQLite's own limit gives the error that a full disk gives.
    #[tokio::test]
    async fn a_full_disk_is_told_and_loses_nothing() {
        let name = format!("throughway-full-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let opened = open_file(&directory.join("x.db"), &SCHEMA, Duration::from_secs(5)).await;
        let database = opened.expect("it opens");
        limit_pages(&database, "PRAGMA max_page_count = 60").await;
        let mut count = 0;
        let error = loop {
            match fill(&database, count).await {
                None => count += 1,
                Some(error) => break error,
            }
        };
        assert!(
            matches!(
                &error,
                StoreError::Unavailable {
                    cause: Cause::Full,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(
            error.to_string().contains("has no room left on its disk"),
            "{error}"
        );
        assert!(count > 10, "{count}");
        let mut session = database.read().await.expect("reads go on");
        let mut seen = 0;
        session.objects_since(0, |_| seen += 1).await.expect("read");
        assert_eq!(seen, count);
        assert_eq!(session.revision().await, Ok(count as u64));
        drop(session);
        limit_pages(&database, "PRAGMA max_page_count = 1000").await;
        assert_eq!(fill(&database, count).await, None);
        database.close().await;
        std::fs::remove_dir_all(directory).expect("removed");
    }
}
