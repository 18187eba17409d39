//! The beginning of an answer: its head made ours, and how its end will be told.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use actix_http::{
    ConnectionType, Response, StatusCode,
    body::BodySize,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};

use bytes::Bytes;

use super::{
    Relay, Source, State,
    ending::{Ending, Expected},
};
use crate::{
    downstream::{ExchangeGuard, Link},
    gateway::Gateway,
    observe::metrics::Outcome,
    proxy::{
        ReplyBody,
        caching::{Begun, BodyTimes, Head, Joined, Keeping},
        drive::{Opened, TokenWatch},
        headers::strip_response,
        incoming::Incoming,
        reply,
        websocket::Frames,
    },
    rate_limit::Lease,
    record::Recorder,
    upstream::{Asked, RequestBody},
};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// An answer for the client, and what of its request matters to relaying it.
pub struct Relaying {
    pub answering: Answering,
    /// Places among the requests under way.
    pub leases: Vec<Lease>,
    /// The caller's own body, of which the target may have got an edited form.
    pub request_body: Rc<RefCell<RequestBody>>,
    pub asked: Asked,
    /// What streams are held to.
    pub expected: Expected,
    pub http10: bool,
    pub wants_upgrade: bool,
    pub server_timing: bool,
}

/// Whose answer it is.
pub enum Answering {
    /// The one this request was sent for.
    Own {
        opened: Box<Opened>,
        /// It is kept, if it may be.
        keeping: Option<Box<Keeping>>,
        /// The first token is still awaited.
        first_token: Option<TokenWatch>,
        idle: Duration,
        ends_at: Option<Instant>,
    },
    /// One that another request was sent for.
    Joined(Joined),
}

/// What of the body is there.
#[expect(clippy::large_enum_variant, reason = "taken apart at once")]
enum Body {
    Whole(Bytes),
    Coming(Source),
}

/// What the client gets, framing aside.
struct Begin {
    status: StatusCode,
    headers: HeaderMap,
    size: BodySize,
    body: Body,
    idle: Duration,
    ends_at: Option<Instant>,
}

impl Answering {
    fn begin(
        self,
        asked: Asked,
        recorder: &mut Recorder,
        gateway: &Gateway,
        link: &Rc<Link>,
    ) -> Begin {
        let (opened, keeping, first_token, idle, ends_at) = match self {
            Answering::Joined(joined) => return joined.begin(recorder),
            Answering::Own {
                opened,
                keeping,
                first_token,
                idle,
                ends_at,
            } => (*opened, keeping, first_token, idle, ends_at),
        };
        let (head, incoming) = Incoming::of(opened, first_token);
        let (status, mut headers) = (head.status, head.headers);
        let switched = status == StatusCode::SWITCHING_PROTOCOLS;
        strip_response(&mut headers, gateway.portkey, switched);
        let size = body_size(status, asked, &headers);
        let body = match keeping {
            None => Body::Coming(Source::Upstream(incoming)),
            Some(keeping) => {
                let head = Head {
                    status,
                    headers: &headers,
                    size,
                    route: recorder.route(),
                    credentials: &gateway.known.credentials.headers,
                    noise: &gateway.cache.noise,
                };
                match keeping.begin(head, incoming, BodyTimes { idle, ends_at }, link) {
                    Begun::Whole(body, refused) => {
                        if let Some(reason) = refused {
                            recorder.note_not_kept(reason);
                        }
                        Body::Whole(body)
                    }
                    Begun::Shared(reader) => Body::Coming(Source::Shared(reader)),
                    Begun::Alone(incoming, reason) => {
                        recorder.note_not_kept(reason);
                        Body::Coming(Source::Upstream(incoming))
                    }
                }
            }
        };
        Begin {
            status,
            headers,
            size,
            body,
            idle,
            ends_at,
        }
    }
}

impl Joined {
    fn begin(self, recorder: &mut Recorder) -> Begin {
        let Joined { head, reader } = self;
        let status = head.head.status();
        recorder.note_status(status.as_u16());
        if let Some(route) = &head.route {
            recorder.note_route(route.clone());
        }
        let mut headers = HeaderMap::with_capacity(head.head.headers().len());
        for (name, value) in head.head.headers() {
            headers.append(name.clone(), value.clone());
        }
        Begin {
            status,
            headers,
            size: head.size,
            body: Body::Coming(Source::Shared(reader)),
            // Whoever reads from upstream sees to these.
            idle: Duration::MAX,
            ends_at: None,
        }
    }
}

