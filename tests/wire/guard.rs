//! What the tests of the guard share: a canary that must not be contacted, and every way in which a
//! base URL can be sent.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use socket2::{Domain, Socket, Type};

use crate::support::{Gateway, Response, eventually};

/// Listens on one port of every address this machine has, and counts connections. It never
/// responds.
pub struct Canary {
    pub port: u16,
    perches: Vec<Perch>,
}

struct Perch {
    /// An address of this machine on which the listener is reached.
    address: SocketAddr,
    visitors: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Canary {
    /// On every address of this machine.
    pub fn everywhere() -> Self {
        loop {
            let v4 = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port");
            let port = v4.local_addr().expect("an address").port();
            // The same port of the other family may be taken; some machines have no IPv6.
            match listen_on_v6(port) {
                Ok(v6) => return Self::listening([v4, v6]),
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
                Err(_) => return Self::listening([v4]),
            }
        }
    }

    /// On this address and port only.
    pub fn on(address: SocketAddr) -> Self {
        Self::listening([TcpListener::bind(address).expect("a free port")])
    }

    fn listening(listeners: impl IntoIterator<Item = TcpListener>) -> Self {
        let perches: Vec<_> = listeners.into_iter().map(Perch::of).collect();
        Canary {
            port: perches[0].address.port(),
            perches,
        }
    }

    /// Connections so far. A knock of its own comes last in each queue: when it is heard, so is all
    /// before it.
    pub fn visits(&self) -> usize {
        self.perches.iter().map(Perch::visits).sum()
    }
}

impl Perch {
    fn of(listener: TcpListener) -> Self {
        let mut address = listener.local_addr().expect("an address");
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        let visitors = Arc::new(Mutex::new(Vec::new()));
        let noted = visitors.clone();
        // Ends with the process, as the listeners of the upstreams do.
        thread::spawn(move || {
            while let Ok((_, visitor)) = listener.accept() {
                noted.lock().expect("no panic").push(visitor);
            }
        });
        Perch { address, visitors }
    }

    fn visits(&self) -> usize {
        let knock = TcpStream::connect(self.address).expect("the canary listens");
        let own = knock.local_addr().expect("an address");
        let mut heard = 0;
        eventually("the canary hears a knock", || {
            let mut visitors = self.visitors.lock().expect("no panic");
            let knocked = visitors.contains(&own);
            visitors.retain(|visitor| *visitor != own);
            heard = visitors.len();
            knocked
        });
        heard
    }
}

fn listen_on_v6(port: u16) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None)?;
    socket.set_only_v6(true)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
    socket.listen(128)?;
    Ok(socket.into())
}

/// A request that names a base URL.
pub type WayIn = fn(&str) -> String;

/// The plainest way in.
pub const GET: &[(&str, WayIn)] = &[("GET", get)];

/// Every way in that takes a caller's base URL, by name.
pub const WAYS_IN: &[(&str, WayIn)] = &[
    ("GET", |url| request("GET", "/v1/models", url, "")),
    ("HEAD", |url| request("HEAD", "/v1/models", url, "")),
    ("OPTIONS", |url| request("OPTIONS", "/v1/models", url, "")),
    ("DELETE", |url| request("DELETE", "/v1/files/1", url, "")),
    ("POST", |url| {
        request("POST", "/v1/chat/completions", url, "Content-Length: 2\r\n") + "{}"
    }),
    ("chunked POST", |url| {
        let lines = "Transfer-Encoding: chunked\r\n";
        request("POST", "/v1/files", url, lines) + "2\r\n{}\r\n0\r\n\r\n"
    }),
    ("WebSocket", |url| {
        let lines = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        request("GET", "/v1/realtime", url, lines)
    }),
    ("absolute-form target", |url| {
        request("GET", "http://localhost/v1/models", url, "")
    }),
    ("named provider", |url| {
        request("GET", "/v1/models", url, "x-gateway-provider: openai\r\n")
    }),
    ("time limit", |url| {
        let lines = "x-gateway-request-timeout: 5000\r\n";
        request("GET", "/v1/models", url, lines)
    }),
    ("query in the base URL", |url| {
        let joined = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{joined}api-version=1");
        request("GET", "/v1/models?a=b", &url, "")
    }),
    ("other case and white space", |url| {
        format!(
            "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\
             X-GATEWAY-Custom-HOST: \t {url} \t\r\n\r\n"
        )
    }),
];

fn request(method: &str, target: &str, url: &str, lines: &str) -> String {
    format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: {url}\r\n\
         {lines}\r\n"
    )
}

/// A GET of `/v1/models` at this base URL.
pub fn get(url: &str) -> String {
    request("GET", "/v1/models", url, "")
}

/// Sends a request on a connection of its own and reads the response, whatever its method.
pub fn ask(gateway: &Gateway, request: &str) -> Response {
    let mut client = gateway.client();
    client.send(request);
    match request.starts_with("HEAD ") {
        true => client.head_response(),
        false => client.response(),
    }
}

/// A response in short: status, code, and the class in a denial's message.
pub fn verdict(response: &Response) -> String {
    let text = response.text();
    let class = text
        .split_once("target denied (")
        .and_then(|(_, rest)| rest.split_once(')'))
        .map(|(class, _)| class);
    let code = response.error().unwrap_or("-");
    match class {
        Some(class) => format!("{} {code} {class}", response.status),
        None => format!("{} {code}", response.status),
    }
}

/// `403 target_denied` with this class.
pub fn denied(class: &str) -> String {
    format!("403 target_denied {class}")
}
