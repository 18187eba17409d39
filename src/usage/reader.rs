//! Reads what a response used from a copy of its bytes: which bodies are of interest, and the way
//! from their bytes to a [`Reading`].

use actix_http::header::HeaderMap;

use super::{
    Operation, Reading, UsageFlaw,
    decode::{Coding, Decoder},
    findings::{self, Estimates, Findings},
    framing::{Framing, Texts},
    headers,
    pointers::Pointers,
    scan::{MOST_HELD, Scanner},
};
use crate::{dialect::Media, endpoint::UsagePlaces};

/// What is known of a response before its first byte.
pub struct Expected<'a> {
    pub method: &'a str,
    /// The raw path as the caller sent it, without its query.
    pub path: &'a str,
    /// That of the method and the path.
    pub operation: Operation,
    pub status: u16,
    /// The upstream's headers.
    pub headers: &'a HeaderMap,
    /// Of an endpoint whose upstream speaks a dialect of its own.
    pub places: Option<&'a UsagePlaces>,
    pub is_websocket: bool,
}

/// Reads one response.
pub struct UsageReader {
    inner: Box<Inner>,
}

struct Inner {
    decoder: Option<Decoder>,
    framing: Framing,
    texts: Texts,
    findings: Findings,
}

impl UsageReader {
    /// `None`: the response has no usage to read.
    pub fn new(expected: &Expected<'_>) -> Option<Self> {
        let mut findings = Findings::new(expected.places.map(Pointers::of));
        headers::read(expected.headers, &mut findings);
        let framing = framing(expected);
        let is_of_interest = !matches!(framing, Framing::Nothing) || !findings.counts.is_empty();
        if !is_of_interest {
            return None;
        }
        let mut inner = Inner {
            decoder: None,
            framing,
            texts: Scanner::new(MOST_HELD),
            findings,
        };
        inner.begin(expected);
        Some(UsageReader {
            inner: inner.into(),
        })
    }

    /// Takes the next bytes, however they are cut.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.inner.feed(bytes);
    }

    /// Bytes of the body that are held.
    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.inner.texts.held_bytes() + self.inner.framing.held_bytes()
    }

    /// `is_whole`: the body ended as its framing says.
    pub fn finish(mut self, is_whole: bool) -> Reading {
        self.inner.finish(is_whole);
        self.inner.findings.reading(is_whole)
    }
}

impl Inner {
    fn begin(&mut self, expected: &Expected<'_>) {
        if expected.is_websocket {
            self.findings.texts = findings::Texts::OfMany;
        }
        let is_stream = matches!(self.framing, Framing::Messages(_) | Framing::Frames(_));
        self.findings.is_stream = is_stream;
        let operation = expected.operation;
        self.findings.makes_images = operation == Operation::Images;
        self.findings.estimates = match expected.status >= 400 {
            true => Estimates::Never,
            false => estimates(operation),
        };
        if matches!(self.framing, Framing::Nothing) || expected.is_websocket {
            return;
        }
        match Coding::of(expected.headers) {
            Ok(coding) => self.decoder = coding.and_then(Decoder::new),
            Err(flaw) => self.stop(flaw),
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let Inner {
            decoder,
            framing,
            texts,
            findings,
        } = self;
        let Some(decoder) = decoder else {
            framing.feed(bytes, texts, findings);
            return;
        };
        if matches!(framing, Framing::Nothing) {
            self.decoder = None;
            return;
        }
        let mut plain = |bytes: &[u8]| framing.feed(bytes, texts, findings);
        if let Err(flaw) = decoder.feed(bytes, &mut plain) {
            self.stop(flaw);
        }
    }

    fn finish(&mut self, is_whole: bool) {
        self.decoder = None;
        // Nothing marks the last event or line.
        if is_whole && self.texts.is_open() {
            self.findings.flaw(UsageFlaw::Malformed);
        }
        self.texts.reset(&mut self.findings);
    }

    /// Gives up, and frees what was needed to go on.
    fn stop(&mut self, flaw: UsageFlaw) {
        self.findings.flaw(flaw);
        self.framing = Framing::Nothing;
        self.decoder = None;
    }
}

fn estimates(operation: Operation) -> Estimates {
    match operation {
        Operation::Chat
        | Operation::TextCompletion
        | Operation::GenerateContent
        | Operation::Realtime
        | Operation::Transcription => Estimates::Always,
        Operation::Other => Estimates::OfStreams,
        Operation::Embeddings
        | Operation::Rerank
        | Operation::Images
        | Operation::Speech
        | Operation::Moderation => Estimates::Never,
    }
}

fn framing(expected: &Expected<'_>) -> Framing {
    if expected.is_websocket {
        return Framing::websocket();
    }
    let has_body = !matches!(expected.status, 0..=199 | 204 | 205 | 300..=399);
    if !has_body || !may_use(expected) {
        return Framing::Nothing;
    }
    let is_error = expected.status >= 400;
    match Media::of(expected.headers) {
        Media::Json => Framing::Unknown(Media::Json),
        Media::Html => Framing::Nothing,
        Media::Events | Media::Lines | Media::Other if is_error => Framing::Nothing,
        media @ (Media::Events | Media::Lines) => Framing::Unknown(media),
        Media::Other if headers::is_aws_stream(expected.headers) => Framing::aws(),
        Media::Other if headers::may_be_text(expected.headers) => Framing::Unknown(Media::Other),
        Media::Other => Framing::Nothing,
    }
}

/// A GET tells again what another response used, and so does a batch, each time it is asked for.
fn may_use(expected: &Expected<'_>) -> bool {
    let is_new = matches!(expected.method, "POST" | "PUT" | "PATCH");
    let is_batch = expected.path.split('/').any(|segment| segment == "batches");
    expected.places.is_some() || (is_new && !is_batch)
}
