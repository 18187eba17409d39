//! Prices in the format of LiteLLM's `model_prices_and_context_window.json`: flat, by model, in
//! dollars for each token. It has no hosts: which of its providers an origin is, `sellers` says.

mod fields;
mod sellers;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::{Map, Value};

use self::fields::Field;
use super::{
    decimal,
    sheet::{Period, Price, PriceSet, Rate, Sheet, Variant},
    unit::Unit,
};

/// The entry that explains the fields.
const SAMPLE: &str = "sample_spec";
const SELLER: &str = "litellm_provider";

/// A table in this format.
#[derive(Default)]
pub struct LiteLlmTable {
    /// By provider, and then by model without the provider's prefix.
    sheets: HashMap<Box<str>, HashMap<Box<str>, Arc<Sheet>>>,
    ignored: BTreeMap<String, usize>,
}

/// Why a text is no such table.
#[derive(Debug, thiserror::Error)]
#[error("{model}: {field} must be a number from 0")]
pub struct NotAPrice {
    model: String,
    field: String,
}

impl LiteLlmTable {
    /// The fields of an entry that are read.
    pub fn is_read(field: &str) -> bool {
        field == SELLER || Field::read(field).is_some()
    }

    /// Whether JSON looks like a table in this format.
    pub fn is_shape_of(models: &Map<String, Value>) -> bool {
        let is_entry = |it: &Value| it.get(SELLER).is_some();
        models.values().any(is_entry)
    }

    /// Reads a table.
    ///
    /// # Errors
    /// The first price that cannot be used.
    pub fn read(models: &Map<String, Value>) -> Result<Self, NotAPrice> {
        let mut table = LiteLlmTable::default();
        for (name, fields) in models {
            let seller = fields.get(SELLER).and_then(Value::as_str);
            match (seller, fields.as_object()) {
                (Some(seller), Some(fields)) if name != SAMPLE => {
                    table.add(name, seller, fields)?;
                }
                _ => {}
            }
        }
        Ok(table)
    }

    fn add(
        &mut self,
        name: &str,
        seller: &str,
        fields: &Map<String, Value>,
    ) -> Result<(), NotAPrice> {
        let sheet = self.sheet(name, fields)?;
        if sheet.sets.iter().all(|(_, set)| set.is_empty()) {
            return Ok(());
        }
        let prefix = name.split_once('/').filter(|(prefix, _)| {
            *prefix == seller || sellers::family(prefix) == sellers::family(seller)
        });
        let model = prefix.map_or(name, |(_, model)| model);
        let of_seller = self
            .sheets
            .entry(sellers::family(seller).into())
            .or_default();
        // A name without a prefix is the provider's own; it wins over one with a prefix.
        let sheet = Arc::new(sheet);
        match prefix {
            None => drop(of_seller.insert(model.into(), sheet)),
            Some(_) => drop(of_seller.entry(model.into()).or_insert(sheet)),
        }
        Ok(())
    }

    fn sheet(&mut self, model: &str, fields: &Map<String, Value>) -> Result<Sheet, NotAPrice> {
        let mut set = PriceSet::new();
        let mut tiers = Vec::new();
        let mut variants: BTreeMap<&'static str, PriceSet> = BTreeMap::new();
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
            let Some(field) = Field::read(name) else {
                if name.contains("cost") {
                    self.ignore(name);
                }
                continue;
            };
            let rate = rate(value, &field).ok_or_else(|| NotAPrice {
                model: model.to_owned(),
                field: name.clone(),
            })?;
            let price = Price::flat(rate.nano, rate.per);
            match (field.tier, field.above) {
                (None, None) => drop(set.insert(field.unit, price)),
                (Some(tier), None) => {
                    variants.entry(tier).or_default().insert(field.unit, price);
                }
                (None, Some(above)) => tiers.push((field.unit, above, rate)),
                (Some(_), Some(_)) => self.ignore(name),
            }
        }
        add_tiers(&mut set, tiers);
        let variants = variants.into_iter().map(|(tier, prices)| Variant {
            tier: tier.into(),
            period: Period::Always,
            prices,
        });
        let variants = variants.collect();
        Ok(Sheet {
            variants,
            ..Sheet::of(set)
        })
    }

    fn ignore(&mut self, field: &str) {
        *self.ignored.entry(field.to_owned()).or_default() += 1;
    }

    /// The sheet of a model at an origin.
    pub fn find(&self, origin: &str, model: &str) -> Option<Arc<Sheet>> {
        let families = sellers::at(origin)?;
        let mut models = families
            .iter()
            .filter_map(|family| self.sheets.get(*family));
        models.find_map(|models| models.get(model).cloned())
    }

    /// Whether a provider's models are sold at an origin.
    pub fn sells(&self, origin: &str, provider: &str) -> bool {
        sellers::at(origin).is_some_and(|it| it.contains(&provider))
    }

    /// All models with their providers.
    pub fn models(&self) -> impl Iterator<Item = (&str, &str, &Sheet)> {
        let providers = self.sheets.iter();
        providers.flat_map(|(provider, models)| {
            let models = models.iter();
            models.map(move |(model, sheet)| (&**provider, &**model, &**sheet))
        })
    }

    /// Fields about cost that the gateway does not count, with how often they occur.
    pub fn ignored(&self) -> &BTreeMap<String, usize> {
        &self.ignored
    }
}

/// Adds the rates for long inputs to the prices that they are an exception of.
fn add_tiers(set: &mut PriceSet, tiers: Vec<(Unit, u64, Rate)>) {
    for (unit, above, rate) in tiers {
        if let Some(price) = set.get_mut(&unit) {
            price.tiers.push((above, rate));
            price.tiers.sort_by_key(|(above, _)| *above);
        }
    }
}

fn rate(value: &Value, field: &Field) -> Option<Rate> {
    let nano = decimal::nano(value.as_number()?, field.shift)?;
    Some(Rate {
        nano,
        per: field.per,
    })
}

#[cfg(test)]
mod tests;
