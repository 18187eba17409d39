//! The response cache. `cacheable` decides what may be stored, `key` under which key, and
//! `completeness` whether a body is complete. `stored_response` is the stored form; `memory` and
//! `redis` are the stores. `coalesce` joins identical requests that are in flight at the same time.
//! Nothing here calls an upstream; `proxy/lookup` decides when to look.

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
