//! Is this body all of an answer? Follows events as they pass, looks at other bodies when all of it
//! is there, and edits nothing. That the transfer itself ended cleanly is for whoever feeds it to
//! know. What an answer looks like is `dialect`'s to say, as it does for failover.

use actix_http::header::HeaderMap;

use super::NoCacheReason;
use crate::dialect::{
    AnswerJudge, Coded, Dialect, Ending, Flaw, Generates, LastEvent, MOST_JUDGED, Media, Stop,
    Verdict, begins_as_events, decode, says_error, says_not_completed,
};

/// Bytes that a compressed answer may have when it is decoded, to be looked at; encoded it has no
/// more either.
const MOST_DECODED: usize = 2 * 1024 * 1024;
/// Events, and what is to be decoded, of so many bytes are looked at in a few milliseconds,
/// whatever is in them; and other bodies, of which little is looked at.
const SHORT: usize = 32 * 1024;
pub const SHORT_PLAIN: usize = 1024 * 1024;

/// Follows the body of one answer.
#[derive(Debug)]
pub struct CompletenessCheck {
    /// None: a path of the settings, whose answers have no known form.
    route: Option<Generates>,
    dialect: Dialect,
    media: Media,
    coded: Coded,
    /// Those of a stream that can be followed as it passes, and is short so far.
    events: Option<LastEvent>,
    /// Bytes that have passed.
    fed: usize,
}

impl CompletenessCheck {
    /// For an answer with these headers to a request with this raw path.
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

    /// Takes the body's next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.fed = self.fed.saturating_add(bytes.len());
        match &mut self.events {
            // One event may take long: all of them are looked at in the end.
            Some(_) if self.fed > SHORT => self.events = None,
            Some(events) => events.feed(bytes),
            None => {}
        }
    }

    /// This body, which is all of it, is judged in a few milliseconds, whatever is in it.
    pub fn is_quick(&self, body: &[u8]) -> bool {
        match self.coded {
            _ if body.len() > SHORT_PLAIN => false,
            // Events may have the type of something else.
            Coded::Plain if self.media == Media::Events => body.len() <= SHORT,
            Coded::Plain => body.len() <= SHORT || !begins_as_events(body),
            Coded::As(coding) => body.len() <= SHORT && decode(coding, body, SHORT).1 != Stop::Full,
            Coded::Unknown => true,
        }
    }

    /// The body has ended cleanly; this is all of it.
    ///
    /// # Errors
    /// Why it is not kept for all that.
    pub fn end(mut self, body: &[u8]) -> Result<(), NoCacheReason> {
        let coding = match self.coded {
            Coded::Plain => return self.judge(body),
            Coded::As(coding) => coding,
            Coded::Unknown => return Err(NoCacheReason::EncodedResponse),
        };
        // Much may be encoded of which nothing comes.
        if body.len() > MOST_DECODED {
            return Err(NoCacheReason::EncodedResponse);
        }
        match decode(coding, body, MOST_DECODED) {
            (decoded, Stop::End) => self.judge(&decoded),
            (_, Stop::Starved | Stop::Full | Stop::Broken) => Err(NoCacheReason::EncodedResponse),
        }
    }

    /// Judges the body, decoded.
    fn judge(&mut self, body: &[u8]) -> Result<(), NoCacheReason> {
        match (self.media, self.route) {
            (Media::Events, _) => {
                let events = self.events.take();
                events_verdict(events, self.dialect, body)?;
            }
            // Without `alt=sse` Gemini streams one JSON array, whose last items may be an error. Of
            // lines nobody knows the last.
            (_, Some(_)) if self.dialect == Dialect::Gemini || self.media == Media::Lines => {
                return Err(NoCacheReason::NoTerminalEvent);
            }
            _ => {}
        }
        match self.route {
            Some(route) => self.answer_verdict(route, body),
            None if self.media == Media::Events => Ok(()),
            None => plain_verdict(self.media == Media::Json, body),
        }
    }

    /// Judges an answer of a route that generates.
    fn answer_verdict(&self, route: Generates, body: &[u8]) -> Result<(), NoCacheReason> {
        let must_be_json = !route.takes_anything() || self.media == Media::Json;
        // All of it is there: what stands before the first sign says nothing.
        let (body, is_stream) = match self.media {
            Media::Events => (body, true),
            _ if must_be_json => (without_mark(body), false),
            _ => (body, false),
        };
        let mut judge = AnswerJudge::of(route, self.media, Coded::Plain);
        judge.feed(body);
        match judge.end() {
            Verdict::Begun => {}
            Verdict::Refused(Flaw::Error) => return Err(NoCacheReason::ErrorBody),
            Verdict::Refused(Flaw::Cut) => return Err(NoCacheReason::Truncated),
            Verdict::Refused(Flaw::Empty | Flaw::Foreign) | Verdict::Undecided => {
                return Err(NoCacheReason::NotAnAnswer);
            }
        }
        if is_stream {
            return Ok(());
        }
        // Judged by its first item.
        if route == Generates::Content && body.trim_ascii_start().starts_with(b"[") {
            return Err(NoCacheReason::NoTerminalEvent);
        }
        if judge.is_events() {
            return events_verdict(None, self.dialect, body);
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

/// Judges a stream. `followed`: its events, if they were followed already.
fn events_verdict(
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

fn without_mark(body: &[u8]) -> &[u8] {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    body.trim_ascii()
}

/// Judges a body of which no form is known. If it begins as a JSON object, it is looked into,
/// whatever its type: servers send errors with any and with none.
fn plain_verdict(is_json: bool, body: &[u8]) -> Result<(), NoCacheReason> {
    let body = without_mark(body);
    if body.first() == Some(&b'{') && says_error(body) {
        return Err(NoCacheReason::ErrorBody);
    }
    // Of a body without a length a clean end may be where its connection was closed.
    match is_json && !is_closed(body) {
        true => Err(NoCacheReason::Truncated),
        false => Ok(()),
    }
}

/// It ends with what closes its beginning.
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
