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
    #[inline]
    pub fn end(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut place = from;
        if self.is_escaping && place < bytes.len() {
            self.escape(bytes[place]);
            place += 1;
        }
        while let Some(found) = quote_or_escape(bytes, place) {
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

/// The next quote or backslash. Most strings are short: for them a search with wide registers takes
/// longer to begin than to find.
#[inline]
fn quote_or_escape(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = &bytes[from..];
    let mut passed = 0;
    for word in rest.chunks_exact(WORD).take(2) {
        let marks = marks(word, b'"') | marks(word, b'\\');
        if marks != 0 {
            return Some(from + passed + marks.trailing_zeros() as usize / 8);
        }
        passed += WORD;
    }
    let found = memchr::memchr2(b'"', b'\\', &rest[passed..]);
    found.map(|length| from + passed + length)
}

const WORD: usize = size_of::<u64>();

/// The high bit of the first byte that is this one is set, and none before it.
#[inline]
fn marks(word: &[u8], byte: u8) -> u64 {
    const ONES: u64 = u64::from_le_bytes([0x01; WORD]);
    const HIGH: u64 = u64::from_le_bytes([0x80; WORD]);
    let word = word
        .first_chunk()
        .map_or(0, |word| u64::from_le_bytes(*word));
    let zeroes = word ^ (ONES * u64::from(byte));
    zeroes.wrapping_sub(ONES) & !zeroes & HIGH
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
