//! The gateway over the wire: raw sockets on both sides, bytes compared. One binary, so that it links once.

mod facts;
mod facts_limits;
mod facts_request;
mod framing;
mod framing_against_awc;
mod guard;
mod guard_names;
mod guard_rules;
mod guard_secrets;
mod guard_self;
mod guard_shape;
mod guard_spellings;
mod pooling;
mod pooling_early;
mod pooling_stale;
mod smoke;
mod support;
mod timeouts;
mod truncation;
mod upstream_tls;
