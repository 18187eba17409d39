//! The price table in the program: the data of the crate genai-prices (MIT, see LICENSE beside),
//! made by `tools/prices`. It is decoded once, when it is first needed.

use std::{
    io::Read as _,
    pin::pin,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use flate2::read::GzDecoder;
use tokio::sync::Notify;

use super::genai::{GenaiTable, NotATable};

/// The newest day that the data tell of as past.
pub const DATE: &str = "2026-10-21";

const DATA: &[u8] = include_bytes!("prices.json.gz");

static TABLE: OnceLock<Option<GenaiTable>> = OnceLock::new();
/// Work that waits for the table.
static WAITING: Mutex<Vec<Work>> = Mutex::new(Vec::new());
static DECODED: Notify = Notify::const_new();

type Work = Box<dyn FnOnce() + Send>;

/// The table. The first call takes tens of milliseconds.
pub fn table() -> Option<&'static GenaiTable> {
    let decoded = || {
        let failed = |error| tracing::error!(%error, "the built-in prices cannot be read");
        decode().map_err(failed).ok()
    };
    TABLE.get_or_init(decoded).as_ref()
}

/// Whether the table is decoded: nobody waits for it.
pub fn is_ready() -> bool {
    TABLE.get().is_some()
}

/// Decodes the table on a thread of its own, once in the life of the process; does not wait.
pub fn prepare() {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    if BEGUN.load(Ordering::Relaxed) || BEGUN.swap(true, Ordering::Relaxed) {
        return;
    }
    let work = || {
        table();
        DECODED.notify_waiters();
        let waiting = std::mem::take(&mut *waiting());
        waiting.into_iter().for_each(|work| work());
    };
    let thread = thread::Builder::new().name("prices".to_owned());
    if thread.spawn(work).is_err() {
        work();
    }
}

/// Waits until the table is decoded.
pub async fn ready() {
    // Nearly always, and without the lock of those who wait.
    if is_ready() {
        return;
    }
    let mut decoded = pin!(DECODED.notified());
    decoded.as_mut().enable();
    if !is_ready() {
        prepare();
        decoded.await;
    }
}

/// Does something as soon as the table is decoded: now, or on the thread that decodes it.
pub fn when_ready(work: impl FnOnce() + Send + 'static) {
    let mut waiting = waiting();
    if is_ready() {
        drop(waiting);
        return work();
    }
    waiting.push(Box::new(work));
    drop(waiting);
    prepare();
}

fn waiting() -> MutexGuard<'static, Vec<Work>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, thiserror::Error)]
enum Damaged {
    #[error(transparent)]
    Compressed(#[from] std::io::Error),
    #[error(transparent)]
    Table(#[from] NotATable),
}

fn decode() -> Result<GenaiTable, Damaged> {
    let mut json = Vec::new();
    GzDecoder::new(DATA).read_to_end(&mut json)?;
    Ok(GenaiTable::parse(&json)?)
}
