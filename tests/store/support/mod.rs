//! What the tests share: the three stores, short forms of changes, and waiting.

mod directory;
mod edits;
mod postgres;

use std::time::{Duration, Instant};

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions,
};
use throughway::{
    secret::Secret,
    store::{Location, Options, SealKeys, Store, StoreError, Timing},
};

pub use self::{
    directory::Directory,
    edits::{create, delete, document, entry, id, update},
    postgres::{PASSWORD, Postgres, run},
};

/// How long a test waits for what must happen.
const LIMIT: Duration = Duration::from_secs(20);

/// Two keys, as `openssl rand -base64 32` prints them.
pub const OLD_KEY: &str = "yQj4nY0rXk3v9tq1mJt0Q6l8w2Hs5a+bZcVdEe/fGg8=";
pub const NEW_KEY: &str = "1fA9cKq7uT0mVb2xWe5rZy8sLp3oHn6dGj4iQaRkXtM=";

/// A database of its own for one test.
pub struct Stage {
    pub location: Location,
    /// Removed at the end.
    _directory: Option<Directory>,
    /// Stopped by the last test that uses it.
    _server: Option<Postgres>,
}

impl Stage {
    pub fn memory() -> Self {
        Self::at(Location::Memory)
    }

    pub fn file() -> Self {
        let directory = Directory::new();
        Self {
            location: Location::File(directory.path().join("data/throughway.db")),
            _directory: Some(directory),
            _server: None,
        }
    }

    pub async fn postgres() -> Self {
        let server = Postgres::shared();
        Self {
            location: Location::Postgres(Secret::new(server.new_database().await)),
            _directory: None,
            _server: Some(server),
        }
    }

    /// At a server that the test keeps.
    pub fn at_url(url: &str) -> Self {
        Self::at(Location::Postgres(Secret::new(url)))
    }

    /// A database that the test keeps.
    pub fn at(location: Location) -> Self {
        Self {
            location,
            _directory: None,
            _server: None,
        }
    }

    pub async fn open(&self) -> Store {
        let options = Options::new(self.location.clone());
        Store::open(options).await.expect("the store opens")
    }

    /// Opens it with these times.
    pub async fn open_timed(&self, poll: Duration, patience: Duration) -> Store {
        let options = Options {
            timing: Timing {
                poll: Some(poll),
                patience,
            },
            ..Options::new(self.location.clone())
        };
        Store::open(options).await.expect("the store opens")
    }

    /// Opens it with these keys, of which the first seals.
    pub async fn open_sealed(&self, keys: &[&str]) -> Result<Store, StoreError> {
        let options = Options {
            seal_keys: Some(seal_keys(keys)),
            ..Options::new(self.location.clone())
        };
        Store::open(options).await
    }
}

pub fn seal_keys(keys: &[&str]) -> SealKeys {
    let keys: Vec<Secret> = keys.iter().copied().map(Secret::new).collect();
    SealKeys::new(&keys).expect("good keys")
}

/// Runs a test on each of the three stores.
pub async fn on_each(test: impl AsyncFn(Stage)) {
    println!("in memory");
    test(Stage::memory()).await;
    on_each_shared(test).await;
}

/// Runs a test on both databases that several processes can open.
pub async fn on_each_shared(test: impl AsyncFn(Stage)) {
    println!("in a file");
    test(Stage::file()).await;
    println!("in PostgreSQL");
    test(Stage::postgres().await).await;
}

/// Runs statements of the test's own in the database.
pub async fn sql(stage: &Stage, sql: &str) {
    match &stage.location {
        Location::Memory => panic!("nobody else can open it"),
        Location::File(path) => {
            let options = SqliteConnectOptions::new().filename(path);
            let connection = SqliteConnection::connect_with(&options).await;
            let mut connection = connection.expect("a connection");
            let done = connection.execute(AssertSqlSafe(sql.to_owned())).await;
            done.unwrap_or_else(|error| panic!("{sql}: {error}"));
            connection.close().await.expect("closed");
        }
        Location::Postgres(url) => run(url.expose(), sql).await,
    }
}

/// Waits until a condition holds.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < LIMIT, "not so in {LIMIT:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An error that a store did not open with.
pub async fn refused(options: Options) -> StoreError {
    match Store::open(options).await {
        Ok(store) => panic!("{} opened", store.place()),
        Err(error) => error,
    }
}
