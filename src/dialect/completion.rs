//! Follows a stream to its end and decides whether the final event of its dialect arrived without
//! an error. How the transfer itself ended is not considered.

use super::{
    Dialect,
    event::{Progress, progress},
    gemini::Candidates,
    sse::Splitter,
};

/// Longer lines and events are not inspected.
const MOST_BYTES: usize = 1024 * 1024;

/// How a stream ended, by its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With the final event of its dialect; for an unknown dialect, with any event.
    Whole,
    /// Without the final event.
    Unfinished,
    /// An event was an error or marked the response as incomplete.
    Failed,
    /// A line was too long to be inspected.
    Overlong,
}

/// Judges a stream by all of its events.
#[derive(Debug)]
pub struct LastEvent {
    dialect: Dialect,
    splitter: Splitter,
    begun: bool,
    whole: bool,
    candidates: Candidates,
    failed: bool,
}

impl LastEvent {
    pub fn new(dialect: Dialect) -> Self {
        LastEvent {
            dialect,
            splitter: Splitter::bounded(MOST_BYTES),
            begun: false,
            whole: false,
            candidates: Candidates::default(),
            failed: false,
        }
    }

    /// Feeds the next bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.failed {
            return;
        }
        let mut splitter = std::mem::take(&mut self.splitter);
        splitter.feed(bytes, &mut |event| {
            self.note(progress(self.dialect, &event));
            !self.failed
        });
        self.splitter = splitter;
    }

    /// Ends the stream.
    pub fn end(mut self) -> Ending {
        if self.failed {
            return Ending::Failed;
        }
        if let Some(event) = self.splitter.end() {
            self.note(progress(self.dialect, &event));
        }
        match (self.failed, self.splitter.is_overlong()) {
            (true, _) => Ending::Failed,
            (false, true) => Ending::Overlong,
            (false, false) if self.is_whole() => Ending::Whole,
            (false, false) => Ending::Unfinished,
        }
    }

    fn is_whole(&self) -> bool {
        self.whole
            || self.candidates.all_finished()
            || (self.begun && self.dialect == Dialect::Unknown)
    }

    fn note(&mut self, (dialect, progress): (Dialect, Progress)) {
        self.dialect = dialect;
        self.begun = true;
        match progress {
            Progress::Open => {}
            Progress::Whole => self.whole = true,
            Progress::Of(candidates) => self.candidates = self.candidates.and(candidates),
            Progress::Failed => self.failed = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::samples, *};

    fn ending(dialect: Dialect, pieces: &[&[u8]]) -> Ending {
        let mut last = LastEvent::new(dialect);
        pieces.iter().for_each(|piece| last.feed(piece));
        last.end()
    }

    #[test]
    fn complete_cut_and_failed_streams_are_distinguished() {
        for (file, expected) in [
            ("chat/text", Ending::Whole),
            ("chat/reasoning", Ending::Whole),
            ("chat/nothing-to-say", Ending::Whole),
            ("chat/nothing-empty", Ending::Unfinished),
            ("chat/only-role-empty", Ending::Unfinished),
            ("chat/role-then-error", Ending::Failed),
            ("chat/first-is-error", Ending::Failed),
            ("responses/text", Ending::Whole),
            ("responses/created-empty", Ending::Unfinished),
            ("responses/failed-error", Ending::Failed),
            ("anthropic/text", Ending::Whole),
            ("anthropic/tool", Ending::Unfinished),
            ("anthropic/pings-empty", Ending::Unfinished),
            ("anthropic/overloaded-error", Ending::Failed),
            ("gemini/text", Ending::Whole),
            ("gemini/blocked", Ending::Unfinished),
            ("gemini/unavailable-error", Ending::Failed),
        ] {
            let sample = samples::all().into_iter().find(|it| it.name == file);
            let sample = sample.expect(file);
            assert_eq!(ending(sample.dialect, &[&sample.bytes]), expected, "{file}");
        }
    }

    #[test]
    fn a_stream_cut_inside_or_before_its_final_event_is_unfinished() {
        for sample in samples::all() {
            if ending(sample.dialect, &[&sample.bytes]) != Ending::Whole {
                continue;
            }
            let text = String::from_utf8(sample.bytes).unwrap();
            for cut in 0..text.trim_end().len() {
                let cut = &text.as_bytes()[..cut];
                assert_eq!(ending(sample.dialect, &[cut]), Ending::Unfinished);
            }
        }
    }

    #[test]
    fn in_an_unknown_dialect_a_clean_end_is_enough_unless_events_show_one() {
        for (stream, expected) in [
            ("", Ending::Unfinished),
            (": ping\n\n", Ending::Unfinished),
            ("data: text\n\n", Ending::Whole),
            ("data: {\"anything\":1}\n\n", Ending::Whole),
            ("data: {\"choices\":[]}\n\n", Ending::Unfinished),
            ("data: {\"choices\":[]}\n\ndata: [DONE]\n\n", Ending::Whole),
            (
                "data: {\"anything\":1}\n\nevent: error\ndata: x\n\n",
                Ending::Failed,
            ),
        ] {
            assert_eq!(
                ending(Dialect::Unknown, &[stream.as_bytes()]),
                expected,
                "{stream}"
            );
        }
    }

    #[test]
    fn images_and_speech_need_their_final_event() {
        for (begun, last) in [
            (
                "image_generation.partial_image",
                "image_generation.completed",
            ),
            ("image_edit.partial_image", "image_edit.completed"),
            ("speech.audio.delta", "speech.audio.done"),
        ] {
            let event = |kind| format!("event: {kind}\ndata: {{\"type\":\"{kind}\"}}\n\n");
            let (begun, last) = (event(begun), event(last));
            for (pieces, expected) in [
                (&[&begun][..], Ending::Unfinished),
                (&[&begun, &begun], Ending::Unfinished),
                (&[&begun, &last], Ending::Whole),
                (&[&last], Ending::Whole),
            ] {
                let pieces: Vec<&[u8]> = pieces.iter().map(|it| it.as_bytes()).collect();
                assert_eq!(ending(Dialect::Unknown, &pieces), expected, "{begun}");
            }
        }
    }

    #[test]
    fn a_gemini_stream_is_complete_when_each_candidate_has_finished() {
        let event = |candidates: &str| format!("data: {{\"candidates\":[{candidates}]}}\n\n");
        let both = event(r#"{"index":0},{"index":1}"#);
        let one = event(r#"{"index":1,"finishReason":"STOP"}"#);
        let other = event(r#"{"finishReason":"MAX_TOKENS"}"#);
        let usage = "data: {\"usageMetadata\":{}}\n\n".to_owned();
        for (events, expected) in [
            (&[&both, &one][..], Ending::Unfinished),
            (&[&both, &other], Ending::Unfinished),
            (&[&both, &one, &one], Ending::Unfinished),
            (&[&both, &one, &other], Ending::Whole),
            (&[&both, &other, &one, &usage], Ending::Whole),
            (&[&other], Ending::Whole),
        ] {
            let stream: String = events.iter().map(|it| it.as_str()).collect();
            for dialect in [Dialect::Gemini, Dialect::Unknown] {
                assert_eq!(ending(dialect, &[stream.as_bytes()]), expected, "{stream}");
            }
        }
    }

    #[test]
    fn an_error_after_the_final_event_is_still_an_error() {
        let stream = b"data: [DONE]\n\ndata: {\"error\":{}}\n\n";
        assert_eq!(ending(Dialect::Chat, &[stream]), Ending::Failed);
    }

    #[test]
    fn a_long_line_is_abandoned_wherever_it_is_cut() {
        let done = b"\n\ndata: [DONE]\n\n";
        for (line, expected) in [
            (MOST_BYTES, Ending::Whole),
            (MOST_BYTES + 1, Ending::Overlong),
            (3 * MOST_BYTES, Ending::Overlong),
        ] {
            let mut stream = b"data: ".to_vec();
            stream.resize(line, b'x');
            stream.extend_from_slice(done);
            assert_eq!(ending(Dialect::Chat, &[&stream]), expected, "{line}");
            let pieces: Vec<&[u8]> = stream.chunks(4099).collect();
            assert_eq!(ending(Dialect::Chat, &pieces), expected, "{line} in pieces");
        }
    }

    #[test]
    fn an_event_of_many_lines_takes_no_more_than_a_long_line() {
        let line = format!("data: {}\n", "x".repeat(1000));
        let stream = line.repeat(MOST_BYTES / 1000 + 2);
        let mut last = LastEvent::new(Dialect::Unknown);
        last.feed(stream.as_bytes());
        assert_eq!(last.end(), Ending::Overlong);
    }

    proptest! {
        #[test]
        fn a_stream_split_anywhere_ends_the_same(
            which in any::<prop::sample::Index>(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        ) {
            let samples = samples::all();
            let sample = which.get(&samples);
            let pieces = samples::cut(&sample.bytes, &cuts);
            let whole = ending(sample.dialect, &[&sample.bytes]);
            prop_assert_eq!(ending(sample.dialect, &pieces), whole);
        }
    }
}
