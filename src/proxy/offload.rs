//! Which thread does work that may take long? A worker's thread serves all of its clients and the health page: what may take more than
//! a few milliseconds is done on threads beside the workers, of which there are few, so that neither their memory nor their number
//! grows with the requests.

use std::{
    num::NonZeroUsize,
    sync::{Arc, LazyLock},
};

use tokio::sync::Semaphore;

use crate::error::{Code, GatewayError};

/// Bytes of a text that are looked through, copied or edited on the worker itself.
pub const SHORT: usize = 64 * 1024;

/// Jobs beside the workers at once, of the whole process.
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
    Arc::new(Semaphore::new(cores.clamp(2, 16)))
});

/// Does the work beside the workers. Who stops waiting before it has begun has no work done.
///
/// # Errors
/// `internal`, if it ends in a panic.
pub async fn offload<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GatewayError> {
    let place = PLACES.clone().acquire_owned().await;
    let job = move || {
        let done = work();
        drop(place);
        done
    };
    tokio::task::spawn_blocking(job).await.map_err(|_| {
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
