//! The rustls set-up that both sides share: ring as the provider of cryptography, rustls' safe
//! protocol versions, HTTP/1.1 only, and the PEM files that the settings name.

mod pem;

use std::sync::Arc;

use rustls::{
    ClientConfig, ConfigBuilder, ServerConfig, WantsVerifier,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use thiserror::Error;

pub use self::pem::PemFile;

/// The only protocol that is offered and accepted by ALPN (RFC 7301).
const HTTP11: &[u8] = b"http/1.1";

/// TLS settings that cannot be used; each error begins with the key of the settings.
#[derive(Debug, Error)]
pub enum TlsError {
    #[error("{key}: cannot use {path}: {reason}")]
    File {
        key: String,
        path: String,
        reason: String,
    },
    #[error("{key}: the certificates cannot be used: {source}")]
    Certificates { key: String, source: rustls::Error },
    #[error("TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

impl TlsError {
    /// For files that can be read but not used: an unsuitable certificate, or a private key that
    /// belongs to another certificate.
    pub fn certificates(key: &str) -> impl Fn(rustls::Error) -> Self + use<> {
        let key = key.to_owned();
        move |source| Self::Certificates {
            key: key.clone(),
            source,
        }
    }
}

/// Begins the configuration of a client; [`http11_client`] completes it.
///
/// # Errors
/// The provider supports none of the protocol versions.
pub fn client_builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
}

/// Lets a client offer HTTP/1.1 only.
pub fn http11_client(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![HTTP11.to_vec()];
    config
}

/// The configuration of a server that speaks HTTP/1.1 only. `key` names the settings, for errors.
///
/// # Errors
/// The private key cannot be used with the certificate chain.
pub fn http11_server(
    key: &str,
    chain: Vec<CertificateDer<'static>>,
    private: PrivateKeyDer<'static>,
) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(TlsError::certificates(key))?;
    config.alpn_protocols = vec![HTTP11.to_vec()];
    Ok(config)
}
