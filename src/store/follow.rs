//! Follows a database that other processes may change: it is polled, and PostgreSQL notifies
//! besides. What is seen is told by a `watch` channel.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

use super::{
    Timing,
    database::{Database, listen},
    error::{Cause, Place, Result, StoreError},
};

/// How often a database that cannot be read is tried again, at least.
const RETRY: Duration = Duration::from_secs(1);

/// What is known of the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The newest revision seen.
    pub revision: u64,
    /// Why changes by others cannot be seen now.
    pub read_failure: Option<StoreError>,
    /// Why the last change could not be made.
    pub write_failure: Option<StoreError>,
}

/// The tasks that follow a database, until they are dropped.
pub(super) struct Follower {
    status: watch::Sender<Status>,
    tasks: Vec<JoinHandle<()>>,
}

impl Follower {
    pub(super) fn start(database: &Arc<Database>, revision: u64, timing: Timing) -> Self {
        let status = watch::Sender::new(Status {
            revision,
            ..Status::default()
        });
        let seconds = match &database.place {
            Place::Memory => {
                let tasks = Vec::new(); // no other process can change it
                return Self { status, tasks };
            }
            Place::File(_) => 1,
            Place::Server { .. } => 30,
        };
        let interval = timing.poll.unwrap_or(Duration::from_secs(seconds));
        let wake = Arc::new(Notify::new());
        let poll = Poll {
            database: database.clone(),
            status: status.clone(),
            wake: wake.clone(),
            interval,
            patience: timing.patience,
        };
        let tasks = vec![
            tokio::spawn(poll.run()),
            tokio::spawn(listen(database.clone(), wake)),
        ];
        Self { status, tasks }
    }

    pub(super) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Tells of a change by this process. Changes may be told in another order than they were
    /// made in.
    pub(super) fn note_revision(&self, revision: u64) {
        self.status.send_if_modified(|status| {
            let is_newer = revision > status.revision;
            status.revision = status.revision.max(revision);
            is_newer
        });
    }

    /// Notes how the last change ended.
    pub(super) fn note_write(&self, failure: Option<&StoreError>) {
        self.status.send_if_modified(|status| {
            let is_new = status.write_failure.as_ref() != failure;
            if is_new {
                status.write_failure = failure.cloned();
            }
            is_new
        });
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Reads the revision at every wake, and at least once in an interval.
struct Poll {
    database: Arc<Database>,
    status: watch::Sender<Status>,
    wake: Arc<Notify>,
    interval: Duration,
    patience: Duration,
}

impl Poll {
    async fn run(self) {
        loop {
            let failed = self.status.borrow().read_failure.is_some();
            let retry = self.interval.min(RETRY);
            let pause = if failed { retry } else { self.interval };
            let _ = tokio::time::timeout(pause, self.wake.notified()).await;
            let read = self.revision().await;
            self.status
                .send_if_modified(|status| note_read(status, read));
        }
    }

    /// A connection that was cut without a word would keep a statement waiting for minutes.
    async fn revision(&self) -> Result<u64> {
        let read = async { self.database.read().await?.revision().await };
        // One wait for a connection, one for the response.
        let limit = self.patience.saturating_mul(2);
        let late = |late| self.database.place.unavailable(Cause::NoResponse, late);
        tokio::time::timeout(limit, read).await.map_err(late)?
    }
}

fn note_read(status: &mut Status, read: Result<u64>) -> bool {
    let (revision, read_failure) = match read {
        Ok(revision) => (revision, None),
        Err(error) => (status.revision, Some(error)),
    };
    let is_new = revision != status.revision || read_failure != status.read_failure;
    status.revision = revision;
    status.read_failure = read_failure;
    is_new
}
