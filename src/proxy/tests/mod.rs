//! A request's life without a network: time is paused, the upstream plays a script, and the client
//! is one end of a loopback connection whose other end the gateway's own types drive.

mod budgets;
mod credentials;
mod given_up;
mod lookup;
mod pipeline;
mod records;
mod relay;
mod send;

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    io,
    ops::RangeInclusive,
    path::Path,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use actix_http::{
    Method, Payload, Request, Response, Uri, Version,
    body::MessageBody as _,
    error::PayloadError,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use bytes::Bytes;
use futures_util::future::OptionFuture;
use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, ReadBuf},
    time::Instant,
};

use super::{ReplyBody, Worker};
use crate::{
    config::{Environment, Flags, Settings},
    downstream::{ClientSocket, Stream, Timers},
    gateway::Gateway,
    upstream::scripted::{Scene, ScriptedUpstream},
};

/// One target alone.
const ALONE: &str = r#"{"custom_host":"http://127.0.0.1:1/v1"}"#;
/// A second target is tried when the first fails.
const FALLBACK: &str = r#"{"strategy":{"mode":"fallback"},"targets":[
    {"custom_host":"http://127.0.0.1:1/v1"},{"custom_host":"http://127.0.0.1:2/v1"}]}"#;
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const EVENTS: &[(&str, &str)] = &[("content-type", "text/event-stream")];
/// A complete response of the chat route.
const DONE: &str = concat!(
    r#"{"object":"chat.completion","choices":[{"index":0,"message":"#,
    r#"{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#,
);
/// The first token of a stream, and its last event.
const TOKEN: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
const LAST: &str = "data: [DONE]\n\n";

/// Timers are up to a millisecond late each: times are compared to so many.
const PRECISION: u64 = 10;

