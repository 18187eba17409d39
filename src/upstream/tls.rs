//! TLS towards upstreams: rustls with ring, HTTP/1.1 only. The system's roots and webpki's are
//! trusted; the settings may name a CA file and a client certificate per host.

use std::{collections::HashMap, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
};
use thiserror::Error;

use crate::guard::NamedBy;

/// TLS settings of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTls {
    /// Where the settings name it, for errors.
    pub key: String,
    /// Host as in the target URL, lower case; with a port, for that port only.
    pub host: String,
    /// PEM file of the only authorities trusted for this host.
    pub ca_file: Option<std::path::PathBuf>,
    /// PEM files of the client's certificate chain and key.
    pub client_auth: Option<(std::path::PathBuf, std::path::PathBuf)>,
}

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

/// A PEM file, and the key of the settings that names it.
#[derive(Debug, Clone, Copy)]
pub struct PemFile<'a> {
    pub key: &'a str,
    pub path: &'a Path,
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
    /// Reads the trust roots and the files named in the settings. Unreadable system roots are left
    /// out, since webpki's are there; an unreadable file of the settings is an error.
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
    let roots = match &host.ca_file {
        None => public.clone(),
        Some(path) => {
            let key = &format!("{}.ca_file", host.key);
            Arc::new(roots_of(PemFile { key, path })?)
        }
    };
    let trusting = builder()?.with_root_certificates(roots);
    let config = match &host.client_auth {
        None => trusting.with_no_client_auth(),
        Some((chain, private)) => {
            let key = |name: &str| format!("{}.{name}", host.key);
            let chain = PemFile {
                key: &key("client_cert"),
                path: chain,
            }
            .certificates()?;
            let private = PemFile {
                key: &key("client_key"),
                path: private,
            }
            .private_key()?;
            let config = trusting.with_client_auth_cert(chain, private);
            config.map_err(unusable_pair(&host.key))?
        }
    };
    Ok(http11(config))
}

fn roots_of(file: PemFile<'_>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in file.certificates()? {
        roots.add(certificate).map_err(unusable_pair(file.key))?;
    }
    Ok(roots)
}

/// Files that could be read and are of no use to TLS: a certificate that is none, a key of another
/// certificate.
pub fn unusable_pair(key: &str) -> impl Fn(rustls::Error) -> TlsError + use<> {
    let key = key.to_owned();
    move |source| TlsError::Certificates {
        key: key.clone(),
        source,
    }
}

impl PemFile<'_> {
    /// The certificates in it, at least one.
    ///
    /// # Errors
    /// It cannot be read, or holds none.
    pub fn certificates(self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let found = CertificateDer::pem_file_iter(self.path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| self.unusable(&error))?;
        match found.is_empty() {
            true => Err(self.unusable(&"there is no PEM certificate in it")),
            false => Ok(found),
        }
    }

    /// The first private key in it.
    ///
    /// # Errors
    /// It cannot be read, or holds none.
    pub fn private_key(self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_file(self.path).map_err(|error| match error {
            pem::Error::NoItemsFound => self.unusable(&"there is no PEM private key in it"),
            error => self.unusable(&error),
        })
    }

    fn unusable(self, reason: &dyn std::fmt::Display) -> TlsError {
        TlsError::File {
            key: self.key.to_owned(),
            path: self.path.display().to_string(),
            reason: reason.to_string(),
        }
    }
}
