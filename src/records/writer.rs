//! The thread that takes records out of their queue: it shows them to consumers and to the live
//! tail at once, and writes them to the store in batches. A store that fails costs records once the
//! bound of those that wait is reached, and nothing else.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    Shared,
    insert::Batch,
    keeper::{Failure, Keeper},
    retention,
};
use crate::record::{Consumer, Intake, Record};

/// A batch is written when it has this many records, or the first has waited this long. Large ones
/// cost less for each record.
const FULL: usize = 2048;
/// A batch takes no more records beyond so many bytes.
const LARGEST: usize = 4 << 20;
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// The pause after a failure, at first and at most.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The pause between two steps of removing old records.
const STEP: Duration = Duration::from_millis(20);
/// Steps between two batches, at least: together they remove more than a batch adds.
const LEAST_STEPS: usize = 2 * FULL / retention::STEP as usize;
const _: () = assert!(LEAST_STEPS * retention::STEP as usize > FULL);
/// How often old records are removed.
const TIDY_EVERY: Duration = Duration::from_secs(10);
/// The same while records come: so little is removed at a time that the queue has room meanwhile.
const TIDY_BETWEEN: Duration = Duration::from_secs(2);

/// When the writer is to end; by then it gives up what is not stored. `None`: not yet.
pub type Ending = watch::Receiver<Option<Instant>>;

/// Records that wait for the store.
#[derive(Default)]
struct Waiting {
    records: VecDeque<(Arc<Record>, usize)>,
    /// Of these and of the batch that is being written.
    bytes: usize,
    /// When the first of them came.
    since: Option<Instant>,
    /// No others come.
    has_ended: bool,
}

/// What the two halves of the thread share.
struct Desk {
    shared: Arc<Shared>,
    waiting: RefCell<Waiting>,
    /// Records in the queue when it was looked at last.
    in_queue: Cell<usize>,
    changed: Notify,
    /// How much may wait.
    most_bytes: usize,
}

/// Runs until the queue is closed and everything is stored or given up.
pub async fn run(
    mut intake: Intake,
    keeper: Option<Keeper>,
    consumers: Vec<Box<dyn Consumer>>,
    shared: Arc<Shared>,
    most_bytes: usize,
    ending: Ending,
) {
    let desk = Desk {
        shared,
        waiting: RefCell::default(),
        in_queue: Cell::new(0),
        changed: Notify::new(),
        most_bytes,
    };
    let taking = desk.take_all(&mut intake, consumers, keeper.is_some(), ending.clone());
    match keeper {
        Some(keeper) => {
            let storing = desk.store_all(keeper, ending);
            tokio::join!(taking, storing);
        }
        None => taking.await,
    }
    desk.give_up();
}

impl Desk {
    /// Takes records out of the queue until it is closed and empty.
    async fn take_all(
        &self,
        intake: &mut Intake,
        mut consumers: Vec<Box<dyn Consumer>>,
        has_store: bool,
        mut ending: Ending,
    ) {
        loop {
            let taken = tokio::select! {
                biased;
                taken = intake.take(FULL) => taken,
                _ = ending.wait_for(Option::is_some) => {
                    intake.close();
                    intake.take(FULL).await
                }
            };
            let Some(taken) = taken else { break };
            let records: Vec<Arc<Record>> = taken.iter().map(|(it, _)| it.clone()).collect();
            for consumer in &mut consumers {
                consumer.take(&records);
            }
            self.shared.tail.send(&records);
            if has_store {
                self.wait_for_store(taken);
            }
            self.in_queue.set(intake.len());
            self.count();
        }
        self.waiting.borrow_mut().has_ended = true;
        self.changed.notify_one();
    }

    /// Keeps records for the store; those for which there is no room are dropped.
    fn wait_for_store(&self, taken: Vec<(Arc<Record>, usize)>) {
        let mut waiting = self.waiting.borrow_mut();
        let mut dropped = 0;
        for (record, size) in taken {
            if waiting.bytes.saturating_add(size) > self.most_bytes {
                dropped += 1;
                continue;
            }
            waiting.bytes += size;
            waiting.since.get_or_insert_with(Instant::now);
            waiting.records.push_back((record, size));
        }
        drop(waiting);
        self.shared.drop_records(dropped);
        self.changed.notify_one();
    }

    fn count(&self) {
        let waiting = self.waiting.borrow().records.len();
        let queued = i64::try_from(self.in_queue.get() + waiting).unwrap_or(i64::MAX);
        self.shared.counts.queued.set(queued);
    }

