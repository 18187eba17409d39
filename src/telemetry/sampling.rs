//! Which requests become spans: those of sampled traces, else a share; and always those that went
//! wrong, were slow or dear. It is decided when all is known, so no span is made in vain.

use std::time::Duration;

use super::parent::Parent;
use crate::{money::Usd, record::Record};

/// Millionths.
const WHOLE: u64 = 1_000_000;

/// The rules of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// In millionths, of requests whose caller has no trace.
    pub share: u32,
    pub slow: Option<Duration>,
    pub dear: Option<Usd>,
}

impl Sampling {
    /// Whether a request becomes spans.
    pub fn takes(&self, record: &Record, parent: &Parent) -> bool {
        let is_chosen = parent
            .is_sampled
            .unwrap_or_else(|| self.is_of_share(parent));
        is_chosen || self.is_remarkable(record)
    }

    /// By the trace id's random end, so that everything of one trace is decided alike.
    fn is_of_share(&self, parent: &Parent) -> bool {
        let mut end = [0; 8];
        end.copy_from_slice(&parent.trace_id[8..]);
        // The variant of a UUID stands in the highest bits.
        let random = u64::from_be_bytes(end) & (u64::MAX >> 8);
        let share = u128::from(random) * u128::from(WHOLE) >> 56;
        share < u128::from(self.share)
    }

    fn is_remarkable(&self, record: &Record) -> bool {
        let took = Duration::from_micros(record.times.end);
        let is_slow = self.slow.is_some_and(|slow| took >= slow);
        let cost = record.cost.as_ref().map(|it| it.usd);
        let is_dear = self
            .dear
            .is_some_and(|dear| cost.is_some_and(|cost| cost >= dear));
        is_slow || is_dear || is_failed(record)
    }
}

/// Whether a request went wrong: an error, or a response that was cut.
pub fn is_failed(record: &Record) -> bool {
    record.truncated || record.code.is_some() || record.status >= 400
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn fine() -> Record {
        Record {
            id: Uuid::now_v7(),
            status: 200,
            ..Record::default()
        }
    }

    fn takes(sampling: Sampling, record: &Record) -> bool {
        sampling.takes(record, &Parent::of(record))
    }

    const NOTHING: Sampling = Sampling {
        share: 0,
        slow: None,
        dear: None,
    };

    #[test]
    fn the_caller_decides_for_its_own_trace() {
        let with = |flags: &str| Record {
            traceparent: Some(
                format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}").into(),
            ),
            ..fine()
        };
        let everything = Sampling {
            share: 1_000_000,
            ..NOTHING
        };
        assert!(takes(NOTHING, &with("01")) && !takes(everything, &with("00")));
        assert!(takes(everything, &fine()) && !takes(NOTHING, &fine()));
    }

    #[test]
    fn what_went_wrong_was_slow_or_dear_is_always_taken() {
        let rules = Sampling {
            slow: Some(Duration::from_secs(5)),
            dear: Some(Usd::from_nano(10)),
            ..NOTHING
        };
        let mut slow = fine();
        slow.times.end = 5_000_000;
        let mut cheap = fine();
        cheap.times.end = 4_999_999;
        let refused = Record {
            status: 502,
            ..fine()
        };
        let cut = Record {
            truncated: true,
            ..fine()
        };
        for (record, expected) in [(slow, true), (cheap, false), (refused, true), (cut, true)] {
            assert_eq!(takes(rules, &record), expected, "{record:?}");
        }
    }

    #[test]
    fn a_share_is_a_share() {
        let tenth = Sampling {
            share: 100_000,
            ..NOTHING
        };
        let taken = (0..10_000).filter(|_| {
            let record = Record {
                id: Uuid::from_bytes(rand::random()),
                ..fine()
            };
            takes(tenth, &record)
        });
        let taken = taken.count();
        assert!((800..1_200).contains(&taken), "{taken}");
    }
}
