//! The way of a closed record from a worker to the thread that writes records: a queue with bounds,
//! at which no request ever waits. It does not know what becomes of the records.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::mpsc, time::sleep};

use super::{Attempt, Record};
use crate::observe::metrics::{Count, Level};

/// What a record holds besides its texts: itself, its place in the queue, the allocator's share.
const FIXED: usize = size_of::<Record>() + 128;
/// How often the queue is looked at while records come, so that not every record wakes a thread.
const LOOK: Duration = Duration::from_millis(20);

/// How much the queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    pub records: usize,
    /// By an estimate of what a record takes in memory.
    pub bytes: usize,
}

/// The metrics of the queue.
#[derive(Clone, Default)]
pub struct QueueCounts {
    /// Records that are stored nowhere: there was no room for them, or no store.
    pub dropped: Count,
    /// Records that wait, here or for their store.
    pub queued: Level,
}

/// The queue, as workers see it.
pub struct Queue {
    sender: mpsc::Sender<Entry>,
    is_on: AtomicBool,
    limits: QueueLimits,
    shared: Arc<Shared>,
}

struct Shared {
    bytes: AtomicUsize,
    counts: QueueCounts,
    is_full: AtomicBool,
    /// Dropped since the queue was full.
    lost: AtomicU64,
}

struct Entry {
    record: Box<Record>,
    size: usize,
}

impl Queue {
    /// An empty queue, which takes nothing before it is [turned on](Self::turn_on), and its other
    /// end.
    pub fn new(limits: QueueLimits, counts: QueueCounts) -> (Self, Intake) {
        let (sender, receiver) = mpsc::channel(limits.records.max(1));
        let shared = Arc::new(Shared {
            bytes: AtomicUsize::new(0),
            counts,
            is_full: AtomicBool::new(false),
            lost: AtomicU64::new(0),
        });
        let queue = Queue {
            sender,
            is_on: AtomicBool::new(false),
            limits,
            shared: shared.clone(),
        };
        let intake = Intake {
            receiver,
            shared,
            entries: Vec::new(),
        };
        (queue, intake)
    }

    /// Whether anybody wants records. While nobody does, none need to be made.
    pub fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    pub fn turn_on(&self, is_on: bool) {
        self.is_on.store(is_on, Ordering::Relaxed);
    }

    /// Hands over a record, and never waits: without room it is dropped and counted.
    pub fn push(&self, record: Box<Record>) {
        if !self.is_on() {
            return;
        }
        let size = weight(&record);
        let held = self.shared.bytes.fetch_add(size, Ordering::Relaxed);
        let fits = held.saturating_add(size) <= self.limits.bytes;
        if !fits || self.sender.try_send(Entry { record, size }).is_err() {
            self.shared.bytes.fetch_sub(size, Ordering::Relaxed);
            self.shared.drop_one();
        }
    }
}

impl Shared {
    fn drop_one(&self) {
        self.counts.dropped.inc();
        self.lost.fetch_add(1, Ordering::Relaxed);
        if !self.is_full.swap(true, Ordering::Relaxed) {
            tracing::warn!("records of requests are lost: their queue is full");
        }
    }

    /// Says once that there is room again.
    fn note_room(&self) {
        if self.is_full.swap(false, Ordering::Relaxed) {
            let records = self.lost.swap(0, Ordering::Relaxed);
            tracing::info!(
                records,
                "the queue of records has room again; these were lost"
            );
        }
    }
}

/// The end of the queue at which records are taken out.
pub struct Intake {
    receiver: mpsc::Receiver<Entry>,
    shared: Arc<Shared>,
    entries: Vec<Entry>,
}

impl Intake {
    /// The next records, in their order, with what each takes in memory; waits until there are
    /// some. `None`: the queue was closed, and all of it was taken.
    pub async fn take(&mut self, most: usize) -> Option<Vec<(Arc<Record>, usize)>> {
        if self.receiver.is_empty() {
            self.shared.note_room();
        }
        // While records come, the timer and not each record wakes this thread.
        if self.receiver.len() < most && !self.receiver.is_closed() {
            sleep(LOOK).await;
        }
        let count = self.receiver.recv_many(&mut self.entries, most).await;
        if count == 0 {
            return None;
        }
        let freed = self.entries.iter().map(|entry| entry.size).sum();
        self.shared.bytes.fetch_sub(freed, Ordering::Relaxed);
        let records = self.entries.drain(..);
        Some(records.map(|it| (Arc::from(it.record), it.size)).collect())
    }

