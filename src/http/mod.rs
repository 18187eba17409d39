//! Facts of HTTP/1.1 that both sides of the gateway use, each in one place: what a header line
//! says, how a chunked body is framed, which names are special. Knows no rule of the gateway's own.

pub mod chunks;
pub mod content_length;
pub mod credential;
pub mod encoding;
pub mod hop_by_hop;
mod list;
pub mod media_type;
pub mod request_fields;
#[cfg(test)]
pub mod sample;
pub mod trailers;

pub use self::list::{has_token, items};

/// Most lines that a head or a trailer section may have.
pub const MAX_HEADERS: usize = 96;
/// Most bytes that a head or a trailer section may have.
pub const MAX_HEAD: usize = 128 * 1024;
