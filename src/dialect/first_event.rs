//! Waits in a stream for its first token, its end, or an error before either.

use super::{
    Dialect, Verdict,
    event::{Meaning, meaning},
    sse::Splitter,
};

/// A stream that has said nothing in so many bytes counts as begun.
const MOST_BYTES: usize = 64 * 1024;

/// Judges a stream by its first meaningful event.
#[derive(Debug)]
pub struct FirstEvent {
    dialect: Dialect,
    splitter: Splitter,
    verdict: Verdict,
    bytes: usize,
}

impl FirstEvent {
    pub fn new(dialect: Dialect) -> Self {
        FirstEvent {
            dialect,
            splitter: Splitter::default(),
            verdict: Verdict::Undecided,
            bytes: 0,
        }
    }

    /// Takes the stream's next bytes. A verdict other than undecided stays.
    pub fn feed(&mut self, bytes: &[u8]) -> Verdict {
        if self.verdict != Verdict::Undecided {
            return self.verdict;
        }
        self.bytes += bytes.len();
        let (dialect, verdict) = (self.dialect, &mut self.verdict);
        self.splitter.feed(bytes, &mut |event| {
            *verdict = judged(meaning(dialect, &event));
            *verdict == Verdict::Undecided
        });
        if self.verdict == Verdict::Undecided && self.bytes >= MOST_BYTES {
            self.verdict = Verdict::Begun;
        }
        self.verdict
    }

    /// The stream has ended.
    pub fn end(&mut self) -> Verdict {
        if self.verdict == Verdict::Undecided {
            let last = self.splitter.end();
            let last = last.map(|event| judged(meaning(self.dialect, &event)));
            self.verdict = match last {
                None | Some(Verdict::Undecided) => Verdict::Empty,
                Some(verdict) => verdict,
            };
        }
        self.verdict
    }
}

fn judged(meaning: Meaning) -> Verdict {
    match meaning {
        Meaning::Preamble => Verdict::Undecided,
        Meaning::Token | Meaning::Terminal => Verdict::Begun,
        Meaning::Error => Verdict::Error,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::samples::{self, Sample},
        *,
    };

    /// The streams of `fixtures/streams`, with the verdict in the file's name.
    fn streams() -> Vec<(Dialect, Verdict, Vec<u8>)> {
        let judged = |sample: Sample| {
            let verdict = match sample.name.rsplit('-').next() {
                Some("error") => Verdict::Error,
                Some("empty") => Verdict::Empty,
                _ => Verdict::Begun,
            };
            (sample.dialect, verdict, sample.bytes)
        };
        samples::all().into_iter().map(judged).collect()
    }

    /// The verdict, and how many bytes were needed for it.
    fn judge(dialect: Dialect, pieces: &[&[u8]]) -> Verdict {
        let mut judge = FirstEvent::new(dialect);
        for piece in pieces {
            judge.feed(piece);
        }
        judge.end()
    }

    #[test]
    fn whole_streams_are_judged_by_their_beginning() {
        for (dialect, expected, stream) in streams() {
            let shown = String::from_utf8_lossy(&stream);
            assert_eq!(judge(dialect, &[&stream]), expected, "{dialect:?}\n{shown}");
        }
    }

    #[test]
    fn a_stream_that_never_says_anything_is_not_held_for_ever() {
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