impl Relaying {
    /// The client's response: status and headers as they came, less what ends here, with our reply headers.
    pub fn begin(
        self,
        mut recorder: Recorder,
        guard: ExchangeGuard,
        gateway: &Gateway,
    ) -> Response<ReplyBody> {
        let Begin {
            status,
            mut headers,
            size,
            body,
            idle,
            ends_at,
        } = self
            .answering
            .begin(self.asked, &mut recorder, gateway, guard.link());
        let switched = status == StatusCode::SWITCHING_PROTOCOLS;
        if self.server_timing {
            headers.append(SERVER_TIMING, timing(&recorder));
        }
        reply::trace(&mut headers, recorder.trace_id().clone());
        reply::describe(&mut headers, &recorder);
        recorder.note_bytes_in(self.request_body.borrow().bytes_read());
        let ending = Ending::of(self.expected, status, &headers, size);
        let source = match body {
            Body::Whole(bytes) => {
                let whole_ending = ending.of_whole(&bytes);
                if !whole_ending.breaks_off() {
                    let unfinished = whole_ending.is_unfinished();
                    let end = (recorder, unfinished);
                    return whole(status, headers, bytes, self.leases, end, guard);
                }
                Source::Whole(Some(bytes))
            }
            Body::Coming(source) => source,
        };
        let close_delimited =
            size == BodySize::Stream && !switched && (self.http10 || self.wants_upgrade);
        let relay = Relay {
            state: match size {
                BodySize::None => State::Bodyless,
                _ if self.asked == Asked::Head => State::Bodyless,
                _ => State::Flowing,
            },
            source,
            request_body: self.request_body,
            size,
            idle,
            ends_at,
            _leases: self.leases,
            close_delimited,
            says_close: guard.link().is_closing(),
            uploaded: 0,
            frames: switched.then(Frames::default),
            ending,
            recorder: Some(recorder),
            guard,
        };
        relay.restart_idle();
        let mut response = Response::with_body(status, ReplyBody::Relay(Box::new(relay)));
        *response.headers_mut() = headers;
        frame(&mut response, switched, close_delimited);
        if self.wants_upgrade && !switched {
            // actix-http reads what follows a handshake as a stream without end: the connection cannot go on.
            response
                .head_mut()
                .set_connection_type(ConnectionType::Close);
        }
        response
    }
}

/// An answer that is there, all of it: the account closes with it. A stream may be unfinished for
/// all that.
fn whole(
    status: StatusCode,
    headers: HeaderMap,
    bytes: Bytes,
    leases: Vec<Lease>,
    (mut recorder, unfinished): (Recorder, bool),
    guard: ExchangeGuard,
) -> Response<ReplyBody> {
    let outcome = match (guard.link().is_gone(), unfinished) {
        (true, _) => Outcome::client_gone,
        (false, true) => Outcome::unfinished,
        (false, false) => Outcome::relayed,
    };
    recorder.note_bytes_out(bytes.len());
    let mut response = Response::with_body(status, ReplyBody::whole(bytes, leases, guard));
    *response.headers_mut() = headers;
    recorder.close(outcome);
    response
}

/// How the body's end is told downstream, beyond what [`BodySize`] says.
fn frame(response: &mut Response<ReplyBody>, switched: bool, close_delimited: bool) {
    let head = response.head_mut();
    if switched {
        head.set_connection_type(ConnectionType::Upgrade);
    } else if close_delimited {
        // HTTP/1.0 knows no chunks, and actix-http writes none after a handshake: the close tells the end.
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
}

/// The upstream's length stays a length; an unknown one is chunked. HEAD keeps the length it was told (RFC 9110 §9.3.2).
fn body_size(status: StatusCode, asked: Asked, headers: &HeaderMap) -> BodySize {
    let length = || {
        headers
            .get(header::CONTENT_LENGTH)?
            .to_str()
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    match status {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => BodySize::None,
        _ => match (length(), asked) {
            (Some(length), _) => BodySize::Sized(length),
            (None, Asked::Head) => BodySize::None,
            (None, Asked::Ordinary | Asked::Upgrade) => BodySize::Stream,
        },
    }
}

/// `server-timing` (W3C): the wait for the upstream's head.
fn timing(recorder: &Recorder) -> HeaderValue {
    let upstream = recorder.elapsed().as_secs_f64() * 1e3;
    HeaderValue::from_str(&format!("upstream;dur={upstream:.3}"))
        .unwrap_or_else(|_| HeaderValue::from_static("upstream"))
}
