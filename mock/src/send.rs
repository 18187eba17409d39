//! Sends one response at the pace and with the failure that the request set. This is the only
//! place where faults change the bytes on the wire.

use std::io::Write as _;
use std::sync::OnceLock;

use crate::behaviour::{Behaviour, Malformed, Stop, StopKind, StopPoint};
use crate::call::Call;
use crate::connection::{Connection, Disconnected};
use crate::content::{PATTERN_PERIOD, pattern};
use crate::response::{Body, EventScript, Response};
use crate::response_head::{self, Framing, Head};

/// Events that need no pause are written together, about this many bytes at a time.
const WRITE_SIZE: usize = 16 * 1024;

/// What happens to the connection after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionAction {
    KeepAlive,
    Close,
    /// Close although the client may still be sending.
    DrainAndClose,
    Reset,
}

/// Sends `response` to `call`.
///
/// # Errors
/// When the client leaves before all of the response is sent.
pub(crate) async fn send(
    connection: &mut Connection,
    call: &Call<'_>,
    response: Response,
) -> Result<ConnectionAction, Disconnected> {
    let behaviour = call.behaviour;
    connection.pause(behaviour.delay).await?;
    if let Some(action) = fail_before_head(connection, behaviour).await? {
        return Ok(action);
    }
    let framing = framing(call, &response);
    write_head(connection, call, &response, framing);
    call.mock.stats.counts().count_response(response.status);
    if !behaviour.body_delay.is_zero() || behaviour.pieces.is_some() {
        connection.flush(None).await?;
        connection.pause(behaviour.body_delay).await?;
    }
    if call.request.method != "HEAD" && framing != Framing::NoBody {
        match send_body(connection, behaviour, response.body, framing).await? {
            ConnectionAction::KeepAlive => {}
            action => return Ok(action),
        }
    }
    connection.flush(behaviour.pieces).await?;
    Ok(if behaviour.early {
        ConnectionAction::DrainAndClose
    } else if keeps_alive(call, framing) && !behaviour.hang_up {
        ConnectionAction::KeepAlive
    } else {
        ConnectionAction::Close
    })
}

/// The faults in place of a head, and the interim response before one. `None` when the head is
/// next.
async fn fail_before_head(
    connection: &mut Connection,
    behaviour: &Behaviour,
) -> Result<Option<ConnectionAction>, Disconnected> {
    let failure = &behaviour.failure;
    if failure.silence {
        return stay_silent(connection).await.map(Some);
    }
    if let Some(stop) = failure.stop
        && stop.point == StopPoint::BeforeHead
    {
        return stop_here(connection, stop.kind).await.map(Some);
    }
    if let Some(code) = behaviour.interim {
        let head = format!("HTTP/1.1 {code} Interim\r\nlink: </mock>\r\n\r\n");
        connection.write(head.as_bytes()).await?;
    }
    if failure.malformed == Some(Malformed::Head) {
        let garbage = b"\x16\x03HTTP 2OO banana\r\n\r\n\x00{]";
        connection.write(garbage).await?;
        return Ok(Some(ConnectionAction::Close));
    }
    Ok(None)
}

fn framing(call: &Call<'_>, response: &Response) -> Framing {
    let length = match &response.body {
        Body::Whole(bytes) => Some(bytes.len() as u64),
        Body::Pattern(length) => Some(*length),
        Body::Events(_) => None,
    };
    match (call.behaviour.failure.malformed, length) {
        (Some(Malformed::Length), length) => Framing::TwoLengths(length.unwrap_or(100)),
        (Some(Malformed::Chunk), _) => Framing::Chunked,
        _ if matches!(response.status, 204 | 304) => Framing::NoBody,
        (_, Some(length)) => Framing::Length(length),
        (_, None) if call.request.version == 0 => Framing::ByClose,
        (_, None) => Framing::Chunked,
    }
}

fn keeps_alive(call: &Call<'_>, framing: Framing) -> bool {
    let behaviour = call.behaviour;
    call.request.keeps_alive()
        && framing != Framing::ByClose
        && !behaviour.close
        && !behaviour.early
}

fn write_head(connection: &mut Connection, call: &Call<'_>, response: &Response, framing: Framing) {
    let behaviour = call.behaviour;
    let retry_after = behaviour.failure.retry_after.iter();
    let retry_after = retry_after.map(|(name, value)| (*name, value.as_str()));
    let headers = behaviour.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
    let head = Head {
        dialect: call.dialect,
        request_id: call.request_id,
        framing,
        connection: match (keeps_alive(call, framing), call.request.version) {
            (false, _) => Some("close"),
            (true, 0) => Some("keep-alive"),
            (true, _) => None,
        },
        added: retry_after.chain(headers).collect(),
        faults: &behaviour.requested,
    };
    response_head::write(&mut connection.outbox, response, &head);
}

