//! Sends one body to the receiver, over a connection that is kept while it lasts.

use std::{io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request,
    client::conn::http1::{self, SendRequest},
    header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    config::HeaderSecrets,
    guard::{BaseUrl, NamedBy},
    upstream::tls::TlsClients,
};

/// How long one body may take, connecting and response included.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most bytes of a response that are read.
const LONGEST_RESPONSE: usize = 64 * 1024;

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("no response within {PATIENCE:?}")]
    Late,
    #[error("its response is longer than {LONGEST_RESPONSE} bytes")]
    TooLong,
    #[error("it responded with {0}")]
    Status(u16),
    /// What is sent would be a request, of which there would be more to send.
    #[error("it is this gateway: telemetry.otlp.endpoint must name a receiver")]
    Own,
}

impl NotSent {
    /// Whether the same body may be taken later (OTLP 1.0, "retryable response codes").
    pub fn may_pass(&self) -> bool {
        match self {
            NotSent::Io(_) | NotSent::Http(_) | NotSent::Late | NotSent::TooLong => true,
            NotSent::Status(status) => matches!(status, 429 | 502 | 503 | 504),
            NotSent::Own => false,
        }
    }
}

/// Sends to one receiver.
pub struct Client {
    host: String,
    port: u16,
    authority: String,
    path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    tls: Option<TlsConnector>,
    connection: Option<SendRequest<Full<Bytes>>>,
    /// Where this gateway listens.
    own: SocketAddr,
}

impl Client {
    /// `own`: where this gateway listens.
    pub fn new(
        endpoint: &BaseUrl,
        headers: &HeaderSecrets,
        tls: &TlsClients,
        own: SocketAddr,
    ) -> Self {
        let host = endpoint.host().to_string();
        let host = host.trim_matches(['[', ']']).to_owned();
        let port = endpoint.port();
        let is_tls = endpoint.origin().starts_with("https:");
        let lines = headers.iter().filter_map(|(name, secret)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(secret.expose()).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        });
        Client {
            tls: is_tls.then(|| {
                let config = tls.config_for(&host, port, NamedBy::Settings);
                TlsConnector::from(config)
            }),
            host,
            port,
            authority: endpoint.authority().to_owned(),
            path: endpoint.raw_path().to_owned(),
            headers: lines.collect(),
            connection: None,
            own,
        }
    }

    /// Sends a protobuf body and gives the response's body.
    ///
    /// # Errors
    /// It was not taken.
    pub async fn post(&mut self, path: &str, body: Bytes) -> Result<Bytes, NotSent> {
        let was_open = self.connection.is_some();
        let sent = self.try_post(path, body.clone()).await;
        match sent {
            // The receiver may have closed a connection that it had kept.
            Err(NotSent::Http(_)) if was_open => self.try_post(path, body).await,
            sent => sent,
        }
    }

    async fn try_post(&mut self, path: &str, body: Bytes) -> Result<Bytes, NotSent> {
        let sending = self.exchange(path, body);
        let sent = timeout(PATIENCE, sending).await;
        let sent = sent.unwrap_or(Err(NotSent::Late));
        if !matches!(sent, Ok(_) | Err(NotSent::Status(_))) {
            self.connection = None;
        }
        sent
    }

    async fn exchange(&mut self, path: &str, body: Bytes) -> Result<Bytes, NotSent> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection.ready().await?;
        let response = connection.send_request(self.request(path, body)).await?;
        let status = response.status().as_u16();
        let mut response = response.into_body();
        let mut text = Vec::new();
        while let Some(frame) = response.frame().await {
            if let Ok(data) = frame?.into_data() {
                text.extend_from_slice(&data);
            }
            if text.len() > LONGEST_RESPONSE {
                return Err(NotSent::TooLong);
            }
        }
        self.connection = Some(connection);
        match status {
            200..300 => Ok(text.into()),
            _ => Err(NotSent::Status(status)),
        }
    }

    fn request(&self, path: &str, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = hyper::Method::POST;
        let target = format!("{}{path}", self.path);
        // The path was checked with the settings.
        *request.uri_mut() = target.parse().unwrap_or_default();
        let headers = request.headers_mut();
        if let Ok(host) = HeaderValue::from_str(&self.authority) {
            headers.insert(HOST, host);
        }
        let protobuf = HeaderValue::from_static("application/x-protobuf");
        headers.insert(CONTENT_TYPE, protobuf);
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        request
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the receiver is the operator's own, named in the settings and nowhere else"
    )]
    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, NotSent> {
        let socket = TcpStream::connect((self.host.as_str(), self.port)).await?;
        if leads_to(self.own, socket.local_addr()?, socket.peer_addr()?) {
            return Err(NotSent::Own);
        }
        socket.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return handshake(socket).await;
        };
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        handshake(tls.connect(name, socket).await?).await
    }
}

/// Whether a connection from `local` to `peer` is one to this listener, which may be bound to all
/// addresses of the machine.
fn leads_to(listener: SocketAddr, local: SocketAddr, peer: SocketAddr) -> bool {
    let [listening, local_ip, peer_ip] = [listener, local, peer].map(|it| it.ip().to_canonical());
    let is_here = peer_ip == local_ip || peer_ip.is_loopback();
    peer.port() == listener.port()
        && (listening == peer_ip || (listening.is_unspecified() && is_here))
}

async fn handshake<S>(socket: S) -> Result<SendRequest<Full<Bytes>>, NotSent>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    // It ends with the sender; its error reaches the sender, too.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}
