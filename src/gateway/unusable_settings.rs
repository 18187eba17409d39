//! Why can well-formed settings not be used?

use thiserror::Error;

use crate::tls::TlsError;

/// Settings that are well-formed, but cannot be used.
#[derive(Debug, Error)]
pub enum UnusableSettings {
    #[error("cache.url: {0}")]
    CacheRedis(String),
    #[error("limit_store.url: {0}")]
    Redis(String),
    #[error(transparent)]
    Tls(#[from] TlsError),
}
