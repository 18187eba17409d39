//! Counts by gateway key and team, where the operator asks for them. Keys can be many, so each metric
//! has at most so many series; all beyond are counted together, as `other`.

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use hashbrown::{Equivalent, HashMap};
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder},
    metrics::MetricType,
    registry::Registry,
};

use super::{
    cells::{Cell, NanoSum, Sum},
    kinds::{Metric, Row},
};

const OTHER: &str = "other";

/// Which labels are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyLabels {
    pub key: bool,
    pub team: bool,
    /// Most series of one metric.
    pub most: usize,
}

/// What is counted of each key, beside its labels.
pub trait KeyShape: 'static {
    type Cell: Cell;
}

pub enum KeyCounts {}
pub enum KeyDollars {}

impl KeyShape for KeyCounts {
    type Cell = Sum;
}

impl KeyShape for KeyDollars {
    type Cell = NanoSum;
}

/// A metric by key and team. Until labels are asked for, it counts nothing.
pub struct KeySeries<S: KeyShape> {
    counts: Arc<OnceLock<Counts<S::Cell>>>,
    shape: PhantomData<S>,
}

struct Counts<C> {
    labels: KeyLabels,
    series: ArcSwap<HashMap<Who, Arc<C>, RandomState>>,
    others: C,
    /// One new series at a time.
    change: Mutex<()>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Who {
    key: Option<Box<str>>,
    team: Option<Box<str>>,
}

/// Hashes like [`Who`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct WhoRef<'a> {
    key: Option<&'a str>,
    team: Option<&'a str>,
}

impl Equivalent<Who> for WhoRef<'_> {
    fn equivalent(&self, who: &Who) -> bool {
        self.key == who.key.as_deref() && self.team == who.team.as_deref()
    }
}

impl<S: KeyShape> KeySeries<S> {
    /// Begins to count, once in the life of a process.
    pub fn enable(&self, labels: KeyLabels) {
        self.counts.get_or_init(|| Counts {
            labels,
            series: ArcSwap::default(),
            others: S::Cell::default(),
            change: Mutex::new(()),
        });
    }

    /// Counts for the holder of a key; `None`: the request had none, or the key no team.
    pub fn count(&self, key: Option<&str>, team: Option<&str>, count: impl FnOnce(&S::Cell)) {
        if let Some(counts) = self.counts.get() {
            counts.count(key, team, count);
        }
    }
}

impl<C: Cell> Counts<C> {
    fn count(&self, key: Option<&str>, team: Option<&str>, count: impl FnOnce(&C)) {
        let who = WhoRef {
            key: key.filter(|_| self.labels.key),
            team: team.filter(|_| self.labels.team),
        };
        let series = self.series.load();
        match series.get(&who) {
            Some(cell) => count(cell),
            None if series.len() >= self.labels.most => count(&self.others),
            None => count(self.added(who).as_deref().unwrap_or(&self.others)),
        }
    }

    /// Adds a series; `None`: others did, and there is no more room.
    fn added(&self, who: WhoRef<'_>) -> Option<Arc<C>> {
        let _one_at_a_time = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let series = self.series.load();
        if let Some(cell) = series.get(&who) {
            return Some(cell.clone());
        }
        if series.len() >= self.labels.most {
            return None;
        }
        let mut more = HashMap::clone(&series);
        let who = Who {
            key: who.key.map(Into::into),
            team: who.team.map(Into::into),
        };
        let cell = Arc::<C>::default();
        more.insert(who, cell.clone());
        self.series.store(Arc::new(more));
        Some(cell)
    }

    fn encode(&self, page: &mut MetricEncoder<'_>) -> fmt::Result {
        let labels = |key: &str, team: &str| {
            let key = self.labels.key.then(|| ("key", key.to_owned()));
            let team = self.labels.team.then(|| ("team", team.to_owned()));
            Vec::from_iter(key.into_iter().chain(team))
        };
        let series = self.series.load();
        for (who, cell) in series.iter() {
            let text = |name: &Option<Box<str>>| name.as_deref().unwrap_or_default().to_owned();
            let labels = labels(&text(&who.key), &text(&who.team));
            cell.encode(page.encode_family(&labels)?)?;
        }
        if series.len() >= self.labels.most {
            let labels = labels(OTHER, OTHER);
            self.others.encode(page.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl<S: KeyShape> Metric for KeySeries<S> {
    const KIND: &'static str = S::Cell::KIND;
    const ENDING: &'static str = S::Cell::ENDING;

    fn labels(_: &Row) -> Vec<(&'static str, Vec<&'static str>)> {
        vec![("key", Vec::new()), ("team", Vec::new())]
    }

    fn registered(registry: &mut Registry, row: &Row) -> Self {
        let counts = Arc::new(OnceLock::new());
        row.register(registry, OnPage(counts.clone()));
        KeySeries {
            counts,
            shape: PhantomData,
        }
    }
}

struct OnPage<C>(Arc<OnceLock<Counts<C>>>);

impl<C> fmt::Debug for OnPage<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counts by key")
    }
}

impl<C: Cell> EncodeMetric for OnPage<C> {
    fn encode(&self, mut page: MetricEncoder<'_>) -> fmt::Result {
        self.0
            .get()
            .map_or(Ok(()), |counts| counts.encode(&mut page))
    }

    fn metric_type(&self) -> MetricType {
        C::TYPE
    }

    fn is_empty(&self) -> bool {
        let counts = self.0.get();
        counts.is_none_or(|it| it.series.load().is_empty())
    }
}
