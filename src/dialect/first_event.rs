//! Finds the first token of a stream, its end, or an error. Where a response of a known route is
//! expected, finds events that show that it is one.

use super::{
    Dialect, Flaw, Verdict,
    event::{Meaning, Sign, meaning, sign},
    generates::Generates,
    sse::{Event, Splitter},
};

/// A stream without a meaningful event in this many bytes counts as begun.
const MOST_BYTES: usize = 64 * 1024;

/// Judges a stream by its first meaningful event.
#[derive(Debug)]
pub struct FirstEvent {
    reading: Reading,
    splitter: Splitter,
    verdict: Verdict,
    bytes: usize,
}

/// How each event is interpreted.
#[derive(Clone, Copy, Debug)]
enum Reading {
    /// As a token or an error.
    Tokens(Dialect),
    /// As part of a response or not; `begun` if part of one has arrived.
    Response { dialect: Dialect, begun: bool },
}

impl FirstEvent {
    /// Waits for a token. Unknown events count as tokens.
    pub fn new(dialect: Dialect) -> Self {
        Self::reading(Reading::Tokens(dialect))
    }

    /// Waits for a token of a response of this route. Unknown events do not count.
    pub fn of_response(route: Generates) -> Self {
        let dialect = route.dialect();
        Self::reading(Reading::Response {
            dialect,
            begun: false,
        })
    }

    fn reading(reading: Reading) -> Self {
        FirstEvent {
            reading,
            splitter: Splitter::default(),
            verdict: Verdict::Undecided,
            bytes: 0,
        }
    }

    /// Feeds the next bytes of the stream. A verdict other than `Undecided` is final.
    pub fn feed(&mut self, bytes: &[u8]) -> Verdict {
        if self.verdict != Verdict::Undecided {
            return self.verdict;
        }
        let bytes = &bytes[..bytes.len().min(MOST_BYTES - self.bytes)];
        self.bytes += bytes.len();
        let (reading, verdict) = (&mut self.reading, &mut self.verdict);
        self.splitter.feed(bytes, &mut |event| {
            *verdict = reading.read(&event);
            *verdict == Verdict::Undecided
        });
        if self.verdict == Verdict::Undecided && self.bytes >= MOST_BYTES {
            self.verdict = Verdict::Begun;
        }
        self.verdict
    }

    /// Ends the stream.
    pub fn end(&mut self) -> Verdict {
        if self.verdict == Verdict::Undecided {
            let last = self.splitter.end();
            let last = last.map(|event| self.reading.read(&event));
            self.verdict = match last {
                None | Some(Verdict::Undecided) => Verdict::Refused(Flaw::Empty),
                Some(verdict) => verdict,
            };
        }
        self.verdict
    }
}

impl Reading {
    fn read(&mut self, event: &Event) -> Verdict {
        match self {
            Reading::Tokens(dialect) => match meaning(*dialect, event) {
                Meaning::Preamble => Verdict::Undecided,
                Meaning::Token | Meaning::Terminal => Verdict::Begun,
                Meaning::Error => Verdict::Refused(Flaw::Error),
            },
            Reading::Response { dialect, begun } => match sign(*dialect, event) {
                Sign::Nothing => Verdict::Undecided,
                Sign::Beginning => {
                    *begun = true;
                    Verdict::Undecided
                }
                Sign::Token => Verdict::Begun,
                Sign::End if *begun => Verdict::Begun,
                // The end of a response that never began.
                Sign::End | Sign::Foreign => Verdict::Refused(Flaw::Foreign),
                Sign::Error => Verdict::Refused(Flaw::Error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::samples::{self, Sample},
        *,
    };

    /// The streams of `fixtures/streams`, with the verdict from the file's name.
    fn streams() -> Vec<(Dialect, Verdict, Vec<u8>)> {
        let judged = |sample: Sample| {
            let verdict = match sample.name.rsplit('-').next() {
                Some("error") => Verdict::Refused(Flaw::Error),
                Some("empty") => Verdict::Refused(Flaw::Empty),
                _ => Verdict::Begun,
            };
            (sample.dialect, verdict, sample.bytes)
        };
        samples::all().into_iter().map(judged).collect()
    }

    /// The verdict, and after how many bytes it was reached.
    fn judge(dialect: Dialect, pieces: &[&[u8]]) -> Verdict {
        let mut judge = FirstEvent::new(dialect);
        for piece in pieces {
            judge.feed(piece);
        }
        judge.end()
    }

    #[test]
    fn complete_streams_are_judged_by_their_beginning() {
        for (dialect, expected, stream) in streams() {
            let shown = String::from_utf8_lossy(&stream);
            assert_eq!(judge(dialect, &[&stream]), expected, "{dialect:?}\n{shown}");
        }
    }

    #[test]
    fn a_stream_without_meaningful_events_is_not_held_forever() {
        let mut judge = FirstEvent::new(Dialect::Chat);
        let comment = ": wait\n\n".repeat(1000);
        let fed = (0..9).map(|_| judge.feed(comment.as_bytes()));
        let begun: Vec<_> = fed.map(|verdict| verdict == Verdict::Begun).collect();
        assert_eq!(
            begun,
            [false, false, false, false, false, false, false, false, true]
        );
    }

    proptest! {
        #[test]
        fn a_stream_split_anywhere_is_judged_the_same(
            which in any::<proptest::sample::Index>(),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 1..5),
        ) {
            let streams = streams();
            let (dialect, expected, stream) = which.get(&streams);
            let pieces = samples::cut(stream, &cuts);
            prop_assert_eq!(judge(*dialect, &pieces), *expected);
        }
    }
}
