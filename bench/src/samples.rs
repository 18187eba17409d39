//! Every measured duration, kept whole, so that percentiles are exact and not bucketed.

/// Durations in nanoseconds.
#[derive(Default)]
pub struct Samples(Vec<u64>);

/// What is reported of them, in microseconds.
pub struct Summary {
    pub count: usize,
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Samples {
    pub fn push(&mut self, nanoseconds: u64) {
        self.0.push(nanoseconds);
    }

    pub fn summary(mut self) -> Summary {
        self.0.sort_unstable();
        let sum: u64 = self.0.iter().sum();
        Summary {
            count: self.0.len(),
            mean: sum as f64 / 1e3 / self.0.len().max(1) as f64,
            p50: self.percentile(0.5),
            p90: self.percentile(0.9),
            p99: self.percentile(0.99),
            p999: self.percentile(0.999),
            max: self.percentile(1.0),
        }
    }

    /// Nearest-rank percentile in microseconds; zero without samples. The samples must be sorted.
    fn percentile(&self, rank: f64) -> f64 {
        let position = (self.0.len() as f64 * rank).ceil() as usize;
        self.0
            .get(position.saturating_sub(1))
            .map_or(0.0, |&value| value as f64 / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let mut samples = Samples::default();
        (1..=100)
            .rev()
            .for_each(|value| samples.push(value * 1_000));
        let summary = samples.summary();
        assert_eq!(
            (summary.p50, summary.p99, summary.max, summary.mean),
            (50.0, 99.0, 100.0, 50.5)
        );
    }

    #[test]
    fn no_samples_are_zeros_and_a_count_of_none() {
        let summary = Samples::default().summary();
        assert_eq!((summary.count, summary.p50, summary.max), (0, 0.0, 0.0));
    }
}
