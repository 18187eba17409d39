//! The beginning of a response: its head made ours, and how its end will be told.

use std::time::{Duration, Instant};

use actix_http::{
    ConnectionType, Response, StatusCode,
    body::BodySize,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use bytes::Bytes;

use super::{
    Relay, Source, State,
    completion::{Expected, StreamCompletion},
    hit::hit,
    own::own,
    reply_body::ReplyBody,
    reply_headers,
    websocket::Frames,
};
use crate::{
    dialect::FirstEvent,
    gateway::Gateway,
    http::content_length::content_length,
    observe::metrics::Outcome,
    proxy::{
        clock,
        exchange::Exchange,
        headers::strip_response,
        lookup::{BodyTimes, FillStart, Head, Joined},
        notes::{ReplyFacts, RequestNotes},
        pipeline::Reply,
        send::Fetched,
    },
    record::{self, Recorder},
    upstream::Asked,
};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// A response as it begins, framing aside.
struct Beginning {
    status: StatusCode,
    headers: HeaderMap,
    size: BodySize,
    source: Source,
    idle: Duration,
    ends_at: Option<Instant>,
    strict_end: bool,
}

/// The client's response: status and headers as they came, less what ends here, with our own.
pub fn begin(reply: Reply, mut exchange: Exchange, gateway: &Gateway) -> Response<ReplyBody> {
    let beginning = match reply {
        Reply::Own(response) => return own(response, exchange.notes, exchange.guard),
        Reply::Hit(stored) => return hit(&stored, exchange),
        Reply::Joined(joined) => of_joined(joined, &mut exchange.notes),
        Reply::Fetched(fetched) => of_fetched(fetched, &mut exchange, gateway),
    };
    relay(beginning, exchange, gateway.server_timing)
}

fn of_fetched(fetched: Fetched, exchange: &mut Exchange, gateway: &Gateway) -> Beginning {
    let mut incoming = fetched.opened;
    incoming.clocks.stop();
    let (idle, ends_at) = (incoming.clocks.times().idle.time, incoming.clocks.ends_at());
    let head = &mut incoming.response.head;
    let (status, mut headers) = (head.status, std::mem::take(&mut head.headers));
    let switched = status == StatusCode::SWITCHING_PROTOCOLS;
    exchange.notes.recorder.note_response(record::Response {
        status: status.as_u16(),
        headers: &headers,
    });
    strip_response(&mut headers, gateway.portkey, switched);
    let size = body_size(status, exchange.asked, &headers);
    let source = match fetched.store {
        None => Source::Upstream(incoming),
        Some(store) => {
            let head = Head {
                status,
                headers: &headers,
                size,
                route: exchange.notes.reply.route.as_ref(),
                credentials: &gateway.known.credentials.headers,
                noise: &gateway.cache.noise,
            };
            let times = BodyTimes { idle, ends_at };
            let connection = exchange.guard.connection();
            stored(
                store.begin(head, incoming, times, connection),
                &mut exchange.notes.recorder,
            )
        }
    };
    Beginning {
        status,
        headers,
        size,
        source,
        idle,
        ends_at,
        strict_end: fetched.strict_end,
    }
}

/// Where the body of a response that is being stored comes from.
fn stored(begun: FillStart, recorder: &mut Recorder) -> Source {
    let (source, refused) = match begun {
        FillStart::Whole(body, refused) => (Source::Whole(Some(body)), refused),
        FillStart::Shared(reader) => (Source::Shared(reader), None),
        FillStart::Alone(incoming, reason) => (Source::Upstream(incoming), Some(reason)),
    };
    if let Some(reason) = refused {
        recorder.note_not_kept(reason);
    }
    source
}

fn of_joined(joined: Joined, notes: &mut RequestNotes) -> Beginning {
    let head = joined.head;
    let status = head.head.status();
    notes.recorder.note_status(status.as_u16());
    if let Some(route) = &head.route {
        notes.note_route(route.clone());
    }
    let mut headers = HeaderMap::with_capacity(head.head.headers().len());
    for (name, value) in head.head.headers() {
        headers.append(name.clone(), value.clone());
    }
    Beginning {
        status,
        headers,
        size: head.size,
        source: Source::Shared(joined.reader),
        // The leader, which reads from upstream, keeps these.
        idle: Duration::MAX,
        ends_at: None,
        strict_end: joined.strict_end,
    }
}

fn relay(
    mut beginning: Beginning,
    mut exchange: Exchange,
    server_timing: bool,
) -> Response<ReplyBody> {
    let headers = &mut beginning.headers;
    if server_timing {
        headers.append(SERVER_TIMING, timing(&exchange.notes.reply));
    }
    reply_headers::describe(headers, &mut exchange.notes.reply);
    exchange.notes.recorder.note_handed_over();
    let expected = Expected {
        route: exchange.generates,
        strict: beginning.strict_end,
    };
    let ending = StreamCompletion::of(expected, beginning.status, headers, beginning.size);
    if let Source::Whole(Some(bytes)) = &beginning.source {
        let ending = ending.of_whole(bytes);
        if !ending.breaks_off() {
            let bytes = bytes.clone();
            return whole(beginning, bytes, ending.is_unfinished(), exchange);
        }
    }
    under_way(beginning, exchange, ending)
}

/// A response whose body is relayed as it comes.
fn under_way(
    beginning: Beginning,
    exchange: Exchange,
    ending: StreamCompletion,
) -> Response<ReplyBody> {
    let Beginning { status, size, .. } = beginning;
    let first_token = exchange.generates.filter(|_| ending.sees_events());
    let switched = status == StatusCode::SWITCHING_PROTOCOLS;
    let wants_upgrade = exchange.wants_upgrade;
    let is_open_ended = exchange.http10 || wants_upgrade;
    let close_delimited = size == BodySize::Stream && !switched && is_open_ended;
    let relay = Box::new(Relay {
        state: State::first(size, exchange.asked),
        source: beginning.source,
        size,
        idle: beginning.idle,
        ends_at: beginning.ends_at,
        close_delimited,
        says_close: exchange.connection().is_closing(),
        uploaded: 0,
        frames: switched.then(Frames::default),
        ending,
        first_token: first_token.map(|route| Box::new(FirstEvent::new(route.dialect()))),
        exchange,
    });
    relay.restart_idle();
    let mut response = Response::with_body(status, ReplyBody::Relay(relay));
    *response.headers_mut() = beginning.headers;
    frame(&mut response, switched, close_delimited, wants_upgrade);
    response
}

/// A response whose body is all there: its record closes with it.
fn whole(
    beginning: Beginning,
    bytes: Bytes,
    is_unfinished: bool,
    exchange: Exchange,
) -> Response<ReplyBody> {
    let Exchange {
        mut notes,
        leases,
        guard,
        ..
    } = exchange;
    let outcome = match (guard.connection().is_gone(), is_unfinished) {
        (true, _) => Outcome::ClientGone,
        (false, true) => Outcome::Unfinished,
        (false, false) => Outcome::Relayed,
    };
    notes.recorder.note_bytes_out(&bytes);
    notes.recorder.close(outcome);
    let body = ReplyBody::whole(bytes, leases, guard);
    let mut response = Response::with_body(beginning.status, body);
    *response.headers_mut() = beginning.headers;
    response
}

/// How the body's end is told downstream, beyond what [`BodySize`] says.
fn frame(
    response: &mut Response<ReplyBody>,
    switched: bool,
    close_delimited: bool,
    wants_upgrade: bool,
) {
    let head = response.head_mut();
    if switched {
        head.set_connection_type(ConnectionType::Upgrade);
        return;
    }
    if close_delimited {
        // HTTP/1.0 knows no chunks, and actix-http writes none after a handshake.
        head.no_chunking(true);
    }
    if close_delimited || wants_upgrade {
        // actix-http reads what follows a handshake as a stream without end.
        head.set_connection_type(ConnectionType::Close);
    }
}

/// The upstream's length stays a length; an unknown one is chunked. HEAD keeps the length it was
/// told (RFC 9110 §9.3.2).
fn body_size(status: StatusCode, asked: Asked, headers: &HeaderMap) -> BodySize {
    match status {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => BodySize::None,
        _ => match (content_length(headers).ok().flatten(), asked) {
            (Some(length), _) => BodySize::Sized(length),
            (None, Asked::Head) => BodySize::None,
            (None, Asked::Ordinary | Asked::Upgrade) => BodySize::Stream,
        },
    }
}

/// `server-timing` (W3C): the wait for the upstream's head.
fn timing(facts: &ReplyFacts) -> HeaderValue {
    let upstream = clock::since(facts.received).as_secs_f64() * 1e3;
    HeaderValue::from_str(&format!("upstream;dur={upstream:.3}"))
        .unwrap_or_else(|_| HeaderValue::from_static("upstream"))
}
