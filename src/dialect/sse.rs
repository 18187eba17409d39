//! Splits a stream of server-sent events into events (WHATWG HTML §9.2.6), in whatever pieces it
//! arrives.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; empty if there was none.
    pub name: Vec<u8>,
    /// The `data` lines, joined by line feeds.
    pub data: Vec<u8>,
}

/// Splits one stream.
#[derive(Debug, Default)]
pub struct Splitter {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    /// The last byte was a CR; an LF that follows belongs to it.
    after_cr: bool,
    begun: bool,
    /// The most bytes of a line and of an event's data; `None`: no limit.
    most: Option<usize>,
    overlong: bool,
}

impl Splitter {
    /// Gives up at a line or event data longer than `most`, wherever the stream is cut.
    pub fn bounded(most: usize) -> Self {
        Splitter {
            most: Some(most),
            ..Splitter::default()
        }
    }

    /// It has given up and returns no more events.
    pub fn is_overlong(&self) -> bool {
        self.overlong
    }

    /// Feeds the next bytes. `each` is called with every completed event and returns whether to
    /// continue.
    pub fn feed(&mut self, mut bytes: &[u8], each: &mut dyn FnMut(Event) -> bool) {
        if bytes.is_empty() || self.overlong {
            return;
        }
        if std::mem::take(&mut self.after_cr) {
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = memchr::memchr2(b'\r', b'\n', bytes) {
            self.extend_line(&bytes[..end]);
            let cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            if cr {
                match bytes.first() {
                    Some(b'\n') => bytes = &bytes[1..],
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            let line = std::mem::take(&mut self.line);
            let event = self.end_line(&line);
            if self.overlong {
                return;
            }
            if let Some(event) = event
                && !each(event)
            {
                return;
            }
        }
        self.extend_line(bytes);
    }

    /// Ends the stream. Returns an event without its blank line, which some servers omit at the
    /// end.
    pub fn end(&mut self) -> Option<Event> {
        if self.overlong {
            return None;
        }
        let line = std::mem::take(&mut self.line);
        let last = self.end_line(&line).or_else(|| self.dispatch());
        last.filter(|_| !self.overlong)
    }

    fn extend_line(&mut self, bytes: &[u8]) {
        if self.admits(self.line.len() + bytes.len()) {
            self.line.extend_from_slice(bytes);
        }
    }

    /// Whether this many bytes may be buffered; otherwise gives up.
    fn admits(&mut self, bytes: usize) -> bool {
        if self.most.is_some_and(|most| bytes > most) {
            self.overlong = true;
            self.line = Vec::new();
            self.event = Event::default();
        }
        !self.overlong
    }

    fn end_line(&mut self, line: &[u8]) -> Option<Event> {
        let line = match std::mem::replace(&mut self.begun, true) {
            true => line,
            false => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
        };
        if line.is_empty() {
            return self.dispatch();
        }
        let (name, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"event" => self.event.name = value.to_vec(),
            b"data" if self.admits(self.event.data.len() + value.len() + 1) => {
                if self.has_data {
                    self.event.data.push(b'\n');
                }
                self.has_data = true;
                self.event.data.extend_from_slice(value);
            }
            // Comments, ids, retry times and unknown fields.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        let event = std::mem::take(&mut self.event);
        std::mem::take(&mut self.has_data).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::samples, *};

    fn events(pieces: &[&[u8]]) -> Vec<Event> {
        let (mut splitter, mut events) = (Splitter::default(), Vec::new());
        for piece in pieces {
            splitter.feed(piece, &mut |event| {
                events.push(event);
                true
            });
        }
        events.extend(splitter.end());
        events
    }

    fn event(name: &str, data: &str) -> Event {
        Event {
            name: name.into(),
            data: data.into(),
        }
    }

    #[test]
    fn events_are_split_as_in_the_standard() {
        for (stream, expected) in [
            ("data: a\n\n", vec![event("", "a")]),
            ("data:a\r\n\r\n", vec![event("", "a")]),
            (
                "data: a\r\rdata:  b\r\r",
                vec![event("", "a"), event("", " b")],
            ),
            ("\u{feff}data: a\n\n", vec![event("", "a")]),
            (": hi\n\n", vec![]),
            ("event: x\n\n", vec![]),
            (
                "event: x\nid: 1\ndata: a\ndata\ndata: c\n\n",
                vec![event("x", "a\n\nc")],
            ),
            ("data: a", vec![event("", "a")]),
            ("\n\n\n", vec![]),
        ] {
            assert_eq!(events(&[stream.as_bytes()]), expected, "{stream:?}");
        }
    }

    proptest! {
        #[test]
        fn a_stream_split_anywhere_gives_the_same_events(
            lines in proptest::collection::vec("(data|event|id|: c)?(: ?)?[a-z:]{0,3}", 0..12),
            ends in proptest::collection::vec(
                proptest::sample::select(&["\n", "\r", "\r\n", "\n\n"][..]),
                12,
            ),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
        ) {
            let stream: String = lines
                .iter()
                .zip(&ends)
                .map(|(line, end)| format!("{line}{end}"))
                .collect();
            let pieces = samples::cut(stream.as_bytes(), &cuts);
            prop_assert_eq!(events(&pieces), events(&[stream.as_bytes()]));
        }
    }
}