/// Within the precision of tests.
fn about(ms: u64) -> RangeInclusive<u64> {
    ms..=ms + PRECISION - 1
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The object `config` with more keys, which are written as in JSON.
fn with(config: &str, keys: &str) -> String {
    config.replacen('{', &format!("{{{keys},"), 1)
}

/// A 200 with a complete body of known length.
fn good() -> Scene {
    const LENGTH: &str = "121";
    assert_eq!(LENGTH, DONE.len().to_string());
    const HEADERS: &[(&str, &str)] = &[
        ("content-type", "application/json"),
        ("content-length", LENGTH),
    ];
    Scene::responds(200, HEADERS).chunk(ms(0), DONE)
}

fn stream() -> Scene {
    Scene::responds(200, EVENTS)
}

fn failing(status: u16) -> Scene {
    Scene::responds(status, JSON).chunk(ms(0), "{}")
}

/// One worker of a gateway. Its test has paused the clock.
struct Harness {
    worker: Rc<Worker<Rc<ScriptedUpstream>>>,
    timers: Rc<Timers>,
    listener: std::net::TcpListener,
}

impl Harness {
    fn new(scenes: impl IntoIterator<Item = Scene>) -> Self {
        Self::with_settings("", scenes)
    }

    fn with_settings(settings: &str, scenes: impl IntoIterator<Item = Scene>) -> Self {
        let (environment, flags) = (Environment::default(), Flags::default());
        let settings = Settings::parse(settings, Path::new("s"), &environment, &flags);
        let gateway = Gateway::new(&settings.expect("settings")).expect("usable settings");
        Self::of(gateway, scenes)
    }

    fn of(gateway: Gateway, scenes: impl IntoIterator<Item = Scene>) -> Self {
        let upstream = Rc::new(ScriptedUpstream::new(scenes));
        let worker = Worker::new(Arc::new(gateway), upstream);
        let gateway = &worker.gateway;
        let memory = gateway.process.body_memory.clone();
        Harness {
            timers: Timers::start(
                gateway.process.downstream,
                gateway.process.closing(),
                memory,
            ),
            listener: std::net::TcpListener::bind("127.0.0.1:0").expect("a port"),
            worker: Rc::new(worker),
        }
    }

    /// Sends a request on a connection of its own, and reads its response to the end.
    async fn ask(&self, ask: Ask) -> Got {
        self.connect().ask(ask).await
    }

    #[expect(clippy::disallowed_methods, reason = "a connection to itself")]
    fn connect(&self) -> Client {
        let address = self.listener.local_addr().expect("an address");
        let end = std::net::TcpStream::connect(address).expect("a connection");
        let (accepted, _) = self.listener.accept().expect("the same connection");
        accepted.set_nonblocking(true).expect("a socket option");
        let stream = tokio::net::TcpStream::from_std(accepted).expect("a stream");
        Client {
            worker: self.worker.clone(),
            socket: self.timers.attach(Stream::Tcp(stream)),
            end: Some(end),
            leaves: None,
        }
    }

    /// The ports that requests went to, each with the milliseconds since the first.
    fn sent(&self) -> Vec<(u16, u64)> {
        let sent = self.worker.upstream.sent();
        let first = sent.first().map(|sent| sent.at);
        let since = |at: Instant| at.duration_since(first.unwrap_or(at)).as_millis();
        let port = |authority: &str| authority.rsplit(':').next()?.parse().ok();
        let sent = sent.iter();
        sent.map(|sent| {
            (
                port(&sent.authority).expect("a port"),
                since(sent.at) as u64,
            )
        })
        .collect()
    }

    fn ports(&self) -> Vec<u16> {
        self.sent().into_iter().map(|(port, _)| port).collect()
    }

    /// A metric's value, by its line on the metrics page.
    fn metric(&self, line: &str) -> u64 {
        let page = self.worker.gateway.process.metrics.page();
        let value = page
            .lines()
            .find_map(|it| it.strip_prefix(line)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().expect("a count"))
    }
}

/// A request to be sent.
#[derive(Clone)]
struct Ask {
    method: Method,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<(Duration, &'static str)>,
}

/// A chat request with this config.
fn chat(config: impl Into<String>) -> Ask {
    let config = config.into().replace('\n', "");
    Ask {
        method: Method::POST,
        path: "/v1/chat/completions",
        headers: vec![
            ("host", "127.0.0.1:8787".to_owned()),
            ("content-type", "application/json".to_owned()),
        ],
        body: vec![(Duration::ZERO, r#"{"model":"m","messages":[]}"#)],
    }
    .header("x-gateway-config", config)
}

impl Ask {
    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn body(mut self, body: &[(Duration, &'static str)]) -> Self {
        self.body = body.to_vec();
        self
    }

    fn request(&self) -> Request {
        let length: usize = self.body.iter().map(|(_, piece)| piece.len()).sum();
        let mut request = Request::with_payload(payload(self.body.clone()));
        let head = request.head_mut();
        head.method = self.method.clone();
        head.uri = Uri::from_static(self.path);
        head.version = Version::HTTP_11;
        let length = ("content-length", length.to_string());
        for (name, value) in self.headers.iter().chain([&length]) {
            let value = HeaderValue::from_str(value).expect("a value");
            head.headers.append(HeaderName::from_static(name), value);
        }
        request
    }
}

/// A piece at which a body breaks off.
const BREAKS: &str = "\0";

/// A body whose pieces come so long after each other.
fn payload(pieces: Vec<(Duration, &'static str)>) -> Payload {
    if let [(Duration::ZERO, whole)] = pieces[..] {
        return Payload::from(Bytes::from_static(whole.as_bytes()));
    }
    let pieces = futures_util::stream::unfold(pieces.into_iter(), |mut left| async move {
        let (delay, piece) = left.next()?;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let piece = match piece {
            BREAKS => Err(PayloadError::Incomplete(None)),
            piece => Ok(Bytes::from_static(piece.as_bytes())),
        };
        Some((piece, left))
    });
    Payload::Stream {
        payload: Box::pin(pieces),
    }
}

/// One connection, with both of its ends.
struct Client {
    worker: Rc<Worker<Rc<ScriptedUpstream>>>,
    socket: ClientSocket,
    end: Option<std::net::TcpStream>,
    /// The client closes its end so long after its request.
    leaves: Option<Duration>,
}

/// How a response's body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Aborted,
}

/// A response as its client got it.
#[derive(Debug)]
struct Got {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    end: End,
    /// The head says that the connection closes.
    closes: bool,
    /// Milliseconds until the head.
    head_after: u64,
    /// Milliseconds until the end.
    after: u64,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn error(&self) -> &str {
        self.header("x-gateway-error")
    }
}

impl Client {
    async fn ask(mut self, ask: Ask) -> Got {
        let start = Instant::now();
        let (worker, connection) = (self.worker.clone(), self.socket.connection().clone());
        let served = async {
            let response = worker.handle(ask.request(), connection).await;
            let head_after = start.elapsed().as_millis() as u64;
            let (status, headers) = (response.status().as_u16(), told(response.headers()));
            let closes = !response.head().keep_alive();
            let (body, end) = read(response).await;
            Got {
                status,
                headers,
                body,
                end,
                closes,
                head_after,
                after: start.elapsed().as_millis() as u64,
            }
        };
        self.drive(pin!(served)).await
    }

    /// Waits for `served` as actix-http does: it reads from the socket meanwhile, and flushes it
    /// when there is nothing more to write.
    async fn drive<T>(&mut self, mut served: Pin<&mut impl Future<Output = T>>) -> T {
        let leaves = self.leaves.map(tokio::time::sleep);
        let mut leaves = pin!(OptionFuture::from(leaves));
        poll_fn(|cx| {
            if self.end.is_some() && matches!(leaves.as_mut().poll(cx), Poll::Ready(Some(()))) {
                self.end = None;
            }
            let mut room = [0; 64];
            let _ = Pin::new(&mut self.socket).poll_read(cx, &mut ReadBuf::new(&mut room));
            let polled = served.as_mut().poll(cx);
            let _: Poll<io::Result<()>> = Pin::new(&mut self.socket).poll_flush(cx);
            polled
        })
        .await
    }
}

async fn read(response: Response<ReplyBody>) -> (String, End) {
    let (mut body, mut bytes) = (pin!(response.into_body()), Vec::new());
    let end = loop {
        match poll_fn(|cx| body.as_mut().poll_next(cx)).await {
            Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
            Some(Err(_)) => break End::Aborted,
            None => break End::Complete,
        }
    };
    (String::from_utf8(bytes).expect("text"), end)
}

fn told(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &HeaderValue| value.to_str().expect("text").to_owned();
    let lines = headers.iter();
    lines
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}
