//! Prices in the format of genai-prices (v2). Its crate finds a model in the data; the prices
//! themselves are read here, since the crate counts in binary fractions and tells no unit prices.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use genai_prices::{Calculator, PriceRequest, Usage};
use jiff::civil::{Date, Time};
use regex_automata::{meta::Regex, util::syntax};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Number, value::RawValue};

use super::{
    decimal,
    sheet::{Period, Price, PriceSet, Rate, Sheet, Variant},
    unit::Unit,
};

/// Price keys of the format, and for how many units each price is. The first key of a unit that a
/// model has is taken.
const KEYS: &[(&str, Unit, u64)] = &[
    ("input_mtok", Unit::Input, 1_000_000),
    ("cache_read_mtok", Unit::CacheRead, 1_000_000),
    ("cache_write_mtok", Unit::CacheWrite, 1_000_000),
    ("cache_write_1h_mtok", Unit::CacheWrite1h, 1_000_000),
    ("input_audio_mtok", Unit::InputAudio, 1_000_000),
    ("input_image_mtok", Unit::InputImage, 1_000_000),
    ("output_mtok", Unit::Output, 1_000_000),
    ("output_reasoning_mtok", Unit::Reasoning, 1_000_000),
    ("output_audio_mtok", Unit::OutputAudio, 1_000_000),
    ("output_image_mtok", Unit::OutputImage, 1_000_000),
    ("web_searches_kcount", Unit::Search, 1_000),
    ("rerank_searches_kcount", Unit::Search, 1_000),
    ("input_document_kpages", Unit::Page, 1_000),
    ("audio_hours", Unit::Millisecond, 3_600_000),
    ("input_audio_hours", Unit::Millisecond, 3_600_000),
    ("input_mchars", Unit::Character, 1_000_000),
    ("requests_kcount", Unit::Request, 1_000),
];

/// Groq bills a transcription as ten seconds at least, which the data do not say.
const WHISPER: (&str, &str) = ("groq", "whisper-large-v3");
const LEAST_WHISPER: Duration = Duration::from_secs(10);

/// A table in this format.
pub struct GenaiTable {
    finder: Calculator,
    providers: Vec<Provider>,
    sheets: HashMap<(Box<str>, Box<str>), Arc<Sheet>>,
    ignored: BTreeMap<String, usize>,
}

struct Provider {
    id: Box<str>,
    /// Matches a whole origin with a slash after it.
    origin: Regex,
    /// Providers whose models it sells at their prices.
    fallbacks: Vec<Box<str>>,
}

