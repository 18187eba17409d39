//! How many descriptors may the process open, how are they divided, and what says that none is
//! left?

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    io::{Errno, fcntl_dupfd_cloexec},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

/// Descriptors that room is made for at start: 8 bytes of the system's memory each.
const MOST_PREPARED: usize = 1 << 16;
/// What is taken for "no limit": more than any system has.
const UNLIMITED: usize = 1 << 24;
/// Descriptors of the process itself: log, event queues, timers, Redis, look-ups of names, files
/// being read.
const OF_THE_PROCESS: usize = 64;
const OF_A_WORKER: usize = 8;
/// The part of all descriptors that idle upstream connections may hold.
const IDLE_PART: usize = 8;

/// Raises the soft limit of open files to the hard one; returns what holds from now on.
pub fn raise_limit() -> usize {
    let now = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: now.maximum,
        maximum: now.maximum,
    };
    // A system that does not let it (macOS has a bound of its own) leaves the limit as it was.
    let _ = setrlimit(Resource::Nofile, raised);
    limit()
}

/// Has the system make room for so many descriptors now. Linux grows its table of them in powers of
/// two while connections are accepted, and holds up the thread for about 10 ms each time.
pub fn make_room(limit: usize) {
    let last = limit.min(MOST_PREPARED).saturating_sub(1);
    // A copy at the far end, closed at once. Where there is no such number, the table grows later.
    if let Ok(last) = i32::try_from(last) {
        drop(fcntl_dupfd_cloexec(io::stderr(), last));
    }
}

/// The limit of open files.
pub fn limit() -> usize {
    let soft = getrlimit(Resource::Nofile).current;
    soft.map_or(UNLIMITED, |it| usize::try_from(it).unwrap_or(UNLIMITED))
        .min(UNLIMITED)
}

/// The error says that the process (`EMFILE`) or the system (`ENFILE`) can open nothing more.
pub fn are_used_up(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE))
}

/// Counts how often descriptors were lacking, so that all workers learn of it.
#[derive(Debug, Default)]
pub struct Shortages(AtomicU64);

impl Shortages {
    pub fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How the descriptors of a process are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Division {
    /// Client connections of one worker.
    pub clients: usize,
    /// Idle upstream connections of one worker.
    pub idle: usize,
}

impl Division {
    /// Every client can have an upstream connection beside its own.
    pub fn of(limit: usize, workers: usize) -> Self {
        let workers = workers.max(1);
        let idle = limit / IDLE_PART;
        let left = limit.saturating_sub(OF_THE_PROCESS + OF_A_WORKER * workers + idle);
        Division {
            clients: (left / 2 / workers).max(1),
            idle: (idle / workers).max(1),
        }
    }

    /// Descriptors that so many client connections for each worker may need, with their upstreams.
    pub fn needed(clients: usize, workers: usize) -> usize {
        OF_THE_PROCESS + workers.saturating_mul(OF_A_WORKER + 2 * clients)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn making_room_leaves_no_descriptor_open_and_takes_any_limit() {
        for limit in [0, 1, 64, limit(), UNLIMITED] {
            make_room(limit);
            let last = limit.min(MOST_PREPARED).saturating_sub(1);
            let path = format!("/proc/self/fd/{last}");
            assert!(last < 3 || !std::path::Path::new(&path).exists(), "{limit}");
        }
    }

    #[test]
    fn what_is_divided_is_not_more_than_there_is() {
        for limit in [96, 256, 1024, 20_000, 1 << 20, UNLIMITED] {
            for workers in [1, 2, 8, 64] {
                let Division { clients, idle } = Division::of(limit, workers);
                let used = Division::needed(clients, workers) + idle * workers;
                let tiny = clients == 1;
                assert!(used <= limit || tiny, "{limit} {workers}: {used}");
                assert!(clients >= 1 && idle >= 1);
            }
        }
        assert_eq!(Division::of(1 << 20, 4).clients, 114_676);
    }

    #[test]
    fn only_the_errors_of_full_tables_say_so() {
        let error = |errno: Errno| io::Error::from_raw_os_error(errno.raw_os_error());
        assert!(are_used_up(&error(Errno::MFILE)) && are_used_up(&error(Errno::NFILE)));
        assert!(!are_used_up(&error(Errno::CONNREFUSED)));
        assert!(!are_used_up(&io::ErrorKind::Other.into()));
    }

    #[test]
    fn the_limit_is_raised_to_the_hard_one() {
        let hard = getrlimit(Resource::Nofile).maximum;
        let hard = hard.map_or(UNLIMITED, |it| usize::try_from(it).unwrap_or(UNLIMITED));
        assert_eq!(raise_limit(), hard.min(UNLIMITED));
        assert_eq!(limit(), hard.min(UNLIMITED));
    }
}
