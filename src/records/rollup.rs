//! Which sums does a record go into, and what is added there? Sums are of an hour and of a day, for
//! each combination of key, team, origin, provider, model, route, its name and outcome. Nothing
//! here asks the database.

use std::{
    borrow::Cow,
    hash::{Hash, Hasher},
};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use sha2::{Digest as _, Sha256};

use super::{columns, sketch::Sketch};
use crate::{
    record::{Named, Record},
    usage::UsageSource,
};

/// In place of origin, provider and model where a key has used too many of them.
pub const OTHER: &str = "other";

/// The counts of a sum, in the order of [`COUNTS`].
pub type Counts = [u64; COUNTS.len()];

/// The columns of the counts.
pub const COUNTS: [&str; 12] = [
    "requests",
    "failed",
    "attempts",
    "unpriced",
    "estimated",
    "unknown",
    "input",
    "cache_read",
    "cache_write",
    "output",
    "reasoning",
    "cost",
];
/// Where the cost, in billionths of a dollar, is among the counts.
pub const COST: usize = COUNTS.len() - 1;

/// A count beyond this is a lie of an upstream, and is stored as this much. It leaves room for sums
/// of a thousand such counts.
pub const MOST: u64 = 1 << 53;

/// How long a sum is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    Hour,
    Day,
}

impl Span {
    pub const ALL: [Span; 2] = [Span::Hour, Span::Day];

    pub fn seconds(self) -> i64 {
        match self {
            Span::Hour => 3600,
            Span::Day => 24 * 3600,
        }
    }

    /// Where the span of a record begins, in seconds since 1970.
    pub fn begin(self, record: &Record) -> i64 {
        let seconds = columns::arrived(record).div_euclid(1000);
        seconds.div_euclid(self.seconds()) * self.seconds()
    }
}

/// What the records of one sum have in common.
#[derive(Clone, Debug)]
pub struct Group<'r> {
    pub span: Span,
    /// Where the span begins, in seconds since 1970.
    pub at: i64,
    pub key: Option<&'r Named>,
    pub team: Option<&'r Named>,
    pub origin: Option<Cow<'r, str>>,
    pub provider: Option<Cow<'r, str>>,
    pub model: Option<Cow<'r, str>>,
    pub route: &'static str,
    /// The endpoint or the provider's route, which callers cannot invent.
    pub route_name: Option<Cow<'r, str>>,
    pub outcome: Cow<'r, str>,
}

impl<'r> Group<'r> {
    fn of(record: &'r Record, span: Span) -> Self {
        Group {
            span,
            at: span.begin(record),
            key: record.key.as_ref(),
            team: record.team.as_ref(),
            origin: record.origin.as_deref().map(columns::text),
            provider: record.provider.as_deref().map(columns::text),
            model: columns::model(record).map(columns::text),
            route: columns::route(record.route),
            route_name: record.route_name.as_deref().map(columns::text),
            outcome: columns::text(&record.outcome),
        }
    }

    /// The same, with what callers can invent left out.
    pub fn other(&self) -> Self {
        let other = || Some(Cow::Borrowed(OTHER));
        Group {
            origin: other(),
            provider: other(),
            model: other(),
            ..self.clone()
        }
    }

    /// The day that an hour is in.
    fn day(&self) -> Self {
        Group {
            span: Span::Day,
            at: self.at.div_euclid(Span::Day.seconds()) * Span::Day.seconds(),
            ..self.clone()
        }
    }

    pub fn key_id(&self) -> Option<&str> {
        self.key.map(|it| &*it.id)
    }

    fn texts(&self) -> [Option<&str>; 8] {
        [
            self.key_id(),
            self.team.map(|it| &*it.id),
            self.origin.as_deref(),
            self.provider.as_deref(),
            self.model.as_deref(),
            Some(self.route),
            self.route_name.as_deref(),
            Some(&self.outcome),
        ]
    }

    /// Tells groups of one span apart. Callers choose some of the texts, so two that differ must
    /// not be made equal on purpose.
    pub fn digest(&self) -> Vec<u8> {
        digest(self.texts())
    }
}

/// A hash of some texts, by which lists of texts are told apart. One that is missing differs from
/// an empty one.
pub fn digest<const COUNT: usize>(texts: [Option<&str>; COUNT]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for text in texts {
        let length = text.map_or(u32::MAX, |it| u32::try_from(it.len()).unwrap_or(u32::MAX));
        hash.update(length.to_le_bytes());
        hash.update(text.unwrap_or_default());
    }
    hash.finalize()[..16].to_vec()
}

/// Names do not count: a key that was renamed is the same key.
impl PartialEq for Group<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.span, self.at, self.texts()) == (other.span, other.at, other.texts())
    }
}

impl Eq for Group<'_> {}

impl Hash for Group<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.span, self.at, self.texts()).hash(hasher);
    }
}

/// The sums of some records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    pub counts: Counts,
    pub latency: Sketch,
    pub first_token: Sketch,
}

impl Amounts {
    pub fn add(&mut self, record: &Record) {
        for (sum, count) in self.counts.iter_mut().zip(counts_of(record)) {
            *sum = sum.saturating_add(count);
        }
        self.latency.add(record.times.end);
        if let Some(first_token) = record.times.first_token {
            self.first_token.add(first_token);
        }
    }

    pub fn merge(&mut self, other: &Amounts) {
        for (sum, count) in self.counts.iter_mut().zip(other.counts) {
            *sum = sum.saturating_add(count);
        }
        self.latency.merge(&other.latency);
        self.first_token.merge(&other.first_token);
    }
}

