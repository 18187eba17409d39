//! Which certificates are trusted and shown for each upstream host? The system's roots and webpki's
//! are trusted; the settings may name a CA file and a client certificate per host.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use rustls::{ClientConfig, RootCertStore};

use crate::{
    guard::NamedBy,
    tls::{PemFile, TlsError, client_builder, http11_client},
};

/// Read once for the process: reading the system's certificates takes long.
static PUBLIC_ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| Arc::new(public_roots()));

/// TLS settings of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTls {
    /// Where the settings name it, for errors.
    pub key: String,
    /// Host as in the target URL, lower case; with a port, for that port only.
    pub host: String,
    /// PEM file of the only authorities trusted for this host.
    pub ca_file: Option<PathBuf>,
    /// PEM files of the client's certificate chain and key.
    pub client_auth: Option<(PathBuf, PathBuf)>,
}

/// One client configuration for all hosts, and those of the hosts that have their own.
pub struct TlsClients {
    common: Arc<ClientConfig>,
    by_host: HashMap<String, HostConfigs>,
}

/// The configurations for a listed host. A client certificate is the operator's credential, so
/// callers who name the host themselves connect without it.
struct HostConfigs {
    operators: Arc<ClientConfig>,
    callers: Arc<ClientConfig>,
}

impl TlsClients {
    /// Reads the trust roots and the files named in the settings. Unreadable system roots are left
    /// out, since webpki's are there; an unreadable file of the settings is an error.
    pub fn new(hosts: &[HostTls]) -> Result<Self, TlsError> {
        let roots = PUBLIC_ROOTS.clone();
        let by_host = hosts
            .iter()
            .map(|host| Ok((host.host.clone(), HostConfigs::of(host, &roots)?)))
            .collect::<Result<_, TlsError>>()?;
        let common = client_builder()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(TlsClients {
            common: Arc::new(http11_client(common)),
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
    let trusting = client_builder()?.with_root_certificates(roots);
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
            config.map_err(TlsError::certificates(&host.key))?
        }
    };
    Ok(http11_client(config))
}

fn roots_of(file: PemFile<'_>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in file.certificates()? {
        roots
            .add(certificate)
            .map_err(TlsError::certificates(file.key))?;
    }
    Ok(roots)
}
