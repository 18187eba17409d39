//! The stream events both sides know: an OpenAI-shaped chunk whose content is the time at which it
//! was written.

use crate::clock::now_ns;
use crate::head::number;

/// Digits of a timestamp, zero-padded so that every event has the same length.
const DIGITS: usize = 20;
const MARK: &[u8] = br#""content":""#;
const DONE: &[u8] = b"data: [DONE]\n\n";

/// One event as a chunk of the chunked coding, ready to be stamped and written.
pub struct EventChunk {
    bytes: Vec<u8>,
    stamp_at: usize,
}

impl EventChunk {
    pub fn new() -> Self {
        let zeros = "0".repeat(DIGITS);
        let event = format!(
            "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\
             \"created\":1700000000,\"model\":\"bench-model\",\
             \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{zeros}\"}},\"logprobs\":null,\
             \"finish_reason\":null}}]}}\n\n"
        );
        let bytes = format!("{:x}\r\n{event}\r\n", event.len()).into_bytes();
        let stamp_at = position(&bytes, MARK).map_or(0, |mark| mark + MARK.len());
        Self { bytes, stamp_at }
    }

    /// The chunk with the present time in it.
    pub fn stamped(&mut self) -> &[u8] {
        let stamp = format!("{:0width$}", now_ns(), width = DIGITS);
        self.bytes[self.stamp_at..self.stamp_at + DIGITS].copy_from_slice(stamp.as_bytes());
        &self.bytes
    }
}

/// The last event and the last chunk of a stream.
pub fn ending() -> Vec<u8> {
    let mut bytes = format!("{:x}\r\n", DONE.len()).into_bytes();
    bytes.extend_from_slice(DONE);
    bytes.extend_from_slice(b"\r\n0\r\n\r\n");
    bytes
}

pub enum Event {
    /// Written at this time, `CLOCK_MONOTONIC` nanoseconds.
    Stamped(u64),
    Done,
    /// Not one of ours: the stream was damaged on its way.
    Foreign,
}

/// Puts arriving bytes together into events.
#[derive(Default)]
pub struct EventReader(Vec<u8>);

impl EventReader {
    /// Adds bytes and calls `each` for every event that they complete.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Event)) {
        self.0.extend_from_slice(bytes);
        while let Some(end) = position(&self.0, b"\n\n") {
            each(read_event(&self.0[..end + 2]));
            self.0.drain(..end + 2);
        }
    }

    /// Whether the stream ended between two events.
    pub fn is_clean(&self) -> bool {
        self.0.is_empty()
    }
}

fn read_event(event: &[u8]) -> Event {
    if event == DONE {
        return Event::Done;
    }
    let stamp = position(event, MARK)
        .and_then(|mark| event.get(mark + MARK.len()..mark + MARK.len() + DIGITS));
    stamp
        .and_then(number)
        .map_or(Event::Foreign, Event::Stamped)
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamped_event_cut_anywhere_is_read_back_with_its_time() {
        let before = now_ns();
        let mut chunk = EventChunk::new();
        let bytes = chunk.stamped();
        let event = &bytes[position(bytes, b"data").unwrap_or(0)..bytes.len() - 2];
        for cut in 0..event.len() {
            let (mut reader, mut stamps) = (EventReader::default(), Vec::new());
            for part in [&event[..cut], &event[cut..]] {
                reader.push(part, |event| match event {
                    Event::Stamped(at) => stamps.push(at),
                    Event::Done | Event::Foreign => panic!("not an event of ours"),
                });
            }
            assert!(
                reader.is_clean() && stamps.len() == 1 && stamps[0] >= before,
                "cut at {cut}"
            );
        }
    }
}