/// What one record adds to the counts.
pub fn counts_of(record: &Record) -> Counts {
    let usage = record.usage.as_ref();
    let tokens = |count: Option<u64>| count.unwrap_or(0).min(MOST);
    let source = usage.map(|it| it.source);
    let is_known = source.is_some_and(|it| it != UsageSource::Unknown);
    let attempts = record.attempts.len() as u64 + u64::from(record.more_attempts);
    let cost = record.cost.as_ref().map_or(0, |it| it.usd.nano());
    [
        1,
        columns::failed(record).into(),
        attempts,
        (is_known && record.cost.is_none()).into(),
        (source == Some(UsageSource::Estimated)).into(),
        (source == Some(UsageSource::Unknown)).into(),
        tokens(usage.and_then(|it| it.input)),
        tokens(usage.and_then(|it| it.cache_read)),
        tokens(usage.and_then(|it| it.cache_write)),
        tokens(usage.and_then(|it| it.output)),
        tokens(usage.and_then(|it| it.reasoning)),
        cost.min(MOST),
    ]
}

/// Sums by what their records have in common.
pub type RolledUp<'r> = HashMap<Group<'r>, Amounts, RandomState>;

/// The sums that some records add up to, one for each group.
pub fn roll_up<'r>(records: impl Iterator<Item = &'r Record>) -> RolledUp<'r> {
    let mut sums = RolledUp::default();
    for record in records {
        sums.entry(Group::of(record, Span::Hour))
            .or_default()
            .add(record);
    }
    let hours: Vec<(Group<'r>, Amounts)> = sums
        .iter()
        .map(|(it, sum)| (it.day(), sum.clone()))
        .collect();
    for (day, amounts) in hours {
        sums.entry(day).or_default().merge(&amounts);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        money::Usd,
        price::{Cost, PriceSource},
        records::samples::sample,
        usage::Usage,
    };

    fn sums(records: &[Record], span: Span) -> Vec<(Group<'_>, Amounts)> {
        let all = roll_up(records.iter()).into_iter();
        let mut all: Vec<_> = all.filter(|(group, _)| group.span == span).collect();
        all.sort_by_key(|(group, _)| (group.at, group.model.clone()));
        all
    }

    #[test]
    fn records_of_an_hour_with_the_same_names_are_one_sum() {
        let hour = 1_800_000_000_000 / 3_600_000 * 3_600_000;
        let records = [
            sample(hour),
            sample(hour + 3_599_999),
            sample(hour + 3_600_000),
            Record {
                model: Some("other".into()),
                ..sample(hour)
            },
        ];
        let hours = sums(&records, Span::Hour);
        let counted: Vec<_> = hours
            .iter()
            .map(|(it, sum)| (it.at, sum.counts[0]))
            .collect();
        let at = hour / 1000;
        assert_eq!(counted, [(at, 2), (at, 1), (at + 3600, 1)]);
        let days = sums(&records, Span::Day);
        assert_eq!(days.iter().map(|(_, sum)| sum.counts[0]).sum::<u64>(), 4);
        assert_eq!(days.len(), 2);
        assert!(days.iter().all(|(it, _)| it.at % 86400 == 0));
    }

    #[test]
    fn counts_are_those_of_the_usage_and_a_lie_does_not_overflow() {
        let usage = Usage {
            source: UsageSource::Reported,
            input: Some(u64::MAX),
            output: Some(7),
            ..Usage::default()
        };
        let cost = Cost {
            usd: Usd::from_nano(1_500),
            source: PriceSource::BuiltIn,
            table_date: None,
            parts: Box::default(),
        };
        let record = Record {
            usage: Some(usage),
            cost: Some(cost),
            ..sample(0)
        };
        let mut sum = Amounts::default();
        (0..3).for_each(|_| sum.add(&record));
        let told = |name: &str| {
            let place = COUNTS.iter().position(|it| *it == name);
            sum.counts[place.expect("a count")]
        };
        assert_eq!(
            (told("requests"), told("input"), told("output")),
            (3, 3 * MOST, 21)
        );
        assert_eq!(
            (told("cost"), told("unpriced"), told("unknown")),
            (4_500, 0, 0)
        );
        let unpriced = Record {
            usage: Some(Usage::default()),
            cost: None,
            ..sample(0)
        };
        sum.add(&unpriced);
        assert_eq!((sum.counts[3], sum.counts[5]), (0, 1));
        sum.add(&Record {
            usage: Some(Usage {
                source: UsageSource::Reported,
                ..Usage::default()
            }),
            ..unpriced
        });
        assert_eq!((sum.counts[3], sum.counts[5]), (1, 1));
    }

    #[test]
    fn groups_that_differ_have_other_digests() {
        let record = sample(0);
        let group = Group::of(&record, Span::Hour);
        let with = |origin: Option<&'static str>, provider: Option<&'static str>| Group {
            origin: origin.map(Cow::Borrowed),
            provider: provider.map(Cow::Borrowed),
            ..group.clone()
        };
        let all = [
            with(Some("ab"), Some("c")),
            with(Some("a"), Some("bc")),
            with(Some(""), Some("abc")),
            with(None, Some("abc")),
            with(Some("abc"), None),
        ];
        let digests: std::collections::HashSet<_> = all.iter().map(Group::digest).collect();
        assert_eq!(digests.len(), all.len());
    }
}
