//! A client that sends and reads raw bytes, and tells a complete response from one that broke off.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use super::{PATIENCE, show};

/// One connection to the gateway.
pub struct Client {
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

/// How a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By its length, its last chunk, or because it has no body.
    Complete,
    /// The connection closed, and only that told the end.
    Closed,
    /// The connection closed before the announced end.
    CutShort,
    /// The connection was reset.
    Reset,
}

/// A response as it came.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    /// The head with its empty line.
    pub head: String,
    /// Decoded from chunks where it came in chunks.
    pub body: Vec<u8>,
    pub end: End,
}

/// Asks for the page that [`Response::metric`] reads, of a gateway without an admin token or whose
/// token is `secret`.
pub const METRICS: &str = "GET /gateway/metrics HTTP/1.1\r\nHost: localhost\r\n\
                           Authorization: Bearer secret\r\nConnection: close\r\n\r\n";

impl Response {
    /// The value of a counter, for example `throughway_requests_total{outcome="relayed"}`; zero if
    /// it is not there.
    pub fn metric(&self, name: &str) -> i64 {
        let text = self.text();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().expect("a number"))
    }

    /// Every value of a header, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let lines = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        lines
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `x-gateway-error`.
    pub fn error(&self) -> Option<&str> {
        self.header("x-gateway-error")
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect(address).expect("the gateway accepts"))
    }

    /// From `127.0.0.host`.
    pub fn connect_from(host: u8, to: SocketAddr) -> Self {
        let (domain, kind) = (socket2::Domain::IPV4, socket2::Type::STREAM);
        let socket = socket2::Socket::new(domain, kind, None).expect("a socket");
        let own = SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0));
        socket.bind(&own.into()).expect("an address of ours");
        socket.connect(&to.into()).expect("a listener");
        Client::on(TcpStream::from(socket))
    }

    /// On a connection made before.
    pub fn on(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        Client {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Writes everything; a gateway that has closed already is not an error here.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Reads a whole response to a request that was not HEAD.
    pub fn response(&mut self) -> Response {
        self.read_response(false)
    }

    /// Reads the response to a HEAD request.
    pub fn head_response(&mut self) -> Response {
        self.read_response(true)
    }

    fn read_response(&mut self, to_head: bool) -> Response {
        let head = self.head();
        let status: u16 = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_default();
        let mut response = Response {
            status,
            head,
            body: Vec::new(),
            end: End::Complete,
        };
        let length: Option<usize> = response
            .header("content-length")
            .map(|length| length.parse().expect("a length"));
        let chunked = response.header("transfer-encoding").is_some();
        if to_head || matches!(status, 100..200 | 204 | 304) {
        } else if chunked {
            response.end = self.chunks(&mut response.body);
        } else if let Some(length) = length {
            response.end = self.take_into(length, &mut response.body);
        } else {
            response.end = self.rest(&mut response.body);
        }
        response
    }

    /// Reads a response head with its empty line.
    ///
    /// # Panics
    /// When the connection ends first.
    pub fn head(&mut self) -> String {
        loop {
            if let Some(end) = self
                .buffer
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                let head = self.buffer.drain(..end + 4).collect::<Vec<_>>();
                return String::from_utf8_lossy(&head).into_owned();
            }
            if let Err(end) = self.fill() {
                panic!(
                    "{end:?} before the end of a head; had: {}",
                    show(&self.buffer)
                );
            }
        }
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> End {
        loop {
            let size = match self.line() {
                Ok(line) => usize::from_str_radix(line.trim(), 16).expect("a chunk size"),
                Err(end) => return end,
            };
            if size == 0 {
                return self.line().map_or_else(|end| end, |_| End::Complete);
            }
            let end = self.take_into(size, body);
            if end != End::Complete {
                return end;
            }
            if let Err(end) = self.line() {
                return end;
            }
        }
    }

    fn line(&mut self) -> Result<String, End> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|window| window == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            self.fill()?;
        }
    }

    fn take_into(&mut self, count: usize, body: &mut Vec<u8>) -> End {
        let mut left = count;
        loop {
            let have = left.min(self.buffer.len());
            body.extend(self.buffer.drain(..have));
            left -= have;
            if left == 0 {
                return End::Complete;
            }
            if let Err(end) = self.fill() {
                return end;
            }
        }
    }

    fn rest(&mut self, body: &mut Vec<u8>) -> End {
        loop {
            body.append(&mut self.buffer);
            match self.fill() {
                Ok(()) => {}
                Err(End::CutShort) => return End::Closed,
                Err(end) => return end,
            }
        }
    }

    /// Reads what there is now; at least one byte.
    pub fn fill(&mut self) -> Result<(), End> {
        let mut chunk = [0; 65536];
        // A signal of the machine's says nothing of the connection.
        let read = loop {
            match self.stream.read(&mut chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(0) => Err(End::CutShort),
            Ok(read) => {
                self.buffer.extend_from_slice(&chunk[..read]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Err(End::Reset),
            Err(error) => panic!("{error}; had: {}", show(&self.buffer)),
        }
    }

    /// Reads until these bytes have come, and takes nothing.
    ///
    /// # Panics
    /// When the connection ends first.
    pub fn wait_for(&mut self, bytes: &[u8]) {
        while !self.buffer.windows(bytes.len()).any(|it| it == bytes) {
            if let Err(end) = self.fill() {
                panic!(
                    "{end:?} before {}; had: {}",
                    show(bytes),
                    show(&self.buffer)
                );
            }
        }
    }

    /// Bytes read from the socket and not yet taken.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// What has been read and not yet been looked at.
    pub fn take_all(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// Waits until something has come, and leaves it where it is.
    pub fn peek(&self) {
        let mut byte = [0];
        self.stream.peek(&mut byte).expect("something comes");
    }

    /// Reads exactly this many bytes, of any kind.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let end = self.take_into(count, &mut bytes);
        assert_eq!(end, End::Complete, "had: {}", show(&bytes));
        bytes
    }

    /// True when the gateway closes without sending anything more.
    pub fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && self.fill().is_err()
    }

    /// True when nothing comes for this long.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).expect("a socket");
        let mut byte = [0];
        let silent = match self.stream.peek(&mut byte) {
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            Ok(_) => false,
        };
        self.stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket");
        silent && self.buffer.is_empty()
    }

    /// Closes with a reset, as a killed client does.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).expect("a socket");
    }

    /// Says that nothing more will be sent.
    pub fn finish_sending(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}
