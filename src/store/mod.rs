//! Where the objects are kept that operators change through the admin API (keys, teams,
//! endpoints), with the audit log: in SQLite, PostgreSQL or memory. The program loads the store
//! whole at its start and follows its changes. No request reads it.

mod apply;
mod data_dir;
mod database;
mod error;
mod follow;
mod object;
mod seal;
mod session;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

pub use self::{
    apply::Rotated,
    data_dir::{DATABASE_FILE, DataDir, DataDirError, data_dir},
    database::Location,
    error::{Cause, Place, Result, StoreError},
    follow::Status,
    object::{
        Applied, AuditEntry, AuditPage, AuditRow, Change, Changes, Contents, Edit, Kind, Object,
        ObjectId,
    },
    seal::{SealError, SealKeys, SealedPlace, WeakKey, hidden_in, hide_sealed, is_sealed},
};
pub(crate) use self::{
    database::{Database, Durability, Schema},
    session::Transaction,
};
use self::{error::MAYBE_MADE, follow::Follower, session::Session};
use crate::spend::SavedCount;

/// The most rows of one page of the audit log.
const LONGEST_PAGE: u32 = 1000;
/// A change waits for a connection, then for a lock, and then works: each at most `patience`.
const WAITS: u32 = 3;
/// How long it may take to read everything, beside `patience`.
const READING: Duration = Duration::from_secs(60);

/// The tables of objects.
const SCHEMA: Schema = Schema {
    sqlite: &[
        (
            "objects",
            include_str!("migrations/sqlite/0001_objects.sql"),
        ),
        ("spend", include_str!("migrations/sqlite/0002_spend.sql")),
    ],
    postgres: &[
        (
            "objects",
            include_str!("migrations/postgres/0001_objects.sql"),
        ),
        ("spend", include_str!("migrations/postgres/0002_spend.sql")),
    ],
    table: "throughway_migrations",
    lock: 0x7468_726f_7567_6877,
    readers: 4,
    durability: Durability::Full,
};

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    pub location: Location,
    /// What seals secrets. Without it, documents with sealed values are refused.
    pub seal_keys: Option<SealKeys>,
    pub timing: Timing,
}

impl Options {
    /// Without keys that seal, at the usual times.
    pub fn new(location: Location) -> Self {
        Self {
            location,
            seal_keys: None,
            timing: Timing::default(),
        }
    }
}

/// How long the store waits.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How often changes by other processes are looked for. `None`: once a second in SQLite, and
    /// in PostgreSQL, which notifies, every 30 seconds in case a notification was lost.
    pub poll: Option<Duration>,
    /// How long an operation waits for a lock or a connection.
    pub patience: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll: None,
            patience: Duration::from_secs(5),
        }
    }
}

/// An open store. Dropping it ends its background tasks.
pub struct Store {
    database: Arc<Database>,
    seal_keys: Option<SealKeys>,
    timing: Timing,
    follower: Follower,
}

impl Store {
    /// Opens the store, brings its schema up to date, and begins to follow it on the current
    /// runtime.
    ///
    /// # Errors
    /// The database cannot be used, is damaged or newer than this program, or was sealed with
    /// other keys.
    pub async fn open(options: Options) -> Result<Self> {
        let Options {
            location,
            seal_keys,
            timing,
        } = options;
        let database = Database::open(&location, &SCHEMA, timing.patience).await?;
        let mut session = database.read().await?;
        let checked = apply::check_keys(&mut session, seal_keys.as_ref()).await;
        let revision = session.revision().await;
        drop(session);
        let revision = match checked.and(revision) {
            Ok(revision) => revision,
            Err(error) => {
                database.close().await;
                return Err(error);
            }
        };
        let database = Arc::new(database);
        let follower = Follower::start(&database, revision, timing);
        Ok(Self {
            database,
            seal_keys,
            timing,
            follower,
        })
    }

    /// Which database it is, without user or password.
    pub fn place(&self) -> &Place {
        &self.database.place
    }

    /// The keys that seal secrets for documents.
    ///
    /// # Errors
    /// There is no `secret_key`.
    pub fn seal_keys(&self) -> Result<&SealKeys, SealError> {
        self.seal_keys.as_ref().ok_or(SealError::NoKeys)
    }

