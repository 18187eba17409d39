//! What can go wrong in the store, and what sqlx's errors mean. No error repeats a URL, which may
//! hold a password: a database is named by its file, or by host and name.

use std::{fmt, path::PathBuf};

use sqlx::{error::DatabaseError, migrate::MigrateError};

use super::{object::ObjectId, seal::SealError};

/// The detail of a change that got no response.
pub(super) const MAYBE_MADE: &str = "the change may have been made nevertheless";

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Why an operation on the store failed. A failed change left nothing behind, except where
/// [`Cause::NoResponse`] says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("the name `{name}` is in use by another {}", object.kind.name())]
    NameInUse { object: ObjectId, name: String },
    #[error("{object} exists already")]
    IdInUse { object: ObjectId },
    #[error("{object} was changed meanwhile: its revision is {found}, not {expected}")]
    RevisionConflict {
        object: ObjectId,
        expected: u64,
        found: u64,
    },
    #[error("there is no {object}")]
    NotFound { object: ObjectId },
    #[error("{object}: the id and the name must not be empty and must hold no control characters")]
    InvalidName { object: ObjectId },
    #[error("{place} {cause} ({detail})")]
    Unavailable {
        place: Place,
        cause: Cause,
        detail: String,
    },
    #[error(
        "{place} is damaged: {detail}. It was not changed. Keep a copy, then restore a backup, or \
         move it away to begin with an empty one"
    )]
    Damaged { place: Place, detail: String },
    #[error(
        "{place} was written by a newer version of throughway ({detail}). Start that version, or \
         restore a backup from before the upgrade"
    )]
    NewerSchema { place: Place, detail: String },
    #[error("the store's URL {0}")]
    InvalidUrl(String),
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl StoreError {
    /// Whether the store itself is at fault, and not the change.
    pub fn is_outage(&self) -> bool {
        match self {
            StoreError::Unavailable { .. }
            | StoreError::Damaged { .. }
            | StoreError::NewerSchema { .. } => true,
            StoreError::NameInUse { .. }
            | StoreError::IdInUse { .. }
            | StoreError::RevisionConflict { .. }
            | StoreError::NotFound { .. }
            | StoreError::InvalidName { .. }
            | StoreError::InvalidUrl(_)
            | StoreError::Seal(_) => false,
        }
    }
}

/// Why the store cannot be used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The database does not respond, or refuses connections.
    Away,
    /// Another process holds a lock for longer than we wait.
    Locked,
    /// No room on the disk.
    Full,
    /// The file, the file system or the database is read-only.
    ReadOnly,
    /// The database refuses the user, or has no such database.
    Denied,
    /// No response in time, or the connection was lost at the commit. A change may have been
    /// made nevertheless: load again to know.
    NoResponse,
    Other,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::Away => "does not respond",
            Cause::Locked => "is locked by another process",
            Cause::Full => "has no room left on its disk",
            Cause::ReadOnly => "is read-only",
            Cause::Denied => "refuses access",
            Cause::NoResponse => "did not respond",
            Cause::Other => "cannot be used",
        })
    }
}

/// Which database, as it may be told to anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Memory,
    File(PathBuf),
    Server { host: String, database: String },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Memory => f.write_str("the store in memory"),
            Place::File(path) => write!(f, "the database {}", path.display()),
            Place::Server { host, database } => {
                write!(f, "the PostgreSQL database {database} at {host}")
            }
        }
    }
}

impl Place {
    pub(crate) fn unavailable(&self, cause: Cause, detail: impl fmt::Display) -> StoreError {
        StoreError::Unavailable {
            place: self.clone(),
            cause,
            detail: detail.to_string(),
        }
    }

    pub(crate) fn damaged(&self, detail: impl fmt::Display) -> StoreError {
        StoreError::Damaged {
            place: self.clone(),
            detail: detail.to_string(),
        }
    }

    pub(super) fn newer(&self, detail: impl fmt::Display) -> StoreError {
        StoreError::NewerSchema {
            place: self.clone(),
            detail: detail.to_string(),
        }
    }

