//! Which thread does work that may take long? A worker's thread serves all of its clients and the
//! health page: what may take more than a few milliseconds is done on threads beside the workers.
//! There are few of them, so that neither memory nor threads grow with the requests; they give way
//! to the workers where the processor is short, and nobody waits for all the jobs of another.

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

use crate::{
    error::{Code, GatewayError},
    memory::{SHARES, Share},
};

/// Bytes of a text that are looked through, copied or edited on the worker itself.
pub const SHORT: usize = 64 * 1024;

/// Added to the niceness of the threads beside the workers (nice(2)).
const NICENESS: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

static POOL: LazyLock<Pool> = LazyLock::new(Pool::start);

/// The threads beside the workers, of the whole process.
struct Pool {
    /// As many jobs at once as there are threads; others wait for a place with their requests.
    places: Semaphore,
    /// Where the jobs of each client wait until few of them are among those that wait for a place.
    /// So no client waits for more than a few jobs of another, however many that one has.
    turns: Box<[Semaphore]>,
    jobs: SyncSender<Job>,
}

/// Threads beside the workers.
fn threads() -> usize {
    let cores = thread::available_parallelism().map_or(2, NonZeroUsize::get);
    cores.clamp(2, 16)
}

impl Pool {
    fn start() -> Self {
        let threads = threads();
        let (jobs, waiting) = sync_channel(threads);
        let waiting = Arc::new(Mutex::new(waiting));
        let started = (0..threads).filter(|_| {
            let waiting = waiting.clone();
            let thread = thread::Builder::new().name("beside".to_owned());
            thread.spawn(move || work_through(&waiting)).is_ok()
        });
        let places = Semaphore::new(started.count());
        if places.available_permits() == 0 {
            // Closed, so that no request waits for threads that the system does not give.
            places.close();
        }
        Pool {
            places,
            turns: (0..SHARES).map(|_| Semaphore::new(threads)).collect(),
            jobs,
        }
    }
}

fn work_through(waiting: &Mutex<Receiver<Job>>) {
    // Without the lower priority the work is still done.
    let _ = rustix::process::nice(NICENESS);
    loop {
        let job = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        match job {
            // The waiter of a job that panics learns of it from its closed channel.
            Ok(job) => drop(catch_unwind(AssertUnwindSafe(job))),
            Err(_) => return,
        }
    }
}

/// Does the work of this client beside the workers. Who stops waiting before it has begun has no
/// work done.
///
/// # Errors
/// `internal`, if it ends in a panic; `overloaded`, if the system had no threads to give.
pub async fn offload<T: Send + 'static>(
    client: Share,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GatewayError> {
    let pool = &*POOL;
    let (tell, told) = oneshot::channel();
    let turn = pool.turns[client.number()].acquire().await;
    let Ok(place) = pool.places.acquire().await else {
        let message = "the system has no threads for work beside the workers";
        return Err(GatewayError::overloaded(message));
    };
    let job = move || {
        // The waiter may have given up.
        let _ = tell.send(work());
        drop((place, turn));
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
    client: Share,
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GatewayError> {
    match bytes > SHORT {
        true => offload(client, work).await,
        false => Ok(work()),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, Ipv4Addr},
        sync::mpsc,
        time::Duration,
    };

    use super::*;
    use crate::memory::{BodyMemory, Counts};

    static MEMORY: LazyLock<Arc<BodyMemory>> =
        LazyLock::new(|| BodyMemory::new(0, Counts::default()));

    fn client(number: u8) -> Share {
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, number));
        MEMORY.account(Some(address)).share()
    }

    #[actix_rt::test]
    async fn work_beside_the_workers_gives_way_to_them_and_may_panic() {
        let own = rustix::process::nice(0).expect("own niceness");
        let theirs = offload(client(3), || rustix::process::nice(0)).await;
        let theirs = theirs.ok().and_then(Result::ok);
        assert_eq!(theirs, Some((own + NICENESS).min(19)));
        // More panics than there are threads.
        for _ in 0..40 {
            let ended = offload(client(1), || {
                assert!(rustix::process::nice(0).is_err(), "on purpose")
            })
            .await;
            assert_eq!(ended.err().map(|it| it.code), Some(Code::Internal));
        }
        assert_eq!(offload(client(3), || 7).await.ok(), Some(7));
        assert_eq!(rustix::process::nice(0).ok(), Some(own), "the worker's own");
    }

    #[actix_rt::test]
    async fn no_more_jobs_run_at_once_than_there_are_threads() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let jobs = (0..100).map(|_| {
            let (running, most) = (running.clone(), most.clone());
            offload(client(4), move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
            })
        });
        let done = futures_util::future::join_all(jobs).await;
        assert!(done.iter().all(Result::is_ok));
        assert!(most.load(Ordering::SeqCst) <= threads());
    }

    #[tokio::test]
    async fn nobody_waits_for_all_the_jobs_of_another() {
        let threads = threads();
        let (begin, begun) = mpsc::sync_channel(1024);
        let (end, ends) = mpsc::sync_channel::<()>(1024);
        let ends = Arc::new(Mutex::new(ends));
        let jobs = 20 * threads;
        let greedy: Vec<_> = (0..jobs)
            .map(|_| {
                let (begin, ends) = (begin.clone(), ends.clone());
                let job = move || {
                    let _ = begin.send(());
                    ends.lock().map(|it| it.recv()).is_ok()
                };
                tokio::spawn(offload(client(1), job))
            })
            .collect();
        while begun.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
        let other = tokio::spawn(offload(client(2), || ()));
        tokio::task::yield_now().await;
        // As many jobs end as run at once, and as many as wait for their place by then.
        let finish = |count: usize| (0..count).for_each(|_| end.send(()).unwrap_or_default());
        finish(2 * threads);
        let done = tokio::time::timeout(Duration::from_secs(10), other).await;
        assert!(done.is_ok(), "it waits for all of them");
        finish(jobs);
        for job in greedy {
            assert!(job.await.is_ok_and(|it| it.is_ok()));
        }
    }
}