    /// Takes no more records than are in the queue already.
    pub fn close(&mut self) {
        self.receiver.close();
    }

    /// How many records wait.
    pub fn len(&self) -> usize {
        self.receiver.len()
    }

    pub fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }

    pub fn counts(&self) -> QueueCounts {
        self.shared.counts.clone()
    }
}

/// The intake, until the thread that writes records takes it.
pub struct ParkedIntake(Mutex<Option<Intake>>);

impl ParkedIntake {
    pub fn new(intake: Intake) -> Self {
        ParkedIntake(Mutex::new(Some(intake)))
    }

    pub fn take(&self) -> Option<Intake> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// An estimate of the memory that a record holds.
fn weight(record: &Record) -> usize {
    let texts = [
        &record.route_name,
        &record.provider,
        &record.origin,
        &record.code,
        &record.detail,
        &record.model,
        &record.response_model,
        &record.response_id,
        &record.finish_reason,
        &record.service_tier,
        &record.traceparent,
    ];
    let texts = texts.into_iter().flatten().map(|text| text.len());
    let attempts = record.attempts.iter().map(attempt_weight);
    let metadata = record.metadata.iter();
    let metadata = metadata.map(|(name, value)| name.len() + value.len() + 64);
    let plan = record.plan.as_deref().map_or(0, value_weight);
    let parts = record.cost.iter().map(|cost| cost.parts.len() * 64);
    let variable: usize = texts.chain(attempts).chain(metadata).chain(parts).sum();
    FIXED + record.path.len() + record.trace_id.len() + plan + variable
}

fn attempt_weight(attempt: &Attempt) -> usize {
    let fault = attempt.fault.as_ref().map_or(0, |it| it.len());
    let names = attempt.target.len() + attempt.provider.len() + attempt.origin.len();
    size_of::<Attempt>() + names + fault
}

fn value_weight(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    let inner = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(value_weight).sum(),
        Value::Object(fields) => {
            let each = fields.iter();
            each.map(|(name, value)| name.len() + 32 + value_weight(value))
                .sum()
        }
    };
    size_of::<Value>() + inner
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(records: usize, bytes: usize) -> (Queue, Intake) {
        let limits = QueueLimits { records, bytes };
        let (queue, intake) = Queue::new(limits, QueueCounts::default());
        queue.turn_on(true);
        (queue, intake)
    }

    fn record(path: &str) -> Box<Record> {
        let path = path.into();
        Box::new(Record {
            path,
            ..Record::default()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_its_count_records_are_dropped_and_counted() {
        let (queue, mut intake) = queue(3, usize::MAX);
        for at in 0..5 {
            queue.push(record(&format!("/{at}")));
        }
        assert_eq!(intake.counts().dropped.get(), 2);
        let taken = intake.take(10).await.expect("records");
        let paths: Vec<&str> = taken.iter().map(|(it, _)| &*it.path).collect();
        assert_eq!(paths, ["/0", "/1", "/2"]);
        queue.push(record("/5"));
        assert_eq!(intake.take(10).await.map(|it| it.len()), Some(1));
        assert_eq!(intake.counts().dropped.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_its_bytes_records_are_dropped_and_room_comes_back() {
        let (queue, mut intake) = queue(1000, 100_000);
        let long = "x".repeat(10_000);
        for _ in 0..20 {
            queue.push(record(&long));
        }
        let dropped = intake.counts().dropped.get();
        assert!((11..=13).contains(&dropped), "{dropped}");
        let taken = intake.take(1000).await.expect("records");
        assert_eq!(taken.len() as u64 + dropped, 20);
        queue.push(record(&long));
        assert_eq!(intake.counts().dropped.get(), dropped);
        assert_eq!(intake.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_queue_is_emptied_and_takes_no_more() {
        let (queue, mut intake) = queue(10, usize::MAX);
        queue.push(record("/1"));
        intake.close();
        queue.push(record("/2"));
        assert_eq!(intake.counts().dropped.get(), 1);
        assert_eq!(intake.take(10).await.map(|it| it.len()), Some(1));
        assert!(intake.take(10).await.is_none());
    }

    #[test]
    fn a_queue_that_is_off_counts_nothing() {
        let (queue, intake) = queue(10, usize::MAX);
        queue.turn_on(false);
        queue.push(record("/1"));
        assert_eq!((intake.len(), intake.counts().dropped.get()), (0, 0));
    }
}
