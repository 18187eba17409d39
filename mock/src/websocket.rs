//! A WebSocket (RFC 6455) on any path that sends every frame back, to test a tunnel with. Pings are
//! answered, a close is returned with its code. No extensions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use crate::behaviour::{StopKind, StopPoint};
use crate::call::Call;
use crate::connection::{Connection, Disconnected, ReadError};
use crate::request::Request;
use crate::send::{ConnectionAction, stop_here};

/// Largest payload of one frame, in bytes.
const PAYLOAD_LIMIT: u64 = 16 << 20;

/// What the accept key appends to the client's key (RFC 6455, section 1.3).
const KEY_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// One frame, unmasked.
struct Frame {
    fin: bool,
    opcode: u8,
    payload: Vec<u8>,
}

/// Whether `request` is a WebSocket handshake.
pub(crate) fn is_handshake(request: &Request) -> bool {
    request.method == "GET"
        && request.header_lists("upgrade", "websocket")
        && request.header("sec-websocket-key").is_some()
}

/// Switches protocols and echoes frames until the client closes, or until as many were echoed as
/// `cut`, `reset` or `silence-after` allow.
///
/// # Errors
/// When the client leaves without a close frame.
pub(crate) async fn echo(
    connection: &mut Connection,
    call: &Call<'_>,
) -> Result<ConnectionAction, Disconnected> {
    connection.pause(call.behaviour.delay).await?;
    switch_protocols(connection, call).await?;
    let stop = call.behaviour.failure.stop;
    let stop = stop.filter(|stop| stop.kind != StopKind::ErrorEvent);
    let mut echoed = 0;
    loop {
        if let Some(stop) = stop
            && matches!(stop.point, StopPoint::After(after) if after <= echoed)
        {
            return stop_here(connection, stop.kind).await;
        }
        let read = read_frame(connection).await;
        let mut frame = read.map_err(|_| Disconnected::ClientGone)?;
        let is_close = frame.opcode == CLOSE;
        match frame.opcode {
            PONG => continue,
            PING => frame.opcode = PONG,
            _ => {}
        }
        write_frame(&mut connection.outbox, &frame);
        connection.flush(call.behaviour.pieces).await?;
        if is_close {
            return Ok(ConnectionAction::Close);
        }
        echoed += 1;
    }
}

async fn switch_protocols(
    connection: &mut Connection,
    call: &Call<'_>,
) -> Result<(), Disconnected> {
    let key = call.request.header("sec-websocket-key").unwrap_or_default();
    let accept = STANDARD.encode(Sha1::digest(format!("{key}{KEY_SUFFIX}")));
    let mut head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-accept: {accept}\r\n"
    );
    let offered = call.request.header("sec-websocket-protocol");
    if let Some(first) = offered.and_then(|list| list.split(',').next()) {
        head.push_str(&format!("sec-websocket-protocol: {}\r\n", first.trim()));
    }
    for (name, value) in &call.behaviour.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    call.mock.stats.counts().count_response(101);
    connection.write(head.as_bytes()).await
}

async fn read_frame(connection: &mut Connection) -> Result<Frame, ReadError> {
    let head = connection.take(2).await?;
    let masked = head[1] & 0x80 != 0;
    let length_bytes = match head[1] & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let extended = connection.take(length_bytes).await?;
    let length = match length_bytes {
        0 => u64::from(head[1] & 0x7f),
        _ => extended
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    };
    if length > PAYLOAD_LIMIT {
        return Err(ReadError::TooLong);
    }
    let mask = connection.take(if masked { 4 } else { 0 }).await?;
    let mut payload = connection.take(length as usize).await?.to_vec();
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Ok(Frame {
        fin: head[0] & 0x80 != 0,
        opcode: head[0] & 0x0f,
        payload,
    })
}

fn write_frame(out: &mut Vec<u8>, frame: &Frame) {
    out.push(u8::from(frame.fin) << 7 | frame.opcode);
    let length = frame.payload.len();
    match length {
        0..126 => out.push(length as u8),
        126..0x1_0000 => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&frame.payload);
}
