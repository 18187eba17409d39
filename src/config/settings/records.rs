//! Settings of the records of requests.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smart_default::SmartDefault;

use crate::config::enums::{ObjectStoreKind, RecordStore};
use crate::config::kind::{Kind as _, List};
use crate::config::name::SummedName;
use crate::config::units::{ByteSize, Count, Retention};

const DAY: Duration = Duration::from_secs(24 * 3600);
const RETENTION: Duration = DAY.saturating_mul(30);
const USAGE_RETENTION: Duration = DAY.saturating_mul(400);

/// The records of requests, without bodies and secrets: see [records](records.md).
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Records {
    /// Where records are stored. `auto`: of the same kind as `store`. `sqlite`: the file
    /// `records.db` in `data_dir`. `postgres`: the database of `store`, in tables of their own.
    /// `memory`: the newest 10000, in the process. `off`: nowhere.
    ///
    /// A store that fails never delays or refuses a request: records wait, and once
    /// `queue.bytes` of them do, they are lost, counted by `throughway_records_dropped_total`.
    #[schemars(example = &"off")]
    pub store: RecordStore,
    /// How long records are stored.
    ///
    /// Older ones are removed, in PostgreSQL a day at a time.
    #[default(RETENTION)]
    #[serde(with = "Retention")]
    #[schemars(example = &"7d")]
    pub retention: Duration,
    /// How large the database of records may be.
    ///
    /// Beyond it the oldest records are removed, and an SQLite file shrinks. In PostgreSQL the
    /// records of the current day stay, whatever their size.
    #[default(2 << 30)]
    #[serde(with = "ByteSize")]
    #[schemars(example = &"20GiB")]
    pub max_size: u64,
    /// How long the hourly and daily sums of the records are stored.
    ///
    /// They are small, and outlive the records.
    #[default(USAGE_RETENTION)]
    #[serde(with = "Retention")]
    #[schemars(example = &"90d")]
    pub usage_retention: Duration,
    /// Names of metadata whose values are summed up, at most 8.
    ///
    /// `GET /gateway/admin/v1/usage?group=metadata.user` then tells what each `user` has used and
    /// cost; it begins with what arrives after the start. Values that nobody should choose for
    /// themselves are set by the `metadata` of keys and teams.
    #[serde(with = "List::<SummedName>")]
    #[schemars(example = ["user", "project"])]
    pub usage_metadata: Vec<String>,
    /// Records on their way to the store.
    pub queue: RecordQueue,
}

impl Records {
    /// The kind of store, where `store` is of this kind.
    pub fn kind(&self, store: ObjectStoreKind) -> ObjectStoreKind {
        match self.store {
            RecordStore::Auto => store,
            RecordStore::Sqlite => ObjectStoreKind::Sqlite,
            RecordStore::Postgres => ObjectStoreKind::Postgres,
            RecordStore::Memory => ObjectStoreKind::Memory,
            RecordStore::Off => ObjectStoreKind::Off,
        }
    }
}

/// The queue of records that are not stored yet.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RecordQueue {
    /// How many records the queue holds.
    ///
    /// It is emptied fifty times a second. Records for which there is no room are lost and counted.
    #[default(32_768)]
    #[serde(with = "Count::<1_000_000>")]
    #[schemars(example = 100_000)]
    pub records: usize,
    /// How much memory the records of the queue may take.
    ///
    /// Those that wait for a slow store may take as much again.
    #[default(32 << 20)]
    #[serde(with = "ByteSize")]
    #[schemars(example = &"128MiB")]
    pub bytes: u64,
}
