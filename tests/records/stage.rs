//! A store of records for one test, and the records that are put into it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use throughway::{
    record::{Named, QueueLimits, Record, RouteKind, Times},
    records::{Counts, Filter, Limits, Records},
    store::Location,
};
use uuid::{NoContext, Timestamp, Uuid};

use crate::databases::eventually;
pub use crate::databases::{Stage, on_each};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What nothing is removed by.
pub const UNLIMITED: Limits = Limits {
    age: DAY.saturating_mul(3650),
    size: u64::MAX,
    usage_age: DAY.saturating_mul(3650),
};

pub const ROOMY: QueueLimits = QueueLimits {
    records: 1_000_000,
    bytes: 1 << 30,
};

impl Stage {
    /// The file, of a stage that has one.
    pub fn path(&self) -> PathBuf {
        match &self.location {
            Location::File(path) => path.clone(),
            Location::Memory | Location::Postgres(_) => panic!("no file"),
        }
    }

    /// A connection to the file, as another process has one.
    pub async fn connect(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path());
        SqliteConnection::connect_with(&options)
            .await
            .expect("a connection")
    }

    pub fn start(&self) -> Archive {
        self.start_with(ROOMY, UNLIMITED)
    }

    pub fn start_with(&self, queue: QueueLimits, limits: Limits) -> Archive {
        self.start_as(queue, limits, &[])
    }

    /// Sums up the values of these names of metadata.
    pub fn start_summing(&self, names: &[&str]) -> Archive {
        self.start_as(ROOMY, UNLIMITED, names)
    }

    fn start_as(&self, queue: QueueLimits, limits: Limits, names: &[&str]) -> Archive {
        let counts = Counts::default();
        let records = Records::new(queue, counts.clone());
        records.sum_up(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        let store = Some((self.location.clone(), limits));
        records.start(store, Vec::new()).expect("a thread");
        Archive { records, counts }
    }
}

/// A running store of records.
pub struct Archive {
    pub records: Records,
    pub counts: Counts,
}

impl Archive {
    pub fn push(&self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            self.records.queue.push(Box::new(record));
        }
    }

    /// Pushes records and waits until all of them are stored.
    pub async fn store(&self, records: impl IntoIterator<Item = Record>) {
        let records: Vec<Record> = records.into_iter().collect();
        let expected = self.counts.stored.get() + records.len() as u64;
        self.push(records);
        self.stored(expected).await;
    }

    /// Waits until this many have been stored.
    pub async fn stored(&self, count: u64) {
        eventually("all records are stored", async || {
            self.counts.stored.get() >= count
        })
        .await;
    }

    /// Waits until the store is as told.
    pub async fn is(&self, state: &str) {
        eventually(state, async || self.records.health().state == state).await;
    }

    /// The ids that a query finds, newest first.
    pub async fn find(&self, query: &[(&str, &str)]) -> Vec<Uuid> {
        let page = self.records.search(filter(query), None, 1000).await;
        let page = page.unwrap_or_else(|error| panic!("{query:?}: {error}"));
        page.records.iter().map(|it| it.id).collect()
    }

    /// How many records there are.
    pub async fn rows(&self) -> u64 {
        let (mut rows, mut cursor) = (0, None);
        loop {
            let page = self.records.search(Filter::default(), cursor, 1000).await;
            let page = page.expect("a page");
            rows += page.records.len() as u64;
            match page.next {
                Some(next) => cursor = Some(next),
                None => return rows,
            }
        }
    }
}

pub fn filter(query: &[(&str, &str)]) -> Filter {
    let mut filter = Filter::default();
    for (name, value) in query {
        assert_eq!(filter.take(name, value), Ok(true), "{name}={value}");
    }
    filter
}

/// The time of the tests' records: 2026-11-20T00:00:00Z, in milliseconds.
pub const BEGIN: i64 = 1_795_132_800_000;

/// An ordinary request that arrived this many milliseconds after [`BEGIN`].
pub fn record(after: i64) -> Record {
    let at = u64::try_from(BEGIN + after).expect("a time");
    let nanoseconds = u32::try_from(at % 1000 * 1_000_000).expect("below a second");
    let id = Uuid::new_v7(Timestamp::from_unix(NoContext, at / 1000, nanoseconds));
    Record {
        id,
        received: (BEGIN + after) * 1000,
        trace_id: id.to_string().into(),
        key: Some(named("key_app", "app")),
        route: RouteKind::Unified,
        provider: Some("openai".into()),
        origin: Some("https://api.openai.com".into()),
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        status: 200,
        outcome: "relayed".into(),
        model: Some("gpt-4o".into()),
        times: Times {
            end: 900_000,
            first_token: Some(80_000),
            ..Times::default()
        },
        ..Record::default()
    }
}

pub fn named(id: &str, name: &str) -> Named {
    Named {
        id: Arc::from(id),
        name: Arc::from(name),
    }
}
