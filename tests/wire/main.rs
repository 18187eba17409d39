//! The gateway over the wire: raw sockets on both sides, bytes compared. One binary, so that it links once.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic, wait, dial and look at awc as shipped"
)]

mod bodies;
mod bodies_large;
mod bodies_streaming;
mod browsers;
mod clients_leaving;
mod clients_leaving_early;
mod drain;
mod errors;
mod errors_directives;
mod facts;
mod facts_limits;
mod facts_request;
mod framing;
mod framing_against_awc;
mod framing_segments;
mod guard;
mod guard_names;
mod guard_rules;
mod guard_secrets;
mod guard_self;
mod guard_shape;
mod guard_spellings;
mod inbound_tls;
mod pages;
mod pipelining;
mod pooling;
mod pooling_early;
mod pooling_idle;
mod pooling_stale;
mod reply_headers;
mod requests_framing;
mod requests_headers;
mod responses_framing;
mod responses_headers;
mod responses_status;
mod slow;
mod slow_timers;
mod smoke;
mod smuggling;
mod smuggling_bodies;
mod support;
mod timeouts;
mod timeouts_body;
mod truncation;
mod upstream_tls;
mod urls;
mod websocket;
mod websocket_refused;
