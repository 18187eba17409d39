//! TLS towards upstreams: rustls with ring, HTTP/1.1 only. The system's roots and webpki's are trusted; the settings may
//! name a CA file and a client certificate per host.

use std::{collections::HashMap, io, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use thiserror::Error;

use crate::egress::NamedBy;

/// TLS settings of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTls {
    /// Host as in the target URL, lower case; with a port, for that port only.
    pub host: String,
    /// PEM file of the only authorities trusted for this host.
    pub ca_file: Option<std::path::PathBuf>,
    /// PEM files of the client's certificate chain and key.
    pub client_auth: Option<(std::path::PathBuf, std::path::PathBuf)>,
}

/// A certificate or key file that cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
    #[error("TLS for {host}: {source}")]
    Config { host: String, source: rustls::Error },
    #[error("TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

/// One client configuration for all hosts, and those of the hosts that have their own.
pub struct TlsClients {
    common: Arc<ClientConfig>,
    by_host: HashMap<String, HostConfigs>,
}

/// The configurations for a host of the settings' list. A client certificate is a credential of the
/// operator's: callers who name the host themselves connect without it.
struct HostConfigs {
    operators: Arc<ClientConfig>,
    callers: Arc<ClientConfig>,
}

impl TlsClients {
    /// Reads the trust roots and the files named in the settings. Unreadable system roots are left out, since webpki's are
    /// there; an unreadable file of the settings is an error.
    pub fn new(hosts: &[HostTls]) -> Result<Self, TlsError> {
        let roots = Arc::new(public_roots());
        let by_host = hosts
            .iter()
            .map(|host| Ok((host.host.clone(), HostConfigs::of(host, &roots)?)))
            .collect::<Result<_, TlsError>>()?;
        let common = builder()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(TlsClients {
            common: Arc::new(http11(common)),
            by_host,
        })
    }

    /// The configuration for a host, the one for its port before the one for all its ports.
    pub fn config_for(&self, host: &str, port: u16, named_by: NamedBy) -> Arc<ClientConfig> {
        if self.by_host.is_empty() {
            return self.common.clone();
        }
        let at_port = self.by_host.get(&format!("{host}:{port}"));
        let own = at_port.or_else(|| self.by_host.get(host));
        match (own, named_by) {
            (None, _) => self.common.clone(),
            (Some(own), NamedBy::Settings) => own.operators.clone(),
            (Some(own), NamedBy::Caller) => own.callers.clone(),
        }
    }
}

impl HostConfigs {
    fn of(host: &HostTls, public: &Arc<RootCertStore>) -> Result<Self, TlsError> {
        let operators = Arc::new(config_of(host, public)?);
        let callers = match &host.client_auth {
            None => operators.clone(),
            Some(_) => {
                let anonymous = HostTls {
                    client_auth: None,
                    ..host.clone()
                };
                Arc::new(config_of(&anonymous, public)?)
            }
        };
        Ok(HostConfigs { operators, callers })
    }
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
}

fn http11(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

fn public_roots() -> RootCertStore {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn config_of(host: &HostTls, public: &Arc<RootCertStore>) -> Result<ClientConfig, TlsError> {
    let at_host = |source| TlsError::Config {
        host: host.host.clone(),
        source,
    };
    let roots = match &host.ca_file {
        None => public.clone(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(at_host)?;
            }
            Arc::new(roots)
        }
    };
    let trusting = builder()?.with_root_certificates(roots);
    let config = match &host.client_auth {
        None => trusting.with_no_client_auth(),
        Some((chain, key)) => trusting
            .with_client_auth_cert(certificates(chain)?, private_key(key)?)
            .map_err(at_host)?,
    };
    Ok(http11(config))
}

/// The certificates in a PEM file, at least one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(path, &error))?;
    if found.is_empty() {
        let empty = io::Error::new(io::ErrorKind::InvalidData, "no certificate in this file");
        return Err(unusable(path, &empty));
    }
    Ok(found)
}

/// The first private key in a PEM file.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> TlsError {
    TlsError::File {
        path: path.display().to_string(),
        reason: reason.to_string(),
    }
}
