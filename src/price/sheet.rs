//! The price sheet of one model: what each unit costs, when, and for which service tier. All of it
//! in whole numbers; a cost is rounded once, at its sum.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{
    CostPart,
    unit::{Counts, Unit},
};
use crate::{money::Usd, usage::Usage};

const MILLION: u64 = 1_000_000;
const DAY: i64 = 24 * 3600;

/// So many billionths of a dollar for so many units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub nano: u64,
    pub per: u64,
}

/// A rate that may depend on the length of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    pub base: Rate,
    /// From more input tokens than the number on, all units have this rate; sorted.
    pub tiers: Vec<(u64, Rate)>,
}

/// Prices by unit.
pub type PriceSet = BTreeMap<Unit, Price>;

/// The prices of one model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// The last one that holds at a time applies; the first holds always.
    pub sets: Vec<(Period, PriceSet)>,
    /// Prices in place of those of the set, by service tier.
    pub variants: Vec<Variant>,
    /// The shortest audio that is billed.
    pub least_audio: Duration,
}

/// Prices of a service tier, such as `priority` or `batch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    pub tier: Box<str>,
    pub period: Period,
    pub prices: PriceSet,
}

/// When prices hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Always,
    /// From midnight UTC of a day, in seconds since 1970.
    From(i64),
    /// Each day, in seconds since midnight UTC; may end on the next day.
    Daily {
        begin: i64,
        end: i64,
    },
}

/// What was used, and under which conditions.
#[derive(Clone, Copy, Debug)]
pub struct Sale<'a> {
    pub usage: &'a Usage,
    pub service_tier: Option<&'a str>,
    pub at: Timestamp,
}

impl Period {
    pub fn holds(self, at: Timestamp) -> bool {
        let seconds = at.as_second();
        match self {
            Period::Always => true,
            Period::From(begin) => seconds >= begin,
            Period::Daily { begin, end } => {
                let now = seconds.rem_euclid(DAY);
                match end < begin {
                    true => now >= begin || now < end,
                    false => (begin..end).contains(&now),
                }
            }
        }
    }
}

impl Price {
    pub fn flat(nano: u64, per: u64) -> Self {
        Price {
            base: Rate { nano, per },
            tiers: Vec::new(),
        }
    }

    fn rate(&self, input: u64) -> Rate {
        let tier = self.tiers.iter().rev().find(|(above, _)| input > *above);
        tier.map_or(self.base, |(_, rate)| *rate)
    }
}

impl Rate {
    /// The price of a million, or of one of what is priced singly.
    pub fn as_written(self, unit: Unit) -> Usd {
        let is_single = unit.is_priced_singly();
        self.price_of(if is_single { 1 } else { MILLION })
    }

    /// The price of `of` units, rounded.
    fn price_of(self, of: u64) -> Usd {
        let nano = u128::from(self.nano) * u128::from(of);
        Usd::from_nano(rounded(nano, u128::from(self.per)))
    }
}

fn rounded(dividend: u128, divisor: u128) -> u64 {
    u64::try_from((dividend + divisor / 2) / divisor).unwrap_or(u64::MAX)
}

impl Sheet {
    /// A sheet whose prices always hold.
    pub fn of(prices: PriceSet) -> Self {
        Sheet {
            sets: vec![(Period::Always, prices)],
            ..Sheet::default()
        }
    }

    /// The price of a unit that holds, if it has one.
    pub fn price(&self, unit: Unit, tier: Option<&str>, at: Timestamp) -> Option<&Price> {
        let of_tier = tier.and_then(|tier| {
            let mut variants = self.variants.iter();
            variants.find_map(|it| {
                let applies = *it.tier == *tier && it.period.holds(at);
                applies.then(|| it.prices.get(&unit)).flatten()
            })
        });
        of_tier.or_else(|| self.set(at)?.get(&unit))
    }

    fn set(&self, at: Timestamp) -> Option<&PriceSet> {
        let holding = self.sets.iter().rev().find(|(period, _)| period.holds(at));
        holding.or(self.sets.first()).map(|(_, set)| set)
    }

    /// What a sale costs, with its parts; `None`: nothing that is known of the usage has a price.
    pub fn cost(&self, sale: &Sale<'_>) -> Option<(Usd, Box<[CostPart]>)> {
        let price = |unit| self.price(unit, sale.service_tier, sale.at);
        let mut counts = Counts::of(sale.usage, |unit| price(unit).is_some());
        if let Some(length) = counts.get(Unit::Millisecond) {
            let least = u64::try_from(self.least_audio.as_millis()).unwrap_or(u64::MAX);
            counts.set(Unit::Millisecond, Some(length.max(least)));
        }
        let input = sale.usage.input.unwrap_or_default();
        let parts = Unit::ALL.iter().filter_map(|unit| {
            let count = counts.get(*unit)?;
            let rate = price(*unit)?.rate(input);
            Some((*unit, count, rate))
        });
        let parts: Vec<(Unit, u64, Rate)> = parts.collect();
        let is_known = !parts.is_empty();
        is_known.then(|| (sum(&parts), shown(&parts)))
    }

    /// What so many tokens cost now, without parts; cached input counts as any other.
    pub fn estimate(&self, input: u64, output: u64, at: Timestamp) -> Option<Usd> {
        let counts = [
            (Unit::Input, input),
            (Unit::Output, output),
            (Unit::Request, 1),
        ];
        let parts = counts.into_iter().filter_map(|(unit, count)| {
            let rate = self.price(unit, None, at)?.rate(input);
            Some((unit, count, rate))
        });
        let parts: Vec<_> = parts.collect();
        (!parts.is_empty()).then(|| sum(&parts))
    }
}

/// The sum, rounded to a billionth of a dollar. Parts of one divisor are added before the division.
fn sum(parts: &[(Unit, u64, Rate)]) -> Usd {
    let common = parts.iter().fold(1, |common, (_, _, rate)| {
        common_multiple(common, u128::from(rate.per))
    });
    let parts = parts.iter().map(|(_, count, rate)| {
        let share = common / u128::from(rate.per);
        let nano = u128::from(*count).saturating_mul(u128::from(rate.nano));
        nano.saturating_mul(share)
    });
    let total = parts.fold(0_u128, u128::saturating_add);
    Usd::from_nano(rounded(total.min(u128::MAX - common), common))
}

/// The least common multiple of two divisors, which are small.
fn common_multiple(one: u128, other: u128) -> u128 {
    let (mut a, mut b) = (one, other);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    one / a.max(1) * other
}

/// The parts that a cost tells of: those of which there was something.
fn shown(parts: &[(Unit, u64, Rate)]) -> Box<[CostPart]> {
    let used = parts.iter().filter(|(_, count, _)| *count > 0);
    let part = |(unit, count, rate): &(Unit, u64, Rate)| CostPart {
        what: unit.name().into(),
        count: *count,
        price: rate.as_written(*unit),
        per_one: unit.is_priced_singly(),
    };
    used.map(part).collect()
}

#[cfg(test)]
mod tests;
