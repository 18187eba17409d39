use genai_prices::UsageKey;
use jiff::Timestamp;
use serde_json::Value;

use super::*;
use crate::{
    price::{built_in, sheet::Sale},
    usage,
};

fn built_in_json() -> Vec<u8> {
    use std::io::Read as _;
    let mut json = Vec::new();
    let data = &include_bytes!("../built_in/prices.json.gz")[..];
    flate2::read::GzDecoder::new(data)
        .read_to_end(&mut json)
        .expect("gzip");
    json
}

/// The crate's own calculation is the measure for ours, for each model of the built-in table.
#[test]
fn costs_are_those_that_the_crate_computes() {
    let table = built_in::TABLE.get().as_ref().expect("a table");
    let calculator = Calculator::from_json(built_in_json()).expect("a table");
    let at: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a time");
    let mut compared = 0;
    for (provider, model, sheet) in table.models() {
        for input in [1_000_u64, 150_000, 1_500_000] {
            for tier in [None, Some("batch"), Some("priority"), Some("flex")] {
                let used = sample(input);
                let expected = of_crate(&calculator, (provider, model), &used, tier, at);
                let sale = Sale {
                    longest_input: None,
                    usage: &used,
                    service_tier: tier,
                    at,
                };
                let ours = sheet.cost(&sale).map_or(0, |(usd, _)| usd.nano());
                if let Some(expected) = expected {
                    let near = ours.abs_diff(expected) <= 1;
                    assert!(
                        near,
                        "{provider}/{model} {input} {tier:?}: {ours} {expected}"
                    );
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 20_000, "{compared}");
}

fn sample(input: u64) -> usage::Usage {
    usage::Usage {
        input: Some(input),
        cache_read: Some(input / 4),
        cache_write: Some(input / 8),
        cache_write_1h: Some(input / 16),
        output: Some(777),
        reasoning: Some(300),
        ..usage::Usage::default()
    }
}

/// `None`: the crate finds another model by this one's name.
fn of_crate(
    finder: &Calculator,
    (provider, model): (&str, &str),
    used: &usage::Usage,
    tier: Option<&str>,
    at: Timestamp,
) -> Option<u64> {
    let count = |count: Option<u64>| count.unwrap_or_default() as f64;
    let given = Usage::from([
        (UsageKey::INPUT_TOKENS, count(used.input)),
        (UsageKey::CACHE_READ_TOKENS, count(used.cache_read)),
        (UsageKey::CACHE_WRITE_TOKENS, count(used.cache_write)),
        (UsageKey::CACHE_WRITE_1H_TOKENS, count(used.cache_write_1h)),
        (UsageKey::OUTPUT_TOKENS, count(used.output)),
        (
            UsageKey::from("output_reasoning_tokens"),
            count(used.reasoning),
        ),
    ]);
    // What the crate wants to be told where a model has prices for it.
    let mut given = given;
    for absent in [
        "input_audio_tokens",
        "input_image_tokens",
        "output_audio_tokens",
    ] {
        given.insert(absent, 0.0);
    }
    let mut request = PriceRequest::new(model, &given)
        .with_provider_id(provider)
        .with_timestamp(std::time::SystemTime::from(at));
    if let Some(tier) = tier {
        let key = if tier == "batch" {
            "processing"
        } else {
            "service_tier"
        };
        request = request.with_price_context(key, tier);
    }
    let found = finder.calculate(&request).ok()?;
    (found.model_id == model).then(|| (found.total_price * 1e9).round() as u64)
}

#[test]
fn an_origin_is_matched_as_a_whole() {
    let table = built_in::TABLE.get().as_ref().expect("a table");
    for (origin, model, is_found) in [
        ("https://api.openai.com", "gpt-4o", true),
        ("https://api.openai.com", "GPT-4o", true),
        ("https://api.openai.com.example.org", "gpt-4o", false),
        ("https://api.openai.com:444", "gpt-4o", false),
        ("http://api.openai.com", "gpt-4o", false),
        ("http://127.0.0.1:8000", "gpt-4o", false),
        ("https://api.openai.com", "claude-3-5-haiku-latest", false),
        ("https://api.anthropic.com", "claude-3-5-haiku-latest", true),
        ("https://me.openai.azure.com", "gpt-4o", true),
        (
            "https://generativelanguage.googleapis.com",
            "gemini-2.5-flash",
            true,
        ),
        (
            "https://googleapis.com.example.org",
            "gemini-2.5-flash",
            false,
        ),
        ("https://api.moonshot.cn", "kimi-k2-thinking", true),
        (
            "https://api.moonshot.cn.example.org",
            "kimi-k2-thinking",
            false,
        ),
    ] {
        assert_eq!(
            table.find(origin, model).is_some(),
            is_found,
            "{origin} {model}"
        );
    }
}

#[test]
fn a_model_of_another_provider_has_the_price_that_its_seller_takes_over() {
    let table = built_in::TABLE.get().as_ref().expect("a table");
    let azure = table.find("https://me.openai.azure.com", "o3-pro");
    let own = table.find("https://api.openai.com", "o3-pro");
    assert!(own.is_some() && azure.is_some());
}

#[test]
fn every_price_of_the_built_in_table_is_exact() {
    fn numbers(value: &Value, in_prices: bool, check: &mut impl FnMut(&Number)) {
        match value {
            Value::Number(number) if in_prices => check(number),
            Value::Array(items) => items.iter().for_each(|it| numbers(it, in_prices, check)),
            Value::Object(fields) => fields.iter().for_each(|(key, value)| {
                let inside = in_prices || key == "prices";
                numbers(value, inside && key != "start", check);
            }),
            _ => {}
        }
    }
    let data: Value = serde_json::from_slice(&built_in_json()).expect("JSON");
    let mut seen = 0;
    numbers(&data, false, &mut |number| {
        let nano = decimal::nano(number, 0).expect("a price");
        let again = nano as f64 / 1e9;
        let written = number.as_f64().expect("a number");
        assert!((again - written).abs() <= written * 1e-6, "{number}");
        seen += 1;
    });
    assert!(seen > 5_000, "{seen}");
}

#[test]
fn names_made_up_to_be_slow_are_not() {
    let table = built_in::TABLE.get().as_ref().expect("a table");
    let names = [
        "a".repeat(256),
        "-tts".repeat(64),
        "-2025".repeat(51),
        "gpt-4o-".repeat(36),
    ];
    let begin = std::time::Instant::now();
    for origin in [
        "https://openrouter.ai",
        "https://api.openai.com",
        "https://api.mistral.ai",
    ] {
        for name in &names {
            table.find(origin, name);
        }
    }
    // Microseconds each; the bound is for a debug build on a machine under load.
    assert!(begin.elapsed().as_secs() < 2, "{:?}", begin.elapsed());
}

#[test]
fn what_cannot_be_used_is_refused_and_what_is_not_counted_is_named() {
    let model = |prices: &str| {
        format!(
            r#"[{{"id":"p","name":"P","api_pattern":"https://p\\.example","models":
               [{{"id":"m","match":{{"equals":"m"}},"prices":{prices}}}]}}]"#
        )
    };
    let table = GenaiTable::parse(model(r#"{"input_mtok":1,"input_gpixels":2}"#).as_bytes());
    let table = table.expect("a table");
    assert_eq!(table.ignored().get("input_gpixels"), Some(&1));
    assert!(table.find("https://p.example", "m").is_some());
    for prices in [
        r#"{"input_mtok":-1}"#,
        r#"{"input_mtok":"1"}"#,
        "3",
        r#"{"input_mtok":1e20}"#,
    ] {
        assert!(
            GenaiTable::parse(model(prices).as_bytes()).is_err(),
            "{prices}"
        );
    }
}
