//! Which thread does work that may take long? A worker's thread serves all of its clients and the
//! health page: what may take more than a few milliseconds is done on threads beside the workers.
//! There are few of them, so that neither memory nor threads grow with the requests, and they give
//! way to the workers where the processor is short.

use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use tokio::sync::{Semaphore, oneshot};

use crate::error::{Code, GatewayError};

/// Bytes of a text that are looked through, copied or edited on the worker itself.
pub const SHORT: usize = 64 * 1024;

/// Added to the niceness of the threads beside the workers (nice(2)).
const NICENESS: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

static POOL: LazyLock<Pool> = LazyLock::new(Pool::start);

/// The threads beside the workers, of the whole process.
struct Pool {
    /// As many jobs at once as there are threads; others wait for a place with their requests.
    places: Arc<Semaphore>,
    jobs: SyncSender<Job>,
}

impl Pool {
    fn start() -> Self {
        let cores = thread::available_parallelism().map_or(2, NonZeroUsize::get);
        let threads = cores.clamp(2, 16);
        let (jobs, waiting) = sync_channel(threads);
        let waiting = Arc::new(Mutex::new(waiting));
        let started = (0..threads).filter(|_| {
            let waiting = waiting.clone();
            let thread = thread::Builder::new().name("beside".to_owned());
            thread.spawn(move || work_through(&waiting)).is_ok()
        });
        let places = Semaphore::new(started.count());
        if places.available_permits() == 0 {
            // Nobody shall wait for threads that the system does not give.
            places.close();
        }
        Pool {
            places: Arc::new(places),
            jobs,
        }
    }
}

fn work_through(waiting: &Mutex<Receiver<Job>>) {
    // Where the system refuses, the work is done all the same.
    let _ = rustix::process::nice(NICENESS);
    loop {
        let job = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        match job {
            // Who waits for a job that panics is told by the end of its channel.
            Ok(job) => drop(catch_unwind(AssertUnwindSafe(job))),
            Err(_) => return,
        }
    }
}

/// Does the work beside the workers. Who stops waiting before it has begun has no work done.
///
/// # Errors
/// `internal`, if it ends in a panic; `overloaded`, if the system had no threads to give.
pub async fn offload<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GatewayError> {
    let pool = &*POOL;
    let (tell, told) = oneshot::channel();
    let Ok(place) = pool.places.clone().acquire_owned().await else {
        let message = "the system has no threads for work beside the workers";
        return Err(GatewayError::overloaded(message));
    };
    let job = move || {
        // Nobody may wait for it any more.
        let _ = tell.send(work());
        drop(place);
    };
    // There is a thread for each place, so that the channel has room.
    let _ = pool.jobs.try_send(Box::new(job));
    told.await.map_err(|_| {
        let message = "work beside the worker ended before it was done";
        GatewayError::new(Code::Internal, message)
    })
}

/// Does work on so many bytes: short work here, long work beside the workers.
///
/// # Errors
/// See [`offload`].
pub async fn by_size<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GatewayError> {
    match bytes > SHORT {
        true => offload(work).await,
        false => Ok(work()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn work_beside_the_workers_gives_way_to_them_and_may_panic() {
        let own = rustix::process::nice(0).expect("own niceness");
        let theirs = offload(|| rustix::process::nice(0)).await;
        let theirs = theirs.ok().and_then(Result::ok);
        assert_eq!(theirs, Some((own + NICENESS).min(19)));
        // More panics than there are threads.
        for _ in 0..40 {
            let ended = offload(|| assert!(rustix::process::nice(0).is_err(), "on purpose")).await;
            assert_eq!(ended.err().map(|it| it.code), Some(Code::Internal));
        }
        assert_eq!(offload(|| 7).await.ok(), Some(7));
        assert_eq!(rustix::process::nice(0).ok(), Some(own), "the worker's own");
    }

    #[actix_rt::test]
    async fn no_more_jobs_run_at_once_than_there_are_threads() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let jobs = (0..100).map(|_| {
            let (running, most) = (running.clone(), most.clone());
            offload(move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
            })
        });
        let done = futures_util::future::join_all(jobs).await;
        assert!(done.iter().all(Result::is_ok));
        let cores = thread::available_parallelism().map_or(2, NonZeroUsize::get);
        assert!(most.load(Ordering::SeqCst) <= cores.clamp(2, 16));
    }
}
