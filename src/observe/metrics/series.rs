//! Metrics with several labels, all of closed sets: each combination has a place of its own, and is
//! on the page once it was counted.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, OnceLock},
};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder},
    metrics::MetricType,
    registry::Registry,
};

use super::{
    cells::{Cell, Histogram, Long, NanoSum, Short, Sum},
    kinds::{Metric, Row},
    labels::{LabelValue, RouteLabel, TokenKind},
    providers,
};
use crate::observe::outcome::Outcome;

/// One label of a series.
#[derive(Clone, Copy, Debug)]
pub enum Label {
    Outcome,
    Route,
    Provider,
    TokenKind,
}

impl Label {
    fn name(self) -> &'static str {
        match self {
            Label::Outcome => "outcome",
            Label::Route => "route",
            Label::Provider => "provider",
            Label::TokenKind => "kind",
        }
    }

    /// How many values it has.
    fn places(self) -> usize {
        match self {
            Label::Outcome => Outcome::ALL.len(),
            Label::Route => RouteLabel::ALL.len(),
            Label::Provider => providers::PLACES,
            Label::TokenKind => TokenKind::ALL.len(),
        }
    }

    fn value(self, place: usize) -> Cow<'static, str> {
        match self {
            Label::Outcome => Outcome::ALL[place].label().into(),
            Label::Route => RouteLabel::ALL[place].label().into(),
            Label::Provider => providers::name(place).to_string().into(),
            Label::TokenKind => TokenKind::ALL[place].label().into(),
        }
    }

    /// The values, where the reference page can tell them.
    fn values(self) -> Vec<&'static str> {
        match self {
            Label::Outcome => Outcome::ALL.iter().map(|it| it.label()).collect(),
            Label::Route => RouteLabel::ALL.iter().map(|it| it.label()).collect(),
            Label::Provider => Vec::new(),
            Label::TokenKind => TokenKind::ALL.iter().map(|it| it.label()).collect(),
        }
    }
}

/// The place of a value in its set.
pub fn place<L: LabelValue>(value: L) -> usize {
    let found = L::ALL.iter().position(|it| *it == value);
    // `ALL` has every value.
    found.unwrap_or_default()
}

/// Which labels and which kind of cell a metric has.
pub trait Shape: 'static {
    type Cell: Cell;
    const LABELS: &'static [Label];
}

/// Names shapes.
macro_rules! shapes {
    ($($name:ident: $cell:ty, [$($label:ident),*];)*) => {$(
        pub enum $name {}

        impl Shape for $name {
            type Cell = $cell;
            const LABELS: &'static [Label] = &[$(Label::$label),*];
        }
    )*};
}

shapes! {
    RequestTimes: Histogram<Long>, [Outcome, Route, Provider];
    FirstTokenTimes: Histogram<Long>, [Route, Provider];
    OwnTimes: Histogram<Short>, [Route];
    TokenCounts: Sum, [TokenKind, Provider];
    Dollars: NanoSum, [Provider];
    UnpricedRequests: Sum, [Provider];
}

/// A metric with several labels.
pub struct Series<S: Shape> {
    cells: Arc<[OnceLock<Box<S::Cell>>]>,
}

/// The cells of all combinations of label values, the last label's side by side.
struct Cells<C> {
    labels: &'static [Label],
    cells: Arc<[OnceLock<Box<C>>]>,
}

impl<S: Shape> Series<S> {
    /// The cell at these places of its labels' values.
    pub fn at(&self, places: &[usize]) -> &S::Cell {
        let labels = S::LABELS.iter().zip(places);
        let place = labels.fold(0, |place, (label, value)| place * label.places() + value);
        self.cells[place].get_or_init(Box::default)
    }
}

impl<S: Shape> Metric for Series<S> {
    const KIND: &'static str = S::Cell::KIND;
    const ENDING: &'static str = S::Cell::ENDING;

    fn labels(_: &Row) -> Vec<(&'static str, Vec<&'static str>)> {
        let labels = S::LABELS.iter();
        labels.map(|label| (label.name(), label.values())).collect()
    }

    fn registered(registry: &mut Registry, row: &Row) -> Self {
        let places = S::LABELS.iter().map(|label| label.places()).product();
        let cells: Arc<[_]> = (0..places).map(|_| OnceLock::new()).collect();
        let on_page = Cells::<S::Cell> {
            labels: S::LABELS,
            cells: cells.clone(),
        };
        row.register(registry, on_page);
        Series { cells }
    }
}

impl<C> Cells<C> {
    /// The labels of a place.
    fn labels_at(&self, mut place: usize) -> Vec<(&'static str, Cow<'static, str>)> {
        let mut labels: Vec<_> = self
            .labels
            .iter()
            .rev()
            .map(|label| {
                let value = label.value(place % label.places());
                place /= label.places();
                (label.name(), value)
            })
            .collect();
        labels.reverse();
        labels
    }
}

impl<C> fmt::Debug for Cells<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.labels)
    }
}

impl<C: Cell> EncodeMetric for Cells<C> {
    fn encode(&self, mut page: MetricEncoder<'_>) -> fmt::Result {
        for (place, cell) in self.cells.iter().enumerate() {
            if let Some(cell) = cell.get() {
                let labels = self.labels_at(place);
                cell.encode(page.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        C::TYPE
    }

    fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| cell.get().is_none())
    }
}
