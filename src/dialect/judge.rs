//! Decides from its first 64 KiB whether a 200 is a valid response of its route. Used for failover
//! and for the cache. It looks for what responses have, rather than what errors have; in doubt a
//! body is accepted.

mod beginning;

use actix_http::header::HeaderMap;

pub use self::beginning::begins_as_events;
use self::beginning::{Beginning, NULL, beginning, keep};
use super::{
    Flaw, Verdict,
    decode::{Coded, Stop, decode},
    first_event::FirstEvent,
    generates::Generates,
    shape::{Extent, extent, found, trimmed},
};
use crate::http::media_type::Media;

/// The most bytes that are inspected, encoded or decoded.
pub const MOST_BYTES: usize = 64 * 1024;

/// A compressed body is decoded again for each of its first pieces; after this many, only when it
/// has grown by a quarter.
const ALWAYS_DECODED: usize = 32;

/// Judges the body of one response. Buffers a copy of its beginning until it is decided.
#[derive(Debug)]
pub struct BodyJudge {
    route: Generates,
    media: Media,
    coded: Coded,
    plain: PlainJudge,
    encoded: Vec<u8>,
    looks: usize,
    /// Encoded bytes at the last inspection.
    looked_at: usize,
    verdict: Verdict,
}

impl BodyJudge {
    /// For a 200 with these headers.
    pub fn new(route: Generates, headers: &HeaderMap) -> Self {
        Self::of(route, Media::of(headers), Coded::of(headers))
    }

    /// For a body of this media type and coding.
    pub fn of(route: Generates, media: Media, coded: Coded) -> Self {
        BodyJudge {
            route,
            media,
            coded,
            plain: PlainJudge::new(route, media),
            encoded: Vec::new(),
            looks: 0,
            looked_at: 0,
            verdict: Verdict::Undecided,
        }
    }

    /// Feeds the next bytes of the body. A verdict other than `Undecided` is final.
    pub fn feed(&mut self, bytes: &[u8]) -> Verdict {
        if self.verdict == Verdict::Undecided {
            self.verdict = match self.coded {
                Coded::Plain => self.plain.feed(bytes),
                Coded::As(_) => self.feed_encoded(bytes),
                Coded::Unknown if bytes.is_empty() => Verdict::Undecided,
                Coded::Unknown => Verdict::Begun,
            };
        }
        self.verdict
    }

    /// Ends the body.
    pub fn end(&mut self) -> Verdict {
        if self.verdict == Verdict::Undecided {
            self.verdict = match self.coded {
                Coded::Plain => self.plain.end(),
                Coded::As(_) if self.encoded.is_empty() => Verdict::Refused(Flaw::Empty),
                Coded::As(_) => self.look(PlainJudge::end),
                Coded::Unknown => Verdict::Refused(Flaw::Empty),
            };
            self.encoded = Vec::new();
        }
        self.verdict
    }

    /// The body turned out to be an event stream, whatever its media type.
    pub fn is_events(&self) -> bool {
        matches!(self.plain.form, Form::Events(_))
    }

    fn feed_encoded(&mut self, bytes: &[u8]) -> Verdict {
        let room = MOST_BYTES - self.encoded.len();
        self.encoded
            .extend_from_slice(&bytes[..room.min(bytes.len())]);
        let is_full = self.encoded.len() == MOST_BYTES;
        let grown = self.encoded.len() - self.looked_at;
        if self.looks >= ALWAYS_DECODED && grown < self.looked_at / 4 && !is_full {
            return Verdict::Undecided;
        }
        self.looks += 1;
        self.looked_at = self.encoded.len();
        let verdict = match is_full {
            true => self.look(PlainJudge::at_limit),
            false => self.look(|_| Verdict::Undecided),
        };
        if verdict != Verdict::Undecided {
            self.encoded = Vec::new();
        }
        verdict
    }

    /// Decodes what has arrived; `then` decides if the decoded bytes leave it open. The decoder is
    /// not kept between calls, since it may hold much memory.
    fn look(&mut self, then: impl FnOnce(&mut PlainJudge) -> Verdict) -> Verdict {
        let Coded::As(coding) = self.coded else {
            return Verdict::Undecided;
        };
        let (decoded, stop) = decode(coding, &self.encoded, MOST_BYTES);
        self.plain = PlainJudge::new(self.route, self.media);
        match (self.plain.feed(&decoded), stop) {
            (Verdict::Undecided, Stop::Broken) => Verdict::Refused(Flaw::Foreign),
            (Verdict::Undecided, Stop::End | Stop::Starved | Stop::Full) => then(&mut self.plain),
            (decided, _) => decided,
        }
    }
}