async fn send_body(
    connection: &mut Connection,
    behaviour: &Behaviour,
    body: Body,
    framing: Framing,
) -> Result<ConnectionAction, Disconnected> {
    if behaviour.failure.malformed == Some(Malformed::Chunk) {
        let invalid = b"zz\r\n{\"broken\":";
        connection.outbox.extend_from_slice(invalid);
        connection.flush(behaviour.pieces).await?;
        return Ok(ConnectionAction::Close);
    }
    match body {
        Body::Whole(bytes) => send_bytes(connection, behaviour, bytes.len() as u64, &bytes).await,
        Body::Pattern(length) => send_bytes(connection, behaviour, length, pattern_block()).await,
        Body::Events(script) => send_events(connection, behaviour, script, framing).await,
    }
}

/// Sends `length` bytes by repeating `block`.
async fn send_bytes(
    connection: &mut Connection,
    behaviour: &Behaviour,
    length: u64,
    block: &[u8],
) -> Result<ConnectionAction, Disconnected> {
    let (mut left, stop) = match behaviour.failure.stop {
        // A body of bytes cannot contain an error event. The body itself is the error then.
        Some(Stop {
            point: StopPoint::After(after),
            kind,
        }) if kind != StopKind::ErrorEvent => {
            let longest = length.saturating_sub(1);
            (longest.min(after as u64), Some(kind))
        }
        _ => (length, None),
    };
    while left > 0 {
        let size = (block.len() as u64).min(left);
        connection.outbox.extend_from_slice(&block[..size as usize]);
        left -= size;
        if left > 0 || stop.is_some() {
            connection.flush(behaviour.pieces).await?;
        }
    }
    match stop {
        Some(kind) => stop_here(connection, kind).await,
        None => Ok(ConnectionAction::KeepAlive),
    }
}

async fn send_events(
    connection: &mut Connection,
    behaviour: &Behaviour,
    script: EventScript,
    framing: Framing,
) -> Result<ConnectionAction, Disconnected> {
    let chunked = framing == Framing::Chunked;
    let stop = behaviour.failure.stop.and_then(|stop| match stop.point {
        StopPoint::After(after) => Some((after.min(script.tokens), stop.kind)),
        StopPoint::BeforeHead => None,
    });
    if stop != Some((0, StopKind::ErrorEvent)) {
        put_events(connection, &script.opening, chunked);
    }
    let tokens = stop.map_or(script.tokens, |(after, _)| after);
    for index in 0..tokens {
        let pause = match index {
            0 => behaviour.first_token_delay,
            _ => behaviour.token_delay,
        };
        if !pause.is_zero() || connection.outbox.len() > WRITE_SIZE {
            connection.flush(behaviour.pieces).await?;
            connection.pause(pause).await?;
        }
        put_events(connection, &(script.token)(index), chunked);
    }
    let last = match stop {
        None => &script.closing,
        Some((_, StopKind::ErrorEvent)) => &script.error,
        Some((_, kind)) => return stop_here(connection, kind).await,
    };
    put_events(connection, last, chunked);
    if chunked {
        connection.outbox.extend_from_slice(b"0\r\n\r\n");
    }
    connection.flush(behaviour.pieces).await?;
    Ok(ConnectionAction::KeepAlive)
}

fn put_events(connection: &mut Connection, events: &str, chunked: bool) {
    if events.is_empty() {
        return;
    }
    let out = &mut connection.outbox;
    if chunked {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{:x}\r\n", events.len());
    }
    out.extend_from_slice(events.as_bytes());
    if chunked {
        out.extend_from_slice(b"\r\n");
    }
}

/// Sends what is in the outbox and ends the response there.
pub(crate) async fn stop_here(
    connection: &mut Connection,
    kind: StopKind,
) -> Result<ConnectionAction, Disconnected> {
    connection.flush(None).await?;
    match kind {
        StopKind::Cut | StopKind::ErrorEvent => Ok(ConnectionAction::Close),
        StopKind::Reset => Ok(ConnectionAction::Reset),
        StopKind::Silence => stay_silent(connection).await,
    }
}

async fn stay_silent(connection: &mut Connection) -> Result<ConnectionAction, Disconnected> {
    connection.client_closes().await;
    Err(Disconnected::ClientGone)
}

fn pattern_block() -> &'static [u8] {
    static BLOCK: OnceLock<Vec<u8>> = OnceLock::new();
    BLOCK.get_or_init(|| pattern(PATTERN_PERIOD))
}
