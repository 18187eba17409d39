//! An upstream that plays a script on each connection: raw bytes in, raw bytes out, and a record of
//! what came.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{PATIENCE, show};

/// A listening upstream. Connections of one test are numbered from 1.
pub struct Upstream {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Upstream {
    /// Plays `script` on a thread of its own for each connection.
    pub fn playing(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        Self::on("127.0.0.1:0", script)
    }

    /// The same, on this address.
    pub fn on(address: &str, script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (count, log, script) = (connections.clone(), requests.clone(), Arc::new(script));
        // Ends with the process: a listener that blocks in `accept` cannot be told to stop.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                let (log, script) = (log.clone(), script.clone());
                thread::spawn(move || {
                    let mut peer = Peer::new(stream, number, log);
                    script(&mut peer);
                });
            }
        });
        Upstream {
            address,
            connections,
            requests,
        }
    }

    /// Responds to every request with these bytes, on connections that stay open.
    pub fn responding(response: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self::playing(move |peer| {
            while peer.request().is_some() {
                peer.send(response.as_ref());
            }
        })
    }

    /// Responds to one request with these bytes and closes.
    pub fn responding_once(response: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self::playing(move |peer| {
            peer.request();
            peer.send(response.as_ref());
        })
    }

    /// `http://address`, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Requests read so far by [`Peer::request`], head and body as they came.
    pub fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.lock().expect("no script panicked").clone()
    }

    /// The only request so far, as text.
    pub fn request(&self) -> String {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "requests that reached the upstream");
        String::from_utf8_lossy(&requests[0]).into_owned()
    }
}

/// One connection, seen from the upstream.
pub struct Peer {
    pub stream: TcpStream,
    /// 1 for the first connection.
    pub number: usize,
    buffer: Vec<u8>,
    log: Arc<Mutex<Vec<Vec<u8>>>>,
    read: usize,
}

impl Peer {
    fn new(stream: TcpStream, number: usize, log: Arc<Mutex<Vec<Vec<u8>>>>) -> Self {
        stream.set_nodelay(true).expect("a socket");
        stream
            .set_read_timeout(Some(PATIENCE * 3))
            .expect("a socket");
        Peer {
            stream,
            number,
            buffer: Vec::new(),
            log,
            read: 0,
        }
    }

    /// Reads a whole request; `None` when the connection ends first. The request is logged.
    pub fn request(&mut self) -> Option<Vec<u8>> {
        let mut request = self.head()?;
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        if let Some(length) = length {
            request.extend(self.take(length)?);
        } else if text.contains("transfer-encoding: chunked") {
            while !request.ends_with(b"0\r\n\r\n") {
                request.extend(self.take(1)?);
            }
        }
        self.read += 1;
        self.log
            .lock()
            .expect("no script panicked")
            .push(request.clone());
        Some(request)
    }

    /// The request just read is the first on this connection.
    pub fn is_first_request(&self) -> bool {
        self.read == 1
    }

    /// Reads a request head with its empty line; `None` when the connection ends first.
    pub fn head(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self
                .buffer
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                return Some(self.buffer.drain(..end + 4).collect());
            }
            self.fill()?;
        }
    }

    /// The request target of a head.
    pub fn target(head: &[u8]) -> String {
        let line = String::from_utf8_lossy(head);
        line.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// Bytes read from the socket and not yet taken.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Reads exactly this many bytes.
    pub fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < count {
            self.fill()?;
        }
        Some(self.buffer.drain(..count).collect())
    }

    fn fill(&mut self) -> Option<()> {
        let mut chunk = [0; 65536];
        let read = self.stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        self.buffer.extend_from_slice(&chunk[..read]);
        Some(())
    }

    /// Writes; a peer that has gone is not an error here.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Lets time pass on purpose: the script's own pace, not a wait for something.
    pub fn pause(&self, time: Duration) {
        thread::sleep(time);
    }

    /// Closes with a reset.
    pub fn reset(&mut self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).expect("a socket");
        let _ = self.stream.shutdown(Shutdown::Read);
    }

    /// Waits until the other side has closed; how long that took. `None` when it had not within the
    /// patience.
    pub fn closed_after(&mut self) -> Option<Duration> {
        let start = Instant::now();
        self.stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket");
        let mut rest = [0; 65536];
        loop {
            match self.stream.read(&mut rest) {
                Ok(0) => return Some(start.elapsed()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    return Some(start.elapsed());
                }
                Err(error) => {
                    eprintln!("still open: {error}, had {}", show(&self.buffer));
                    return None;
                }
            }
        }
    }
}
