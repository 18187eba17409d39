//! Does an answer of the Responses API say of itself that it is not completed? Follows its JSON as the bytes come, since `status`
//! may stand behind all of the output, and keeps no more of it than a short key and a short value.

/// More bytes of a key or a value than these are not kept: neither is one that is asked for.
const MOST_KEPT: usize = 64;

/// Judges the JSON of an answer.
#[derive(Debug, Default)]
pub struct ResponseStatus {
    /// Objects and arrays that are open.
    depth: usize,
    closed: bool,
    string: Option<InString>,
    /// What has come of a key or a value of the outermost object, as it is spelled, up to `MOST_KEPT`.
    text: Vec<u8>,
    /// The value that comes is that of `status`.
    is_status: bool,
    not_completed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InString {
    Ordinary,
    AfterBackslash,
}

impl ResponseStatus {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the body's next bytes, beginning with the brace of its object.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while let Some((byte, rest)) = bytes.split_first()
            && !self.closed
        {
            bytes = match self.string {
                None => {
                    self.step(*byte);
                    rest
                }
                Some(InString::AfterBackslash) => {
                    self.keep(&[*byte]);
                    self.string = Some(InString::Ordinary);
                    rest
                }
                Some(InString::Ordinary) => self.go_on_in_string(bytes),
            };
        }
    }

    /// It has a status, and another than `completed`. Of duplicate keys any counts; null is no status.
    pub fn is_not_completed(&self) -> bool {
        self.not_completed
    }

    /// Takes what belongs to the string, and gives the rest.
    fn go_on_in_string<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(end) = memchr::memchr2(b'"', b'\\', bytes) else {
            self.keep(bytes);
            return &[];
        };
        let (text, rest) = bytes.split_at(end + 1);
        self.keep(text);
        self.string = (bytes[end] == b'\\').then_some(InString::AfterBackslash);
        rest
    }

    /// Takes a byte outside strings.
    fn step(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.keep(b"\"");
                self.string = Some(InString::Ordinary);
            }
            b'{' | b'[' => {
                self.keep(&[byte]);
                self.depth += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.end_value();
                    self.closed = true;
                }
            }
            b':' if self.depth == 1 => {
                self.is_status = self.is_spelled("status");
                self.text.clear();
            }
            b',' if self.depth == 1 => self.end_value(),
            _ if byte.is_ascii_whitespace() => {}
            _ => self.keep(&[byte]),
        }
    }

    /// Keeps what is the outermost object's own.
    fn keep(&mut self, bytes: &[u8]) {
        if self.depth == 1 {
            let room = MOST_KEPT.saturating_sub(self.text.len());
            self.text.extend(bytes.iter().take(room));
        }
    }

    fn end_value(&mut self) {
        let other = self.text != b"null" && !self.is_spelled("completed");
        self.not_completed |= self.is_status && other;
        self.is_status = false;
        self.text.clear();
    }

    /// The text is this string, however roundabout.
    fn is_spelled(&self, word: &str) -> bool {
        let text: Option<String> = serde_json::from_slice(&self.text).ok();
        text.is_some_and(|text| text == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(pieces: &[&[u8]]) -> bool {
        let mut status = ResponseStatus::new();
        pieces.iter().for_each(|piece| status.feed(piece));
        status.is_not_completed()
    }

    #[test]
    fn only_the_answers_own_status_counts_wherever_it_stands() {
        let long = format!(
            r#"{{"output":[{{"text":"{}"}}],"status":"incomplete"}}"#,
            "x".repeat(1 << 20)
        );
        for (body, expected) in [
            (r#"{"status":"completed"}"#, false),
            (r#"{"status":"failed"}"#, true),
            (r#"{"status":"queued","output":[]}"#, true),
            (r#"{"output":[],"status" : "in_progress" }"#, true),
            (r#"{"a":"b","status":"incomplete","c":1}"#, true),
            (r#"{"status":"cancelled"}"#, true),
            (&long, true),
            (r#"{"id":"r"}"#, false),
            (r#"{}"#, false),
            (r#"{"status":null}"#, false),
            (r#"{"status":500}"#, true),
            (r#"{"status":{"status":"completed"}}"#, true),
            (r#"{"status":[]}"#, true),
            (r#"{"st\u0061tus":"failed"}"#, true),
            (r#"{"status":"complet\u0065d"}"#, false),
            (r#"{"status":"completed","status":"failed"}"#, true),
            (r#"{"status":"failed","status":"completed"}"#, true),
            // Another's.
            (
                r#"{"output":[{"status":"incomplete"}],"status":"completed"}"#,
                false,
            ),
            (r#"{"metadata":{"status":"failed"}}"#, false),
            (r#"{"text":"\"status\":\"failed\""}"#, false),
            (r#"{"text":"\\","status":"failed"}"#, true),
            (r#"{"text":"}","status":"failed"}"#, true),
            (r#"{"a":"status","b":"failed"}"#, false),
            (r#"{"status":"completed"} {"status":"failed"}"#, false),
            // Cut before it is told.
            (r#"{"status":"fail"#, false),
        ] {
            let body = body.as_bytes();
            let shown = String::from_utf8_lossy(&body[..body.len().min(80)]);
            assert_eq!(judge(&[body]), expected, "{shown}");
            for cut in 0..body.len().min(100) {
                let (one, two) = body.split_at(cut);
                assert_eq!(judge(&[one, two]), expected, "{shown} cut at {cut}");
            }
        }
    }

    #[test]
    fn little_is_kept_of_what_is_long() {
        let mut status = ResponseStatus::new();
        status.feed(b"{\"");
        status.feed(&[b'x'; 4096]);
        status.feed(b"\":12");
        status.feed(&[b'3'; 4096]);
        assert!(status.text.len() <= MOST_KEPT);
        assert!(status.text.capacity() <= 2 * MOST_KEPT);
    }
}
