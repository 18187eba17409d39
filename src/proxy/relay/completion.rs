//! Has a stream come to its end when its body has? Looks at the bytes as they pass; what follows if
//! not is for the relay to do.

use actix_http::{StatusCode, body::BodySize, header::HeaderMap};
use bytes::Bytes;

use crate::dialect::{Coded, Generates, Media, StreamEnd};

/// What a target's responses are held to.
#[derive(Clone, Copy)]
pub struct Expected {
    /// None: any end will do.
    pub route: Option<Generates>,
    /// A stream without its last event is broken off.
    pub strict: bool,
}

/// Follows one body to its end.
#[derive(Clone)]
pub struct StreamCompletion {
    stream: Option<Box<StreamEnd>>,
    strict: bool,
    /// Bytes to come, if the head tells.
    left: Option<u64>,
    /// The last byte is withheld from the client: with it the body would be complete.
    withheld: bool,
}

impl StreamCompletion {
    /// Only plain streams are looked at.
    pub fn of(expected: Expected, status: StatusCode, headers: &HeaderMap, size: BodySize) -> Self {
        let is_stream = || {
            status == StatusCode::OK
                && Media::of(headers) == Media::Events
                && Coded::of(headers) == Coded::Plain
        };
        let route = expected.route.filter(|_| is_stream());
        StreamCompletion {
            stream: route.and_then(StreamEnd::of).map(Box::new),
            strict: expected.strict,
            left: match size {
                BodySize::Sized(length) => Some(length),
                BodySize::None | BodySize::Stream => None,
            },
            withheld: false,
        }
    }

    /// Whether the body is a stream that can be looked at.
    pub fn sees_events(&self) -> bool {
        self.stream.is_some()
    }

    /// Takes the next bytes, and gives what of them the client gets.
    pub fn pass(&mut self, chunk: Bytes) -> Bytes {
        let Some(stream) = &mut self.stream else {
            return chunk;
        };
        stream.feed(&chunk);
        self.left = self
            .left
            .map(|left| left.saturating_sub(chunk.len() as u64));
        if self.left != Some(0) || !self.breaks_off() {
            return chunk;
        }
        self.withheld = true;
        chunk.slice(..chunk.len().saturating_sub(1))
    }

    /// The body ended, or ends here, without the stream's last event.
    pub fn is_unfinished(&self) -> bool {
        self.stream.as_ref().is_some_and(|it| !it.has_come())
    }

    /// The same, and the client is not to take it for a whole one.
    pub fn breaks_off(&self) -> bool {
        self.strict && self.is_unfinished()
    }

    /// Nothing more is to be passed.
    pub fn is_withheld(&self) -> bool {
        self.withheld
    }

    /// This body as a whole would be broken off, or is unfinished.
    pub fn of_whole(&self, body: &Bytes) -> Self {
        let mut ending = self.clone();
        ending.pass(body.clone());
        ending
    }
}
