//! How does a command ask a running gateway? One request on a connection of its own, blocking,
//! HTTP/1.1: in plain text over loopback only, since requests carry the admin token, else by TLS.

mod address;
mod response;

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};

pub use self::{
    address::{Address, BadAddress},
    response::Response,
};
use crate::{guard::NamedBy, secret::Secret, upstream::tls::TlsClients};

/// The most bytes of a response.
const LARGEST: u64 = 256 * 1024 * 1024;

/// A request for the gateway.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    pub method: &'r str,
    /// From `/`, with the query.
    pub path: &'r str,
    pub token: Option<&'r Secret>,
    /// JSON.
    pub body: Option<&'r str>,
}

impl<'r> Request<'r> {
    pub fn get(path: &'r str) -> Self {
        Request {
            method: "GET",
            path,
            token: None,
            body: None,
        }
    }
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum NoResponse {
    /// Nothing was sent.
    #[error("{0}")]
    Unreachable(io::Error),
    /// The request may have been acted on.
    #[error("the connection failed before the response was complete: {0}")]
    Lost(io::Error),
    #[error("what responds there does not speak HTTP")]
    NotHttp,
}

/// Sends requests to one address.
pub struct Client {
    address: Address,
    patience: Duration,
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

impl Client {
    /// `patience`: how long connecting may take, and then each wait for bytes.
    pub fn new(address: Address, patience: Duration) -> Self {
        Client { address, patience }
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Sends a request and reads its response.
    ///
    /// # Errors
    /// There is no complete response.
    pub fn send(&self, request: Request<'_>) -> Result<Response, NoResponse> {
        let mut stream = self.connect().map_err(NoResponse::Unreachable)?;
        let sent = stream.write_all(self.head(request).as_bytes());
        let sent =
            sent.and_then(|()| stream.write_all(request.body.unwrap_or_default().as_bytes()));
        sent.and_then(|()| stream.flush())
            .map_err(NoResponse::Lost)?;
        let mut bytes = Vec::new();
        let closed = match stream.take(LARGEST).read_to_end(&mut bytes) {
            Ok(_) => Ok(()),
            // Where the response tells its length, its end is known without the connection's.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(error),
            Err(error) => return Err(NoResponse::Lost(error)),
        };
        response::read(bytes, request.method, closed)
    }

    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let socket = self.open_socket()?;
        socket.set_read_timeout(Some(self.patience))?;
        socket.set_write_timeout(Some(self.patience))?;
        if !self.address.is_tls() {
            return Ok(Box::new(socket));
        }
        let host = self.address.host().trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let clients = TlsClients::new(&[]).map_err(io::Error::other)?;
        let config = clients.config_for(host, self.address.port(), NamedBy::Settings);
        let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, socket);
        // Shakes hands, so that a certificate that is not trusted is found before anything is sent.
        stream.flush()?;
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(Box::new(stream))
    }

    fn open_socket(&self) -> io::Result<TcpStream> {
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for address in self.address.resolve()? {
            match TcpStream::connect_timeout(&address, self.patience) {
                Ok(socket) => return Ok(socket),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn head(&self, request: Request<'_>) -> String {
        let Request {
            method,
            path,
            token,
            body,
        } = request;
        let (prefix, host) = (self.address.prefix(), self.address.host_and_port());
        let mut head = format!(
            "{method} {prefix}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Accept: application/json\r\n"
        );
        if let Some(token) = token {
            head += &format!("Authorization: Bearer {}\r\n", token.expose());
        }
        if let Some(body) = body {
            let length = body.len();
            head += &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
        }
        head + "\r\n"
    }
}

#[cfg(test)]
pub mod scripted;
#[cfg(test)]
mod tests;