    /// What an error of sqlx means here.
    pub(crate) fn fault(&self, error: sqlx::Error) -> StoreError {
        use sqlx::Error;
        match error {
            Error::Database(error) => self.refused(&*error),
            Error::PoolTimedOut if matches!(self, Place::Server { .. }) => {
                self.unavailable(Cause::Away, "no connection in time")
            }
            Error::PoolTimedOut => self.unavailable(Cause::Locked, "another change is under way"),
            Error::Io(error) => self.unavailable(Cause::Away, error.kind()),
            Error::Tls(error) => self.unavailable(Cause::Away, format_args!("TLS: {error}")),
            Error::PoolClosed | Error::WorkerCrashed => {
                self.unavailable(Cause::Away, "the connection is closed")
            }
            Error::ColumnDecode { source, .. } => self.damaged(source),
            Error::Decode(error) => self.damaged(error),
            Error::Migrate(error) => self.migration_fault(*error),
            // sqlx may add others. These are mistakes in our own statements, without secrets.
            other => self.unavailable(Cause::Other, other),
        }
    }

    pub(super) fn migration_fault(&self, error: MigrateError) -> StoreError {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                self.fault(error)
            }
            MigrateError::VersionMissing(version) => {
                self.newer(format_args!("its schema has step {version}"))
            }
            other => self.damaged(other),
        }
    }

    fn refused(&self, error: &dyn DatabaseError) -> StoreError {
        let code = error.code().unwrap_or_default();
        let verdict = match self {
            Place::Memory | Place::File(_) => sqlite_verdict(code.parse().unwrap_or_default()),
            Place::Server { .. } => postgres_verdict(&code),
        };
        match verdict {
            Some(cause) => self.unavailable(cause, error.message()),
            None => self.damaged(error.message()),
        }
    }
}

/// What a result code of SQLite means; `None`: the file is damaged. See sqlite.org/rescode.html.
fn sqlite_verdict(extended_code: u32) -> Option<Cause> {
    match extended_code & 0xff {
        5 | 6 => Some(Cause::Locked),
        8 => Some(Cause::ReadOnly),
        13 => Some(Cause::Full),
        3 | 23 => Some(Cause::Denied),
        11 | 26 => None,
        _ => Some(Cause::Other),
    }
}

/// What an SQLSTATE of PostgreSQL means; `None`: its data is damaged (appendix A of its manual).
fn postgres_verdict(state: &str) -> Option<Cause> {
    match (state, state.get(..2).unwrap_or_default()) {
        ("XX001" | "XX002", _) => None,
        ("53100", _) => Some(Cause::Full),
        ("25006", _) => Some(Cause::ReadOnly),
        ("42501" | "3D000", _) | (_, "28") => Some(Cause::Denied),
        ("55P03" | "57014" | "40001" | "40P01", _) => Some(Cause::Locked),
        (_, "08" | "53" | "57") => Some(Cause::Away),
        _ => Some(Cause::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, postgres_verdict, sqlite_verdict};

    #[test]
    fn codes_of_sqlite_are_told_apart() {
        let table = [
            (5, Some(Cause::Locked)),
            (261, Some(Cause::Locked)), // SQLITE_BUSY_RECOVERY
            (13, Some(Cause::Full)),
            (1032, Some(Cause::ReadOnly)), // SQLITE_READONLY_DBMOVED
            (14, Some(Cause::Other)),
            (26, None),
            (267, None), // SQLITE_CORRUPT_VTAB
        ];
        for (code, verdict) in table {
            assert_eq!(sqlite_verdict(code), verdict, "{code}");
        }
    }

    #[test]
    fn states_of_postgres_are_told_apart() {
        let table = [
            ("57P01", Some(Cause::Away)), // terminated by an administrator
            ("57P03", Some(Cause::Away)), // starting up
            ("53300", Some(Cause::Away)), // too many connections
            ("53100", Some(Cause::Full)),
            ("25006", Some(Cause::ReadOnly)),
            ("28P01", Some(Cause::Denied)),
            ("3D000", Some(Cause::Denied)),
            ("55P03", Some(Cause::Locked)),
            ("XX001", None),
            ("42P01", Some(Cause::Other)),
            ("", Some(Cause::Other)),
        ];
        for (state, verdict) in table {
            assert_eq!(postgres_verdict(state), verdict, "{state}");
        }
    }
}
