//! Price sheets as JSON and as text, for people.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Found, Price, PriceSet, Rate, Sheet, Unit};

impl Found {
    /// The prices that hold at a time, and where they come from.
    pub fn shown(&self, at: Timestamp) -> Value {
        json!({
            "source": self.source,
            "table_date": self.date,
            "prices": self.sheet.shown(at),
            "service_tiers": self.sheet.shown_tiers(at),
        })
    }
}

impl Sheet {
    /// The prices that hold at a time, by unit: of a million tokens, characters or milliseconds,
    /// and of one of anything else.
    pub fn shown(&self, at: Timestamp) -> Value {
        let prices = Unit::ALL.iter().filter_map(|unit| {
            let price = self.price(*unit, None, at)?;
            Some((unit.name().to_owned(), shown(*unit, price)))
        });
        Value::Object(prices.collect())
    }

    /// The same in one line, without what depends on the length of the input.
    pub fn line(&self, at: Timestamp) -> String {
        let prices = Unit::ALL.iter().filter_map(|unit| {
            let price = self.price(*unit, None, at)?;
            let more = if price.tiers.is_empty() { "" } else { "+" };
            let amount = amount(*unit, price.base);
            Some(format!("{} {amount}{more}", unit.name()))
        });
        prices.collect::<Vec<_>>().join(", ")
    }

    /// The prices of each service tier, where they differ.
    fn shown_tiers(&self, at: Timestamp) -> Value {
        let mut tiers = Map::new();
        for variant in self.variants.iter().filter(|it| it.period.holds(at)) {
            let name = variant.tier.to_string();
            tiers
                .entry(name)
                .or_insert_with(|| shown_set(&variant.prices));
        }
        Value::Object(tiers)
    }
}

fn shown_set(prices: &PriceSet) -> Value {
    let prices = prices.iter();
    let prices = prices.map(|(unit, price)| (unit.name().to_owned(), shown(*unit, price)));
    Value::Object(prices.collect())
}

fn shown(unit: Unit, price: &Price) -> Value {
    let base = amount(unit, price.base);
    if price.tiers.is_empty() {
        return base.into();
    }
    let tiers = price.tiers.iter();
    let tiers = tiers.map(|(above, rate)| json!({ "above": above, "price": amount(unit, *rate) }));
    json!({ "base": base, "tiers": tiers.collect::<Vec<_>>() })
}

fn amount(unit: Unit, rate: Rate) -> String {
    rate.as_written(unit).to_string()
}
