//! Decides whether a body is a complete, successful response. Events are followed as they pass;
//! other bodies are inspected at the end. The body is never changed. The caller knows whether the
//! transfer itself ended cleanly; `dialect` knows what a response of each route looks like.

use actix_http::header::HeaderMap;

use super::NoCacheReason;
use crate::dialect::{
    BodyJudge, Coded, Dialect, Ending, Flaw, Generates, LastEvent, MOST_JUDGED, Media, Stop,
    Verdict, begins_as_events, decode, says_error, says_not_completed,
};

/// Compressed responses are inspected up to this size, both encoded and decoded.
const MOST_DECODED: usize = 2 * 1024 * 1024;
/// Parsing or decoding this many bytes takes a few milliseconds at most.
const SHORT: usize = 32 * 1024;
pub const SHORT_PLAIN: usize = 1024 * 1024;

/// Checks the body of one response.
#[derive(Debug)]
pub struct CompletenessCheck {
    /// `None` for a path of the settings, whose response format is unknown.
    route: Option<Generates>,
    dialect: Dialect,
    media: Media,
    coded: Coded,
    /// Follows the events of an uncompressed stream while it is shorter than `SHORT`.
    events: Option<LastEvent>,
    /// Bytes fed so far.
    fed: usize,
}

impl CompletenessCheck {
    /// For a response with these headers to a request with this raw path.
    pub fn new(headers: &HeaderMap, path: &str) -> Self {
        let (media, coded) = (Media::of(headers), Coded::of(headers));
        let dialect = Dialect::of(path);
        let follows = media == Media::Events && coded == Coded::Plain;
        CompletenessCheck {
            route: Generates::of(path),
            dialect,
            media,
            coded,
            events: follows.then(|| LastEvent::new(dialect)),
            fed: 0,
        }
    }

    /// Feeds the next bytes of the body.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.fed = self.fed.saturating_add(bytes.len());
        match &mut self.events {
            // Parsing a long stream could block the worker; it is judged at the end instead.
            Some(_) if self.fed > SHORT => self.events = None,
            Some(events) => events.feed(bytes),
            None => {}
        }
    }

    /// Whether judging this complete body takes at most a few milliseconds.
    pub fn is_quick(&self, body: &[u8]) -> bool {
        match self.coded {
            _ if body.len() > SHORT_PLAIN => false,
            // The body may be events although its media type says otherwise.
            Coded::Plain if self.media == Media::Events => body.len() <= SHORT,
            Coded::Plain => body.len() <= SHORT || !begins_as_events(body),
            Coded::As(coding) => body.len() <= SHORT && decode(coding, body, SHORT).1 != Stop::Full,
            Coded::Unknown => true,
        }
    }

    /// Judges the complete body after it has ended cleanly.
    ///
    /// # Errors
    /// Why it must not be stored.
    pub fn end(mut self, body: &[u8]) -> Result<(), NoCacheReason> {
        let coding = match self.coded {
            Coded::Plain => return self.judge(body),
            Coded::As(coding) => coding,
            Coded::Unknown => return Err(NoCacheReason::EncodedResponse),
        };
        // A large encoded body can decode to very little, so the decoded size does not bound the
        // work.
        if body.len() > MOST_DECODED {
            return Err(NoCacheReason::EncodedResponse);
        }
        match decode(coding, body, MOST_DECODED) {
            (decoded, Stop::End) => self.judge(&decoded),
            (_, Stop::Starved | Stop::Full | Stop::Broken) => Err(NoCacheReason::EncodedResponse),
        }
    }

    /// Judges the decoded body.
    fn judge(&mut self, body: &[u8]) -> Result<(), NoCacheReason> {
        match (self.media, self.route) {
            (Media::Events, _) => {
                let events = self.events.take();
                judge_events(events, self.dialect, body)?;
            }
            // Without `alt=sse` Gemini streams one JSON array, whose last items may be an error.
            // JSON lines have no known final line.
            (_, Some(_)) if self.dialect == Dialect::Gemini || self.media == Media::Lines => {
                return Err(NoCacheReason::NoTerminalEvent);
            }
            _ => {}
        }
        match self.route {
            Some(route) => self.judge_generated(route, body),
            None if self.media == Media::Events => Ok(()),
            None => judge_plain(self.media == Media::Json, body),
        }
    }

    /// Judges a response of a generating route.
    fn judge_generated(&self, route: Generates, body: &[u8]) -> Result<(), NoCacheReason> {
        let must_be_json = !route.takes_anything() || self.media == Media::Json;
        // The body is complete, so leading whitespace and a byte order mark can be skipped.
        let (body, is_stream) = match self.media {
            Media::Events => (body, true),
            _ if must_be_json => (without_byte_order_mark(body), false),
            _ => (body, false),
        };
        let mut judge = BodyJudge::of(route, self.media, Coded::Plain);
        judge.feed(body);
        match judge.end() {
            Verdict::Begun => {}
            Verdict::Refused(Flaw::Error) => return Err(NoCacheReason::ErrorBody),
            Verdict::Refused(Flaw::Cut) => return Err(NoCacheReason::Truncated),
            Verdict::Refused(Flaw::Empty | Flaw::Foreign) | Verdict::Undecided => {
                return Err(NoCacheReason::UnusableResponse);
            }
        }
        if is_stream {
            return Ok(());
        }
        // `BodyJudge` inspects only the first item of an array.
        if route == Generates::Content && body.trim_ascii_start().starts_with(b"[") {
            return Err(NoCacheReason::NoTerminalEvent);
        }
        if judge.is_events() {
            return judge_events(None, self.dialect, body);
        }
        if route == Generates::Response && says_not_completed(body) {
            return Err(NoCacheReason::ErrorBody);
        }
        match must_be_json && body.len() > MOST_JUDGED && !is_closed(body) {
            true => Err(NoCacheReason::Truncated),
            false => Ok(()),
        }
    }
}

/// Judges an event stream; `followed` holds the result of events that were already parsed.
fn judge_events(
    followed: Option<LastEvent>,
    dialect: Dialect,
    body: &[u8],
) -> Result<(), NoCacheReason> {
    let events = followed.unwrap_or_else(|| {
        let mut events = LastEvent::new(dialect);
        events.feed(body);
        events
    });
    match events.end() {
        Ending::Whole => Ok(()),
        Ending::Unfinished => Err(NoCacheReason::NoTerminalEvent),
        Ending::Failed => Err(NoCacheReason::ErrorEvent),
        Ending::Overlong => Err(NoCacheReason::LongEvent),
    }
}

fn without_byte_order_mark(body: &[u8]) -> &[u8] {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    body.trim_ascii()
}

/// Judges a body of unknown format. Anything that starts as a JSON object is inspected, because
/// servers send errors under any media type, or none.
fn judge_plain(is_json: bool, body: &[u8]) -> Result<(), NoCacheReason> {
    let body = without_byte_order_mark(body);
    if body.first() == Some(&b'{') && says_error(body) {
        return Err(NoCacheReason::ErrorBody);
    }
    // Without a declared length, a clean end may also be a closed connection.
    match is_json && !is_closed(body) {
        true => Err(NoCacheReason::Truncated),
        false => Ok(()),
    }
}

/// The body ends with the bracket or quote that closes its first one.
fn is_closed(body: &[u8]) -> bool {
    let last = match body.first() {
        Some(b'{') => b'}',
        Some(b'[') => b']',
        Some(b'"') => b'"',
        _ => return true,
    };
    body.ends_with(&[last])
}

#[cfg(test)]
mod tests;