/// Why a text is no such table.
#[derive(Debug, thiserror::Error)]
pub enum NotATable {
    #[error("it is not a genai-prices file: {0}")]
    Format(#[from] genai_prices::Error),
    #[error("it is not a genai-prices file: {0}")]
    Json(#[from] serde_json::Error),
    #[error("provider {0}: its api_pattern cannot be used")]
    Pattern(String),
    #[error("{provider}/{model}: {key} cannot be used")]
    Price {
        provider: String,
        model: String,
        key: String,
    },
}

/// What the crate is given of a provider has neither prices nor its pattern of origins, which takes
/// long to compile: it only finds models.
#[derive(Deserialize, Serialize)]
struct ProviderData {
    id: Box<str>,
    name: Box<str>,
    #[serde(serialize_with = "no_pattern")]
    api_pattern: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_match: Option<Box<RawValue>>,
    #[serde(default)]
    fallback_model_providers: Vec<Box<str>>,
    models: Vec<ModelData>,
}

#[derive(Deserialize, Serialize)]
struct ModelData {
    id: Box<str>,
    r#match: Box<RawValue>,
    #[serde(default, skip_serializing)]
    prices: Prices,
    #[serde(default, skip_serializing)]
    price_variants: Vec<VariantData>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Prices {
    Dated(Vec<DatedPrices>),
    Always(BTreeMap<String, PriceData>),
}

impl Default for Prices {
    fn default() -> Self {
        Prices::Always(BTreeMap::new())
    }
}

#[derive(Deserialize)]
struct DatedPrices {
    #[serde(default)]
    constraint: Option<Constraint>,
    prices: BTreeMap<String, PriceData>,
}

#[derive(Deserialize)]
struct Constraint {
    start_date: Option<Date>,
    start_time: Option<String>,
    end_time: Option<String>,
}

#[derive(Deserialize)]
struct VariantData {
    when: BTreeMap<String, String>,
    prices: BTreeMap<String, PriceData>,
    #[serde(default)]
    constraint: Option<Constraint>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PriceData {
    Flat(Number),
    Tiered { base: Number, tiers: Vec<Tier> },
}

#[derive(Deserialize)]
struct Tier {
    start: u64,
    price: Number,
}

fn no_pattern<S: Serializer>(_: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str("none")
}

impl GenaiTable {
    /// Reads a table.
    ///
    /// # Errors
    /// The first thing that cannot be used.
    pub fn parse(json: &[u8]) -> Result<Self, NotATable> {
        let data: Vec<ProviderData> = serde_json::from_slice(json)?;
        let finder = Calculator::from_json(serde_json::to_vec(&data)?)?;
        let mut table = GenaiTable {
            finder,
            providers: Vec::new(),
            sheets: HashMap::new(),
            ignored: BTreeMap::new(),
        };
        for provider in data {
            table.add(provider)?;
        }
        Ok(table)
    }

    fn add(&mut self, data: ProviderData) -> Result<(), NotATable> {
        let bounds = Regex::config().hybrid(false).onepass(false).dfa(false);
        // Origins are ASCII.
        let bytes = syntax::Config::new().unicode(false).utf8(false);
        let origin = Regex::builder()
            .configure(bounds)
            .syntax(bytes)
            .build(&whole_origin(&data.api_pattern))
            .map_err(|_| NotATable::Pattern(data.id.to_string()))?;
        for model in data.models {
            let id = model.id.clone();
            let sheet = self.sheet(&data.id, model)?;
            self.sheets.insert((data.id.clone(), id), Arc::new(sheet));
        }
        self.providers.push(Provider {
            id: data.id,
            origin,
            fallbacks: data.fallback_model_providers,
        });
        Ok(())
    }

    fn sheet(&mut self, provider: &str, model: ModelData) -> Result<Sheet, NotATable> {
        let unusable = |key: &str| NotATable::Price {
            provider: provider.to_owned(),
            model: model.id.to_string(),
            key: key.to_owned(),
        };
        let mut sheet = Sheet::default();
        let dated = match model.prices {
            Prices::Always(prices) => vec![DatedPrices {
                constraint: None,
                prices,
            }],
            // What always holds comes first.
            Prices::Dated(mut dated) => {
                dated.sort_by_key(|it| it.constraint.is_some());
                dated
            }
        };
        for set in dated {
            let period = period(set.constraint).ok_or_else(|| unusable("constraint"))?;
            let prices = self.set(set.prices).map_err(|key| unusable(&key))?;
            sheet.sets.push((period, prices));
        }
        for variant in model.price_variants {
            let period = period(variant.constraint).ok_or_else(|| unusable("constraint"))?;
            let prices = self.set(variant.prices).map_err(|key| unusable(&key))?;
            match tier(&variant.when) {
                Some(tier) => sheet.variants.push(Variant {
                    tier,
                    period,
                    prices,
                }),
                None => self.ignore("price_variants of other conditions than a service tier"),
            }
        }
        if provider == WHISPER.0 && model.id.starts_with(WHISPER.1) {
            sheet.least_audio = LEAST_WHISPER;
        }
        Ok(sheet)
    }

    /// Reads prices by key.
    ///
    /// # Errors
    /// The key of one that cannot be used.
    fn set(&mut self, data: BTreeMap<String, PriceData>) -> Result<PriceSet, String> {
        let mut set = PriceSet::new();
        for (key, unit, per) in KEYS {
            if let (Some(data), false) = (data.get(*key), set.contains_key(unit)) {
                let price = price(data, *per).ok_or(*key)?;
                set.insert(*unit, price);
            }
        }
        for key in data.keys() {
            if !KEYS.iter().any(|(known, ..)| known == key) {
                self.ignore(key);
            }
        }
        Ok(set)
    }

    fn ignore(&mut self, what: &str) {
        *self.ignored.entry(what.to_owned()).or_default() += 1;
    }

    /// The sheet of a model at an origin. The provider is found by the origin alone: neither by
    /// what a caller says, nor by the model's name.
    pub fn find(&self, origin: &str, model: &str) -> Option<Arc<Sheet>> {
        let provider = self.provider_at(origin)?;
        let nothing = Usage::new();
        let request = PriceRequest::new(model, &nothing).with_provider_id(&provider.id);
        let found = self.finder.calculate(&request).ok()?.model_id;
        let own = std::iter::once(&provider.id);
        let mut sellers = own.chain(&provider.fallbacks);
        sellers.find_map(|it| {
            let key = (it.clone(), found.as_str().into());
            self.sheets.get(&key).cloned()
        })
    }

    fn provider_at(&self, origin: &str) -> Option<&Provider> {
        let address = format!("{origin}/");
        let mut providers = self.providers.iter();
        providers.find(|it| it.origin.is_match(&address))
    }

    /// Whether a provider's own models are sold at an origin.
    pub fn sells(&self, origin: &str, provider: &str) -> bool {
        let found = self.provider_at(origin);
        found.is_some_and(|it| *it.id == *provider)
    }

    /// All models with their providers.
    pub fn models(&self) -> impl Iterator<Item = (&str, &str, &Sheet)> {
        let sheets = self.sheets.iter();
        sheets.map(|((provider, model), sheet)| (&**provider, &**model, &**sheet))
    }

    /// What the table has and the gateway does not count, with how often it has it.
    pub fn ignored(&self) -> &BTreeMap<String, usize> {
        &self.ignored
    }
}

/// Patterns of the data match the beginning of a URL, so that longer hosts would match, too.
fn whole_origin(pattern: &str) -> String {
    // `https://api\.moonshot\.` leaves the last label open.
    let last_label = if pattern.ends_with("\\.") {
        "[a-z]+"
    } else {
        ""
    };
    format!("^(?:{pattern}){last_label}/?$")
}

fn price(data: &PriceData, per: u64) -> Option<Price> {
    let rate = |number| {
        let nano = decimal::nano(number, 0)?;
        Some(Rate { nano, per })
    };
    match data {
        PriceData::Flat(number) => Some(Price {
            base: rate(number)?,
            tiers: Vec::new(),
        }),
        PriceData::Tiered { base, tiers } => {
            let each = tiers.iter().map(|it| Some((it.start, rate(&it.price)?)));
            let mut tiers = each.collect::<Option<Vec<_>>>()?;
            tiers.sort_by_key(|(start, _)| *start);
            Some(Price {
                base: rate(base)?,
                tiers,
            })
        }
    }
}

fn period(constraint: Option<Constraint>) -> Option<Period> {
    let Some(constraint) = constraint else {
        return Some(Period::Always);
    };
    let seconds = |text: &str| {
        let time: Time = text.trim_end_matches(['Z', 'z']).parse().ok()?;
        let minutes = i64::from(time.hour()) * 60 + i64::from(time.minute());
        Some(minutes * 60 + i64::from(time.second()))
    };
    match (
        constraint.start_date,
        constraint.start_time,
        constraint.end_time,
    ) {
        (Some(day), None, None) => {
            let midnight = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            Some(Period::From(midnight.timestamp().as_second()))
        }
        (None, Some(begin), Some(end)) => Some(Period::Daily {
            begin: seconds(&begin)?,
            end: seconds(&end)?,
        }),
        _ => None,
    }
}

/// The service tier that is a variant's only condition.
fn tier(when: &BTreeMap<String, String>) -> Option<Box<str>> {
    let [(key, value)] = Vec::from_iter(when).try_into().ok()?;
    match key.as_str() {
        "service_tier" | "processing" => Some(value.as_str().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
