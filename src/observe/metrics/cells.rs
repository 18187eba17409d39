//! What is counted at one set of label values: a sum, dollars, or a histogram. All of it by single
//! additions, since the library's own histogram has a lock.

use std::{
    fmt,
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use prometheus_client::{
    encoding::{MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

const NANO: f64 = 1e-9;

/// One series.
pub trait Cell: fmt::Debug + Default + Send + Sync + 'static {
    const TYPE: MetricType;
    /// The kind's name (OpenMetrics 1.0 §5).
    const KIND: &'static str;
    /// What the kind adds to a metric's name on the page.
    const ENDING: &'static str;

    fn encode(&self, page: MetricEncoder<'_>) -> fmt::Result;
}

/// A sum of whole numbers.
#[derive(Debug, Default)]
pub struct Sum(AtomicU64);

impl Sum {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }
}

impl Cell for Sum {
    const TYPE: MetricType = MetricType::Counter;
    const KIND: &'static str = "counter";
    const ENDING: &'static str = "_total";

    fn encode(&self, mut page: MetricEncoder<'_>) -> fmt::Result {
        page.encode_counter::<NoLabelSet, _, u64>(&self.0.load(Relaxed), None)
    }
}

/// A sum of billionths, shown in whole ones.
#[derive(Debug, Default)]
pub struct NanoSum(AtomicU64);

impl NanoSum {
    pub fn add(&self, nano: u64) {
        self.0.fetch_add(nano, Relaxed);
    }
}

impl Cell for NanoSum {
    const TYPE: MetricType = MetricType::Counter;
    const KIND: &'static str = "counter";
    const ENDING: &'static str = "_total";

    fn encode(&self, mut page: MetricEncoder<'_>) -> fmt::Result {
        let sum = self.0.load(Relaxed) as f64 * NANO;
        page.encode_counter::<NoLabelSet, _, f64>(&sum, None)
    }
}

/// Upper bounds of a histogram's buckets, without the infinite one.
pub trait Bounds: fmt::Debug + Default + Send + Sync + 'static {
    const BOUNDS: &'static [Duration];
}

/// Most buckets of a histogram, the infinite one included.
const MOST: usize = 17;

/// How often a time was in which bucket.
#[derive(Debug, Default)]
pub struct Histogram<B> {
    buckets: [AtomicU64; MOST],
    /// In billionths of a second.
    sum: AtomicU64,
    bounds: PhantomData<B>,
}

impl<B: Bounds> Histogram<B> {
    pub fn observe(&self, time: Duration) {
        let place = B::BOUNDS.partition_point(|bound| *bound < time);
        // `BOUNDS` has fewer than `MOST`, which a test holds.
        if let Some(bucket) = self.buckets.get(place) {
            bucket.fetch_add(1, Relaxed);
        }
        let nano = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.sum.fetch_add(nano, Relaxed);
    }
}

impl<B: Bounds> Cell for Histogram<B> {
    const TYPE: MetricType = MetricType::Histogram;
    const KIND: &'static str = "histogram";
    const ENDING: &'static str = "";

    fn encode(&self, mut page: MetricEncoder<'_>) -> fmt::Result {
        let bounds = B::BOUNDS.iter().map(Duration::as_secs_f64);
        let bounds = bounds.chain([f64::INFINITY]);
        let counts = self.buckets.iter().map(|it| it.load(Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = self.sum.load(Relaxed) as f64 * NANO;
        page.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

/// Names sets of bounds.
macro_rules! bounds {
    ($($(#[$doc:meta])* $name:ident = [$($bound:expr),* $(,)?];)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name;

        impl Bounds for $name {
            const BOUNDS: &'static [Duration] = &[$($bound),*];
        }
    )*};
}

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

const fn us(count: u64) -> Duration {
    Duration::from_micros(count)
}

bounds! {
    /// From 5 ms to 600 s: models think long.
    Long = [
        ms(5), ms(10), ms(25), ms(50), ms(100), ms(250), ms(500), ms(1_000), ms(2_500), ms(5_000),
        ms(10_000), ms(30_000), ms(60_000), ms(120_000), ms(300_000), ms(600_000),
    ];
    /// From 10 µs to 10 ms: the gateway's own share.
    Short = [
        us(10), us(25), us(50), us(100), us(250), us(500), us(1_000), us(2_500), us(5_000),
        us(10_000),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_ascend_and_leave_room_for_the_infinite_bucket() {
        for bounds in [Long::BOUNDS, Short::BOUNDS] {
            assert!(bounds.is_sorted() && bounds.len() < MOST);
        }
    }

    #[test]
    fn a_time_is_in_the_first_bucket_that_is_not_below_it() {
        let histogram = Histogram::<Short>::default();
        for time in [us(0), us(10), us(11), ms(10), ms(11), Duration::MAX] {
            histogram.observe(time);
        }
        let counts: Vec<u64> = histogram
            .buckets
            .iter()
            .map(|it| it.load(Relaxed))
            .collect();
        let expected = [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2];
        assert_eq!(counts[..expected.len()], expected);
    }
}
