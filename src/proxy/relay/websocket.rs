//! Where WebSocket frames begin and end in a server's byte stream (RFC 6455 §5.2), so that a close
//! frame of ours never lands inside one. Reads headers, touches no payload.

use bytes::Bytes;

/// Longest frame header a server sends unmasked: two bytes and a 64-bit length; with a mask four
/// more.
const LONGEST_HEADER: usize = 14;

/// Follows the frames of one direction.
#[derive(Debug, Default)]
pub struct Frames {
    /// Header bytes of the frame that is being read.
    header: [u8; LONGEST_HEADER],
    have: usize,
    /// Payload bytes still to come.
    payload_left: u64,
    /// A close frame has passed.
    closed: bool,
}

impl Frames {
    /// Takes the next bytes of the stream.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let skipped = self.payload_left.min(bytes.len() as u64);
                self.payload_left -= skipped;
                bytes = &bytes[skipped as usize..];
                continue;
            }
            self.header[self.have] = bytes[0];
            self.have += 1;
            bytes = &bytes[1..];
            if self.have == self.header_length() {
                self.begin_payload();
            }
        }
    }

    /// The last frame is complete, and the other side has not said that it closes.
    pub fn at_boundary(&self) -> bool {
        self.have == 0 && self.payload_left == 0 && !self.closed
    }

    /// The server has said that it closes.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// A server's close frame, code 1001 "going away".
    pub fn going_away() -> Bytes {
        Bytes::from_static(&[0x88, 0x02, 0x03, 0xe9])
    }

    fn header_length(&self) -> usize {
        if self.have < 2 {
            return 2;
        }
        let mask = if self.header[1] & 0x80 == 0 { 0 } else { 4 };
        let length = match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + length + mask
    }

    fn begin_payload(&mut self) {
        const CLOSE: u8 = 0x8;
        self.closed |= self.header[0] & 0x0f == CLOSE;
        self.payload_left = match self.header[1] & 0x7f {
            126 => u64::from(u16::from_be_bytes([self.header[2], self.header[3]])),
            127 => {
                let mut length = [0; 8];
                length.copy_from_slice(&self.header[2..10]);
                u64::from_be_bytes(length)
            }
            short => u64::from(short),
        };
        self.have = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_are_found_however_the_bytes_are_split() {
        let mut stream = vec![0x81, 2, b'h', b'i', 0x82, 126, 1, 0];
        stream.extend([7; 256]);
        stream.extend([0x89, 0]);
        let ends = [0, 4, 264, 266];
        let mut frames = Frames::default();
        for (at, byte) in stream.iter().enumerate() {
            assert_eq!(frames.at_boundary(), ends.contains(&at), "at {at}");
            frames.feed(&[*byte]);
        }
        assert!(frames.at_boundary());
    }

    #[test]
    fn nothing_follows_a_close_frame() {
        let mut frames = Frames::default();
        frames.feed(&Frames::going_away());
        assert!(!frames.at_boundary());
    }
}
