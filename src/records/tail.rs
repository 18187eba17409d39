//! Records as they are closed, for those who watch. While nobody does, it costs nothing.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::broadcast;

use super::shown;
use crate::record::Record;

/// Watchers at the same time.
pub const MOST_WATCHERS: usize = 16;
/// Records that a watcher may be behind before some are skipped.
const BEHIND: usize = 1024;

/// A record that is shown to all who watch.
pub struct Watched {
    pub record: Arc<Record>,
    text: OnceLock<Box<str>>,
}

impl Watched {
    /// As JSON, which is made once for all.
    pub fn text(&self) -> &str {
        self.text
            .get_or_init(|| shown(&self.record).to_string().into())
    }
}

#[derive(Default)]
pub struct Tail {
    sender: Mutex<Option<broadcast::Sender<Arc<Watched>>>>,
    watchers: AtomicUsize,
}

/// One watcher, until it is dropped.
pub struct Watch {
    pub records: broadcast::Receiver<Arc<Watched>>,
    leave: Box<dyn Fn() + Send + Sync>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        (self.leave)();
    }
}

impl Tail {
    /// Shows records to those who watch.
    pub fn send(&self, records: &[Arc<Record>]) {
        if self.watchers.load(Ordering::Relaxed) == 0 {
            return;
        }
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = &*sender {
            for record in records {
                // Without a receiver there is nothing to show.
                let _ = sender.send(Arc::new(Watched {
                    record: record.clone(),
                    text: OnceLock::new(),
                }));
            }
        }
    }

    /// Begins to watch; `None`: too many do. `left` is called once this one has ended.
    pub fn watch(self: &Arc<Self>, left: impl Fn() + Send + Sync + 'static) -> Option<Watch> {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if self.watchers.load(Ordering::Relaxed) >= MOST_WATCHERS {
            return None;
        }
        self.watchers.fetch_add(1, Ordering::Relaxed);
        let channel = sender.get_or_insert_with(|| broadcast::channel(BEHIND).0);
        let records = channel.subscribe();
        let tail = self.clone();
        let leave = Box::new(move || {
            tail.end_one();
            left();
        });
        Some(Watch { records, leave })
    }

    pub fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Relaxed) > 0
    }

    fn end_one(&self) {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        // With the last watcher goes what the channel holds.
        if self.watchers.fetch_sub(1, Ordering::Relaxed) == 1 {
            *sender = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watchers_are_counted_and_the_last_one_frees_what_is_held() {
        let tail = Arc::new(Tail::default());
        let watch = || tail.watch(|| {});
        let mut watchers: Vec<Watch> = (0..MOST_WATCHERS).filter_map(|_| watch()).collect();
        assert!(watch().is_none());
        let record = Arc::new(Record::default());
        tail.send(std::slice::from_ref(&record));
        let watched = watchers[3].records.try_recv().expect("a record");
        assert_eq!(watched.record, record);
        assert!(watched.text().starts_with("{\"id\":"), "{}", watched.text());
        drop(watched);
        watchers.pop();
        assert!(watch().is_some());
        drop(watchers);
        assert!(!tail.is_watched());
        assert_eq!(Arc::strong_count(&record), 1);
        tail.send(&[record]);
    }
}