    /// Tells of every change, by whomever, and whether the database can be used. After a new
    /// revision, [`changes_since`](Self::changes_since) tells what it brought.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.follower.status()
    }

    /// Everything there is. A parsed document takes some 3 KiB, so a large store is read with
    /// [`load_each`](Self::load_each).
    ///
    /// # Errors
    /// The database cannot be used or is damaged.
    pub async fn load(&self) -> Result<Contents> {
        let mut objects = Vec::new();
        let revision = self.load_each(|object| objects.push(object)).await?;
        Ok(Contents { objects, revision })
    }

    /// Hands every object to `visit`, so that not all documents are in memory at once; returns the
    /// revision. After an error, what was visited is incomplete.
    ///
    /// # Errors
    /// The database cannot be used or is damaged.
    pub async fn load_each(&self, visit: impl FnMut(Object) + Send) -> Result<u64> {
        let read = self.read(async |session| {
            let revision = session.revision().await?;
            session.objects_since(0, visit).await?;
            Ok(revision)
        });
        read.await
    }

    /// What changed after `revision`.
    ///
    /// # Errors
    /// The database cannot be used or is damaged.
    pub async fn changes_since(&self, revision: u64) -> Result<Changes> {
        self.read(async |session| changes_since(session, revision).await)
            .await
    }

    /// Makes a change and writes its audit row. Both are durable when this returns.
    ///
    /// # Errors
    /// The name is in use, the object is missing or was changed meanwhile, a sealed value cannot
    /// be opened at its place, or the database cannot be used.
    pub async fn apply(&self, edit: Edit) -> Result<Applied> {
        let mut applied = self.apply_all(vec![edit]).await?;
        let nothing = || self.place().unavailable(Cause::Other, "no change was made");
        applied.pop().ok_or_else(nothing)
    }

    /// Makes several changes, in their order, all or none.
    ///
    /// # Errors
    /// As for [`apply`](Self::apply).
    pub async fn apply_all(&self, edits: Vec<Edit>) -> Result<Vec<Applied>> {
        let applied = self.change(async {
            let session = self.database.write().await?;
            apply::apply(session, self.seal_keys.as_ref(), edits).await
        });
        let applied = applied.await?;
        if let Some(last) = applied.last() {
            self.follower.note_revision(last.revision);
        }
        Ok(applied)
    }

    /// Writes an audit row for a change that is not the store's, such as one of the settings.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn append_audit(&self, entry: AuditEntry) -> Result<()> {
        let appended = self.change(async {
            let session = self.database.write().await?;
            apply::audit_only(session, entry).await
        });
        appended.await
    }

    /// A page of the audit log, newest first, from a cursor on.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn audit(&self, cursor: Option<u64>, limit: u32) -> Result<AuditPage> {
        let limit = limit.clamp(1, LONGEST_PAGE);
        let before = cursor.unwrap_or(u64::MAX);
        let rows = self.read(async |session| session.audit(before, limit + 1).await);
        let mut rows = rows.await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let last = rows.last().map(|row| row.sequence);
        let next = last.filter(|_| has_more);
        Ok(AuditPage { rows, next })
    }

    /// Removes some of what is older than `before`: rows of the audit log, and what remembers
    /// deleted objects. Returns whether there may be more. A follower that has not read the store
    /// for longer loads everything again.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn forget(&self, before: Timestamp) -> Result<bool> {
        let forgotten = self.change(async {
            let session = self.database.write().await?;
            apply::forget(session, before).await
        });
        forgotten.await
    }

    /// Adds to what was spent of budgets, all or nothing. Advances no revision.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn add_spend(&self, differences: &[SavedCount]) -> Result<()> {
        let added = self.change(async {
            let session = self.database.write().await?;
            apply::add_spend(session, differences).await
        });
        added.await
    }

    /// What was spent of budgets in windows that had not ended at this time.
    ///
    /// # Errors
    /// The database cannot be used or is damaged.
    pub async fn spend(&self, now: Timestamp) -> Result<Vec<SavedCount>> {
        self.read(async |session| session.spend(now).await).await
    }

    /// Removes what was spent in windows that ended before this time.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn forget_spend(&self, before: Timestamp) -> Result<()> {
        let forgotten = self.change(async {
            let mut session = self.database.write().await?;
            session.forget_spend(before).await?;
            session.commit().await
        });
        forgotten.await
    }

    /// Seals every sealed value with the first key. If one cannot be opened, none is changed.
    ///
    /// # Errors
    /// There is no key, a value cannot be opened, or the database cannot be used.
    pub async fn rotate_secrets(&self, audit: AuditEntry) -> Result<Rotated> {
        let keys = self.seal_keys()?;
        let rotated = self.change(async {
            let session = self.database.write().await?;
            apply::rotate(session, keys, audit).await
        });
        let rotated = rotated.await?;
        self.follower.note_revision(rotated.revision);
        Ok(rotated)
    }

    /// Ends the background tasks and closes the database.
    pub async fn close(self) {
        drop(self.follower);
        self.database.close().await;
    }

    /// Reads the store at one revision.
    async fn read<T>(&self, work: impl AsyncFnOnce(&mut Session<'_>) -> Result<T>) -> Result<T> {
        let read = async {
            let mut session = self.database.read().await?;
            work(&mut session).await
        };
        let limit = self.timing.patience.saturating_add(READING);
        match tokio::time::timeout(limit, read).await {
            Ok(result) => result,
            Err(late) => Err(self.place().unavailable(Cause::NoResponse, late)),
        }
    }

    /// Limits how long a change may take, and notes whether changes can be made.
    async fn change<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let limit = self.timing.patience.saturating_mul(WAITS);
        let result = match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(self.place().unavailable(Cause::NoResponse, MAYBE_MADE)),
        };
        match &result {
            Ok(_) => self.follower.note_write(None),
            Err(error) if error.is_outage() => self.follower.note_write(Some(error)),
            Err(_) => {}
        }
        result
    }
}

async fn changes_since(session: &mut Session<'_>, since: u64) -> Result<Changes> {
    let revision = session.revision().await?;
    if revision < since || (revision > since && !session.remembers(since).await?) {
        return Ok(Changes::LoadAgain);
    }
    let mut changed = Vec::new();
    session
        .objects_since(since, |object| changed.push(object))
        .await?;
    Ok(Changes::Since {
        changed,
        deleted: session.deleted_since(since).await?,
        revision,
    })
}
