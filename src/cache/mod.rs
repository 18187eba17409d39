//! Has this been asked before, and may the answer be given again? Exact matches only: what may be kept (`cacheable`), under which
//! key (`key`), in which form (`answer`), and where (`memory`, or `shared` in Redis); and who awaits the same answer at once (`flight`).
//! Asks no upstream; the line decides when to look.

mod cache_control;
pub mod cacheable;
pub mod coalesce;
pub mod completeness;
pub mod key;
pub mod memory;
pub mod noise;
mod reason;
pub mod redis;
mod routes;
pub mod stored_response;

pub use self::{reason::NoCacheReason, routes::Route};
