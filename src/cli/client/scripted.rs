//! A server that gives one prepared response to each request, for tests of commands.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
};

/// A server that ends after its last response.
pub struct Scripted {
    pub address: SocketAddr,
    thread: JoinHandle<Vec<String>>,
}

impl Scripted {
    /// Each response is sent as it is, then the connection is closed.
    pub fn new(responses: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let serve = |response: String| {
                let (mut stream, _) = listener.accept().unwrap();
                let request = request(&stream);
                stream.write_all(response.as_bytes()).unwrap();
                request
            };
            responses.into_iter().map(serve).collect()
        });
        Scripted { address, thread }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that came, one for each response.
    pub fn requests(self) -> Vec<String> {
        self.thread.join().unwrap()
    }
}

/// A response with this status and JSON body.
pub fn json(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

/// An address at which nothing listens.
pub fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut request).unwrap() > 0, "{request}");
    }
    let length = request
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    request + &String::from_utf8(body).unwrap()
}
