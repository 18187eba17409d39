//! What becomes of the records of requests that have ended: they are shown, stored and summed up,
//! on threads of their own. No request waits for any of it.

mod columns;
mod conditions;
mod database;
mod filter;
mod fold;
mod insert;
mod keeper;
mod metadata_sums;
mod partitions;
mod retention;
mod rollup;
mod room;
#[cfg(test)]
mod samples;
mod search;
mod session;
mod shown;
mod sketch;
mod state;
mod tail;
mod usage;
mod writer;

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::watch,
    time::Instant,
};

pub use self::{
    database::RECORDS_FILE,
    filter::{BadParameter, Column, Filter, time},
    retention::Limits,
    rollup::{Amounts, COST, COUNTS, Span},
    search::{Page, SearchError},
    shown::shown,
    state::{Counts, Health},
    tail::{Watch, Watched},
    usage::{METADATA, RowKey, UsageQuery, UsageRow},
};
use self::{keeper::Keeper, state::Shared};
use crate::{
    record::{Consumer, ParkedIntake, Queue, QueueCounts, QueueLimits},
    store::Location,
};

/// How long records may take to be stored when the program ends.
const LAST_RECORDS: Duration = Duration::from_secs(5);
/// How long the thread may then take to end.
const LAST_STEPS: Duration = Duration::from_secs(2);

/// The queue of records and what is behind it. Made with the process; works once it is started.
pub struct Records {
    pub queue: Arc<Queue>,
    intake: ParkedIntake,
    shared: Arc<Shared>,
    limits: QueueLimits,
    ending: watch::Sender<Option<Instant>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The runtime of the thread of searches.
    searches: OnceLock<Handle>,
}

impl Records {
    pub fn new(limits: QueueLimits, counts: Counts) -> Self {
        let of_queue = QueueCounts {
            dropped: counts.dropped.clone(),
            queued: counts.queued.clone(),
        };
        let (queue, intake) = Queue::new(limits, of_queue);
        Records {
            queue: Arc::new(queue),
            intake: ParkedIntake::new(intake),
            shared: Arc::new(Shared::new(counts)),
            limits,
            ending: watch::Sender::new(None),
            thread: Mutex::default(),
            searches: OnceLock::new(),
        }
    }

    /// Sums up what each value of these names of metadata uses; told once, before the start.
    pub fn sum_up(&self, names: &[String]) {
        self.shared.sum_up(names);
        self.queue.put_first(self.shared.summed());
    }

    /// The names of metadata whose values are summed up.
    pub fn summed(&self) -> &[Box<str>] {
        self.shared.summed()
    }

    /// Starts the thread that writes records; once. Without a location nothing is stored.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(
        &self,
        store: Option<(Location, Limits)>,
        consumers: Vec<Box<dyn Consumer>>,
    ) -> std::io::Result<()> {
        let Some(intake) = self.intake.take() else {
            return Ok(());
        };
        let (has_store, has_consumers) = (store.is_some(), !consumers.is_empty());
        let is_server = matches!(store, Some((Location::Postgres(_), _)));
        let is_wanted = has_store || has_consumers;
        let shared = self.shared.clone();
        shared.has_store(has_store);
        let keeper = store.map(|(location, limits)| Keeper::new(location, limits, shared.clone()));
        if has_store {
            self.start_searches(is_server)?;
        }
        let (most_bytes, ending) = (self.limits.bytes, self.ending.subscribe());
        let runtime = runtime(is_server || has_consumers)?;
        let work = move || {
            let run = writer::run(intake, keeper, consumers, shared, most_bytes, ending);
            runtime.block_on(run);
        };
        let thread = thread::Builder::new()
            .name("records".to_owned())
            .spawn(work)?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        self.shared.is_wanted(is_wanted);
        self.queue.turn_on(is_wanted);
        Ok(())
    }

    /// Starts the thread of searches, which ends with the program.
    fn start_searches(&self, is_server: bool) -> std::io::Result<()> {
        let runtime = runtime(is_server)?;
        let handle = runtime.handle().clone();
        let mut ending = self.ending.subscribe();
        let until_the_end = async move { drop(ending.wait_for(Option::is_some).await) };
        let work = move || runtime.block_on(until_the_end);
        thread::Builder::new()
            .name("searches".to_owned())
            .spawn(work)?;
        // It is started once.
        let _ = self.searches.set(handle);
        Ok(())
    }

    /// Stores what is in the queue, within a limit of time, and ends the thread. What is closed
    /// after this is lost.
    pub async fn finish(&self) {
        let deadline = Instant::now() + LAST_RECORDS;
        self.ending.send_replace(Some(deadline));
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(thread) = thread else { return };
        while !thread.is_finished() && Instant::now() < deadline + LAST_STEPS {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.shared.tell_end();
    }

    /// The program ends at once: counts what was closed and is not stored. `closed`: all requests
    /// that have ended.
    pub fn give_up(&self, closed: u64) {
        let counts = &self.shared.counts;
        let done = counts.stored.get().saturating_add(counts.dropped.get());
        let lost = closed.saturating_sub(done);
        if self.shared.health().state == "off" || lost == 0 {
            return;
        }
        counts.dropped.inc_by(lost);
        tracing::error!(lost, "the program ends at once: records are not stored");
    }

    /// What is known of the store.
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Begins to watch records as they are closed; `None`: too many do.
    pub fn watch(&self) -> Option<Watch> {
        let (queue, shared) = (self.queue.clone(), self.shared.clone());
        let left = move || {
            queue.turn_on(shared.wants_all() || shared.tail.is_watched());
            // Somebody may have come in between.
            if shared.tail.is_watched() {
                queue.turn_on(true);
            }
        };
        let watch = self.shared.tail.watch(left)?;
        self.queue.turn_on(true);
        Some(watch)
    }
}

/// A runtime for one thread. `dials`: its tasks have sockets; without, it takes no descriptors.
fn runtime(dials: bool) -> std::io::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder.enable_time();
    if dials {
        builder.enable_io();
    }
    builder.build()
}
