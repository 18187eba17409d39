//! The gateway over the wire: raw sockets on both sides, bytes compared. One binary, so that it links once.

mod clients_leaving;
mod drain;
mod inbound_tls;
mod pipelining;
mod slow;
mod smoke;
mod smuggling;
mod support;
mod websocket;
