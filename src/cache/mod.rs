//! Has this been asked before, and may the answer be given again? Exact matches only: what may be kept (`cacheable`), under which
//! key (`key`), in which form (`answer`), and where (`memory`). Sends nothing and waits for nothing; the line decides when to ask.

pub mod answer;
mod cache_control;
pub mod cacheable;
pub mod key;
pub mod memory;
mod reason;
mod routes;
pub mod terminal;

pub use self::{reason::NoCacheReason, routes::Route};
