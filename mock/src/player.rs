//! Plays one answer onto the wire, at the pace and with the failure that the request asked for.
//! The only place where faults meet bytes.

use std::io::Write as _;
use std::sync::OnceLock;

use crate::answer::{Answer, Body, Script};
use crate::behaviour::{Behaviour, Malformed, Place, Stop, StopKind};
use crate::connection::{Connection, Lost};
use crate::content::{PATTERN_PERIOD, pattern};
use crate::head::{self, Delimited, Head};
use crate::routes::Call;

/// Unpaced events are gathered into writes of about this many bytes.
const GATHERED: usize = 16 * 1024;

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    KeepAlive,
    Close,
    /// Closed without having read what the client still sends.
    CloseUnread,
    Reset,
}

/// Plays `answer` to `call`.
///
/// # Errors
/// When the client leaves before the answer is all sent.
pub(crate) async fn play(
    connection: &mut Connection,
    call: &Call<'_>,
    answer: Answer,
) -> Result<After, Lost> {
    let behaviour = call.behaviour;
    connection.pause(behaviour.delay).await?;
    if behaviour.failure.silence {
        return silence(connection).await;
    }
    if let Some(stop) = behaviour.failure.stop
        && stop.place == Place::BeforeHead
    {
        return finish(connection, stop.how).await;
    }
    if let Some(code) = behaviour.interim {
        let _ = write!(
            connection.outbox,
            "HTTP/1.1 {code} Interim\r\nlink: </mock>\r\n\r\n"
        );
        connection.flush(None).await?;
    }
    if behaviour.failure.malformed == Some(Malformed::Head) {
        connection
            .write(b"\x16\x03HTTP 2OO banana\r\n\r\n\x00{]")
            .await?;
        return Ok(After::Close);
    }
    let delimited = delimited(call, &answer);
    write_head(connection, call, &answer, delimited);
    call.mock.stats.counts().saw_answer(answer.status);
    if !behaviour.body_delay.is_zero() || behaviour.pieces.is_some() {
        connection.flush(None).await?;
        connection.pause(behaviour.body_delay).await?;
    }
    if call.request.method != "HEAD" && delimited != Delimited::NoBody {
        match send_body(connection, behaviour, answer.body, delimited).await? {
            After::KeepAlive => {}
            ended => return Ok(ended),
        }
    }
    connection.flush(behaviour.pieces).await?;
    Ok(if behaviour.early {
        After::CloseUnread
    } else if keeps_alive(call, delimited) && !behaviour.hang_up {
        After::KeepAlive
    } else {
        After::Close
    })
}

fn delimited(call: &Call<'_>, answer: &Answer) -> Delimited {
    let length = match &answer.body {
        Body::Whole(bytes) => Some(bytes.len() as u64),
        Body::Pattern(length) => Some(*length),
        Body::Events(_) => None,
    };
    match (call.behaviour.failure.malformed, length) {
        (Some(Malformed::Length), length) => Delimited::TwoLengths(length.unwrap_or(100)),
        (Some(Malformed::Chunk), _) => Delimited::Chunked,
        _ if matches!(answer.status, 204 | 304) => Delimited::NoBody,
        (_, Some(length)) => Delimited::Length(length),
        (_, None) if call.request.version == 0 => Delimited::ByClose,
        (_, None) => Delimited::Chunked,
    }
}

fn keeps_alive(call: &Call<'_>, delimited: Delimited) -> bool {
    let behaviour = call.behaviour;
    call.request.keeps_alive()
        && delimited != Delimited::ByClose
        && !behaviour.close
        && !behaviour.early
}

fn write_head(connection: &mut Connection, call: &Call<'_>, answer: &Answer, delimited: Delimited) {
    let behaviour = call.behaviour;
    let kept = keeps_alive(call, delimited);
    let retry = behaviour.failure.retry_after.iter();
    let named = behaviour.headers.iter();
    let retry = retry.map(|(name, value)| (*name, value.as_str()));
    let named = named.map(|(name, value)| (name.as_str(), value.as_str()));
    let head = Head {
        dialect: call.dialect,
        request_id: call.request_id,
        delimited,
        connection: match (kept, call.request.version) {
            (false, _) => Some("close"),
            (true, 0) => Some("keep-alive"),
            (true, _) => None,
        },
        added: retry.chain(named).collect(),
        faults: &behaviour.asked,
    };
    head::write(&mut connection.outbox, answer, &head);
}

