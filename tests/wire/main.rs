//! The gateway over the wire: raw sockets on both sides, bytes compared. One binary, so that it links once.

mod requests_framing;
mod requests_headers;
mod smoke;
mod support;
mod urls;
