//! Writes log lines to their outlet without blocking the code that logs: a queue bounded in lines
//! and bytes, and a thread that writes. A line for which the queue has no room, or that the outlet
//! does not take, is lost and counted; the loss is reported when writing works again.

mod outlet;

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use self::outlet::Outlet;
use super::metrics::Count;

/// How much may wait or be on its way to the outlet, and how often a failing outlet is tried.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub lines: usize,
    pub bytes: usize,
    /// How often a failed outlet is tried with only the report of what was lost.
    pub retry: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            lines: 16 * 1024,
            bytes: 8 * 1024 * 1024,
            retry: Duration::from_secs(1),
        }
    }
}

/// How long the writer lets lines gather, so that one write and one wake serve many of them.
const GATHERING: Duration = Duration::from_millis(2);
/// Capacity that an empty buffer keeps.
const KEPT_ROOM: usize = 64 * 1024;

/// Accepts lines from any thread.
pub struct LogWriter {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    bounds: Bounds,
    lost: Count,
    /// Wakes the writer.
    work: Condvar,
    /// Wakes those who wait for everything to be written.
    idle: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: Lines,
    /// Bytes that the writer has taken and not yet written.
    under_way: Load,
    /// Lost lines that are not reported yet.
    untold: u64,
    /// The writer waits for a line.
    asleep: bool,
    /// A thread waits until everything is written.
    flushing: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Load {
    lines: usize,
    bytes: usize,
}

/// Lines in one buffer.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    /// The end of each line.
    ends: Vec<usize>,
}

impl Lines {
    fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
    }

    fn load(&self) -> Load {
        Load {
            lines: self.ends.len(),
            bytes: self.bytes.len(),
        }
    }

    /// Empties the buffer, and frees the memory of a burst.
    fn clear(&mut self) {
        if self.bytes.capacity() > KEPT_ROOM {
            *self = Lines::default();
        }
        self.bytes.clear();
        self.ends.clear();
    }
}

impl Queue {
    fn has_room(&self, bytes: usize, bounds: Bounds) -> bool {
        let (waiting, under_way) = (self.waiting.load(), self.under_way);
        waiting.lines + under_way.lines < bounds.lines
            && waiting.bytes + under_way.bytes + bytes <= bounds.bytes
    }

    fn is_idle(&self) -> bool {
        self.waiting.ends.is_empty() && self.under_way == Load::default()
    }
}

impl LogWriter {
    /// Starts the thread that writes to `outlet`. `news` makes the line that reports how many lines
    /// were lost; `lost` counts them.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub fn start(
        outlet: impl Write + Send + 'static,
        bounds: Bounds,
        lost: Count,
        news: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            bounds,
            lost,
            work: Condvar::new(),
            idle: Condvar::new(),
        });
        let writing = shared.clone();
        // The thread ends with the process, since a blocking write cannot be interrupted.
        thread::Builder::new()
            .name("log writer".to_owned())
            .spawn(move || writing.write_on(Outlet::new(outlet), news))?;
        Ok(LogWriter { shared })
    }

    /// Accepts one line, with its line feed. Neither waits for the outlet nor fails: if there is no
    /// room, the line is lost and counted.
    pub fn hand_over(&self, line: &[u8]) {
        let mut queue = self.shared.queue();
        if queue.has_room(line.len(), self.shared.bounds) {
            queue.waiting.push(line);
        } else {
            queue.untold += 1;
            self.shared.lost.inc();
        }
        let wakes = mem::take(&mut queue.asleep);
        drop(queue);
        if wakes {
            self.shared.work.notify_one();
        }
    }

    /// Waits until every line accepted so far is written or lost, but no longer than `patience`.
    pub fn flush(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut queue = self.shared.queue();
        while !queue.is_idle() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            queue.flushing = true;
            self.shared.work.notify_one();
            let waited = self.shared.idle.wait_timeout(queue, left);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Shared {
    /// A poisoned lock is safe to use, since nothing here panics while it is held.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body of the writer's thread.
    fn write_on<W: Write>(&self, mut outlet: Outlet<W>, news: impl Fn(u64) -> String) {
        let mut lines = Lines::default();
        loop {
            let untold = self.take(&mut lines);
            let written = outlet.write(&lines.bytes, &lines.ends);
            let failed = (lines.ends.len() - written) as u64;
            let works = failed == 0;
            let told = works && untold > 0 && outlet.write_line(&news(untold));
            self.lost.inc_by(failed);
            let mut queue = self.queue();
            queue.untold += failed;
            if told {
                queue.untold -= untold;
            }
            queue.under_way = Load::default();
        }
    }

    /// Waits for lines and takes them all; returns the number of lost lines that are not reported
    /// yet. While there are such, returns now and then without lines.
    fn take(&self, lines: &mut Lines) -> u64 {
        lines.clear();
        let mut queue = self.queue();
        while queue.waiting.ends.is_empty() {
            queue.flushing = false;
            self.idle.notify_all();
            queue.asleep = true;
            if queue.untold == 0 {
                let woken = self.work.wait(queue);
                queue = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let woken = self.work.wait_timeout(queue, self.bounds.retry);
            let (woken, waited) = woken.unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            if waited.timed_out() {
                break;
            }
        }
        queue.asleep = false;
        let gathered = self
            .work
            .wait_timeout_while(queue, GATHERING, |queue| !queue.flushing);
        queue = gathered.unwrap_or_else(PoisonError::into_inner).0;
        mem::swap(&mut queue.waiting, lines);
        queue.under_way = lines.load();
        queue.untold
    }
}

/// One line for each `write`: as `tracing-subscriber` writes events.
impl Write for &LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.hand_over(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