async fn send_body(
    connection: &mut Connection,
    behaviour: &Behaviour,
    body: Body,
    delimited: Delimited,
) -> Result<After, Lost> {
    if behaviour.failure.malformed == Some(Malformed::Chunk) {
        connection.outbox.extend_from_slice(b"zz\r\n{\"broken\":");
        connection.flush(behaviour.pieces).await?;
        return Ok(After::Close);
    }
    match body {
        Body::Whole(bytes) => send_bytes(connection, behaviour, bytes.len() as u64, &bytes).await,
        Body::Pattern(length) => send_bytes(connection, behaviour, length, pattern_block()).await,
        Body::Events(script) => send_events(connection, behaviour, script, delimited).await,
    }
}

/// Sends `length` bytes, `block` over and over.
async fn send_bytes(
    connection: &mut Connection,
    behaviour: &Behaviour,
    length: u64,
    block: &[u8],
) -> Result<After, Lost> {
    let (mut left, stop) = match behaviour.failure.stop {
        // An error event has no place in bytes; the error is the body already.
        Some(Stop {
            place: Place::After(after),
            how,
        }) if how != StopKind::ErrorEvent => {
            let short = length.saturating_sub(1);
            (short.min(after as u64), Some(how))
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
        Some(how) => finish(connection, how).await,
        None => Ok(After::KeepAlive),
    }
}

async fn send_events(
    connection: &mut Connection,
    behaviour: &Behaviour,
    script: Script,
    delimited: Delimited,
) -> Result<After, Lost> {
    let chunked = delimited == Delimited::Chunked;
    let put = |connection: &mut Connection, events: &str| put_chunk(connection, events, chunked);
    let stop = behaviour.failure.stop.and_then(|stop| match stop.place {
        Place::After(after) => Some((after.min(script.tokens), stop.how)),
        Place::BeforeHead => None,
    });
    if stop != Some((0, StopKind::ErrorEvent)) {
        put(connection, &script.opening);
    }
    let sent = stop.map_or(script.tokens, |(after, _)| after);
    for index in 0..sent {
        let pause = match index {
            0 => behaviour.first_token_delay,
            _ => behaviour.token_delay,
        };
        if !pause.is_zero() || connection.outbox.len() > GATHERED {
            connection.flush(behaviour.pieces).await?;
            connection.pause(pause).await?;
        }
        put(connection, &(script.token)(index));
    }
    let last = match stop {
        None => &script.closing,
        Some((_, StopKind::ErrorEvent)) => &script.error,
        Some((_, how)) => return finish(connection, how).await,
    };
    put(connection, last);
    if chunked {
        connection.outbox.extend_from_slice(b"0\r\n\r\n");
    }
    connection.flush(behaviour.pieces).await?;
    Ok(After::KeepAlive)
}

fn put_chunk(connection: &mut Connection, events: &str, chunked: bool) {
    if events.is_empty() {
        return;
    }
    let out = &mut connection.outbox;
    if chunked {
        let _ = write!(out, "{:x}\r\n", events.len());
    }
    out.extend_from_slice(events.as_bytes());
    if chunked {
        out.extend_from_slice(b"\r\n");
    }
}

/// Sends what is gathered, then ends the answer short of its end.
pub(crate) async fn finish(connection: &mut Connection, how: StopKind) -> Result<After, Lost> {
    connection.flush(None).await?;
    match how {
        StopKind::Cut | StopKind::ErrorEvent => Ok(After::Close),
        StopKind::Reset => Ok(After::Reset),
        StopKind::Silence => silence(connection).await,
    }
}

async fn silence(connection: &mut Connection) -> Result<After, Lost> {
    connection.client_leaves().await;
    Err(Lost::ClientGone)
}

fn pattern_block() -> &'static [u8] {
    static BLOCK: OnceLock<Vec<u8>> = OnceLock::new();
    BLOCK.get_or_init(|| pattern(PATTERN_PERIOD))
}
