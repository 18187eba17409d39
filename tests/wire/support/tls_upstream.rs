//! An upstream that speaks TLS: the test's own authority, certificates from it, and a scripted
//! connection that ends with or without `close_notify`.

#![allow(dead_code, reason = "no test needs all of it")]

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};

use super::Upstream;

/// A certificate authority, and a directory for its files that goes with it.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: PathBuf,
}

/// A certificate and its key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: KeyPair,
}

impl Authority {
    pub fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("wire-authority-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("a directory");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let authority = Authority { issuer, directory };
        authority.file("ca.pem", &authority.issuer.pem());
        authority
    }

    /// The PEM file to trust.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// Writes a file beside it.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// A certificate for these names.
    pub fn identity(&self, names: &[&str]) -> Identity {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let params = CertificateParams::new(names).expect("parameters");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Identity {
            certificate_pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key,
        }
    }

    /// A client's certificate and key as PEM files.
    pub fn client_files(&self) -> (PathBuf, PathBuf) {
        let identity = self.identity(&["client.test"]);
        let certificate = self.file("client.pem", &identity.certificate_pem);
        let key = self.file("client.key", &identity.key.serialize_pem());
        (certificate, key)
    }

    /// A server for `localhost`.
    pub fn server(&self) -> ServerConfig {
        self.server_for(&["localhost"])
    }

    /// A server for these names.
    pub fn server_for(&self, names: &[&str]) -> ServerConfig {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth();
        self.identity(names).serve(builder)
    }

    /// A server for `localhost` that speaks one version only.
    pub fn server_speaking(
        &self,
        version: &'static rustls::SupportedProtocolVersion,
    ) -> ServerConfig {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_no_client_auth();
        self.identity(&["localhost"]).serve(builder)
    }

    /// A server for `localhost` that wants a client certificate of this authority.
    pub fn server_for_known_clients(&self) -> ServerConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("a root");
        let provider = Arc::new(default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .expect("a verifier");
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier);
        self.identity(&["localhost"]).serve(builder)
    }

    /// Settings that trust this authority for `localhost`.
    pub fn settings(&self) -> String {
        let ca_file = self.ca_file();
        format!(
            "upstream: {{ tls: [{{ host: localhost, ca_file: {} }}] }}\n",
            ca_file.display()
        )
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(Path::new(&self.directory));
    }
}

impl Identity {
    fn serve(
        self,
        builder: rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>,
    ) -> ServerConfig {
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der());
        builder
            .with_single_cert(vec![self.certificate], PrivateKeyDer::from(key))
            .expect("a certificate with its key")
    }
}

/// One TLS connection, seen from the upstream.
pub struct TlsPeer {
    pub stream: StreamOwned<ServerConnection, TcpStream>,
    buffer: Vec<u8>,
}

/// Plays `script` on each connection, once its handshake is done.
pub fn playing(
    config: ServerConfig,
    script: impl Fn(&mut TlsPeer) + Send + Sync + 'static,
) -> Upstream {
    let config = Arc::new(config);
    Upstream::playing(move |peer| {
        let mut socket = peer.stream.try_clone().expect("a socket");
        let mut connection = ServerConnection::new(config.clone()).expect("a connection");
        while connection.is_handshaking() {
            if connection.complete_io(&mut socket).is_err() {
                return;
            }
        }
        let mut peer = TlsPeer {
            stream: StreamOwned::new(connection, socket),
            buffer: Vec::new(),
        };
        script(&mut peer);
    })
}

/// `https://localhost:port`.
pub fn url(upstream: &Upstream) -> String {
    format!("https://localhost:{}", upstream.address.port())
}

impl TlsPeer {
    /// Reads one request head; `None` when the connection ends first.
    pub fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|it| it == b"\r\n\r\n") {
                let head = self.buffer.drain(..end + 4).collect();
                return String::from_utf8(head).ok();
            }
            self.fill()?;
        }
    }

    /// Reads exactly this many bytes.
    pub fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < count {
            self.fill()?;
        }
        Some(self.buffer.drain(..count).collect())
    }

    fn fill(&mut self) -> Option<()> {
        let mut chunk = [0; 16384];
        let read = self.stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        self.buffer.extend_from_slice(&chunk[..read]);
        Some(())
    }

    /// Writes; a peer that has gone is not an error here.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
        let _ = self.stream.flush();
    }

    /// Says that nothing more will come, as TLS wants it. Without it, the connection just ends.
    pub fn close_notify(&mut self) {
        self.stream.conn.send_close_notify();
        let _ = self.stream.flush();
        let _ = self.stream.conn.write_tls(&mut self.stream.sock);
    }
}
