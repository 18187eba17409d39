//! File descriptors: how many the process may open, how they are divided, and which errors mean
//! that none is left.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    io::{Errno, fcntl_dupfd_cloexec},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

/// The most descriptors that the kernel's table is enlarged for at start; each takes 8 bytes there.
const MOST_PREPARED: usize = 1 << 16;
/// Stands for "no limit": more than any system has.
const UNLIMITED: usize = 1 << 24;
/// Descriptors for other purposes: log, event queues, timers, Redis, DNS look-ups, files being
/// read.
const OF_THE_PROCESS: usize = 64;
const OF_A_WORKER: usize = 8;
/// Idle upstream connections may hold one in this many of all descriptors.
const IDLE_PART: usize = 8;

/// Raises the soft limit of open files to the hard one; returns the limit that applies from now on.
pub fn raise_limit() -> usize {
    let now = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: now.maximum,
        maximum: now.maximum,
    };
    // If the system refuses (macOS has an additional limit), the limit stays as it was.
    let _ = setrlimit(Resource::Nofile, raised);
    limit()
}

/// Enlarges the kernel's descriptor table now. Otherwise Linux doubles it as connections are
/// accepted, which blocks the thread for about 10 ms each time.
pub fn make_room(limit: usize) {
    let last = limit.min(MOST_PREPARED).saturating_sub(1);
    // Duplicates a descriptor to the last number and closes it at once. If that fails, the table
    // grows later.
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

/// The error means that the process (`EMFILE`) or the system (`ENFILE`) has no descriptor left.
pub fn are_used_up(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE))
}

/// Counts descriptor shortages, so that all workers learn of them.
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
    /// The most client connections of one worker.
    pub clients: usize,
    /// The most idle upstream connections of one worker.
    pub idle: usize,
}

impl Division {
    /// Leaves an upstream connection for every client connection.
    pub fn of(limit: usize, workers: usize) -> Self {
        let workers = workers.max(1);
        let idle = limit / IDLE_PART;
        let left = limit.saturating_sub(OF_THE_PROCESS + OF_A_WORKER * workers + idle);
        Division {
            clients: (left / 2 / workers).max(1),
            idle: (idle / workers).max(1),
        }
    }

    /// The descriptors needed for this many client connections per worker, with their upstream
    /// connections.
    pub fn needed(clients: usize, workers: usize) -> usize {
        OF_THE_PROCESS + workers.saturating_mul(OF_A_WORKER + 2 * clients)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn making_room_leaves_no_descriptor_open_for_any_limit() {
        for limit in [0, 1, 64, limit(), UNLIMITED] {
            make_room(limit);
            let last = limit.min(MOST_PREPARED).saturating_sub(1);
            let path = format!("/proc/self/fd/{last}");
            assert!(last < 3 || !std::path::Path::new(&path).exists(), "{limit}");
        }
    }

    #[test]
    fn the_division_does_not_exceed_the_limit() {
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
    fn only_errors_of_full_tables_count_as_shortage() {
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
