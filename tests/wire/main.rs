//! The gateway over the wire: raw sockets on both sides, bytes compared. One binary, so that it links once.

mod bodies;
mod bodies_large;
mod bodies_streaming;
mod browsers;
mod errors;
mod errors_directives;
mod pages;
mod reply_headers;
mod requests_framing;
mod requests_headers;
mod responses_framing;
mod responses_headers;
mod responses_status;
mod smoke;
mod support;
mod urls;
