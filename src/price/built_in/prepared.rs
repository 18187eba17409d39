//! A value that takes long to make: made once, on a thread of its own, and what needs it is done
//! after that, so that no worker waits.

use std::{
    pin::pin,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tokio::sync::Notify;

/// Most works that wait for the value. The next one waits on the thread that it came on, so that
/// memory stays bounded.
const MOST_WAITING: usize = 4096;

/// A value that is made when it is first needed, or a little earlier.
pub struct Prepared<T, F = fn() -> T> {
    make: F,
    value: OnceLock<T>,
    is_begun: AtomicBool,
    waiting: Mutex<Vec<Work>>,
    made: Notify,
}

type Work = Box<dyn FnOnce() + Send>;

impl<T, F> Prepared<T, F> {
    pub const fn new(make: F) -> Self {
        Prepared {
            make,
            value: OnceLock::new(),
            is_begun: AtomicBool::new(false),
            waiting: Mutex::new(Vec::new()),
            made: Notify::const_new(),
        }
    }

    /// Whether nobody has to wait for the value.
    pub fn is_ready(&self) -> bool {
        self.value.get().is_some()
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Work>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, F> Prepared<T, F>
where
    T: Send + Sync,
    F: Fn() -> T + Send + Sync,
{
    /// The value; makes it, or waits until it is made.
    pub fn get(&self) -> &T {
        self.value.get_or_init(&self.make)
    }

    /// Begins to make the value on a thread of its own; does not wait.
    pub fn prepare(&'static self) {
        if self.is_begun.load(Ordering::Relaxed) || self.is_begun.swap(true, Ordering::Relaxed) {
            return;
        }
        let work = || {
            self.get();
            self.made.notify_waiters();
            let waiting = std::mem::take(&mut *self.waiting());
            waiting.into_iter().for_each(|work| work());
        };
        let thread = thread::Builder::new().name("prices".to_owned());
        if thread.spawn(work).is_err() {
            work();
        }
    }

    /// Waits until the value is made.
    pub async fn ready(&'static self) {
        // Nearly always, and without the lock of those who wait.
        if self.is_ready() {
            return;
        }
        let mut made = pin!(self.made.notified());
        made.as_mut().enable();
        if !self.is_ready() {
            self.prepare();
            made.await;
        }
    }

    /// Does something as soon as the value is made: now, or on the thread that makes it.
    pub fn when_ready(&'static self, work: impl FnOnce() + Send + 'static) {
        if self.is_ready() {
            return work();
        }
        let mut waiting = self.waiting();
        if self.is_ready() || waiting.len() >= MOST_WAITING {
            drop(waiting);
            self.get();
            return work();
        }
        waiting.push(Box::new(work));
        drop(waiting);
        self.prepare();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{Receiver, SyncSender, sync_channel},
        time::Duration,
    };

    use super::*;

    /// A value that is made when the sender says so; tests end it by then.
    fn held_back() -> (
        &'static Prepared<u32, impl Fn() -> u32 + Send + Sync>,
        SyncSender<u32>,
    ) {
        let (sender, receiver) = sync_channel(1);
        let receiver = Mutex::new(receiver);
        let make = move || receiver.lock().expect("a lock").recv().expect("a value");
        (Box::leak(Box::new(Prepared::new(make))), sender)
    }

    fn soon<T>(from: &Receiver<T>) -> T {
        from.recv_timeout(Duration::from_secs(10)).expect("in time")
    }

    #[test]
    fn work_that_comes_early_is_done_in_order_after_the_value_is_made() {
        let (prepared, make) = held_back();
        let (done, dones) = sync_channel(MOST_WAITING + 1);
        for at in 0..3 {
            let done = done.clone();
            prepared.when_ready(move || done.send((at, *prepared.get())).expect("a test"));
        }
        assert!(!prepared.is_ready());
        assert!(dones.try_recv().is_err(), "nothing is done early");
        make.send(7).expect("a thread");
        assert_eq!(
            [soon(&dones), soon(&dones), soon(&dones)],
            [(0, 7), (1, 7), (2, 7)]
        );
        prepared.when_ready(move || done.send((3, *prepared.get())).expect("a test"));
        assert_eq!(dones.try_recv(), Ok((3, 7)), "at once, on this thread");
    }

    #[test]
    fn not_more_works_wait_than_there_is_room_for() {
        let (prepared, make) = held_back();
        let (done, dones) = sync_channel(MOST_WAITING + 1);
        let ask = || {
            let done = done.clone();
            prepared.when_ready(move || done.send(()).expect("a test"));
        };
        // No other thread makes the value.
        prepared.is_begun.store(true, Ordering::Relaxed);
        (0..MOST_WAITING).for_each(|_| ask());
        make.send(7).expect("a test");
        assert_eq!(dones.try_iter().count(), 0);
        ask();
        assert_eq!(dones.try_iter().count(), 1, "the last one, on this thread");
    }

    #[tokio::test]
    async fn whoever_waits_goes_on_when_the_value_is_made() {
        let (prepared, make) = held_back();
        let early = tokio::spawn(prepared.ready());
        tokio::task::yield_now().await;
        assert!(!early.is_finished());
        make.send(7).expect("a thread");
        early.await.expect("it goes on");
        prepared.ready().await;
        assert_eq!(*prepared.get(), 7);
    }
}
