//! The third step: has the same been asked before? A stored response, one that is under way for
//! another request, or a place to store the one to come. What may be stored, and under which key,
//! is `cache`'s to say.

mod begin;
mod fill;
mod find;
mod store;

use std::time::{SystemTime, UNIX_EPOCH};

pub use self::{
    begin::Head,
    fill::{BodyTimes, FillStart},
    find::{Joined, Lookup, lookup, of_target},
    store::PendingStore,
};
use crate::cache::stored_response::UnixMillis;

pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixMillis(since.map_or(0, |it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)))
}
