//! Where budgets are counted, by which prices they reserve, and how they are shown.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Gateway, limits::LimitCounts};
use crate::{
    budget::{Scoped, Unit},
    config::Settings,
    money::Usd,
    observe::metrics::Metrics,
    spend::{Claim, Spend, Standing, Whose},
};

/// The counts of all budgets, whatever becomes of the settings.
pub struct BudgetCounts {
    pub spend: Arc<Spend>,
}

impl BudgetCounts {
    /// Counts where `limits` do.
    pub(super) fn of(settings: &Settings, limits: &LimitCounts, metrics: &Metrics) -> Self {
        let on_failure = settings.limit_store.on_redis_failure;
        let spend = Spend::new(metrics.budgets(), limits.replicas(), on_failure);
        BudgetCounts {
            spend: Arc::new(spend),
        }
    }
}

impl Gateway {
    /// Every budget in force: those of the settings, of keys, teams and endpoints.
    pub fn all_budgets(&self) -> impl Iterator<Item = &Arc<Scoped>> {
        let directory = self.access.directory();
        let of_keys = directory.keys().flat_map(|it| it.key.budgets.iter());
        let of_teams = directory.teams().flat_map(|it| it.budgets.iter());
        let endpoints = self.known.endpoints.iter();
        let of_endpoints = endpoints.flat_map(|it| it.budgets.iter());
        let own = self.budgets.iter();
        own.chain(of_keys).chain(of_teams).chain(of_endpoints)
    }
}

/// A claim of nothing, to look at what is counted for a part of a budget now.
pub fn part(scoped: &Scoped, whose: Whose, now: Timestamp) -> Claim<'static> {
    let span = scoped.budget.window.at(now);
    Claim::of(scoped, span, (whose, "".into()))
}

/// A budget as it is written, with its owner and its present window.
pub fn shown_budget(scoped: &Scoped, now: Timestamp) -> Value {
    let budget = &scoped.budget;
    let mut shown = json!({ "id": scoped.id().to_string(), "owner": scoped.owner });
    let written = serde_json::to_value(budget).unwrap_or_default();
    if let (Some(fields), Value::Object(written)) = (shown.as_object_mut(), written) {
        fields.extend(written);
        let span = budget.window.at(now);
        let start = span.end.map(|_| budget.window.shown(span.start));
        let end = span.end.map(|end| budget.window.shown(end));
        fields.insert("name".to_owned(), scoped.name().into());
        fields.insert("window_start".to_owned(), start.into());
        fields.insert("resets_at".to_owned(), end.into());
    }
    shown
}

/// Adds what is spent, reserved and left, in dollars as text or in tokens. Without it: unknown now.
pub fn add_standing(shown: &mut Value, scoped: &Scoped, standing: Option<Standing>) {
    let limit = scoped.budget.limit;
    let amount = |count: u64| match limit.unit {
        Unit::Usd => json!(Usd::from_nano(count)),
        Unit::Tokens => json!(count),
    };
    let limit = limit.count;
    let of = |count: fn(u64, Standing) -> u64| standing.map(|it| amount(count(limit, it)));
    shown["topped_up"] = json!(of(|_, it| it.granted));
    shown["spent"] = json!(of(|_, it| it.spent));
    shown["reserved"] = json!(of(|_, it| it.reserved));
    shown["remaining"] = json!(of(|limit, it| it.remaining(limit)));
    shown["used"] = json!(standing.map(|it| it.share(limit).as_f64()));
}
