//! Is this request one the gateway may look at at all? Framing, browsers and paths, before any
//! header of ours is read. Pure: the request's head and the settings in, a verdict out.

#[cfg(test)]
mod tests;

use actix_http::{Method, RequestHead, Version};

use crate::{
    error::{Code, GatewayError},
    guard::has_dot_segment,
    http::{content_length::NotANumber, request_fields::Framing},
    upstream::BodyLength,
};

/// The method is one the gateway forwards.
pub fn check_method(method: &Method) -> Result<(), GatewayError> {
    match *method {
        Method::CONNECT | Method::TRACE => Err(GatewayError::new(
            Code::MethodNotAllowed,
            "CONNECT and TRACE are not forwarded; every other method is",
        )),
        _ => Ok(()),
    }
}

/// The path cannot climb out of the target's base path, however an upstream decodes it.
pub fn check_path(path: &str) -> Result<(), GatewayError> {
    // Most paths hold none of the bytes a dot segment is spelled with.
    let suspicious = path.bytes().any(|byte| matches!(byte, b'.' | b'%'));
    if suspicious && has_dot_segment(path.as_bytes()) {
        return Err(GatewayError::new(
            Code::InvalidPath,
            "the path has a `.` or `..` segment, plain or encoded",
        ));
    }
    Ok(())
}

/// How the request's body is framed, and whether it is a WebSocket handshake (RFC 6455 §4.1).
///
/// actix-http has refused ambiguous framing already (RFC 9112 §6.3). It takes any `Upgrade:
/// websocket` for a tunnel, whatever the method, so that a body behind one would have no end:
/// refused here.
pub fn body_length(head: &RequestHead, framing: Framing) -> Result<BodyLength, GatewayError> {
    if framing.has_transfer_encoding {
        if framing.names_websocket {
            return Err(upgrade_with_body());
        }
        return Ok(BodyLength::Chunked);
    }
    let length = match framing.content_length {
        None => BodyLength::None,
        Some(Ok(length)) => BodyLength::Exact(length),
        Some(Err(NotANumber)) => {
            return Err(GatewayError::new(
                Code::InvalidHeader,
                "content-length is not a number",
            ));
        }
    };
    if !framing.names_websocket {
        return Ok(length);
    }
    let may_upgrade = head.method == Method::GET && head.version == Version::HTTP_11;
    match (length, framing.asks_upgrade) {
        (BodyLength::None | BodyLength::Exact(0), true) if may_upgrade => Ok(BodyLength::Tunnel),
        (BodyLength::None, false) => Ok(BodyLength::None),
        _ => Err(upgrade_with_body()),
    }
}

fn upgrade_with_body() -> GatewayError {
    GatewayError::new(
        Code::InvalidHeader,
        "`Upgrade: websocket` goes with a GET over HTTP/1.1 without a body; leave it out of other \
         requests",
    )
}
