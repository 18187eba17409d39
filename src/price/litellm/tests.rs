use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::{
    price::{sheet::Sale, unit::Unit},
    usage::Usage,
};

fn table(models: &Value) -> Result<LiteLlmTable, String> {
    let models = models.as_object().expect("an object");
    assert!(LiteLlmTable::is_shape_of(models));
    LiteLlmTable::read(models).map_err(|error| error.to_string())
}

fn cost(sheet: &Sheet, input: u64, tier: Option<&str>) -> Option<String> {
    let usage = Usage {
        input: Some(input),
        output: Some(100),
        ..Usage::default()
    };
    let sale = Sale {
        longest_input: None,
        usage: &usage,
        service_tier: tier,
        at: Timestamp::UNIX_EPOCH,
    };
    sheet.cost(&sale).map(|(usd, _)| usd.to_string())
}

#[test]
fn models_are_found_at_their_providers_origins() {
    let table = table(&json!({
        "sample_spec": { "litellm_provider": "one of", "input_cost_per_token": 0 },
        "gpt-x": { "litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06 },
        "azure/gpt-x": { "litellm_provider": "azure", "input_cost_per_token": 2e-06 },
        "vertex_ai/m": { "litellm_provider": "vertex_ai-mistral_models",
                         "input_cost_per_token": 3e-06 },
        "anthropic.c-v1:0": { "litellm_provider": "bedrock_converse",
                              "input_cost_per_token": 4e-06 },
        "openrouter/openai/gpt-x": { "litellm_provider": "openrouter",
                                     "input_cost_per_token": 5e-06 },
        "no-price": { "litellm_provider": "openai", "max_tokens": 100 },
    }))
    .expect("a table");
    for (origin, model, expected) in [
        ("https://api.openai.com", "gpt-x", Some(1)),
        ("https://me.openai.azure.com", "gpt-x", Some(2)),
        ("https://eu-aiplatform.googleapis.com", "m", Some(3)),
        (
            "https://bedrock-runtime.eu-west-1.amazonaws.com",
            "anthropic.c-v1:0",
            Some(4),
        ),
        ("https://openrouter.ai", "openai/gpt-x", Some(5)),
        ("https://api.openai.com", "azure/gpt-x", None),
        ("https://api.openai.com", "no-price", None),
        ("https://api.openai.com", "gpt-y", None),
        ("http://127.0.0.1:8000", "gpt-x", None),
    ] {
        let found = table.find(origin, model);
        let price = found.and_then(|it| it.sets[0].1.get(&Unit::Input).map(|it| it.base.nano));
        assert_eq!(
            price,
            expected.map(|it| it * 1_000_000_000),
            "{origin} {model}"
        );
    }
    assert_eq!(table.models().count(), 5);
}

#[test]
fn tiers_lengths_and_single_units_are_taken_and_the_rest_is_named() {
    let table = table(&json!({ "g": {
        "litellm_provider": "gemini",
        "input_cost_per_token": 1e-06,
        "input_cost_per_token_above_200k_tokens": 2e-06,
        "input_cost_per_token_batches": 5e-07,
        "output_cost_per_token": 1e-05,
        "output_cost_per_image": 0.04,
        "input_cost_per_pixel": 1e-09,
        "search_context_cost_per_query": { "search_context_size_low": 0.01 },
        "max_input_tokens": 1000,
        "cache_read_input_token_cost": null,
    } }))
    .expect("a table");
    let sheet = table
        .find("https://generativelanguage.googleapis.com", "g")
        .expect("a sheet");
    assert_eq!(cost(&sheet, 200_000, None).as_deref(), Some("0.201"));
    assert_eq!(cost(&sheet, 200_001, None).as_deref(), Some("0.401002"));
    assert_eq!(
        cost(&sheet, 200_000, Some("batch")).as_deref(),
        Some("0.101")
    );
    let ignored: Vec<_> = table.ignored().keys().collect();
    assert_eq!(
        ignored,
        ["input_cost_per_pixel", "search_context_cost_per_query"]
    );
}

#[test]
fn a_price_that_is_none_is_refused_by_name() {
    for value in [json!("1e-06"), json!(-1), json!({}), json!(true)] {
        let read = table(&json!({ "m": {
            "litellm_provider": "openai", "input_cost_per_token": value,
        } }));
        let expected = "m: input_cost_per_token must be a number from 0";
        assert_eq!(read.err().as_deref(), Some(expected));
    }
}
