//! The gateway over the wire: raw sockets on both sides, bytes compared. One binary, so that it
//! links once.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may panic, print, wait and dial"
)]

mod admin_durable;
mod admin_keys;
mod bodies;
mod bodies_large;
mod bodies_streaming;
mod body_memory;
mod browsers;
mod cache;
mod cache_admin;
mod cache_hostile;
mod cache_ignored;
mod cache_kept;
mod cache_refusals;
mod cache_shared;
mod cache_targets;
mod clients_leaving;
mod clients_leaving_early;
mod coalescing;
mod coalescing_clients;
mod config_attempts;
mod config_balance;
mod config_breaker;
mod config_conditional;
mod config_explain;
mod config_fair;
mod config_fair_retries;
mod config_first_token;
mod config_hedge;
mod config_inheritance;
mod config_invalid;
mod config_misspelt;
mod config_replay;
mod config_sources;
mod config_timeouts;
mod config_websocket;
mod credentials_canary;
mod credentials_forwarding;
mod credentials_keys;
mod credentials_logs;
mod credentials_owners;
mod descriptors;
mod drain;
mod drain_cut;
mod edits_override;
mod edits_prefix;
mod edits_refused;
mod errors;
mod errors_directives;
mod explain_alike;
mod framing;
mod framing_against_actix;
mod framing_segments;
mod guard;
mod guard_fallback;
mod guard_names;
mod guard_rules;
mod guard_secrets;
mod guard_self;
mod guard_shape;
mod guard_spellings;
mod inbound_tls;
mod keys;
mod keys_allow;
mod keys_cli;
mod keys_identity;
mod keys_leaks;
mod keys_models;
mod limits;
mod limits_cluster;
mod limits_leases;
mod limits_shared;
mod limits_together;
mod logs;
mod logs_outlets;
mod logs_terminal;
mod loops;
mod matrix;
mod matrix_connect;
mod matrix_faults;
mod matrix_rows;
mod matrix_statuses;
mod matrix_streams;
mod pages;
mod pipelining;
mod pooling;
mod pooling_early;
mod pooling_idle;
mod pooling_stale;
mod reload;
mod reply_headers;
mod requests_framing;
mod requests_headers;
mod responses_framing;
mod responses_headers;
mod responses_status;
mod settings_refused;
mod slow;
mod slow_timers;
mod smoke;
mod smuggling;
mod smuggling_bodies;
mod support;
mod timeouts;
mod timeouts_body;
mod trailers;
mod truncation;
mod unfinished;
mod unusable_responses;
mod upstream_limits;
mod upstream_requests;
mod upstream_responses;
mod upstream_tls;
mod urls;
mod websocket;
mod websocket_refused;