    /// Writes what waits, until no more comes.
    async fn store_all(&self, mut keeper: Keeper, ending: Ending) {
        // Searches can begin before there is a record.
        match keeper.open().await {
            Ok(_) => self.shared.note_success(true),
            Err(error) => self.shared.note_failure(&error),
        }
        let mut tidied = Instant::now();
        let mut has_stored = false;
        // Records that are written one by one, since one of them cannot be stored.
        let mut alone = 0_usize;
        loop {
            let is_due = tidied + if has_stored { TIDY_BETWEEN } else { TIDY_EVERY };
            match timeout_at(is_due, self.batch_is_due()).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => {
                    tidied = self.tidy(&mut keeper).await;
                    has_stored = false;
                    continue;
                }
            }
            let most = if alone > 0 { 1 } else { FULL };
            let batch = self.next_batch(most);
            let length = batch.len();
            match self.store(&mut keeper, batch, &ending).await {
                Stored::All => alone = alone.saturating_sub(length),
                Stored::NotTogether => alone = length,
                Stored::GivenUp => break,
            }
            has_stored = true;
            if tidied.elapsed() >= TIDY_BETWEEN {
                tidied = self.tidy(&mut keeper).await;
                has_stored = false;
            }
        }
        keeper.close().await;
    }

    /// Waits for a full batch, or for one that has waited long enough. `false`: none comes.
    async fn batch_is_due(&self) -> bool {
        loop {
            let (count, since, has_ended) = {
                let waiting = self.waiting.borrow();
                (waiting.records.len(), waiting.since, waiting.has_ended)
            };
            match (count, since) {
                (FULL.., _) => return true,
                (1.., _) if has_ended => return true,
                (1.., Some(since)) => {
                    let due = since + LONGEST_WAIT;
                    if timeout_at(due, self.changed.notified()).await.is_err() {
                        return true;
                    }
                }
                _ if has_ended => return false,
                _ => self.changed.notified().await,
            }
        }
    }

    fn next_batch(&self, most: usize) -> Vec<(Arc<Record>, usize)> {
        let mut waiting = self.waiting.borrow_mut();
        let mut bytes = 0;
        let fits = |(_, size): &&(Arc<Record>, usize)| {
            let fits = bytes < LARGEST;
            bytes += size;
            fits
        };
        let count = waiting.records.iter().take(most).take_while(fits).count();
        let batch: Vec<_> = waiting.records.drain(..count).collect();
        waiting.since = (!waiting.records.is_empty()).then(Instant::now);
        batch
    }

    /// Writes a batch, however often that takes.
    async fn store(
        &self,
        keeper: &mut Keeper,
        batch: Vec<(Arc<Record>, usize)>,
        ending: &Ending,
    ) -> Stored {
        let records: Vec<Arc<Record>> = batch.iter().map(|(record, _)| record.clone()).collect();
        let bytes: usize = batch.iter().map(|(_, size)| size).sum();
        let mut pause = SHORTEST_PAUSE;
        let mut is_again = false;
        loop {
            let batch_of = Batch {
                records: &records,
                is_again,
            };
            let written = self.until_the_end(keeper.write(&batch_of), ending).await;
            match self.judged(written, records.len(), bytes) {
                Some(Stored::NotTogether) => {
                    self.put_back(batch);
                    return Stored::NotTogether;
                }
                Some(stored) => {
                    self.release(bytes);
                    return stored;
                }
                None => is_again = true,
            }
            self.pause(pause, ending).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// What became of a batch of so many records and bytes, which is counted; `None`: it is to be
    /// written again.
    fn judged(
        &self,
        written: Option<Result<(), Failure>>,
        count: usize,
        bytes: usize,
    ) -> Option<Stored> {
        match written {
            Some(Ok(())) => {
                self.shared.counts.stored.inc_by(count as u64);
                let left = self.waiting.borrow().bytes.saturating_sub(bytes);
                self.shared.note_success(left < self.most_bytes / 2);
                Some(Stored::All)
            }
            Some(Err(Failure::BadRecord(error))) if count == 1 => {
                tracing::error!(%error, "a record cannot be stored");
                self.shared.counts.dropped.inc();
                Some(Stored::All)
            }
            Some(Err(Failure::BadRecord(_))) => Some(Stored::NotTogether),
            Some(Err(Failure::Outage(error))) => {
                self.shared.note_failure(&error);
                None
            }
            None => {
                self.shared.drop_records(count);
                Some(Stored::GivenUp)
            }
        }
    }

    /// Waits before the next try; at the end of the program there is no time to wait for long.
    async fn pause(&self, pause: Duration, ending: &Ending) {
        let mut ending = ending.clone();
        let ends = async {
            // An end that cannot be told any longer does not come.
            if ending.wait_for(Option::is_some).await.is_err() {
                std::future::pending::<()>().await;
            }
            sleep(SHORTEST_PAUSE).await;
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = ends => {}
        }
    }

    /// What a future gives; `None`: the time at the end of the program is over.
    async fn until_the_end<T>(&self, work: impl Future<Output = T>, ending: &Ending) -> Option<T> {
        let mut ending = ending.clone();
        let over = async {
            let end = ending
                .wait_for(Option::is_some)
                .await
                .ok()
                .and_then(|it| *it);
            match end {
                Some(end) => tokio::time::sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            done = work => Some(done),
            () = over => None,
        }
    }

    /// A batch is stored or given up.
    fn release(&self, bytes: usize) {
        self.waiting.borrow_mut().bytes -= bytes;
        self.count();
    }

    fn put_back(&self, batch: Vec<(Arc<Record>, usize)>) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.since.get_or_insert_with(Instant::now);
        for entry in batch.into_iter().rev() {
            waiting.records.push_front(entry);
        }
    }

    /// Removes what is kept no longer, in short steps, as long as nothing else is due.
    async fn tidy(&self, keeper: &mut Keeper) -> Instant {
        for step in 1.. {
            match keeper.tidy().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.shared.note_failure(&error);
                    break;
                }
            }
            // What comes meanwhile is written first, and the rest is removed after that.
            if step >= LEAST_STEPS && timeout(STEP, self.batch_is_due()).await.is_ok() {
                return Instant::now() - TIDY_EVERY;
            }
        }
        Instant::now()
    }

    /// Counts what could not be stored in time.
    fn give_up(&self) {
        let mut waiting = self.waiting.borrow_mut();
        let lost = waiting.records.len();
        waiting.records.clear();
        self.shared.drop_records(lost);
        self.shared.counts.queued.set(0);
    }
}

/// What became of a batch.
enum Stored {
    All,
    /// One of its records cannot be stored: they are to be written one by one.
    NotTogether,
    /// The time at the end of the program is over.
    GivenUp,
}