/// The same for a decoded or unencoded body.
#[derive(Debug)]
struct PlainJudge {
    route: Generates,
    media: Media,
    form: Form,
    bytes: usize,
}

#[derive(Debug)]
enum Form {
    Events(FirstEvent),
    /// The buffered beginning of the body, how often it was inspected, and its length at the last
    /// inspection or at the last search for a line end.
    Body {
        seen: Vec<u8>,
        looks: usize,
        looked_at: usize,
    },
}

impl PlainJudge {
    fn new(route: Generates, media: Media) -> Self {
        PlainJudge {
            route,
            media,
            form: match media {
                Media::Events => Form::Events(FirstEvent::of_response(route)),
                Media::Lines | Media::Json | Media::Html | Media::Other => Form::Body {
                    seen: Vec::new(),
                    looks: 0,
                    looked_at: 0,
                },
            },
            bytes: 0,
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Verdict {
        let bytes = &bytes[..bytes.len().min(MOST_BYTES - self.bytes)];
        self.bytes += bytes.len();
        let verdict = match &mut self.form {
            Form::Events(events) => events.feed(bytes),
            Form::Body {
                seen, looked_at, ..
            } => {
                if keep(seen, bytes) {
                    *looked_at = 0;
                }
                self.look()
            }
        };
        match verdict {
            Verdict::Undecided if self.bytes == MOST_BYTES => self.at_limit(),
            verdict => verdict,
        }
    }

    /// Decides what can be decided from the first bytes.
    fn look(&mut self) -> Verdict {
        let Form::Body {
            seen,
            looks,
            looked_at,
        } = &mut self.form
        else {
            return Verdict::Undecided;
        };
        if self.media == Media::Lines {
            let body = trimmed(seen);
            // Bytes before this position have no line end. A lone byte order mark is not buffered.
            let now = if body.is_empty() { 0 } else { seen.len() };
            let fresh = &seen[std::mem::replace(looked_at, now)..];
            let end = memchr::memchr(b'\n', fresh).and_then(|_| memchr::memchr(b'\n', body));
            let line = end.map(|end| &body[..end]);
            return line.map_or(Verdict::Undecided, |line| first_line(self.route, line));
        }
        let must_be_json = !self.route.takes_anything() || self.media == Media::Json;
        match beginning(self.route, seen) {
            Beginning::Open => Verdict::Undecided,
            Beginning::Events if !self.route.takes_anything() => {
                let mut events = FirstEvent::of_response(self.route);
                let verdict = events.feed(seen);
                self.form = Form::Events(events);
                verdict
            }
            Beginning::Html => Verdict::Refused(Flaw::Foreign),
            Beginning::Null if must_be_json => Verdict::Refused(Flaw::Foreign),
            Beginning::Null => Verdict::Undecided,
            Beginning::Json if streams_array(self.route, seen) => {
                if *looks >= ALWAYS_DECODED && seen.len() - *looked_at < *looked_at / 4 {
                    return Verdict::Undecided;
                }
                (*looks, *looked_at) = (*looks + 1, seen.len());
                first_item(self.route, seen)
            }
            Beginning::Json if must_be_json => Verdict::Undecided,
            // Audio and text may begin like JSON by chance, so the body is inspected again only
            // when it has doubled.
            Beginning::Json if seen.len() < *looked_at * 2 => Verdict::Undecided,
            Beginning::Json => {
                *looked_at = seen.len();
                match extent(seen) {
                    Extent::Broken => Verdict::Begun,
                    Extent::Nothing | Extent::Whole | Extent::Cut => Verdict::Undecided,
                }
            }
            Beginning::Events | Beginning::Else
                if must_be_json || is_page(self.route, self.media, seen) =>
            {
                Verdict::Refused(Flaw::Foreign)
            }
            Beginning::Events | Beginning::Else => Verdict::Begun,
        }
    }

    fn end(&mut self) -> Verdict {
        let (route, media) = (self.route, self.media);
        let seen = match &mut self.form {
            Form::Events(events) => return events.end(),
            Form::Body { seen, .. } => std::mem::take(seen),
        };
        let body = trimmed(&seen);
        let must_be_json = !route.takes_anything() || media == Media::Json;
        match (body.is_empty(), beginning(route, &seen)) {
            (true, _) if must_be_json || self.bytes == 0 => Verdict::Refused(Flaw::Empty),
            // A recording may have an empty transcript, which is a lone line end.
            (true, _) => Verdict::Begun,
            (false, _) if media == Media::Lines => first_line(route, body),
            (false, Beginning::Json)
                if streams_array(route, body) && first_item(route, body) != Verdict::Undecided =>
            {
                first_item(route, body)
            }
            (false, Beginning::Json) => match extent(body) {
                Extent::Nothing => Verdict::Refused(Flaw::Empty),
                Extent::Whole => shaped(route, body),
                Extent::Cut => Verdict::Refused(Flaw::Cut),
                Extent::Broken if must_be_json => Verdict::Refused(Flaw::Foreign),
                Extent::Broken => Verdict::Begun,
            },
            (false, Beginning::Null) if body.len() >= NULL.len() => Verdict::Refused(Flaw::Foreign),
            (false, _) if must_be_json || is_page(route, media, body) => {
                Verdict::Refused(Flaw::Foreign)
            }
            (false, _) => Verdict::Begun,
        }
    }

    /// As many bytes as may be inspected have arrived, and more may follow.
    fn at_limit(&mut self) -> Verdict {
        let seen = match &self.form {
            Form::Events(_) => return Verdict::Begun,
            Form::Body { seen, .. } => seen,
        };
        let is_json = matches!(beginning(self.route, seen), Beginning::Json);
        if self.media == Media::Lines || !is_json {
            return Verdict::Begun;
        }
        if streams_array(self.route, seen) {
            let verdict = first_item(self.route, seen);
            if verdict != Verdict::Undecided {
                return verdict;
            }
        }
        let must_be_json = !self.route.takes_anything() || self.media == Media::Json;
        match extent(seen) {
            Extent::Broken if must_be_json => Verdict::Refused(Flaw::Foreign),
            Extent::Broken | Extent::Nothing => Verdict::Begun,
            Extent::Whole => shaped(self.route, seen),
            Extent::Cut => match shaped(self.route, seen) {
                Verdict::Refused(Flaw::Error) => Verdict::Refused(Flaw::Error),
                // The decisive member may come later.
                Verdict::Begun | Verdict::Undecided | Verdict::Refused(_) => Verdict::Begun,
            },
        }
    }
}

/// An HTML media type and an HTML beginning. Some transcription servers (whisper.cpp) send
/// transcripts as HTML, so those are accepted.
fn is_page(route: Generates, media: Media, body: &[u8]) -> bool {
    let may_be_text = route == Generates::Transcription && !trimmed(body).starts_with(b"<");
    media == Media::Html && !may_be_text
}

/// Gemini without `alt=sse`: the response arrives as the items of one array.
fn streams_array(route: Generates, body: &[u8]) -> bool {
    route == Generates::Content && trimmed(body).starts_with(b"[")
}

/// Judges such an array by its first item as soon as that is complete, without holding back more.
fn first_item(route: Generates, body: &[u8]) -> Verdict {
    let found = found(route, body);
    match (found.item, found.mark, found.error) {
        (true, true, _) => Verdict::Begun,
        (true, false, true) => Verdict::Refused(Flaw::Error),
        _ => Verdict::Undecided,
    }
}

/// Judges JSON by its top-level members.
fn shaped(route: Generates, body: &[u8]) -> Verdict {
    let found = found(route, body);
    match (found.mark, found.error) {
        (true, true) if found.reason && !found.content => Verdict::Refused(Flaw::Error),
        (true, _) if found.failed => Verdict::Refused(Flaw::Error),
        (true, _) => Verdict::Begun,
        (false, true) => Verdict::Refused(Flaw::Error),
        (false, false) if found.odd => Verdict::Begun,
        (false, false) => Verdict::Refused(Flaw::Foreign),
    }
}

/// Judges the first of several JSON lines. Their format is not documented, so any object that is
/// not an error is accepted.
fn first_line(route: Generates, line: &[u8]) -> Verdict {
    match extent(line) {
        Extent::Nothing => Verdict::Refused(Flaw::Empty),
        Extent::Cut => Verdict::Refused(Flaw::Cut),
        Extent::Broken => Verdict::Refused(Flaw::Foreign),
        Extent::Whole => match found(route, line) {
            found if found.mark || found.odd => Verdict::Begun,
            found if found.error => Verdict::Refused(Flaw::Error),
            found if found.member => Verdict::Begun,
            _ => Verdict::Refused(Flaw::Foreign),
        },
    }
}

#[cfg(test)]
mod tests;
