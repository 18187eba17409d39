//! The gateway over the wire: raw sockets on both sides, bytes compared. One binary, so that it links once.

mod facts;
mod facts_limits;
mod facts_request;
mod framing;
mod framing_against_awc;
mod pooling;
mod pooling_early;
mod pooling_stale;
mod smoke;
mod support;
mod timeouts;
mod timeouts_body;
mod truncation;
mod upstream_tls;
