//! A keep-alive client connection that sends one prepared request and checks one whole response.

use std::net::SocketAddr;

use crate::body::Body;
use crate::failure::Failure;
use crate::payload::{RESPONSE_LENGTH, SMALL_BUFFER};
use crate::wire::Wire;

pub struct Client {
    target: SocketAddr,
    wire: Option<Wire>,
}

impl Client {
    pub fn new(target: SocketAddr) -> Self {
        Self { target, wire: None }
    }

    /// Connects, if the last response closed the connection, so that the next exchange need not.
    pub async fn ready(&mut self) -> Result<(), Failure> {
        if self.wire.is_none() {
            self.wire = Some(Wire::connect(self.target, SMALL_BUFFER).await?);
        }
        Ok(())
    }

    /// One request and its complete response. After a failure the next exchange uses a new
    /// connection.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<(), Failure> {
        self.ready().await?;
        let Some(mut wire) = self.wire.take() else {
            return Err(Failure::Closed("before the request"));
        };
        wire.send(request).await?;
        let close = expect_response(&mut wire, RESPONSE_LENGTH).await?;
        if !close {
            self.wire = Some(wire);
        }
        Ok(())
    }
}

/// Reads a response and insists on status 200 and a body of `expected` bytes; tells whether the
/// peer closes.
pub async fn expect_response(wire: &mut Wire, expected: u64) -> Result<bool, Failure> {
    let head = wire
        .head()
        .await?
        .ok_or(Failure::Closed("instead of a response"))?;
    let status = head.status(wire.bytes())?;
    wire.consume(head.len);
    if status != 200 {
        return Err(Failure::Status(status));
    }
    let got = wire.discard(&mut Body::of_response(head.framing)).await?;
    if got == expected {
        Ok(head.close)
    } else {
        Err(Failure::Body { expected, got })
    }
}
