//! The tables of records, and how their database is opened: an SQLite file of their own, so that
//! keys and records cannot harm each other, or tables of their own in PostgreSQL.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, time::Duration};

use crate::store::{Cause, Database, Durability, Location, Schema, StoreError};

/// The name of the file in the data directory.
pub const RECORDS_FILE: &str = "records.db";

/// How long an operation waits for a lock or a connection.
pub const PATIENCE: Duration = Duration::from_secs(5);

const SCHEMA: Schema = Schema {
    sqlite: &[(
        "records",
        include_str!("migrations/sqlite/0001_records.sql"),
    )],
    postgres: &[(
        "records",
        include_str!("migrations/postgres/0001_records.sql"),
    )],
    table: "throughway_record_migrations",
    lock: 0x7468_726f_7265_6373,
    readers: 3,
    durability: Durability::Recent,
};

/// An open database of records.
pub struct OpenDatabase {
    pub database: Database,
    /// Which file it is: device and inode.
    file: Option<(u64, u64)>,
    location: Location,
}

impl OpenDatabase {
    /// # Errors
    /// It cannot be used, is damaged, or is newer than this program.
    pub async fn open(location: &Location) -> Result<Self, StoreError> {
        let database = Database::open(location, &SCHEMA, PATIENCE).await?;
        Ok(OpenDatabase {
            database,
            file: identity(location),
            location: location.clone(),
        })
    }

    /// Whether the file is still where it was; what is written to a removed file is lost.
    ///
    /// # Errors
    /// It is not.
    pub fn check_place(&self) -> Result<(), StoreError> {
        match self.file == identity(&self.location) {
            true => Ok(()),
            false => {
                let gone = "the file was removed or replaced";
                Err(self.database.place.unavailable(Cause::Away, gone))
            }
        }
    }
}

fn identity(location: &Location) -> Option<(u64, u64)> {
    match location {
        Location::Memory | Location::Postgres(_) => None,
        Location::File(path) => of_file(path),
    }
}

fn of_file(path: &Path) -> Option<(u64, u64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}
