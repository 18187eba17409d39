//! The price sheet of one model: what each unit costs, when, and for which service tier. All of it
//! in whole numbers; a cost is rounded once, at its sum.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{
    CostPart, Estimated,
    unit::{Counts, Unit},
};
use crate::{money::Usd, usage::Usage};

const MILLION: u64 = 1_000_000;
const DAY: i64 = 24 * 3600;
/// Input and output, one of them perhaps in two.
const USUAL_PARTS: usize = 3;

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
    /// The tokens of the longest input, if there were several.
    pub longest_input: Option<u64>,
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
        if of == self.per {
            return Usd::from_nano(self.nano);
        }
        let nano = u128::from(self.nano) * u128::from(of);
        Usd::from_nano(rounded(nano, u128::from(self.per)))
    }
}

fn rounded(dividend: u128, divisor: u128) -> u64 {
    let dividend = dividend + divisor / 2;
    // A division of 64 bits takes a fraction of the time.
    match (u64::try_from(dividend), u64::try_from(divisor)) {
        (Ok(dividend), Ok(divisor)) => dividend / divisor,
        _ => u64::try_from(dividend / divisor).unwrap_or(u64::MAX),
    }
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
        let input = sale.longest_input.or(sale.usage.input);
        let input = input.unwrap_or_default();
        let mut sum = None;
        let mut parts = Vec::with_capacity(USUAL_PARTS);
        for (unit, count) in counts.known() {
            let Some(rate) = price(unit).map(|price| price.rate(input)) else {
                continue;
            };
            sum.get_or_insert_with(Sum::default).add(count, rate);
            if count > 0 {
                parts.push(part(unit, count, rate));
            }
        }
        sum.map(|sum| (sum.usd(), parts.into_boxed_slice()))
    }

    /// What so many tokens cost now, without parts; cached input counts as any other.
    pub fn estimate(&self, input: u64, output: u64, at: Timestamp) -> Option<Estimated> {
        let rate = |unit| Some(self.price(unit, None, at)?.rate(input));
        let (input_rate, output_rate) = (rate(Unit::Input), rate(Unit::Output));
        let request_rate = rate(Unit::Request);
        if [input_rate, output_rate, request_rate]
            .iter()
            .all(Option::is_none)
        {
            return None;
        }
        let mut sum = Sum::default();
        for (count, rate) in [(input, input_rate), (1, request_rate)] {
            if let Some(rate) = rate {
                sum.add(count, rate);
            }
        }
        let of_input = sum.usd();
        if let Some(rate) = output_rate {
            sum.add(output, rate);
        }
        Some(Estimated {
            whole: sum.usd(),
            input: of_input,
        })
    }
}

/// A sum of costs, exact until it is rounded. It is counted in parts of a billionth of a dollar, so
/// many for one billionth.
struct Sum {
    parts: u128,
    per: u128,
}

impl Default for Sum {
    fn default() -> Self {
        Sum { parts: 0, per: 1 }
    }
}

impl Sum {
    fn add(&mut self, count: u64, rate: Rate) {
        let per = u128::from(rate.per);
        // Nearly always all rates are of a million.
        if self.parts == 0 {
            self.per = per;
        }
        let common = common_multiple(self.per, per);
        let scaled = |parts: u128, per: u128| match per == common {
            true => parts,
            false => parts.saturating_mul(common / per),
        };
        let more = u128::from(count).saturating_mul(u128::from(rate.nano));
        self.parts = scaled(self.parts, self.per).saturating_add(scaled(more, per));
        self.per = common;
    }

    /// Rounded to a billionth of a dollar.
    fn usd(&self) -> Usd {
        Usd::from_nano(rounded(self.parts.min(u128::MAX - self.per), self.per))
    }
}

/// The least common multiple of two divisors, which are small.
fn common_multiple(one: u128, other: u128) -> u128 {
    if one == other {
        return one;
    }
    let (mut a, mut b) = (one, other);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    one / a.max(1) * other
}

/// The part of a cost that one unit is.
fn part(unit: Unit, count: u64, rate: Rate) -> CostPart {
    CostPart {
        what: unit.name().into(),
        count,
        price: rate.as_written(unit),
        per_one: unit.is_priced_singly(),
    }
}

#[cfg(test)]
mod tests;
