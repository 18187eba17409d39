//! Where budgets are counted, and by which prices they reserve.

use std::sync::Arc;

use crate::{money::Usd, observe::metrics::Metrics, price::PriceOf, spend::Spend};

/// The counts of all budgets, whatever becomes of the settings.
pub struct BudgetCounts {
    pub spend: Arc<Spend>,
    pub prices: Arc<dyn PriceOf>,
}

impl BudgetCounts {
    pub(super) fn of(metrics: &Metrics) -> Self {
        BudgetCounts {
            spend: Arc::new(Spend::new(metrics.budgets())),
            prices: Arc::new(NoPrices),
        }
    }
}

/// No price is known.
struct NoPrices;

impl PriceOf for NoPrices {
    fn estimate(&self, _: &str, _: Option<&str>, _: u64, _: u64) -> Option<Usd> {
        None
    }
}
