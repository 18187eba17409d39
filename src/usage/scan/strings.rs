//! Where does a JSON string end, and about how long is it? In whatever pieces it arrives.

/// A string that is being passed.
#[derive(Default)]
pub struct Text {
    /// The last byte was a backslash.
    is_escaping: bool,
    escapes: u64,
    passed: u64,
    /// Bytes of escapes that are not there once decoded.
    saved: u64,
}

impl Text {
    /// The place of the closing quote, if it is in this piece.
    pub fn end(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut place = from;
        if self.is_escaping && place < bytes.len() {
            self.escape(bytes[place]);
            place += 1;
        }
        while let Some(length) = memchr::memchr2(b'"', b'\\', &bytes[place..]) {
            let found = place + length;
            if bytes[found] == b'"' {
                self.passed += (found - from) as u64;
                return Some(found);
            }
            self.is_escaping = true;
            place = found + 1;
            let Some(byte) = bytes.get(place) else {
                break;
            };
            self.escape(*byte);
            place += 1;
        }
        self.passed += (bytes.len() - from) as u64;
        None
    }

    fn escape(&mut self, byte: u8) {
        self.is_escaping = false;
        self.escapes += 1;
        // `\u4f60` stands for a character of about three bytes.
        self.saved += if byte == b'u' { 3 } else { 1 };
    }

    pub fn has_escapes(&self) -> bool {
        self.escapes > 0
    }

    /// About how many bytes it has, decoded.
    pub fn bytes(&self) -> u64 {
        self.passed.saturating_sub(self.saved)
    }
}

/// The inside of a string, decoded.
pub fn unescaped(inside: &[u8]) -> Option<String> {
    let json = [b"\"", inside, b"\""].concat();
    serde_json::from_slice(&json).ok()
}

/// The next quote or bracket.
pub fn structural(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = &bytes[from..];
    let length = rest
        .iter()
        .position(|byte| STRUCTURAL[usize::from(*byte)])?;
    Some(from + length)
}

static STRUCTURAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut signs: &[u8] = b"\"{}[]";
    while let [sign, rest @ ..] = signs {
        table[*sign as usize] = true;
        signs = rest;
    }
    table
};
