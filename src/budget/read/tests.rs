use serde_json::json;

use super::*;
use crate::budget::Scoped;

fn read(written: &Value) -> Result<Budget, String> {
    serde_json::from_value(written.clone()).map_err(|error| error.to_string())
}

#[test]
fn a_budget_comes_back_as_it_is_written() {
    for written in [
        json!({ "usd": "5", "window": "day", "timezone": "UTC" }),
        json!({
            "name": "search", "usd": "0.25", "window": "week", "timezone": "Europe/Berlin",
            "week_start": "sunday", "soft": 0.8, "by": "metadata.user",
            "match": { "team": "ml", "metadata": { "env": "prod" } },
            "on_unknown_usage": "deny",
        }),
        json!({ "tokens": 1_000_000, "window": "total" }),
        json!({ "tokens": 0, "window": "month", "timezone": "Asia/Tokyo", "by": "key" }),
    ] {
        let budget = read(&written).unwrap();
        assert_eq!(serde_json::to_value(&budget).unwrap(), written);
    }
}

#[test]
fn what_is_not_written_has_its_default() {
    let budget = read(&json!({ "usd": 5.5, "window": "week" })).unwrap();
    let Window::Calendar(calendar) = &budget.window else {
        panic!("a week is one of the calendar");
    };
    assert_eq!(calendar.zone, TimeZone::UTC);
    assert_eq!(calendar.week_start, Weekday::Monday);
    assert_eq!(budget.limit.count, 5_500_000_000);
    assert_eq!(budget.on_unknown_usage, OnUnknownUsage::Estimate);
    assert_eq!(budget.by, By::Nothing);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (written, reason) in [
        (json!({ "window": "day" }), "needs usd or tokens"),
        (
            json!({ "usd": 1, "tokens": 1, "window": "day" }),
            "two budgets",
        ),
        (json!({ "usd": 1 }), "window"),
        (json!({ "usd": 1, "window": "year" }), "year"),
        (json!({ "usd": -1, "window": "day" }), "US dollars"),
        (json!({ "tokens": 1.5, "window": "day" }), "whole number"),
        (
            json!({ "tokens": Amount::MOST + 1, "window": "day" }),
            "whole number",
        ),
        (
            json!({ "usd": 1, "window": "day", "timezone": "Berlin" }),
            "IANA",
        ),
        (
            json!({ "usd": 1, "window": "day", "timezone": "x".repeat(65) }),
            "IANA",
        ),
        (
            json!({ "usd": 1, "window": "total", "timezone": "UTC" }),
            "timezone",
        ),
        (
            json!({ "usd": 1, "window": "day", "week_start": "monday" }),
            "week_start",
        ),
        (json!({ "usd": 1, "window": "day", "soft": 0 }), "0.001"),
        (json!({ "usd": 1, "window": "day", "soft": 1.1 }), "0.001"),
        (
            json!({ "usd": 1, "window": "day", "by": "model" }),
            "metadata.NAME",
        ),
        (json!({ "usd": 1, "window": "day", "name": "a b" }), "A-Z"),
        (json!({ "usd": 1, "window": "day", "limit": 1 }), "limit"),
        (
            json!({ "usd": 1, "window": "day", "match": { "model": "m" } }),
            "model",
        ),
    ] {
        let refused = read(&written).unwrap_err();
        assert!(refused.contains(reason), "{written}: {refused}");
    }
}

#[test]
fn a_budget_that_is_raised_stays_the_same() {
    let of = |written: Value| Scoped::new(read(&written).unwrap(), "keys.key_a").id();
    let one = of(json!({ "usd": 5, "window": "day" }));
    assert_eq!(one, of(json!({ "usd": 50, "window": "day", "soft": 0.5 })));
    for other in [
        json!({ "tokens": 5, "window": "day" }),
        json!({ "usd": 5, "window": "month" }),
        json!({ "usd": 5, "window": "day", "timezone": "Asia/Tokyo" }),
        json!({ "usd": 5, "window": "day", "by": "origin" }),
        json!({ "usd": 5, "window": "day", "name": "other" }),
        json!({ "usd": 5, "window": "day", "match": { "team": "ml" } }),
    ] {
        assert_ne!(one, of(other.clone()), "{other}");
    }
    let same = read(&json!({ "usd": 5, "window": "day" })).unwrap();
    assert_ne!(one, Scoped::new(same, "keys.key_b").id());
}

#[test]
fn ids_come_back_from_their_texts() {
    let budget = read(&json!({ "usd": 5, "window": "day" })).unwrap();
    let id = Scoped::new(budget, "settings").id();
    let text = id.to_string();
    assert_eq!(super::super::BudgetId::parse(&text), Some(id));
    for other in [
        "",
        "bud_",
        &text[1..],
        &text.to_uppercase(),
        &format!("{text}0"),
    ] {
        assert_eq!(super::super::BudgetId::parse(other), None, "{other}");
    }
}

#[test]
fn an_amount_may_have_a_sign() {
    for (written, expected) in [
        (json!(10), Some((false, 10_000_000_000))),
        (json!(-1), Some((true, 1_000_000_000))),
        (json!(-0.25), Some((true, 250_000_000))),
        (json!("-0.000000001"), Some((true, 1))),
        (json!(-0.000_000_1), Some((true, 100))),
        (json!("--1"), None),
        (json!("+1"), None),
        (json!(true), None),
        (json!(null), None),
        (json!([1]), None),
    ] {
        let read = signed_usd(&written).ok();
        let read = read.map(|(is_negative, usd)| (is_negative, usd.nano()));
        assert_eq!(read, expected, "{written}");
    }
}
