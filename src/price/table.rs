//! The prices in force: the settings' own, the operator's file, and the table in the program, in
//! this order. The first that knows a model at its origin gives the whole price.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;

use super::{
    Cost, Estimated, PriceOf, PriceSource, built_in,
    file::PriceFile,
    memo, origin,
    overrides::Override,
    sheet::{Sale, Sheet},
};
use crate::{money::Usd, usage::Usage};

/// Longer names of models, in bytes, have no price.
const LONGEST_MODEL: usize = 256;

static GENERATIONS: AtomicU64 = AtomicU64::new(1);

/// One immutable table of prices.
#[derive(Debug)]
pub struct Prices {
    generation: u64,
    overrides: Vec<Override>,
    file: Option<Arc<PriceFile>>,
}

/// What was sold, and where.
#[derive(Clone, Copy, Debug)]
pub struct Sold<'a> {
    /// The origin that responded, as the gateway parsed it: prices are never found by what a
    /// caller says of the provider.
    pub origin: &'a str,
    /// The model as the upstream got it.
    pub model: Option<&'a str>,
    /// The model that the response names.
    pub response_model: Option<&'a str>,
    pub usage: &'a Usage,
    /// The tokens of the longest input, if there were several.
    pub longest_input: Option<u64>,
    pub service_tier: Option<&'a str>,
    pub at: Timestamp,
    /// `cost_per_request` of the endpoint.
    pub cost_per_request: Option<Usd>,
}

/// A sheet that was found, and where.
#[derive(Clone, Debug)]
pub struct Found {
    pub source: PriceSource,
    pub date: Option<Arc<str>>,
    pub sheet: Arc<Sheet>,
}

impl PriceOf for Prices {
    fn estimate(
        &self,
        origin: &str,
        model: Option<&str>,
        input_tokens: u64,
        output_tokens: u64,
    ) -> Option<Estimated> {
        let found = self.find(origin, model)?;
        let now = Timestamp::now();
        found.sheet.estimate(input_tokens, output_tokens, now)
    }
}

impl Default for Prices {
    fn default() -> Self {
        Prices::new(Vec::new(), None)
    }
}

impl Prices {
    /// The prices of the settings and their file, over the built-in ones.
    pub fn new(overrides: Vec<Override>, file: Option<Arc<PriceFile>>) -> Self {
        Prices {
            generation: GENERATIONS.fetch_add(1, Ordering::Relaxed),
            overrides,
            file,
        }
    }

    /// These prices, or `before` if they are the same: then what was looked up stays known.
    pub fn or_same(self, before: &Arc<Prices>) -> Arc<Self> {
        let is_same = self.overrides == before.overrides && self.file == before.file;
        match is_same {
            true => before.clone(),
            false => Arc::new(self),
        }
    }

    /// Whoever may need a price soon calls this early; it does not wait.
    pub fn prepare(&self) {
        built_in::TABLE.prepare();
    }

    /// Waits until prices are found without waiting, which takes a moment once in the life of a
    /// process.
    pub async fn ready(&self) {
        built_in::TABLE.ready().await;
    }

    /// Whether prices are found without waiting.
    pub fn is_ready(&self) -> bool {
        built_in::TABLE.is_ready()
    }

    /// Does something as soon as prices are found without waiting: now, or on a thread of its own.
    pub fn when_ready(&self, work: impl FnOnce() + Send + 'static) {
        built_in::TABLE.when_ready(work);
    }

    /// What a request costs; `None`: unknown. A cost that the upstream reports is the cost; then
    /// comes the endpoint's `cost_per_request`, which is the whole cost; then the prices.
    pub fn cost(&self, sold: &Sold<'_>) -> Option<Cost> {
        if let Some(usd) = sold.usage.upstream_cost {
            return Some(whole(usd, PriceSource::Upstream));
        }
        if let Some(usd) = sold.cost_per_request {
            return Some(whole(usd, PriceSource::PerRequest));
        }
        let asked = sold.model.or(sold.response_model);
        let found = self.find(sold.origin, asked);
        let other = sold.response_model.filter(|other| Some(*other) != asked);
        let other = other.and_then(|other| self.find(sold.origin, Some(other)));
        match (found, other) {
            (Some(found), Some(other)) if !Arc::ptr_eq(&found.sheet, &other.sheet) => {
                dearer(priced(found, sold), priced(other, sold))
            }
            (found, other) => priced(found.or(other)?, sold),
        }
    }

    /// The sheet of a model at an origin.
    pub fn find(&self, origin: &str, model: Option<&str>) -> Option<Found> {
        if model.is_some_and(|it| it.len() > LONGEST_MODEL) {
            return None;
        }
        memo::remembered(self.generation, origin, model, || {
            self.search(&origin::plain(origin), model)
        })
    }

    fn search(&self, origin: &str, model: Option<&str>) -> Option<Found> {
        let own = self.overrides.iter().find(|it| it.applies(origin, model));
        if let Some(own) = own {
            return Some(Found {
                source: PriceSource::Settings,
                date: None,
                sheet: own.sheet.clone(),
            });
        }
        let model = model?;
        let of_file = self.file.as_ref().and_then(|file| {
            let sheet = file.find(origin, model)?;
            Some((PriceSource::File, file.date.clone(), sheet))
        });
        let of_program = || {
            let table = built_in::TABLE.get().as_ref()?;
            let sheet = table.find(origin, model)?;
            Some((PriceSource::BuiltIn, built_in::DATE.into(), sheet))
        };
        let (source, date, sheet) = of_file.or_else(of_program)?;
        Some(Found {
            source,
            date: Some(date),
            sheet,
        })
    }

    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }

    pub fn file(&self) -> Option<&PriceFile> {
        self.file.as_deref()
    }
}

fn priced(found: Found, sold: &Sold<'_>) -> Option<Cost> {
    let (usd, parts) = found.sheet.cost(&Sale {
        usage: sold.usage,
        longest_input: sold.longest_input,
        service_tier: sold.service_tier,
        at: sold.at,
    })?;
    Some(Cost {
        usd,
        source: found.source,
        table_date: found.date,
        parts,
    })
}

/// Request and response may name different models: an alias and what it stands for, or one that is
/// not what was run. Prices that the operator wrote come first; of two of one source, the higher.
fn dearer(one: Option<Cost>, other: Option<Cost>) -> Option<Cost> {
    let (Some(one), Some(other)) = (&one, &other) else {
        return one.or(other);
    };
    let is_other = match one.source == other.source {
        true => other.usd > one.usd,
        false => is_before(other.source, one.source),
    };
    Some(if is_other { other } else { one }.clone())
}

/// Whether one source of prices is asked before another.
fn is_before(one: PriceSource, other: PriceSource) -> bool {
    let place = |source| match source {
        PriceSource::Settings => 0,
        PriceSource::File => 1,
        PriceSource::Upstream
        | PriceSource::PerRequest
        | PriceSource::BuiltIn
        | PriceSource::Cache => 2,
    };
    place(one) < place(other)
}

fn whole(usd: Usd, source: PriceSource) -> Cost {
    Cost {
        usd,
        source,
        table_date: None,
        parts: Box::default(),
    }
}

#[cfg(test)]
mod tests;
