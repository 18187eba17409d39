//! Tracks whether all candidates of a Gemini stream have finished, each in its own event.

use serde_json::{Map, Value};

use super::is_something;

/// Candidates with higher numbers share the last bit and never count as finished; no server offers
/// that many.
const LAST_BIT: u64 = u64::BITS as u64 - 1;

/// The candidates of an event, or of all events so far, one bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    seen: u64,
    finished: u64,
}

impl Candidates {
    /// The candidates of one event.
    pub fn of(data: &Map<String, Value>) -> Self {
        let candidates = data.get("candidates").and_then(Value::as_array);
        let each = candidates.into_iter().flatten().map(Self::one);
        each.fold(Candidates::default(), Candidates::and)
    }

    fn one(candidate: &Value) -> Self {
        // A missing number means zero.
        let number = candidate.get("index").and_then(Value::as_u64).unwrap_or(0);
        let seen = 1 << number.min(LAST_BIT);
        let reason = candidate.get("finishReason");
        let finished = number < LAST_BIT && reason.is_some_and(is_something);
        Candidates {
            seen,
            finished: if finished { seen } else { 0 },
        }
    }

    /// The union of both.
    pub fn and(self, other: Candidates) -> Self {
        Candidates {
            seen: self.seen | other.seen,
            finished: self.finished | other.finished,
        }
    }

    /// At least one has finished.
    pub fn any_finished(self) -> bool {
        self.finished != 0
    }

    /// There are candidates, and all have finished.
    pub fn all_finished(self) -> bool {
        self.seen != 0 && self.seen == self.finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_candidate_finishes_separately() {
        for (events, any, all) in [
            (&[][..], false, false),
            (&[r#"{"usageMetadata":{}}"#], false, false),
            (&[r#"{"candidates":[]}"#], false, false),
            (&[r#"{"candidates":[{"finishReason":"STOP"}]}"#], true, true),
            (&[r#"{"candidates":[{"finishReason":""}]}"#], false, false),
            (
                &[
                    r#"{"candidates":[{"index":0},{"index":1,"finishReason":"STOP"}]}"#,
                    r#"{"candidates":[{"index":1}]}"#,
                ],
                true,
                false,
            ),
            (
                &[
                    r#"{"candidates":[{},{"index":1,"finishReason":"STOP"}]}"#,
                    r#"{"candidates":[{"index":0,"finishReason":"MAX_TOKENS"}]}"#,
                ],
                true,
                true,
            ),
            (
                &[r#"{"candidates":[{"index":62,"finishReason":"STOP"}]}"#],
                true,
                true,
            ),
            (
                &[r#"{"candidates":[{"index":900,"finishReason":"STOP"}]}"#],
                false,
                false,
            ),
        ] {
            let each = events.iter().map(|event| {
                let data = serde_json::from_str(event).unwrap();
                Candidates::of(&data)
            });
            let seen = each.fold(Candidates::default(), Candidates::and);
            assert_eq!(
                (seen.any_finished(), seen.all_finished()),
                (any, all),
                "{events:?}"
            );
        }
    }
}
