use std::path::Path;

use serde_json::json;

use super::*;

const OPENAI: &str = "https://api.openai.com:443";

fn usage() -> Usage {
    Usage {
        input: Some(1_000_000),
        output: Some(1_000_000),
        ..Usage::default()
    }
}

fn sold<'a>(usage: &'a Usage, model: Option<&'a str>) -> Sold<'a> {
    Sold {
        origin: OPENAI,
        model,
        response_model: None,
        usage,
        longest_input: None,
        service_tier: None,
        at: "2026-11-22T00:00:00Z".parse().expect("a time"),
        cost_per_request: None,
    }
}

fn overrides() -> Vec<Override> {
    let written = json!({ "model": "gpt-4o", "input": 1, "output": 2 });
    vec![Override::read(&written).expect("an override")]
}

fn file() -> Arc<PriceFile> {
    let models = json!({ "gpt-4o": {
        "litellm_provider": "openai",
        "input_cost_per_token": 3e-06,
        "output_cost_per_token": 4e-06,
    } });
    let text = models.to_string();
    let written = std::time::SystemTime::UNIX_EPOCH;
    let file = PriceFile::parse(Path::new("f"), text.as_bytes(), written);
    Arc::new(file.expect("a file"))
}

/// Source, dollars and date of the cost of a million tokens each way.
fn told(prices: &Prices, usage: &Usage, per_request: Option<Usd>) -> (PriceSource, String, String) {
    let cost = prices.cost(&Sold {
        cost_per_request: per_request,
        ..sold(usage, Some("gpt-4o"))
    });
    let cost = cost.expect("a cost");
    let date = cost.table_date.as_deref().unwrap_or_default();
    (cost.source, cost.usd.to_string(), date.to_owned())
}

#[test]
fn the_first_layer_that_knows_gives_the_price() {
    let reported = Usage {
        upstream_cost: Some(Usd::from_nano(5)),
        ..usage()
    };
    let per_request = Some(Usd::from_nano(6));
    let built_in = Prices::default();
    let of_file = Prices::new(Vec::new(), Some(file()));
    let own = Prices::new(overrides(), Some(file()));
    let expect = |source, usd: &str, date: &str| (source, usd.to_owned(), date.to_owned());
    for (told, expected) in [
        (
            told(&built_in, &reported, per_request),
            expect(PriceSource::Upstream, "0.000000005", ""),
        ),
        (
            told(&own, &usage(), per_request),
            expect(PriceSource::PerRequest, "0.000000006", ""),
        ),
        (
            told(&own, &usage(), None),
            expect(PriceSource::Settings, "3", ""),
        ),
        (
            told(&of_file, &usage(), None),
            expect(PriceSource::File, "7", "1970-01-01"),
        ),
        (
            told(&built_in, &usage(), None),
            expect(PriceSource::BuiltIn, "12.5", crate::price::built_in::DATE),
        ),
    ] {
        assert_eq!(told, expected);
    }
}

#[test]
fn unknown_is_none_and_never_zero() {
    let (prices, used, unknown) = (Prices::default(), usage(), Usage::default());
    let long = "x".repeat(LONGEST_MODEL + 1);
    for (usage, model) in [
        (&used, None),
        (&used, Some("made-up")),
        (&used, Some(long.as_str())),
        (&unknown, Some("gpt-4o")),
    ] {
        assert_eq!(prices.cost(&sold(usage, model)), None, "{model:?}");
    }
    let elsewhere = Sold {
        origin: "http://127.0.0.1:8000",
        ..sold(&used, Some("gpt-4o"))
    };
    assert_eq!(prices.cost(&elsewhere), None);
    let zero = Usage {
        input: Some(0),
        output: Some(0),
        ..Usage::default()
    };
    let cost = prices.cost(&sold(&zero, Some("gpt-4o")));
    assert_eq!(
        cost.map(|it| it.usd),
        Some(Usd::ZERO),
        "a report of zero is no unknown"
    );
}

#[test]
fn of_the_models_that_request_and_response_name_the_dearer_counts() {
    let written = [
        json!({ "model": "small", "input": 1 }),
        json!({ "model": "big", "input": 1000 }),
        json!({ "model": "gpt-4o", "input": 2 }),
    ];
    let own = written.map(|it| Override::read(&it).expect("an override"));
    let prices = Prices::new(own.into(), None);
    let used = Usage {
        input: Some(1_000_000),
        ..Usage::default()
    };
    for (asked, said, expected) in [
        (Some("small"), None, Some("1")),
        (None, Some("small"), Some("1")),
        (Some("small"), Some("big"), Some("1000")),
        (Some("big"), Some("small"), Some("1000")),
        // An alias has no price of its own.
        (Some("alias"), Some("small"), Some("1")),
        (Some("small"), Some("unknown"), Some("1")),
        (Some("alias"), Some("unknown"), None),
        // The operator's own price comes before the table's, also where the response has a date.
        (Some("gpt-4o"), Some("gpt-4o-2024-08-06"), Some("2")),
        (Some("gpt-4o-2024-08-06"), Some("gpt-4o"), Some("2")),
    ] {
        let cost = prices.cost(&Sold {
            response_model: said,
            ..sold(&used, asked)
        });
        let cost = cost.map(|it| it.usd.to_string());
        assert_eq!(cost.as_deref(), expected, "{asked:?} {said:?}");
    }
}

#[test]
fn a_host_spelled_otherwise_has_the_same_price() {
    let (prices, used) = (Prices::default(), usage());
    for origin in ["https://api.openai.com", "https://api.openai.com.:443"] {
        let other = Sold {
            origin,
            ..sold(&used, Some("gpt-4o"))
        };
        assert!(prices.cost(&other).is_some(), "{origin}");
    }
}

#[test]
fn an_estimate_is_the_cost_of_uncached_tokens() {
    let prices = Prices::default();
    let million = 1_000_000;
    let estimate = prices.estimate(OPENAI, Some("gpt-4o"), million, million);
    let estimate = estimate.map(|it| (it.whole.to_string(), it.input.to_string()));
    assert_eq!(estimate, Some(("12.5".to_owned(), "2.5".to_owned())));
    assert_eq!(prices.estimate(OPENAI, None, million, million), None);
}

#[test]
fn the_same_prices_stay() {
    let before = Arc::new(Prices::new(overrides(), Some(file())));
    let same = Prices::new(overrides(), Some(file())).or_same(&before);
    assert!(Arc::ptr_eq(&before, &same));
    let other = Prices::new(Vec::new(), Some(file())).or_same(&before);
    assert!(!Arc::ptr_eq(&before, &other));
}
