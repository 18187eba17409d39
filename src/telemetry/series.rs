//! The metrics of the conventions, counted from records and sent as sums since the start. Callers
//! choose models, so there are only so many series; what is beyond is counted together.

use std::{collections::HashMap, sync::Arc};

use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric, metric::Data,
};

use super::{
    attributes::{self, Attributes},
    names,
    spans::seconds,
};
use crate::record::Record;

/// Most series of one metric.
const MOST: usize = 2_000;

/// One of the metrics: its name, unit, meaning and the upper bounds of its buckets.
struct Kind {
    name: &'static str,
    unit: &'static str,
    meaning: &'static str,
    bounds: &'static [f64],
}

const TOKENS: usize = 0;
const DURATION: usize = 1;
const FIRST_CHUNK: usize = 2;
const PER_CHUNK: usize = 3;

/// The bounds are those that the conventions recommend.
const KINDS: [Kind; 4] = [
    Kind {
        name: names::TOKEN_USAGE,
        unit: "{token}",
        meaning: "Tokens of requests and responses",
        bounds: &[
            1.0,
            4.0,
            16.0,
            64.0,
            256.0,
            1024.0,
            4096.0,
            16384.0,
            65536.0,
            262_144.0,
            1_048_576.0,
            4_194_304.0,
            16_777_216.0,
            67_108_864.0,
        ],
    },
    Kind {
        name: names::DURATION,
        unit: "s",
        meaning: "Time from the sending to the end of the response, all attempts together",
        bounds: &[
            0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
        ],
    },
    Kind {
        name: names::TIME_TO_FIRST_CHUNK,
        unit: "s",
        meaning: "Time from the sending to the first token of a stream",
        bounds: &[
            0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5,
            10.0,
        ],
    },
    Kind {
        name: names::TIME_PER_CHUNK,
        unit: "s",
        meaning: "Mean time between two chunks of a stream",
        bounds: &[
            0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5,
        ],
    },
];

/// What was counted since the start.
pub struct Series {
    /// Nanoseconds since 1970.
    start: u64,
    kinds: [HashMap<Labels, Counts>; KINDS.len()],
}

/// What tells one series from another; `None`: those beyond the most.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Labels(Option<Known>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Known {
    operation: &'static str,
    provider: Box<str>,
    model: Option<Box<str>>,
    response_model: Option<Box<str>>,
    origin: Option<Arc<str>>,
    error: Option<Box<str>>,
    token_type: Option<&'static str>,
}

#[derive(Clone, Default)]
struct Counts {
    buckets: Vec<u64>,
    sum: f64,
}

impl Series {
    pub fn new(start: u64) -> Self {
        Series {
            start,
            kinds: Default::default(),
        }
    }

    /// Counts a record, if it is of a model and something was sent.
    pub fn count(&mut self, record: &Record) {
        let (Some(operation), Some(sent)) =
            (attributes::operation(record.operation), record.times.sent)
        else {
            return;
        };
        let labels = Known {
            operation,
            provider: attributes::provider(record).into(),
            model: record.model.clone(),
            response_model: record.response_model.clone(),
            origin: record.origin.clone(),
            error: None,
            token_type: None,
        };
        let failed = Known {
            error: attributes::error_type(record).map(Into::into),
            ..labels.clone()
        };
        let took = record.times.end.saturating_sub(sent);
        self.add(DURATION, failed, seconds(took));
        self.count_chunks(record, sent, &labels);
        let usage = record.usage.as_ref();
        let tokens = [
            ("input", usage.and_then(|it| it.input)),
            ("output", usage.and_then(|it| it.output)),
        ];
        for (token_type, count) in tokens {
            if let Some(count) = count {
                let token_type = Some(token_type);
                let labels = Known {
                    token_type,
                    ..labels.clone()
                };
                self.add(TOKENS, labels, count as f64);
            }
        }
    }

    fn count_chunks(&mut self, record: &Record, sent: u64, labels: &Known) {
        let Some(first) = record.times.first_token.filter(|_| record.is_stream) else {
            return;
        };
        let wait = seconds(first.saturating_sub(sent));
        self.add(FIRST_CHUNK, labels.clone(), wait);
        let gaps = record.chunks.unwrap_or_default().saturating_sub(1);
        if gaps > 0 {
            let rest = seconds(record.times.end.saturating_sub(first));
            self.add(PER_CHUNK, labels.clone(), rest / gaps as f64);
        }
    }

    fn add(&mut self, kind: usize, labels: Known, value: f64) {
        let (bounds, series) = (KINDS[kind].bounds, &mut self.kinds[kind]);
        let labels = Labels(Some(labels));
        let has_room = series.len() < MOST || series.contains_key(&labels);
        let labels = if has_room { labels } else { Labels(None) };
        let counts = series.entry(labels).or_insert_with(|| Counts {
            buckets: vec![0; bounds.len() + 1],
            sum: 0.0,
        });
        let place = bounds.partition_point(|bound| *bound < value);
        counts.buckets[place] += 1;
        counts.sum += value;
    }

    /// Everything that was counted, as it is sent; empty if nothing was.
    pub fn metrics(&self, now: u64) -> Vec<Metric> {
        let counted = KINDS.iter().zip(&self.kinds);
        let counted = counted.filter(|(_, series)| !series.is_empty());
        counted
            .map(|(kind, series)| {
                let points = series.iter();
                let points = points.map(|(labels, counts)| self.point(kind, labels, counts, now));
                Metric {
                    name: kind.name.to_owned(),
                    unit: kind.unit.to_owned(),
                    description: kind.meaning.to_owned(),
                    data: Some(Data::Histogram(Histogram {
                        data_points: points.collect(),
                        aggregation_temporality: AggregationTemporality::Cumulative.into(),
                    })),
                    ..Metric::default()
                }
            })
            .collect()
    }

    fn point(&self, kind: &Kind, labels: &Labels, counts: &Counts, now: u64) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes: labels.attributes().into_vec(),
            start_time_unix_nano: self.start,
            time_unix_nano: now,
            count: counts.buckets.iter().sum(),
            sum: Some(counts.sum),
            bucket_counts: counts.buckets.clone(),
            explicit_bounds: kind.bounds.to_vec(),
            ..HistogramDataPoint::default()
        }
    }
}

impl Labels {
    fn attributes(&self) -> Attributes {
        let Some(known) = &self.0 else {
            return Attributes::default().flag(names::OVERFLOW, true);
        };
        Attributes::default()
            .text(names::OPERATION, known.operation)
            .text(names::PROVIDER, &*known.provider)
            .text(names::REQUEST_MODEL, known.model.as_deref())
            .text(names::RESPONSE_MODEL, known.response_model.as_deref())
            .server(known.origin.as_deref())
            .text(names::ERROR_TYPE, known.error.as_deref())
            .text(names::TOKEN_TYPE, known.token_type)
    }
}
