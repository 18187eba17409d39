//! `prices.overrides` of the settings: the operator's own prices, which win over every table.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    origin::plain,
    sheet::{Price, PriceSet, Sheet},
    unit::Unit,
};
use crate::{
    guard::BaseUrl,
    identity::{
        allow::{ModelPattern, Pattern as _},
        document::{self, FieldError},
        text::{Text, serde_as_text},
    },
    money::Usd,
};

const MILLION: u64 = 1_000_000;

/// The price of the models that a pattern matches. It replaces the whole price of every table:
/// what it leaves out is counted as that of which it is a part, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    written: Written,
    pub sheet: Arc<Sheet>,
}

/// As an operator writes it: which models, and the prices in dollars; those without `per_` are of
/// a million tokens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    model: ModelPattern,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_read: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_write: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_write_1h: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input_audio: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input_image: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reasoning: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output_audio: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output_image: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_request: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_image: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_page: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_second: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_search: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_character: Option<Usd>,
}

/// Scheme, host and port of targets.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin(Box<str>);

serde_as_text!(Origin);

impl Text for Origin {
    const EXPECTED: &'static str =
        "scheme, host and port of targets, such as http://10.0.0.7:8000, without a path";

    fn from_text(text: &str) -> Result<Self, Cow<'static, str>> {
        let url = BaseUrl::parse(text).map_err(|_| Self::refusal())?;
        match (url.raw_path(), url.raw_query()) {
            ("" | "/", None) => Ok(Origin(plain(url.origin()).into())),
            _ => Err(Self::refusal()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Override {
    /// Reads what an operator wrote.
    ///
    /// # Errors
    /// The first problem, with the path of its field.
    pub fn read(document: &Value) -> Result<Self, FieldError> {
        let written: Written = document::read(document)?;
        let prices: PriceSet = written.prices().collect();
        if prices.is_empty() {
            let reason = "has no price: give `input` and `output`, or one of the others";
            return Err(FieldError::new("", reason));
        }
        Ok(Override {
            written,
            sheet: Arc::new(Sheet::of(prices)),
        })
    }

    /// `origin` in its plain spelling.
    pub fn applies(&self, origin: &str, model: Option<&str>) -> bool {
        let here = self.written.origin.as_ref();
        here.is_none_or(|it| *it.0 == *origin) && self.written.model.permits(model)
    }

    /// Whether it may be for models of a pattern, at an origin.
    pub fn model_fits(&self, pattern: Option<&ModelPattern>, origin: Option<&str>) -> bool {
        let own = self.written.model.to_string();
        let here = self.written.origin.as_ref();
        let is_there = origin.is_none_or(|origin| here.is_none_or(|it| *it.0 == *origin));
        let fits = |pattern: &ModelPattern| {
            let asked = pattern.to_string();
            pattern.permits(Some(&own)) || self.written.model.permits(Some(&asked))
        };
        is_there && pattern.is_none_or(fits)
    }

    /// The pattern, and the origin if it is for one only.
    pub fn name(&self) -> String {
        match &self.written.origin {
            None => self.written.model.to_string(),
            Some(origin) => format!("{} at {origin}", self.written.model),
        }
    }

    /// Whether `later` never applies where this one comes first.
    pub fn hides(&self, later: &Override) -> bool {
        let here = self.written.origin.as_ref();
        let is_there = here.is_none_or(|it| Some(it) == later.written.origin.as_ref());
        // A pattern that matches another's text matches all that the other matches.
        let pattern = later.written.model.to_string();
        is_there && self.written.model.permits(Some(&pattern))
    }

    /// As an operator would write it.
    pub fn shown(&self) -> Value {
        serde_json::to_value(&self.written).unwrap_or_default()
    }
}

impl Written {
    fn prices(&self) -> impl Iterator<Item = (Unit, Price)> {
        let of_million = [
            (Unit::Input, self.input),
            (Unit::CacheRead, self.cache_read),
            (Unit::CacheWrite, self.cache_write),
            (Unit::CacheWrite1h, self.cache_write_1h),
            (Unit::InputAudio, self.input_audio),
            (Unit::InputImage, self.input_image),
            (Unit::Output, self.output),
            (Unit::Reasoning, self.reasoning),
            (Unit::OutputAudio, self.output_audio),
            (Unit::OutputImage, self.output_image),
        ];
        let of_one = [
            (Unit::Request, self.per_request, 1),
            (Unit::Image, self.per_image, 1),
            (Unit::Page, self.per_page, 1),
            (Unit::Millisecond, self.per_second, 1_000),
            (Unit::Search, self.per_search, 1),
            (Unit::Character, self.per_character, 1),
        ];
        let of_million = of_million
            .into_iter()
            .map(|(unit, usd)| (unit, usd, MILLION));
        let each = of_million.chain(of_one);
        each.filter_map(|(unit, usd, per)| Some((unit, Price::flat(usd?.nano(), per))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_override_is_for_its_origin_and_the_models_of_its_pattern() {
        let read = |value| Override::read(&value).expect("an override");
        let anywhere = read(json!({ "model": "gpt-*", "input": 1, "output": "2.5" }));
        let here = read(json!({
            "origin": "http://LOCALHOST:8000/", "model": "*", "per_request": 0.001,
        }));
        for (given, origin, model, applies) in [
            (&anywhere, "https://api.openai.com", Some("gpt-x"), true),
            (&anywhere, "http://10.0.0.7", Some("gpt-x"), true),
            (&anywhere, "http://10.0.0.7", Some("o1"), false),
            (&anywhere, "http://10.0.0.7", None, false),
            (&here, "http://localhost:8000", Some("any"), true),
            (&here, "http://localhost:8001", Some("any"), false),
        ] {
            assert_eq!(given.applies(origin, model), applies, "{origin} {model:?}");
        }
        let shown = json!({ "model": "gpt-*", "input": "1", "output": "2.5" });
        assert_eq!(anywhere.shown(), shown);
    }

    #[test]
    fn mistakes_are_named_with_their_field() {
        for (written, path, part) in [
            (json!({ "model": "a" }), "", "has no price"),
            (json!({ "input": 1 }), "model", ""),
            (json!({ "model": "a", "inptu": 1 }), "inptu", "input"),
            (json!({ "model": "a", "input": -1 }), "input", "US dollars"),
            (
                json!({ "model": "a", "input": "0.0000000001" }),
                "input",
                "nine decimals",
            ),
            (
                json!({ "model": "**", "input": 1 }),
                "model",
                "the name of a model",
            ),
            (
                json!({ "model": "a", "input": 1, "origin": "http://a/v1" }),
                "origin",
                "without a path",
            ),
            (json!([]), "", "must be an object"),
        ] {
            let error = Override::read(&written).expect_err("a mistake");
            let is_named = error.path == path || error.to_string().contains(path);
            assert!(
                is_named && error.to_string().contains(part),
                "{written}: {error}"
            );
        }
    }
}
