//! The gateway over the wire: raw sockets on both sides, bytes compared. One binary, so that it links once.

mod framing;
mod smoke;
mod support;
