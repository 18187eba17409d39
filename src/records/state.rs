//! What the writer of records, the searches and the health page share: the open database, what was
//! counted, and whether the store takes records. Failures are logged once, at their beginning and
//! their end.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;

use super::{database::OpenDatabase, tail::Tail};
use crate::{
    observe::metrics::{Count, Level},
    store::StoreError,
};

/// The metrics of records.
#[derive(Clone, Default)]
pub struct Counts {
    pub stored: Count,
    pub dropped: Count,
    pub queued: Level,
}

pub struct Shared {
    /// `None`: it is not open, now.
    pub database: ArcSwapOption<OpenDatabase>,
    pub counts: Counts,
    pub tail: Arc<Tail>,
    /// The names of metadata whose values are summed up.
    summed: OnceLock<Box<[Box<str>]>>,
    has_store: AtomicBool,
    wants_all: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failing_since: Option<Timestamp>,
    /// Dropped since there was no more room, or the store failed.
    lost: u64,
    last_error: Option<(Timestamp, String)>,
}

/// What is known of the store of records, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// `off`, `ok` or `failing`.
    pub state: &'static str,
    pub queued: u64,
    pub stored: u64,
    pub dropped: u64,
    /// When the store began to fail.
    pub failing_since: Option<Timestamp>,
    /// The latest error, even if it is over.
    pub last_error: Option<(Timestamp, String)>,
}

impl Shared {
    pub fn new(counts: Counts) -> Self {
        Shared {
            database: ArcSwapOption::empty(),
            counts,
            tail: Arc::default(),
            summed: OnceLock::new(),
            has_store: AtomicBool::new(false),
            wants_all: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// Sums up the values of these names of metadata; told once, before the start.
    pub fn sum_up(&self, names: &[String]) {
        let names: BTreeSet<Box<str>> = names.iter().map(|it| it.as_str().into()).collect();
        let _ = self.summed.set(names.into_iter().collect());
    }

    pub fn summed(&self) -> &[Box<str>] {
        self.summed.get().map_or(&[], |it| it)
    }

    pub fn has_store(&self, has_store: bool) {
        self.has_store.store(has_store, Ordering::Relaxed);
    }

    /// Whether records are wanted while nobody watches.
    pub fn is_wanted(&self, is_wanted: bool) {
        self.wants_all.store(is_wanted, Ordering::Relaxed);
    }

    pub fn wants_all(&self) -> bool {
        self.wants_all.load(Ordering::Relaxed)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note_failure(&self, error: &StoreError) {
        let mut state = self.state();
        let now = Timestamp::now();
        state.last_error = Some((now, error.to_string()));
        if state.failing_since.is_none() {
            tracing::error!(%error, "records of requests cannot be stored");
            state.failing_since = Some(now);
        }
    }

    /// The store takes records. `has_room`: so many more can wait that none will be lost soon.
    pub fn note_success(&self, has_room: bool) {
        let mut state = self.state();
        let is_over = state.failing_since.take().is_some();
        if is_over || (state.lost > 0 && has_room) {
            let lost = std::mem::take(&mut state.lost);
            tracing::info!(lost, "records of requests are stored again");
        }
    }

    /// Counts records that are not stored.
    pub fn drop_records(&self, count: usize) {
        if count == 0 {
            return;
        }
        self.counts.dropped.inc_by(count as u64);
        let mut state = self.state();
        if state.lost == 0 {
            tracing::warn!("records of requests are lost: too many wait for their store");
        }
        state.lost += count as u64;
    }

    /// At the end of the program: says what was lost.
    pub fn tell_end(&self) {
        let lost = self.state().lost;
        if lost > 0 {
            tracing::error!(lost, "the program ends without having stored all records");
        }
    }

    pub fn health(&self) -> Health {
        let state = self.state();
        let name = match (self.has_store.load(Ordering::Relaxed), state.failing_since) {
            (false, _) => "off",
            (true, None) => "ok",
            (true, Some(_)) => "failing",
        };
        Health {
            state: name,
            queued: u64::try_from(self.counts.queued.get()).unwrap_or_default(),
            stored: self.counts.stored.get(),
            dropped: self.counts.dropped.get(),
            failing_since: state.failing_since,
            last_error: state.last_error.clone(),
        }
    }
}
