//! PostgreSQL: a small pool, and a connection of its own that listens for changes by others.

use std::{str::FromStr as _, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions as _, PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::sync::Notify;
use url::Url;

use super::{Database, Durability, Pools, Schema, migrator};
use crate::{
    secret::Secret,
    store::{
        error::{Place, Result, StoreError},
        session::CHANNEL,
    },
};

/// How long the connection for notifications may take.
const LISTEN_PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait before listening is tried again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// What may stand in the URL's query. sqlx only logs a warning about others, with their values.
const PARAMETERS: [&str; 10] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
];

pub(super) async fn open(url: &Secret, schema: &Schema, patience: Duration) -> Result<Database> {
    let options = options(url)?;
    let place = place(&options);
    let pool = |connections, options| {
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(patience)
            .connect_lazy_with(options)
    };
    let (writer, reader) = match schema.durability {
        Durability::Full => {
            let shared = pool(schema.readers, options);
            (shared.clone(), shared)
        }
        Durability::Recent => (pool(1, options.clone()), pool(schema.readers, options)),
    };
    match migrate(&place, &writer, schema).await {
        Ok(()) => Ok(Database {
            place,
            pools: Pools::Postgres { writer, reader },
        }),
        Err(error) => {
            writer.close().await;
            Err(error)
        }
    }
}

fn options(url: &Secret) -> Result<PgConnectOptions> {
    let invalid = |what: &str| Err(StoreError::InvalidUrl(what.to_owned()));
    let Ok(parsed) = Url::parse(url.expose()) else {
        return invalid("must be postgres://USER:PASSWORD@HOST:PORT/DATABASE");
    };
    if !matches!(parsed.scheme(), "postgres" | "postgresql") {
        return invalid("must begin with postgres://");
    }
    for (name, _) in parsed.query_pairs() {
        if !PARAMETERS.contains(&&*name) {
            let known = PARAMETERS.join(", ");
            return invalid(&format!(
                "has an unknown parameter `{name}`; known: {known}"
            ));
        }
    }
    match PgConnectOptions::from_str(url.expose()) {
        Ok(options) => Ok(options.disable_statement_logging()),
        Err(_) => invalid("has a parameter with an invalid value"),
    }
}

fn place(options: &PgConnectOptions) -> Place {
    let host = match options.get_socket() {
        Some(directory) => directory.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let database = options.get_database();
    let database = database.unwrap_or_else(|| options.get_username());
    Place::Server {
        host,
        database: database.to_owned(),
    }
}

async fn migrate(place: &Place, pool: &PgPool, schema: &Schema) -> Result<()> {
    let fault = |error| place.fault(error);
    let mut transaction = pool.begin().await.map_err(fault)?;
    // Messages that a table is there already would be in the log at every start.
    let lock = "SELECT pg_advisory_xact_lock($1), \
                set_config('client_min_messages', 'warning', TRUE)";
    sqlx::query(lock)
        .bind(schema.lock)
        .execute(&mut *transaction)
        .await
        .map_err(fault)?;
    let migrated = migrator(schema.postgres, schema.table)
        .run(&mut *transaction)
        .await;
    migrated.map_err(|error| place.migration_fault(error))?;
    transaction.commit().await.map_err(fault)
}

/// Wakes the follower at every notification, and when the connection was lost, since
/// notifications were lost with it. Returns at once for a database that notifies nobody.
pub(in crate::store) async fn listen(database: Arc<Database>, wake: Arc<Notify>) {
    let Pools::Postgres { writer: pool, .. } = &database.pools else {
        return;
    };
    let own = PgPoolOptions::new().max_connections(1);
    let own = own.idle_timeout(None).max_lifetime(None);
    // A server that goes away while the connection is made is soon told of, too.
    let own = own.acquire_timeout(LISTEN_PATIENCE);
    let own = own.connect_lazy_with((*pool.connect_options()).clone());
    loop {
        // Only the loss of the connection ends it, which the follower reports.
        let _ = listen_once(&own, &wake).await;
        wake.notify_one();
        tokio::time::sleep(LISTEN_AGAIN).await;
    }
}

async fn listen_once(pool: &PgPool, wake: &Notify) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    wake.notify_one();
    while listener.try_recv().await?.is_some() {
        wake.notify_one();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{options, place};
    use crate::{secret::Secret, store::error::Place};

    #[test]
    fn an_invalid_url_is_refused_without_its_password() {
        let table = [
            "mysql://app:hunter2@db/x",
            "postgres://app:hunter2@db/x?pasword=hunter2",
            "postgres://app:hunter2@db/x?sslmode=hunter2",
            "postgres://app:hunter2@db:hunter2/x",
        ];
        for url in table {
            let error = options(&Secret::new(url)).expect_err(url).to_string();
            assert!(error.starts_with("the store's URL"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_place_names_host_and_database_only() {
        let options = options(&Secret::new("postgres://app:hunter2@db.example:6432/keys"));
        let place = place(&options.expect("a URL"));
        let Place::Server { host, database } = place else {
            panic!("{place:?}");
        };
        assert_eq!((&*host, &*database), ("db.example:6432", "keys"));
    }
}
