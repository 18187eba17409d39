//! The kinds of metrics: how each is registered, and what the reference page says about it.

use std::sync::{
    LazyLock, OnceLock,
    atomic::{AtomicI64, AtomicU64},
};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::{Metric as Encoded, Registry, Unit},
};

use super::labels::LabelValue;

/// A counter that only goes up.
pub type Count = Counter<u64, AtomicU64>;
/// A gauge that goes up and down.
pub type Level = Gauge<i64, AtomicI64>;

/// One row of the table of metrics.
pub struct Row {
    /// The name without prefix, unit and the suffix of the kind.
    pub name: &'static str,
    pub unit: Option<&'static str>,
    pub label: Option<&'static str>,
    pub help: &'static str,
}

/// A kind of metric.
pub trait Metric {
    /// The kind's name (OpenMetrics 1.0 §5).
    const KIND: &'static str;
    /// What the kind adds to a metric's name on the page.
    const ENDING: &'static str;

    /// The labels with their values, as far as the reference page can tell them.
    fn labels(row: &Row) -> Vec<(&'static str, Vec<&'static str>)> {
        Vec::from_iter(row.label.map(|label| (label, Vec::new())))
    }

    /// Makes a metric and registers it.
    fn registered(registry: &mut Registry, row: &Row) -> Self;
}

impl Row {
    pub(super) fn register(&self, registry: &mut Registry, metric: impl Encoded) {
        match self.unit {
            None => registry.register(self.name, self.help, metric),
            Some(unit) => {
                let unit = Unit::Other(unit.to_owned());
                registry.register_with_unit(self.name, self.help, unit, metric);
            }
        }
    }
}

impl Metric for Count {
    const KIND: &'static str = "counter";
    const ENDING: &'static str = "_total";

    fn registered(registry: &mut Registry, row: &Row) -> Self {
        let count = Count::default();
        row.register(registry, count.clone());
        count
    }
}

impl Metric for Level {
    const KIND: &'static str = "gauge";
    const ENDING: &'static str = "";

    fn registered(registry: &mut Registry, row: &Row) -> Self {
        let level = Level::default();
        row.register(registry, level.clone());
        level
    }
}

/// A fact about this program, as a label of a metric that is always 1.
pub struct Build;

impl Metric for Build {
    const KIND: &'static str = "info";
    const ENDING: &'static str = "_info";

    fn registered(registry: &mut Registry, row: &Row) -> Self {
        let labels = row.label.map(|label| (label, env!("CARGO_PKG_VERSION")));
        row.register(registry, Info::new(Vec::from_iter(labels)));
        Build
    }
}

/// One count for the process, since it has one standard error.
static LOG_LINES_LOST: LazyLock<Count> = LazyLock::new(Count::default);

/// Log lines that were not written. Every registry of a process shows the same count.
pub struct LogLinesLost(pub Count);

impl Default for LogLinesLost {
    fn default() -> Self {
        LogLinesLost(LOG_LINES_LOST.clone())
    }
}

impl Metric for LogLinesLost {
    const KIND: &'static str = Count::KIND;
    const ENDING: &'static str = Count::ENDING;

    fn registered(registry: &mut Registry, row: &Row) -> Self {
        let lost = LogLinesLost::default();
        row.register(registry, lost.0.clone());
        lost
    }
}

type Labels = [(&'static str, &'static str); 1];

/// A counter for each value of a label. Each is looked up at the start, so counting is one
/// addition.
pub struct CountBy<L: 'static> {
    label: &'static str,
    family: Family<Labels, Count>,
    /// In the order of [`LabelValue::ALL`].
    counts: Box<[OnceLock<Count>]>,
    values: &'static [L],
}

impl<L: LabelValue> CountBy<L> {
    /// The counter of one value.
    pub fn of(&self, value: L) -> &Count {
        let place = self.values.iter().position(|it| *it == value);
        // `ALL` has every value; a missing one would be counted as the first.
        let count = &self.counts[place.unwrap_or_default()];
        count.get_or_init(|| {
            let labels = [(self.label, value.label())];
            self.family.get_or_create(&labels).clone()
        })
    }
}

impl<L: LabelValue> Metric for CountBy<L> {
    const KIND: &'static str = Count::KIND;
    const ENDING: &'static str = Count::ENDING;

    fn labels(row: &Row) -> Vec<(&'static str, Vec<&'static str>)> {
        let values = L::ALL.iter().map(|value| value.label()).collect();
        Vec::from_iter(row.label.map(|label| (label, values)))
    }

    fn registered(registry: &mut Registry, row: &Row) -> Self {
        let family = Family::default();
        row.register(registry, family.clone());
        let counts = L::ALL.iter().map(|_| OnceLock::new()).collect();
        let by = CountBy {
            label: row.label.unwrap_or_default(),
            family,
            counts,
            values: L::ALL,
        };
        if L::IS_SHOWN_AT_ZERO {
            for value in L::ALL {
                by.of(*value);
            }
        }
        by
    }
}
